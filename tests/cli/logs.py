"""Logs to run commands on: of sessions that were closed, killed, forged or are still running."""

import shutil
import time

import numpy as np

from statemachine import EventKind, EventLog
from statemachine.block import Block
from statemachine.form import END_MARKER, ChainWriter, Header
from statemachine.store import tail_directory
from tests.statemachine.histories import HOOKS, Writer

DIGEST = "ab" * 32


def begun(path, hooks=HOOKS):
    """The log of a session that runs, and what drives it."""
    log = EventLog(path)
    return log, Writer(log.begin(hooks), len(hooks)).start()


def closed(path, steps=3, hooks=HOOKS):
    """The log of a session that did some steps and was closed."""
    _, writer = begun(path, hooks)
    writer.steps(steps).close()
    return path


def killed(path, steps=3, sealed=0):
    """What a process leaves that is killed after some steps, the first of them sealed."""
    living = path.with_name("living-" + path.name)
    _, writer = begun(living)
    if sealed:
        writer.steps(sealed)
        writer.journal.seal()
        _wait_until_sealed(living)
    writer.steps(steps)
    left_by_a_kill(living, path)
    writer.close()
    living.unlink()
    return path


def left_by_a_kill(living, path):
    """What the writer of a log would leave if it were killed now."""
    shutil.copy(living, path)
    shutil.copytree(tail_directory(living), tail_directory(path))
    assert EventLog.open(path).running is False
    return path


def _wait_until_sealed(path):
    for _ in range(500):
        reading = EventLog.open(path).read()
        for _ in reading:
            pass
        if reading.sealed:
            return
        time.sleep(0.01)
    raise AssertionError("the block was not sealed in five seconds")


def related(directory):
    """The logs of a session that saved a checkpoint, and of one that restored it."""
    directory.mkdir(exist_ok=True)
    checkpoint = {"path": "model.ckpt-3", "step": 3, "size": 64, "sha256": DIGEST}
    for name, kind in (
        ("first.arrows", EventKind.CHECKPOINT_SAVED),
        ("second.arrows", EventKind.CHECKPOINT_RESTORED),
    ):
        _, writer = begun(directory / name)
        writer.journal.add(kind, checkpoint)
        writer.steps(3).close()
    return directory


def forged(path, codes, details=None, hooks=HOOKS, ended=True, **header):
    """A log whose chain is right and whose events are whatever the forger wants."""
    stated = {"session": "f" * 32, "started": 1_700_000_000 * 10**9, "clock": 0, "process": 1}
    made = Header(**{**stated, "hooks": tuple(hooks), "versions": {}, **header})
    writer = ChainWriter(made)
    array = np.array(codes, dtype=np.int32)
    block = Block(0, 0, 0, np.full(len(array), 1000, dtype=np.int64), array, details or {})
    message, _ = writer.encode(block, writer.schema_digest)
    path.write_bytes(writer.schema_message + message + (END_MARKER if ended else b""))
    return path


def codes_of(path):
    """The codes of a log."""
    return [code for block in EventLog.open(path).read() for code in block.codes.tolist()]


def details_of(path):
    """The details of a log of one block."""
    (block,) = EventLog.open(path).read()
    return dict(block.details)


def flipped(path, at, to, bit=0):
    """A copy of a log in which one bit is another."""
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    to.write_bytes(content)
    return to
