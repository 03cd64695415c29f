"""What somebody gets who installs the distribution."""

import doctest
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as a registry would serve it."""
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, ROOT],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that holds the wheel and what it depends on."""
    environment = tmp_path_factory.mktemp("clean")
    python = environment / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", wheel],
        check=True,
        capture_output=True,
        timeout=600,
    )
    return python


def test_the_wheel_holds_everything_that_the_packages_need(wheel: Path) -> None:
    """Each file of both packages is in the wheel, the type marker and data files among them."""
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("statemachine", "runtime")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"statemachine/py.typed", "runtime/py.typed"} <= expected
    assert expected <= names
    assert {name.split("/")[0] for name in names - expected} == {
        "monitored_session-0.1.0.dist-info"
    }


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    """The licence's full text is part of what is installed."""
    licence = "monitored_session-0.1.0.dist-info/licenses/LICENSE"
    assert zipfile.ZipFile(wheel).read(licence) == (ROOT / "LICENSE").read_bytes()


def fenced(language: str, text: str) -> str:
    """The first block of that language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language}"
    return found.group(1)


def test_the_first_example_of_the_readme_runs_where_only_the_wheel_is(
    clean_python: Path, tmp_path: Path
) -> None:
    """Copied out of the README into an empty directory, it prints what the README shows."""
    text = (ROOT / "README.md").read_text()
    program = fenced("python", text)
    (tmp_path / "first.py").write_text(program)
    done = subprocess.run(
        [clean_python, "-I", "first.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    shown = fenced("text", text)
    assert done.returncode == 0, done.stderr
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(shown, done.stdout, flags), done.stdout


def test_the_first_example_is_that_of_the_examples() -> None:
    """README.md and examples/first.py show the same program, save for its docstring."""
    program = (ROOT / "examples" / "first.py").read_text()
    assert program.endswith(fenced("python", (ROOT / "README.md").read_text()))


def test_the_installed_packages_are_typed(clean_python: Path) -> None:
    """Type checkers find py.typed beside the installed modules."""
    program = (
        "import importlib.resources as r;"
        "print([r.files(p).joinpath('py.typed').is_file() for p in ('runtime', 'statemachine')])"
    )
    done = subprocess.run(
        [clean_python, "-I", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[True, True]", done.stderr
