"""The Makefile on machines other than this one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def fake_python(path: Path, version: str, refuses: str) -> Path:
    """A `python` that tells the version and fails at every program that has the word in it."""
    answers = f"*--version*) echo 'Python {version}';; *{refuses}*) exit 1;;"
    path.write_text(f'#!/bin/sh\ncase "$*" in {answers} esac\n')
    path.chmod(0o755)
    return path


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    """The message says which version is needed, which was found, and how to name another."""
    old = fake_python(tmp_path / "python", "3.9.2", "version_info")
    done = make(f"PYTHON={old}", f"VENV={tmp_path}/venv", f"{tmp_path}/venv/.dev")
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_a_python_without_venv_is_named(tmp_path: Path) -> None:
    """Debian's Python comes without venv: the message names the package to install."""
    bare = fake_python(tmp_path / "python", "3.11.2", "ensurepip")
    done = make(f"PYTHON={bare}", f"VENV={tmp_path}/venv", f"{tmp_path}/venv/.dev")
    assert done.returncode == 2
    assert "python3-venv" in done.stderr


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    """With a stamp newer than pyproject.toml nothing is to be done."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".dev").touch()
    assert make("--question", f"VENV={tmp_path}", f"{tmp_path}/.dev").returncode == 0
    (tmp_path / ".dev").unlink()
    assert make("--question", f"VENV={tmp_path}", f"{tmp_path}/.dev").returncode == 1


def test_help_names_the_targets() -> None:
    """`make` alone says what can be made."""
    done = make()
    for target in ("demo", "test", "test-deep", "lint", "bench", "oracle"):
        assert f"make {target}" in done.stdout
