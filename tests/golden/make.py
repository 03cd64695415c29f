"""Writes the golden logs of this version: run once for each released version, then never again.

`python -m tests.golden.make tests/golden/0.1` makes the logs and, beside them, what an audit says
of each. Look at what it says before you commit it.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

from statemachine import EventKind, EventLog, audit
from statemachine.compiled import Place
from statemachine.store import tail_directory
from statemachine.values import Record, row_of
from tests.cli.logs import codes_of, details_of, flipped, forged
from tests.statemachine.histories import HOOKS, Writer, told

CHECKPOINT = {"path": "model.ckpt-2", "step": 2, "size": 64, "sha256": "ab" * 32}


def make(directory: Path) -> None:
    directory.mkdir(parents=True)
    closed(directory / "closed.arrows")
    failed_step(directory / "failed-step.arrows")
    failed_start(directory / "failed-start.arrows")
    killed(directory / "killed.arrows")
    flipped(directory / "closed.arrows", -200, directory / "tampered.arrows")
    codes = codes_of(directory / "failed-step.arrows")
    details = details_of(directory / "failed-step.arrows")
    codes[6], codes[7] = codes[7], codes[6]
    forged(directory / "illegal.arrows", codes, details)
    with_values(directory, "scalars")
    with_values(directory, "digests")
    expected = {path.name: verdicts(path) for path in sorted(directory.glob("*.arrows"))}
    (directory / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


def writer(path: Path) -> Writer:
    return Writer(EventLog(path).begin(HOOKS))


def closed(path: Path) -> None:
    log = EventLog(path)
    session = Writer(log.begin(HOOKS)).start().steps(2)
    session.journal.add(EventKind.CHECKPOINT_SAVED, CHECKPOINT)
    log.note("lunch", hours=2)
    session.steps(1).close()


def failed_step(path: Path) -> None:
    writer(path).start().steps(1).fail_step().close()


def failed_start(path: Path) -> None:
    journal = writer(path).journal
    journal.record(Place("created").code)
    journal.record(Place("beginning", 0).code)
    journal.raised({"error": told("ValueError", "no data")})
    journal.record(Place("closed").code)
    journal.close()


def killed(path: Path) -> None:
    living = path.with_name("living.arrows")
    session = writer(living).start().steps(3)
    copy_of_living(living, path)
    session.close()
    living.unlink()


def copy_of_living(living: Path, path: Path) -> None:
    """What would be left of a log if its writer were killed now."""
    # The tail first: what is sealed meanwhile is there twice, as after a kill, and not missing.
    shutil.copytree(tail_directory(living), tail_directory(path))
    shutil.copy(living, path)
    slots = tail_directory(path) / "slots"
    slots.write_bytes(slots.read_bytes().rstrip(b"\0"))  # zeros follow where it ends


def with_values(directory: Path, record: Record) -> None:
    """A closed log that records values, and what is left of it if its writer is killed."""
    path = directory / f"{record}.arrows"
    session = Writer(EventLog(path, record=record).begin(HOOKS)).start()
    for step, loss in enumerate((0.5, float("nan"), float("-inf"))):
        found = {"loss:0": loss, "step:0": 2**60 + step, "name:0": "é", "w:0": np.eye(2) * step}
        session.journal.keep(row_of("fetched", "caller", n, v, record) for n, v in found.items())
        session.journal.keep([row_of("read", "hook 1", "train", None, record)])
        session.steps(1)
    copy_of_living(path, directory / f"{record}-killed.arrows")
    session.close()


def values_of(path: Path) -> list[list[str]]:
    """The values of a log, in words."""
    return [
        [f"{v.role} by {v.by}: {v} {v.dtype} {v.shape} {v.sha256}" for v in event.values]
        for event in EventLog.open(path)
        if event.values
    ]


def verdicts(path: Path) -> dict[str, object]:
    """What an audit says, without words that may change."""
    report = audit(path)
    state = report.state
    return {
        **{
            about: getattr(report, about).value
            for about in ("integrity", "completeness", "conformance", "lineage")
        },
        "rules": sorted({finding.rule for finding in report.findings}),
        "state": state and state.state.value,
        "events": state and state.events,
        "steps_done": state and state.steps_done,
        "steps_failed": state and state.steps_failed,
        "stopped_in": state and state.stopped_in,
        "error": state and state.error and str(state.error),
        **({"values": values_of(path)} if EventLog.open(path).record else {}),
    }


if __name__ == "__main__":
    make(Path(sys.argv[1]))
