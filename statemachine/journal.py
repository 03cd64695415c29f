"""The writing side of a log: checks each event and writes it down before it happens.

Ordered events are written by the one thread that drives the session, through the recorder, which
takes one look-up for the check, reads the clock and stores two integers. Everything else
(sealing, hashing, compressing, syncing) happens off that path: in a thread of its own where
the store is durable.
"""

import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import NoReturn

from statemachine.block import Block, Record, merge_lanes, write_detail
from statemachine.compiled import (
    Place,
    compile_table,
    failure_of,
    strip_signature,
)
from statemachine.errors import LogError, LogNotWritable
from statemachine.events import EMPTY, EventKind
from statemachine.form import ChainWriter, Header
from statemachine.machine import illegal
from statemachine.recorder import make_recorder
from statemachine.store import EventStore, TailContent
from statemachine.tail import SLOTS, Tail

Clock = Callable[[], float]


def nanoseconds(seconds: float) -> int:
    """A reading of the clock as the log keeps it."""
    return int(seconds * 1e9)


def block_after(header: Header, before: Block | None, content: TailContent) -> Block:
    """What a tail holds, as the block that follows `before` (None: the first one)."""
    _, times, codes, records = content
    sequence = before.sequence_after if before else 0
    step = before.step_after if before else 0
    time_before = before.time_after if before else 0
    not_before = header.clock + time_before
    merged, codes, details = merge_lanes(times, codes, records, not_before)
    elapsed = merged.copy()
    elapsed[1:] -= merged[:-1]
    elapsed[:1] -= not_before
    return Block(sequence, step, time_before, elapsed, codes, details)


class Sealer:
    """Turns tails into sealed blocks of a store, one after the other."""

    def __init__(self, store: EventStore, header: Header, lock: threading.RLock) -> None:
        self._store = store
        self._header = header
        self._lock = lock
        self._chain: ChainWriter | None = None
        self._latest: Block | None = None

    def schema_message(self) -> bytes:
        """The log's first message."""
        return self._writer().schema_message

    def _writer(self) -> ChainWriter:
        if self._chain is None:
            self._chain = ChainWriter(self._header)
        return self._chain

    def seal(self, tail: Tail) -> None:
        """Append what a tail holds, and clear the tail."""
        with self._lock:  # until then somebody may still be writing a record into it
            content = (tail.block, *tail.contents())
        block = block_after(self._header, self._latest, content)
        writer = self._writer()
        message = writer.encode(block)
        self._store.append(message, writer.head)
        self._latest = block
        tail.clear()


class Background:
    """One thread that seals tails and syncs the store, in the order of the requests.

    Requests that came while it was busy are served together, with one sync.
    """

    def __init__(self, sealer: Sealer, store: EventStore, free: Callable[[Tail], None]) -> None:
        self._sealer = sealer
        self._store = store
        self._free = free
        self._requests: queue.SimpleQueue[Tail | None] = queue.SimpleQueue()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
        self._thread.start()

    def seal(self, tail: Tail) -> None:
        """Have a tail sealed; `free` is called with it when it can be used again."""
        self._requests.put(tail)

    def stop(self) -> None:
        """Serve what was requested, and end the thread."""
        self._requests.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            batch = [self._requests.get()]
            while not self._requests.empty():
                batch.append(self._requests.get())
            self._serve([tail for tail in batch if tail is not None])
            if None in batch:
                return

    def _serve(self, tails: list[Tail]) -> None:
        try:
            if self.error is None:
                for tail in tails:
                    self._sealer.seal(tail)
                if tails:
                    self._store.sync()
        except BaseException as error:  # it comes out in the session's own thread
            self.error = error
        for tail in tails:
            self._free(tail)


class Foreground:
    """Does the same at once, for stores that outlive nothing."""

    error: BaseException | None = None

    def __init__(self, sealer: Sealer, free: Callable[[Tail], None]) -> None:
        self._sealer = sealer
        self._free = free

    def seal(self, tail: Tail) -> None:
        """Seal a tail."""
        self._sealer.seal(tail)
        self._free(tail)

    def stop(self) -> None:
        """There is nothing to end."""


_live: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _release_in_child() -> None:
    for journal in list(_live):
        journal.release()


os.register_at_fork(after_in_child=_release_in_child)


class Journal:
    """Writes one session's events.

    Args:
        store: Where to.
        header: Who writes; the number of hooks decides what is allowed.
        clock: The monotonic clock, in seconds.

    Attributes:
        failure: What kept the way out of the session from being written down, or None.
        recorder: The functions of the hot path.
        record: Writes down one ordered event.
    """

    def __init__(self, store: EventStore, header: Header, clock: Clock = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._hooks = len(header.hooks)
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._swapping = False
        self._why_closed: str | None = None
        self.failure: LogError | None = None
        sealer = Sealer(store, header, self._lock)
        self._tail, self._spare = store.create(sealer.schema_message)
        self._spare_free = threading.Semaphore(1)
        self._worker = (
            Background(sealer, store, self._freed)
            if store.durable
            else Foreground(sealer, self._freed)
        )
        self._tail.begin(0, clock)
        self.recorder = make_recorder(
            compile_table(self._hooks).start,
            clock,
            self._tail,
            self._take_tail,
            self._give_tail,
            self._refuse,
        )
        self.record = self.recorder.record
        _live.add(self)

    def _take_tail(self) -> Tail:
        """Make the spare tail the current one, as soon as it is free."""
        self._swapping = True
        self._spare_free.acquire()
        if self._worker.error is not None:
            self._spare_free.release()
            raise self._worker.error
        self._spare.begin(self._tail.block + 1, self._clock)
        self._tail, self._spare = self._spare, self._tail
        return self._tail

    def _give_tail(self) -> None:
        """Have the tail sealed that was the current one."""
        self._swapping = False
        self._worker.seal(self._spare)

    def _freed(self, _: Tail) -> None:
        self._spare_free.release()

    def _raise_failure(self) -> None:
        if self._worker.error is not None:
            raise self._worker.error

    def _refuse(self, last: int, code: int) -> NoReturn:
        self._check_writable()
        raise illegal(last, code, self._hooks)

    def _check_writable(self) -> None:
        if os.getpid() != self._process:
            raise LogNotWritable(
                f"this event log belongs to process {self._process}, of which this process "
                f"{os.getpid()} is a fork: only the process that made a session can drive it"
            )
        if self._why_closed:
            raise LogNotWritable(self._why_closed)

    def _now(self) -> int:
        return nanoseconds(self._clock())

    def record_with(self, code: int, detail: Mapping[str, object] = EMPTY) -> None:
        """Write down an ordered event with a detail.

        Raises:
            IllegalStep: If the table does not allow it now.
            LogWriteFailed: If the log can't be written.
        """
        text = write_detail(detail)
        if text:
            self._check_writable()
            if self.recorder.position()[0] == SLOTS:
                self.recorder.swap()
            self._tail.add(Record(self.recorder.position()[0], self._now(), code, text))
        self.record(code)

    @property
    def place(self) -> Place | None:
        """Where the session stands: the place that the latest ordered event led to."""
        return compile_table(self._hooks).places.get(strip_signature(self.recorder.position()[1]))

    def raised(self, detail: Mapping[str, object], stop_asked: bool = False) -> bool:
        """Write down that an error came out of the call that the session stands in.

        Args:
            detail: What is known of the error.
            stop_asked: Whether a stop was asked for by now.

        Returns:
            False, and nothing is written, if the session stands in no call.
        """
        place = self.place
        failed = None if place is None else failure_of(place, stop_asked)
        if failed is None:
            return False
        self.record_with(failed.code, detail)
        return True

    def tell(self, code: int, detail: Mapping[str, object] = EMPTY) -> None:
        """As `record_with`, on the way out of a session, which a log must not bar.

        If the log can't be written, nothing more is: `close` raises the error.
        """
        if self.failure is None:
            try:
                self.record_with(code, detail)
            except LogError as error:
                self.failure = error

    def tell_raised(self, detail: Mapping[str, object], stop_asked: bool = False) -> None:
        """As `raised`, on the way out of a session; see `tell`."""
        place = self.place
        failed = None if place is None else failure_of(place, stop_asked)
        if failed is not None:
            self.tell(failed.code, detail)

    def tell_beside(self, kind: EventKind, detail: Mapping[str, object]) -> None:
        """As `add`, on the way out of a session; see `tell`."""
        if self.failure is None:
            try:
                self.add(kind, detail)
            except LogError as error:
                self.failure = error

    def add(self, kind: EventKind, detail: Mapping[str, object], index: int = 0) -> None:
        """Write down an event of the second lane; any thread may, at any time.

        Raises:
            LogNotWritable: If the log is closed, or this process is a fork of the writer.
            LogWriteFailed: If the log can't be written.
        """
        text = write_detail(detail)
        code = kind.number | index << 16
        self._check_writable()
        with self._lock:
            tail, (slot, _) = self._tail, self.recorder.position()
            if self._swapping or tail is not self._tail:
                slot = 0  # then the clock alone decides about the order
            tail.add(Record(slot, self._now(), code, text))

    def seal(self) -> None:
        """Have what was written sealed and synced soon; for the session's own thread only.

        While an earlier block is still being sealed nothing is done: the next call, or the
        next full block, takes it along.
        """
        if self.failure is None and self.store.durable and self._spare_free.acquire(blocking=False):
            self._spare_free.release()
            self.recorder.swap()

    def close(self) -> None:
        """Seal the rest and complete the log.

        Raises:
            LogWriteFailed: If that can't be done; the events are still in the tail then.
        """
        self._why_closed = f"the event log {self.store.location} is complete; nothing can be added"
        _live.discard(self)
        try:
            if self.store.durable and self.failure is None:
                self.recorder.swap()
        finally:
            self._worker.stop()
            self.recorder.shut()
        if self.failure is not None:
            self.store.release()
            raise self.failure
        self._raise_failure()
        self.store.finish()

    def release(self) -> None:
        """Let go of the store in a forked child."""
        self.recorder.shut()
        self.store.release()
