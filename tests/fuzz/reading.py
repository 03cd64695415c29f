"""Reads bytes that somebody made up in every way that a log is read.

The first byte chooses what the rest is: a log as it is; a log whose digests are made right again,
so that what lies behind them is reached; or a tail. Only errors of ours may come out.
"""

import contextlib
from io import BytesIO
from pathlib import Path

from statemachine import EventLog, audit, replay
from statemachine.errors import UnreadableLog
from statemachine.form import NO_DIGEST, digest_of, read_frames
from statemachine.store import Snapshot
from statemachine.tail import TailContent, read_tail

GOLDEN = Path(__file__).parents[1] / "golden" / "0.1"
UNSEALED = (GOLDEN / "killed.arrows").read_bytes()
MARK = b'{"sha256":"'


class Bytes:
    """A store that holds whatever it is given."""

    location = "made up"

    def __init__(self, sealed: bytes, tails: tuple[TailContent, ...] = ()) -> None:
        self._sealed, self._tails = sealed, tails

    def snapshot(self) -> Snapshot:
        return Snapshot(BytesIO(self._sealed), self._tails, False)


def relinked(data: bytes) -> bytes:
    """The same messages, as far as they have a frame, with a chain that is right."""
    before, parts, size = NO_DIGEST, [], 0
    try:
        for frame in read_frames(BytesIO(data), check=False):
            if frame is not None and (at := frame.message.find(MARK) + len(MARK)) >= len(MARK):
                zeroed = frame.message[:at] + NO_DIGEST.encode() + frame.message[at + 64 :]
                before = digest_of(zeroed, before)
                parts.append(zeroed[:at] + before.encode() + zeroed[at + 64 :])
                size += len(frame.message)
    except UnreadableLog:
        pass
    return b"".join(parts) + data[size:]


def store_of(data: bytes) -> Bytes:
    way, rest = data[0] % 3, data[1:]
    if way == 0:
        return Bytes(rest)
    if way == 1:
        return Bytes(relinked(rest))
    half = len(rest) // 2
    tail = read_tail(rest[:half], rest[half:])
    return Bytes(UNSEALED, () if tail is None else (tail,))


def read_in_every_way(data: bytes) -> None:
    """Everything that a reader does with a log."""
    if not data:
        return
    store = store_of(data)
    try:
        log = EventLog.of(store)  # type: ignore[arg-type]  # a store that is only read
    except UnreadableLog:
        return
    str(audit(log))
    for read in (replay, list, EventLog.to_arrow):
        with contextlib.suppress(UnreadableLog):
            read(log)


def seeds() -> dict[str, bytes]:
    """Inputs to start from: every golden log, as it is and to be linked anew, and a tail."""
    found = {
        f"{path.stem}-{way}": bytes([way]) + path.read_bytes()
        for path in sorted(GOLDEN.glob("*.arrows"))
        for way in (0, 1)
    }
    tail = GOLDEN / "killed.arrows.tail"
    slots, side = (tail / "slots").read_bytes(), (tail / "side-0").read_bytes()
    length = max(len(slots), len(side))
    return {**found, "tail": b"\2" + slots.ljust(length, b"\0") + side.ljust(length, b"\0")}
