"""The writing side of a log: checks each event and writes it down before it happens.

Ordered events are written by the one thread that drives the session, through the recorder, which
takes one look-up for the check, reads the clock and stores two integers. Everything else
(sealing, hashing, compressing, syncing) happens off that path: in a thread of its own where
the store is durable.
"""

import contextlib
import errno
import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn

import attrs

from statemachine.block import (
    KIND_MASK,
    VALUES,
    Block,
    Codes,
    Record,
    merge_lanes,
    read_detail,
    write_detail,
)
from statemachine.compiled import (
    Place,
    compile_table,
    failure_of,
    place_at,
)
from statemachine.errors import GO_ON, IllegalStep, LogError, LogNotWritable, LogWriteFailed
from statemachine.events import EMPTY, EventKind
from statemachine.form import ChainWriter, Header
from statemachine.head import Head
from statemachine.machine import illegal
from statemachine.recorder import make_recorder
from statemachine.store import EventStore
from statemachine.tail import NO_LOSS, SLOTS, Loss, Tail, TailContent
from statemachine.values import written
from statemachine.witness import Witness
from statemachine.witness import log as witness_log

Clock = Callable[[], float]

FLOOD: Final = 4 << 20
"""How many bytes of rare events and details make a block be sealed before its slots are full."""

_LOGGER: Final = logging.getLogger("statemachine")
GOES_ON: Final = (
    "The training goes on (on_log_error='warn'). What no longer fits into two blocks is lost, and "
    "the log says which events when it can be written again."
)
LEFT: Final = (
    "The log is left incomplete (on_log_error='warn'). Once the trouble is over, seal what lies in "
    "its tail with: monitored-session recover"
)
UNPUBLISHED: Final = "The log itself is complete (on_log_error='warn')."
IN_MEMORY: Final = (
    "The log is kept in memory, and only until the process ends (on_log_error='warn')."
)


def nanoseconds(seconds: float) -> int:
    """A reading of the clock as the log keeps it."""
    return int(seconds * 1e9)


def block_after(header: Header, before: Block | None, content: TailContent) -> Block:
    """What a tail holds, as the block that follows `before` (None: the first one)."""
    times, codes, records = content.times, content.codes, content.records
    sequence = before.sequence_after if before is not None else 0
    step = before.step_after if before is not None else 0
    time_before = before.time_after if before is not None else 0
    not_before = header.clock + time_before
    merged, codes, details, values = merge_lanes(times, codes, records, not_before)
    elapsed = merged.copy()
    elapsed[1:] -= merged[:-1]
    elapsed[:1] -= not_before
    lost = _lost_before(codes, details)
    if lost.events:
        first, last = sequence, sequence + lost.events - 1
        told = {**read_detail(details[0]), "first": first, "last": last}
        details[0] = write_detail({k: v for k, v in told.items() if k != "events"})
    place = sequence + lost.events, step + lost.steps, time_before
    return Block(*place, elapsed, codes, details, values)


def _lost_before(codes: Codes, details: Mapping[int, str]) -> Loss:
    """What was lost before a block, if its first event says so."""
    if not len(codes) or codes[0] != EventKind.EVENTS_LOST.number:
        return NO_LOSS
    told = read_detail(details[0])
    events, steps = told.get("events"), told.get("steps")
    return Loss(events, steps) if isinstance(events, int) and isinstance(steps, int) else NO_LOSS


class Troubles:
    """What is done about a log that can't be written: ``on_log_error``.

    Args:
        location: Where the log is, for messages.
        goes_on: Whether the training goes on without a whole log; else the error comes out.
    """

    def __init__(self, location: str, goes_on: bool = False) -> None:
        self.location = location
        self.goes_on = goes_on
        self._told: set[tuple[int | None, str]] = set()

    def tell(self, error: LogWriteFailed, outcome: str = GOES_ON) -> None:
        """Warn of an error and of what comes of it, once for each kind of both."""
        if (error.errno, outcome) not in self._told:
            self._told.add((error.errno, outcome))
            _LOGGER.warning("%s. %s", str(error.strerror).removesuffix(GO_ON), outcome)

    def failure(self, error: BaseException) -> LogWriteFailed:
        """An error of the writing, as it comes out in the thread of the session."""
        if isinstance(error, LogWriteFailed):
            failed = LogWriteFailed(error.errno, error.strerror)
        else:
            what = f"can't seal a block of the event log {self.location}: {error!r}"
            failed = LogWriteFailed(errno.EIO, what)
        failed.__cause__ = error
        return failed


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

    A tail is cleared when its block is synced, not before: if that fails, the block is appended
    again, for nobody knows what of it has reached the disk.

    Attributes:
        sealed: How many blocks are sealed, synced, and gone from their tails.
    """

    def __init__(self, store: EventStore, header: Header, lock: threading.RLock) -> None:
        self._store = store
        self._header = header
        self._lock = lock
        self._chain: ChainWriter | None = None
        self._progress = self._synced = Progress(0, "", None)
        self.sealed = 0

    def head(self, complete: bool = False) -> Head:
        """How far the log is sealed; `complete` once its end marker is written."""
        progress = self._progress
        events = progress.latest.sequence_after if progress.latest is not None else 0
        return Head(self._header.session, progress.blocks, events, progress.head, complete)

    def schema_message(self) -> bytes:
        """The log's first message."""
        with self._lock:
            if self._chain is None:
                chain = ChainWriter(self._header)
                self._progress = self._synced = Progress(0, chain.schema_digest, None)
                self._chain = chain
        return self._chain.schema_message

    def seal(self, tail: Tail, number: int) -> None:
        """Append the block of this number, sync, and clear its tail; nothing is done twice."""
        if number == self._progress.blocks:
            self._append(tail)
        self._sync()
        if number == self.sealed:
            tail.clear()
            self.sealed = number + 1

    def _sync(self) -> None:
        if self._progress is not self._synced:
            try:
                self._store.sync()
            except OSError:
                self._progress = self._synced
                raise
            self._synced = self._progress

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

    One block is synced before the next is appended, so that a crash can tear the last one only.
    What could not be served is tried again with the next request, if the training goes on in
    spite of it.

    Attributes:
        error: What keeps it from sealing, or None.
    """

    def __init__(
        self, sealer: Sealer, store: EventStore, publisher: Publisher, troubles: Troubles
    ) -> None:
        self._sealer = sealer
        self._store = store
        self._publisher = publisher
        self._troubles = troubles
        self._pending: list[tuple[Tail, int]] = []
        self._requests: queue.SimpleQueue[tuple[Tail, int] | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
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
        return tail.block < self._sealer.sealed

    def is_idle(self, tail: Tail) -> bool:
        """Whether it is of use to seal early, and nothing is left to do for this tail."""
        return self.is_free(tail)

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
        if self.error is not None and not self._troubles.goes_on:
            return
        self._pending += [request for request in requests if request not in self._pending]
        try:
            sealed = self._sealer.sealed
            for tail, number in self._pending:
                self._sealer.seal(tail, number)
                self._news.put(None)
            if self._sealer.sealed > sealed:
                self._publisher.publish_synced()
        except BaseException as error:  # it comes out in the session's own thread
            self.error = error
        else:
            self._pending.clear()
            self.error = None
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
        goes_on: Whether the training goes on if the log can't be written; then no call raises
            `LogWriteFailed`, and the log says what it lost.

    Attributes:
        failure: What kept the way out of the session from being written down, or None.
        recorder: The functions of the hot path.
        record: Writes down one ordered event.
        records: What is kept of values: `"scalars"`, `"digests"`, or None.
    """

    def __init__(
        self,
        store: EventStore,
        header: Header,
        clock: Clock = time.monotonic,
        witness: Witness | None = None,
        goes_on: bool = False,
    ) -> None:
        self.store = store
        self._clock = clock
        self._hooks = len(header.hooks)
        self._on_error = header.on_error
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._why_closed: str | None = None
        self._troubles = Troubles(store.location, goes_on)
        self.failure: LogError | IllegalStep | None = None
        start = compile_table(self._hooks, self._on_error).start
        sealer = Sealer(store, header, self._lock)
        self._tails = store.create(sealer.schema_message)
        self._publisher = Publisher(witness, sealer, store.location, weakref.WeakMethod(self.add))
        self._worker = (
            Background(sealer, store, self._publisher, self._troubles)
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
        self.records = header.record
        self._waiting: list[str] = []
        self.record = self._record_with_values if self.records else self.recorder.record
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
            tail, slot, _ = self.recorder.position()
            if tail is not full:
                return
            if spare.block > full.block or self._worker.is_free(spare):
                self._turn(full, spare)
            elif slot == SLOTS:
                self._forget(full)

    def _turn(self, full: Tail, spare: Tail) -> None:
        if spare.block < full.block:
            spare.begin(full.block + 1, self._clock, self.recorder.position()[1])
        self.recorder.turn_to(spare)
        self._worker.seal(full)

    def _relieve(self, tail: Tail) -> None:
        """Bound what a block holds beside its ordered events; in any thread, without waiting."""
        spare = self._beside(tail)
        if tail.size > FLOOD:
            if self._worker.is_free(spare):
                self._turn(tail, spare)
            else:
                self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        """Lose what a tail holds, and say so in it, where the other can't be sealed either."""
        error = self._worker.error
        if error is None or not self._troubles.goes_on:
            return
        number = error.errno if isinstance(error, OSError) else None
        tail.lose(self._clock, number or errno.EIO)
        self.recorder.turn_to(tail)

    def _beside(self, tail: Tail) -> Tail:
        return self._tails[1] if tail is self._tails[0] else self._tails[0]

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._worker.error is not None:
            failure = self._troubles.failure(self._worker.error)
            if not self._troubles.goes_on:
                raise failure
            self._troubles.tell(failure)

    def _refuse(self, last: int, code: int) -> NoReturn:
        self._check_writable()
        if self.failure is not None:  # what was not written down is the reason
            raise self.failure
        raise illegal(last, code, self._hooks, self._on_error)

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
                self._add(tail, Record(slot, self._now(), code, text))
            self.record(code)
            self._relieve(tail)

    def keep(self, rows: Iterable[str]) -> None:
        """Have values stand at the next ordered event; for the session's own thread only.

        Args:
            rows: The values, as `statemachine.values.row_of` makes them.
        """
        self._waiting.extend(rows)

    def _record_with_values(self, code: int, extra: int = 0) -> None:
        """As `recorder.record`, with the values that wait for an event; where some are kept."""
        if not self._waiting:
            self.recorder.record(code, extra)
            return
        waiting, self._waiting = self._waiting, []
        self._check_writable()
        tail, slot, _ = self.recorder.position()
        if slot == SLOTS:
            self._swap(tail)
        with self._lock:  # so that no other thread swaps between the two
            tail, slot, _ = self.recorder.position()
            for text in written(waiting):
                self._add(tail, Record(slot, self._now(), code | extra | VALUES, text))
            self.recorder.record(code, extra)
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
            self._add(tail, Record(slot, self._now(), code, text))
            self._relieve(tail)

    def add_stop(self, detail: Mapping[str, object], take_effect: Callable[[], object]) -> None:
        """As `add`, of a request to stop, which takes effect even if it can't be written.

        Args:
            detail: Who asks.
            take_effect: Called when it was written, and before an error of the log is raised.

        Raises:
            LogNotWritable, LogWriteFailed: As `add`.
        """
        try:
            self.add(EventKind.STOP_REQUESTED, detail)
        except LogError:
            take_effect()
            raise
        take_effect()

    def _add(self, tail: Tail, record: Record) -> None:
        try:
            tail.add(record)
        except LogWriteFailed as error:
            is_stop = record.code & KIND_MASK == EventKind.STOP_REQUESTED.number
            if is_stop or self._troubles.goes_on:  # a stop has its effect, and so its event
                tail.hold(record, error.errno or errno.EIO)
            if not self._troubles.goes_on:
                raise
            self._troubles.tell(error)

    def seal(self) -> None:
        """Have what was written sealed and synced soon; for the session's own thread only.

        While an earlier block is still being sealed nothing is done: the next call, or the
        next full block, takes it along.

        Raises:
            LogWriteFailed: If an earlier block could not be sealed.
        """
        if self.failure is None and os.getpid() == self._process:
            tail, slot, _ = self.recorder.position()
            spare = self._beside(tail)
            if self._worker.error is not None:
                self._raise_failure()
                self._worker.seal(spare)  # perhaps it can be written again
            elif self._worker.is_idle(spare) and (slot or tail.size):
                self._swap(tail)

    def tell_sealed(self) -> None:
        """As `seal`, on the way out of a session or of a call that failed; see `tell`.

        The next `seal` raises the error again, and so does `close`.
        """
        with contextlib.suppress(LogError):
            self.seal()

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
            tail, _, _ = self.recorder.position()
            spare = self._beside(tail)
            if 0 <= spare.block < tail.block:  # an interrupt may have kept it from being asked for
                self._worker.seal(spare)
            self._worker.seal(tail)

    def _finish(self) -> None:
        self._abandon.detach()
        outcome = LEFT
        try:
            if self.failure is not None:
                raise self.failure
            if self._worker.error is not None:
                raise self._troubles.failure(self._worker.error)
            self.store.finish()
            outcome = UNPUBLISHED
            self._publisher.publish_last()
        except LogWriteFailed as error:
            if not self._troubles.goes_on:
                raise
            self._troubles.tell(error, outcome)
        finally:
            self.store.release()
            _live.discard(self)

    def release(self) -> None:
        """Let go of the store in a forked child."""
        self.recorder.shut()
        self.store.release()
