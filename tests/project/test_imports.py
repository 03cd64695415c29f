"""What importing the packages brings with it."""

import subprocess
import sys

import pytest

HEAVY = [
    "pyarrow",
    "safetensors",
    "hypothesis",
    "pytest",
    "tensorflow",
    "torch",
    "typer",
    "click",
    "rich",
    "cryptography",
    "sqlalchemy",
    "tqdm",
    "statemachine.cli",
    "statemachine.testing",
    "runtime.testing",
]


def modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after the statement."""
    program = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def after_runtime() -> set[str]:
    return modules_after("import runtime")


@pytest.mark.parametrize("name", HEAVY)
def test_importing_runtime_does_not_pull_in(name: str, after_runtime: set[str]) -> None:
    """`import runtime` is light: storage formats and test libraries wait until they are needed."""
    assert name not in after_runtime


def test_importing_statemachine_does_not_import_runtime() -> None:
    """An auditor's process never loads the session classes."""
    assert "runtime" not in modules_after("import statemachine")


def test_importing_the_packages_prints_nothing() -> None:
    """Importing is silent, also where every warning is shown."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "import runtime, statemachine"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("", "")
