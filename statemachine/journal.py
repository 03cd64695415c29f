"""The writing side of a log: checks each event and writes it down before it happens.

Ordered events are written by the one thread that drives the session, through the recorder, which
takes one look-up for the check, reads the clock and stores two integers. Everything else
(sealing, hashing, compressing, syncing) happens off that path: in a thread of its own where
the store is durable.
"""

import contextlib
import errno
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import attrs

from statemachine.block import Block, Record, merge_lanes, write_detail
from statemachine.compiled import (
    Place,
    compile_table,
    failure_of,
    place_at,
)
from statemachine.errors import IllegalStep, LogError, LogNotWritable, LogWriteFailed
from statemachine.events import EMPTY, EventKind
from statemachine.form import ChainWriter, Header
from statemachine.head import Head
from statemachine.machine import illegal
from statemachine.recorder import make_recorder
from statemachine.store import EventStore
from statemachine.tail import SLOTS, Tail, TailContent
from statemachine.witness import Witness
from statemachine.witness import log as witness_log

Clock = Callable[[], float]

FLOOD: Final = 4 << 20
"""How many bytes of rare events and details make a block be sealed before its slots are full."""


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


@attrs.frozen(eq=False)
class Progress:
    """How far a log is sealed.

    Attributes:
        blocks: How many blocks are.
        head: The digest of the latest message.
        latest: The latest block, or None.
    """

    blocks: int
    head: str
    latest: Block | None


class Sealer:
    """Turns tails into sealed blocks of a store, one after the other.

    It may be interrupted anywhere, by an error that a signal handler raises: asked again, it goes
    on where it was.

    Attributes:
        sealed: How many blocks are sealed and gone from their tails.
    """

    def __init__(self, store: EventStore, header: Header, lock: threading.RLock) -> None:
        self._store = store
        self._header = header
        self._lock = lock
        self._chain: ChainWriter | None = None
        self._progress = Progress(0, "", None)
        self.sealed = 0

    def head(self, complete: bool = False) -> Head:
        """How far the log is sealed; `complete` once its end marker is written."""
        progress = self._progress
        events = progress.latest.sequence_after if progress.latest else 0
        return Head(self._header.session, progress.blocks, events, progress.head, complete)

    def schema_message(self) -> bytes:
        """The log's first message."""
        with self._lock:
            if self._chain is None:
                chain = ChainWriter(self._header)
                self._progress = Progress(0, chain.schema_digest, None)
                self._chain = chain
        return self._chain.schema_message

    def seal(self, tail: Tail, number: int) -> None:
        """Append the block of this number, and clear its tail; nothing if that was done."""
        if number != self.sealed:
            return
        if self._progress.blocks == number:
            self._append(tail)
        tail.clear()
        self.sealed = number + 1

    def _append(self, tail: Tail) -> None:
        self.schema_message()
        assert self._chain is not None
        with self._lock:  # until then somebody may still be writing a record into it
            content = tail.contents()
        assert content is not None
        before = self._progress
        block = block_after(self._header, before.latest, content)
        message, digest = self._chain.encode(block, before.head)
        progress = Progress(before.blocks + 1, digest, block)
        self._store.append(message, digest)
        self._progress = progress


class Publisher:
    """Tells a witness of the heads of a log; one that fails is told of, and asked again.

    Args:
        witness: The witness, or None.
        sealer: What knows the newest head.
        location: Where the log is, for messages.
        note: Writes down a note in the log, for as long as that is there.
    """

    def __init__(
        self,
        witness: Witness | None,
        sealer: Sealer,
        location: str,
        note: "weakref.WeakMethod[Callable[[EventKind, Mapping[str, object]], None]]",
    ) -> None:
        self._witness = witness
        self._sealer = sealer
        self._location = location
        self._note = note
        self._failing = False

    def publish_synced(self) -> None:
        """Publish the head of what was synced; the next one makes up for one that fails."""
        if self._witness is None:
            return
        try:
            self._witness.publish(self._sealer.head())
            self._failing = False
        except BaseException as error:  # whatever a callable raises, it must not end the sealing
            self._tell(error)

    def publish_last(self) -> None:
        """Publish the head of the complete log.

        Raises:
            LogWriteFailed: If that can't be done.
        """
        if self._witness is None:
            return
        head = self._sealer.head(complete=True)
        try:
            self._witness.publish(head)
        except Exception as error:
            number = error.errno if isinstance(error, OSError) and error.errno else errno.EIO
            raise LogWriteFailed(
                number,
                f"{self._failed(error)}; the log is complete with {head.blocks} blocks: "
                "`monitored-session sign` can sign it and publish its head",
            ) from error

    def _failed(self, error: BaseException) -> str:
        place = self._witness and self._witness.place
        return f"can't publish the head of the event log {self._location} to {place}: {error!r}"

    def _tell(self, error: BaseException) -> None:
        if self._failing:
            return
        self._failing = True
        what = f"{self._failed(error)}; the next one that is published makes up for it"
        witness_log.warning(what)
        note = self._note()
        if note is not None:
            with contextlib.suppress(LogError):  # it may be closed by now
                note(EventKind.NOTE, {"text": what})


class Background:
    """One thread that seals tails and syncs the store, in the order of the requests.

    Requests that came while it was busy are served together, with one sync.
    """

    def __init__(self, sealer: Sealer, store: EventStore, publisher: Publisher) -> None:
        self._sealer = sealer
        self._store = store
        self._publisher = publisher
        self._requests: queue.SimpleQueue[tuple[Tail, int] | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._synced = 0
        self._abandoned = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
        self._thread.start()

    def seal(self, tail: Tail) -> None:
        """Have a tail sealed."""
        self._requests.put((tail, tail.block))

    def wait_for(self, tail: Tail) -> None:
        """Wait until a tail that was to be sealed can be used again, or an error came."""
        if tail.block >= self._sealer.sealed:
            self.seal(tail)  # once more: an interrupt may have come before it was asked for
        while tail.block >= self._sealer.sealed and self.error is None:
            self._news.get()

    def is_free(self, tail: Tail) -> bool:
        """Whether a tail that was to be sealed can be used again."""
        return tail.block < self._sealer.sealed and self.error is None

    def is_idle(self, tail: Tail) -> bool:
        """Whether a tail that was to be sealed is, and synced, too; or an error came."""
        return tail.block < self._synced or self.error is not None

    def stop(self) -> None:
        """Serve what was requested, and end the thread."""
        self._requests.put(None)
        self._thread.join()

    def abandon(self) -> None:
        """Let go of the store soon: nobody can close the log any more."""
        self._abandoned = True
        self._requests.put(None)

    def _work(self) -> None:
        batch: list[tuple[Tail, int] | None] = []
        while None not in batch:
            batch = [self._requests.get()]
            while not self._requests.empty():
                batch.append(self._requests.get())
            self._serve([request for request in batch if request is not None])
        if self._abandoned:
            self._store.release()

    def _serve(self, requests: list[tuple[Tail, int]]) -> None:
        if self.error is not None:
            return
        try:
            for tail, number in requests:
                self._sealer.seal(tail, number)
                self._news.put(None)
            if self._sealer.sealed > self._synced:
                self._store.sync()
                self._synced = self._sealer.sealed
                self._publisher.publish_synced()
        except BaseException as error:  # it comes out in the session's own thread
            self.error = error
            self._news.put(None)


class Foreground:
    """Does the same at once, for stores that outlive nothing."""

    error: BaseException | None = None

    def __init__(self, sealer: Sealer, lock: threading.RLock) -> None:
        self._sealer = sealer
        self._lock = lock

    def seal(self, tail: Tail) -> None:
        """Seal a tail."""
        with self._lock:
            self._sealer.seal(tail, tail.block)

    def wait_for(self, tail: Tail) -> None:
        """Seal a tail, if an interrupt or an error kept it from being sealed before."""
        if tail.block >= self._sealer.sealed:
            self.seal(tail)

    def is_free(self, tail: Tail) -> bool:
        """Whether a tail that was to be sealed can be used again."""
        return tail.block < self._sealer.sealed

    def is_idle(self, tail: Tail) -> bool:
        """Early sealing is of no use to what outlives nothing."""
        return False

    def stop(self) -> None:
        """There is nothing to end."""

    def abandon(self) -> None:
        """There is nothing to let go of."""


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
        witness: Who is told of the heads, or None.

    Attributes:
        failure: What kept the way out of the session from being written down, or None.
        recorder: The functions of the hot path.
        record: Writes down one ordered event.
    """

    def __init__(
        self,
        store: EventStore,
        header: Header,
        clock: Clock = time.monotonic,
        witness: Witness | None = None,
    ) -> None:
        self.store = store
        self._clock = clock
        self._hooks = len(header.hooks)
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._why_closed: str | None = None
        self.failure: LogError | IllegalStep | None = None
        start = compile_table(self._hooks).start
        sealer = Sealer(store, header, self._lock)
        self._tails = store.create(sealer.schema_message)
        self._publisher = Publisher(witness, sealer, store.location, weakref.WeakMethod(self.add))
        self._worker = (
            Background(sealer, store, self._publisher)
            if store.durable
            else Foreground(sealer, self._lock)
        )
        self._tails[0].begin(0, clock)
        self.recorder = make_recorder(
            start,
            clock,
            self._tails[0],
            self._swap,
            self._refuse,
        )
        self.record = self.recorder.record
        self._abandon = weakref.finalize(self, self._worker.abandon)
        self._abandon.atexit = False
        _live.add(self)

    def _swap(self, full: Tail) -> None:
        """Go on in the other tail, as soon as that is free; nothing if that was done meanwhile.

        An interrupt may come between any two calls; what it leaves undone, the next swap does.
        """
        spare = self._beside(full)
        if spare.block < full.block:  # else an interrupt came when it was begun already
            self._worker.wait_for(spare)
        self._raise_failure()
        with self._lock:  # other threads may have swapped meanwhile, even twice
            free = spare.block > full.block or self._worker.is_free(spare)
            if free and self.recorder.position()[0] is full:
                self._turn(full, spare)

    def _turn(self, full: Tail, spare: Tail) -> None:
        if spare.block < full.block:
            spare.begin(full.block + 1, self._clock)
        self.recorder.turn_to(spare)
        self._worker.seal(full)

    def _relieve(self, tail: Tail) -> None:
        """Bound what a block holds beside its ordered events; in any thread, without waiting."""
        spare = self._beside(tail)
        if tail.size > FLOOD and self._worker.is_free(spare):
            self._turn(tail, spare)

    def _beside(self, tail: Tail) -> Tail:
        return self._tails[1] if tail is self._tails[0] else self._tails[0]

    def _raise_failure(self) -> None:
        error = self._worker.error
        if isinstance(error, LogWriteFailed):
            raise LogWriteFailed(error.errno, error.strerror) from error
        if error is not None:
            what = f"can't seal a block of the event log {self.store.location}: {error!r}"
            raise LogWriteFailed(errno.EIO, what) from error

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
        self._check_writable()
        tail, slot, _ = self.recorder.position()
        if slot == SLOTS:
            self._swap(tail)
        with self._lock:  # so that no other thread swaps between the two
            if text:
                tail, slot, _ = self.recorder.position()
                tail.add(Record(slot, self._now(), code, text))
            self.record(code)
            self._relieve(tail)

    @property
    def place(self) -> Place | None:
        """Where the session stands: the place that the latest ordered event led to."""
        return place_at(self.recorder.position()[2], self._hooks)

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
            except (LogError, IllegalStep) as error:  # the second after an interrupt only
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
            self._check_writable()
            tail, slot, _ = self.recorder.position()
            tail.add(Record(slot, self._now(), code, text))
            self._relieve(tail)

    def seal(self) -> None:
        """Have what was written sealed and synced soon; for the session's own thread only.

        While an earlier block is still being sealed nothing is done: the next call, or the
        next full block, takes it along.
        """
        if self.failure is None and os.getpid() == self._process:
            tail, slot, _ = self.recorder.position()
            if self._worker.is_idle(self._beside(tail)) and (slot or tail.size):
                self._swap(tail)

    def close(self) -> None:
        """Seal the rest and complete the log.

        Raises:
            LogWriteFailed: If that can't be done; the events are still in the tail then.
        """
        self._check_writable()
        with self._lock:  # who adds an event at this time has added it before, or is refused
            self._why_closed = (
                f"the event log {self.store.location} is closed; nothing can be added to it"
            )
        try:
            self._seal_rest()
        finally:
            self._worker.stop()
            self.recorder.shut()
        self._finish()

    def _seal_rest(self) -> None:
        if self.store.durable and self.failure is None:
            try:
                self._swap(self.recorder.position()[0])
            except LogError as error:
                self.failure = error

    def _finish(self) -> None:
        self._abandon.detach()
        try:
            if self.failure is not None:
                raise self.failure
            self._raise_failure()
            self.store.finish()
            self._publisher.publish_last()
        finally:
            self.store.release()
            _live.discard(self)

    def release(self) -> None:
        """Let go of the store in a forked child."""
        self.recorder.shut()
        self.store.release()
