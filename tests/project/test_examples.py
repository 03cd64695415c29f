"""The programs that a user would copy."""

import os
import re
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


# The models: how many steps of each are enough to see that it learns, and what it then says.
LEARNING = {
    "linear_regression.py": (300, r"height = 2\.0\d a -\d\.\d\d b \+0\.[45]\d;"),
    "logistic_regression.py": (60, r"test accuracy (9\d|8[5-9])\.\d%"),
    "mlp.py": (60, r"test accuracy (9\d|8[5-9])\.\d%"),
    "convnet.py": (40, r"test accuracy (9\d|8\d)\.\d%"),
    "autoencoder.py": (200, r"images never seen: 0\.0[1-5]\d\d; always drawing the mean: 0\.07"),
    "lstm.py": (40, r"step 40: 1?\d\.\d characters are as likely as the next\nOn Monday "),
    "word2vec.py": (1000, r"step 1000: loss [0-3]\.\d\d\n132 words"),
}

SMALL = sorted({path.name for path in EXAMPLES.glob("*.py")} - {"digits.py", *LEARNING})


@pytest.mark.parametrize("program", SMALL)
def test_the_example_runs_from_nothing(program: str, tmp_path: Path) -> None:
    """It ends well in an empty directory, says something, and warns of nothing."""
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("program", sorted(LEARNING))
def test_a_model_learns(program: str, tmp_path: Path) -> None:
    """With a part of its steps it says something that only a model that has learned says."""
    steps, learned = LEARNING[program]
    done = run(program, tmp_path, str(steps))
    assert done.returncode == 0, done.stderr
    assert re.search(learned, done.stdout), done.stdout
    assert done.stderr == ""


def test_every_example_is_in_the_list() -> None:
    """README.md names each program, and names none that isn't there."""
    listed = re.findall(r"\[examples/(\w+\.py)\]", (EXAMPLES.parent / "README.md").read_text())
    assert sorted(set(listed)) == sorted(path.name for path in EXAMPLES.glob("*.py"))


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
