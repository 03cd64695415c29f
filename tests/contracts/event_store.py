"""What every EventStore must do: one suite, and a small subclass for each store."""

import itertools
import threading

import pytest

from statemachine import EventLog, EventStore, LogError, LogExists, Verdict, audit
from statemachine.block import Record
from statemachine.events import EventKind
from statemachine.form import NO_DIGEST, digest_of
from statemachine.journal import Journal
from statemachine.store import Snapshot
from statemachine.tail import SLOTS, Tail, TailContent
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer

SCHEMA = b"the first message"
NOTE = EventKind.NOTE.number


class EventStoreContract:
    """Give `make_store`; every other method is a test."""

    def make_store(self, tmp_path) -> EventStore:
        """A new, empty store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path):
        store = self.make_store(tmp_path)
        yield store
        store.release()

    # The store alone

    def test_it_says_where_the_log_is(self, store):
        """The location is a text that a message can show."""
        assert isinstance(store.location, str)
        assert store.location

    def test_a_new_log_has_a_schema_and_empty_tails(self, store):
        """After create there is the first message and nothing else."""
        tails = store.create(lambda: SCHEMA)
        assert [tail.block for tail in tails] == [-1, -1]
        assert sealed_bytes(store.snapshot()) == SCHEMA
        assert tails_of(store) == ()

    def test_a_store_holds_one_log(self, store):
        """A second create is refused."""
        store.create(lambda: SCHEMA)
        with pytest.raises(LogExists, match=r"exists|another session"):
            store.create(lambda: SCHEMA)

    def test_blocks_stand_in_the_order_in_which_they_were_appended(self, store):
        """The sealed bytes are the schema and then each message."""
        store.create(lambda: SCHEMA)
        for number in range(3):
            store.append(b"block %d." % number, f"{number}")
        assert sealed_bytes(store.snapshot()) == SCHEMA + b"block 0.block 1.block 2."

    def test_appending_the_last_block_again_changes_nothing(self, store):
        """An interrupt may come when the block is there and before anybody knows."""
        store.create(lambda: SCHEMA)
        store.append(b"first.", "1")
        store.append(b"second.", "2")
        store.append(b"second.", "2")
        assert sealed_bytes(store.snapshot()) == SCHEMA + b"first.second."

    def test_events_in_a_tail_are_seen_at_once(self, store):
        """What was written to a tail is in the next snapshot."""
        tail = begun(store.create(lambda: SCHEMA)[0], 0)
        tail.times[0], tail.codes[0] = 5.0, 7
        tail.add(Record(1, 6, NOTE, '{"text":"x"}'))
        (content,) = tails_of(store)
        block, times, codes, records, _ = content
        assert (block, times.tolist(), codes.tolist()) == (0, [5_000_000_000], [7])
        assert records == [Record(1, 6, NOTE, '{"text":"x"}')]

    def test_a_cleared_tail_holds_nothing(self, store):
        """Neither events nor records are left for the next block."""
        tail = begun(store.create(lambda: SCHEMA)[0], 0)
        tail.times[0], tail.codes[0] = 5.0, 7
        tail.add(Record(0, 5, NOTE, ""))
        tail.clear()
        tail.begin(2, lambda: 1.0)
        block, times, codes, records, _ = tails_of(store)[0]
        assert (block, len(times), len(codes), records) == (2, 0, 0, [])

    def test_it_runs_until_it_is_finished(self, store):
        """A snapshot tells a log that is being written from a complete one."""
        store.create(lambda: SCHEMA)
        log = store.snapshot()
        assert (log.running, log.complete, sealed_bytes(log)) == (True, False, SCHEMA)
        store.finish()
        log = store.snapshot()
        assert not log.running
        assert sealed_bytes(log) != SCHEMA or log.complete

    def test_letting_go_twice_is_no_mistake(self, store):
        """Release may be called again, and after finish."""
        store.create(lambda: SCHEMA)
        store.finish()
        store.release()
        store.release()

    # With a journal

    def test_a_session_can_be_read_while_it_is_written(self, store):
        """Each look shows all events that were recorded by then."""
        log = EventLog(store)
        writer = Writer(log.begin(HOOKS)).start()
        for done in range(3):
            assert len(log) == START_EVENTS + 1 + done * STEP_EVENTS
            writer.steps(1)
        writer.close()

    def test_a_closed_log_is_complete_and_conforms(self, store):
        """Several blocks, closed: all that can be checked holds."""
        log = EventLog(store)
        Writer(log.begin(HOOKS)).start().steps(2 * SLOTS // STEP_EVENTS + 5).close()
        report = audit(log)
        assert (report.completeness, report.conformance) == (Verdict.PASS, Verdict.PASS)
        assert report.integrity is not Verdict.FAIL
        assert report.state.steps_done == 2 * SLOTS // STEP_EVENTS + 5

    def test_the_chain_covers_what_is_sealed(self, store):
        """The digests that `append` was given are those of the bytes."""
        seen = []
        append = store.append
        store.append = lambda message, digest: (seen.append((message, digest)), append(*seen[-1]))
        log = EventLog(store)
        Writer(log.begin(HOOKS)).start().steps(2 * SLOTS // STEP_EVENTS).close()
        for (_, before), (message, digest) in itertools.pairwise(seen):
            unsigned = message.replace(digest.encode(), NO_DIGEST.encode())
            assert digest_of(unsigned, before) == digest
        assert len(seen) >= 2

    def test_a_snapshot_of_a_busy_log_has_no_gap(self, store):
        """Read again and again while blocks are swapped and sealed, it always conforms."""
        log = EventLog(store)
        journal = log.begin(HOOKS)
        thread = threading.Thread(target=write_busily, args=(journal,))
        thread.start()
        counts = []
        while thread.is_alive():
            report = audit(log)
            assert report.conformance is Verdict.PASS, report
            assert report.integrity is not Verdict.FAIL, report
            counts.append(report.state.events)
        thread.join()
        assert counts == sorted(counts)
        assert audit(log).completeness is Verdict.PASS

    def test_nothing_can_be_added_after_the_end(self, store):
        """A closed log refuses events of both lanes, and a second close."""
        log = EventLog(store)
        journal = log.begin(HOOKS)
        Writer(journal).start().close()
        for late in (lambda: log.note("late"), lambda: journal.record(1), journal.close):
            with pytest.raises(LogError, match="is closed"):
                late()


def write_busily(journal: Journal) -> None:
    writer = Writer(journal).start()
    for number in range(100):
        writer.steps(400)
        if number % 10 == 0:
            journal.add(EventKind.NOTE, {"text": "x" * 1000})
            journal.seal()
    writer.close()


def begun(tail: Tail, block: int) -> Tail:
    tail.begin(block, lambda: 1.0)
    return tail


def tails_of(store: EventStore) -> tuple[TailContent, ...]:
    snapshot = store.snapshot()
    snapshot.sealed.close()
    return snapshot.tails


def sealed_bytes(snapshot: Snapshot) -> bytes:
    with snapshot.sealed as file:
        return file.read()
