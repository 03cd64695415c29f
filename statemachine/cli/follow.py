"""Following a log that grows: each look takes only what was not there at the last one."""

from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from typing import BinaryIO

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.cli.selection import Mask
from statemachine.form import NO_DIGEST, CutOff, read_block, read_frames
from statemachine.journal import block_after
from statemachine.log import EventLog
from statemachine.tail import TailContent
from statemachine.upcast import upcaster


@attrs.frozen(eq=False)
class Growth:
    """A part of a log that is new, or has new events in it.

    Attributes:
        block: The block.
        inside: Whether the event before it was inside a step.
        fresh: Which of its events are new.
    """

    block: Block
    inside: bool
    fresh: Mask


class Follower:
    """Reads a growing log, each sealed block once.

    Events of the unsealed tail may still be joined by earlier ones of other threads. These are
    shown when they are found, so nothing is missed and nothing is shown twice.

    Args:
        log: The log.

    Attributes:
        ended: Whether the end marker was found.
        running: Whether the writer was alive at the latest look.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._header = log.header
        self._upcast = upcaster(self._header.vocabulary)
        self._offset = 0
        self._digest = NO_DIGEST
        self._schema = b""
        self._sealed = 0
        self._latest: Block | None = None
        self._inside = False
        self._shown: dict[int, Counter[tuple[int, int]]] = {}
        self.ended = False
        self.running = True

    def look(self) -> Iterator[Growth]:
        """What is new since the last look.

        Raises:
            Damaged: If a sealed block is not what was written.
        """
        snapshot = self._log.snapshot()
        self.running = snapshot.running
        with snapshot.sealed as file:
            yield from self._new_blocks(file)
        if not self.ended:
            yield from self._tails(snapshot.tails)

    def _new_blocks(self, file: BinaryIO) -> Iterator[Growth]:
        file.seek(self._offset)
        resumed = _Joined(self._schema, file)
        # read_frames asks for nothing but `read` of its file.
        frames = read_frames(resumed, after=self._digest)  # type: ignore[arg-type]
        try:
            for number, frame in enumerate(frames):
                if frame is None:
                    self.ended = True
                elif not self._schema:
                    self._schema = frame.message
                    self._pass(len(frame.message), frame.digest)
                elif number:
                    yield self._sealed_block(self._upcast(read_block(frame, self._header.record)))
                    self._pass(len(frame.message), frame.digest)
        except CutOff:
            return  # it is being written, or its writer died: then the tail still has it

    def _pass(self, size: int, digest: str) -> None:
        self._offset += size
        self._digest = digest

    def _sealed_block(self, block: Block) -> Growth:
        growth = Growth(block, self._inside, self._not_shown(block, self._sealed))
        self._inside = block.in_step_after(self._inside)
        self._latest = block
        self._shown.pop(self._sealed, None)
        self._sealed += 1
        return growth

    def _tails(self, tails: tuple[TailContent, ...]) -> Iterator[Growth]:
        latest, inside, following = self._latest, self._inside, self._sealed
        for content in sorted(tails, key=lambda tail: tail[0]):
            if content[0] != following:
                continue
            block = self._upcast(block_after(self._header, latest, content))
            yield Growth(block, inside, self._not_shown(block, following, remember=True))
            latest, inside, following = block, block.in_step_after(inside), following + 1

    def _not_shown(self, block: Block, number: int, remember: bool = False) -> Mask:
        """Which events of a block were not shown yet."""
        fresh = np.ones(len(block), dtype=np.bool_)
        shown = self._shown.get(number)
        if shown is None and not remember:
            return fresh
        met: Counter[tuple[int, int]] = Counter()
        pairs = zip(block.times.tolist(), block.codes.tolist(), strict=True)
        for position, pair in enumerate(pairs):
            met[pair] += 1
            fresh[position] = shown is None or met[pair] > shown[pair]
        if remember:
            self._shown[number] = met
        return fresh


class _Joined:
    """The first message of a log, and after it the rest of its file from a later place on."""

    def __init__(self, first: bytes, file: BinaryIO | BufferedReader) -> None:
        self._first = first
        self._file = file

    def read(self, size: int) -> bytes:
        """The next bytes, never beyond the end of the first message."""
        if self._first:
            data, self._first = self._first[:size], self._first[size:]
            return data
        return self._file.read(size)
