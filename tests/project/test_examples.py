"""The programs that a user would copy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(program: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example in an empty directory, where every warning is an error."""
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, EXAMPLES / program, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


SMALL = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "digits.py")


@pytest.mark.parametrize("program", SMALL)
def test_the_example_runs_from_nothing(program: str, tmp_path: Path) -> None:
    """It ends well in an empty directory, says something, and warns of nothing."""
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""


def test_saving_and_restoring_by_hand_gives_back_what_was_saved(tmp_path: Path) -> None:
    """The counter is 2 when saved, 3 afterwards, and 2 again once restored, also elsewhere."""
    lines = run("save_and_restore.py", tmp_path).stdout.splitlines()
    assert lines[0] == "after restoring: 2"
    assert lines[-1] == "in a new session: 2"


def test_observers_see_the_states_that_come_after_they_were_attached(tmp_path: Path) -> None:
    """Attached while running, they are told of stopping and of closing."""
    assert run("observe_lifecycle.py", tmp_path).stdout.splitlines() == [
        "now running",
        "42",
        "stop: running -> stopping",
        "close: stopping -> closed",
        "now closed",
    ]


def test_the_demonstration_is_killed_resumes_and_proves_it(tmp_path: Path) -> None:
    """On real digits: a killed process, a resumed one, above 96 %, and both logs audited."""
    done = run("digits.py", tmp_path, "--directory", str(tmp_path / "run"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test images right" in done.stdout
    logs = {path.name for path in tmp_path.rglob("*.arrows")}
    assert logs == {"first.arrows", "second.arrows"}


def test_the_demonstration_fails_loudly_if_it_cannot_do_what_it_promises(tmp_path: Path) -> None:
    """A directory that can't be made is an error with a non-zero exit, not a quiet end."""
    (tmp_path / "file").write_text("in the way")
    done = run("digits.py", tmp_path, "--directory", str(tmp_path / "file"))
    assert done.returncode != 0
