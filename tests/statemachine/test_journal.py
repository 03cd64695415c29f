"""The journal: what is recorded is in the log, once, in order, whoever else writes."""

import gc
import signal
import threading
import time
import weakref

import pytest

from statemachine import (
    EventKind,
    EventLog,
    FileStore,
    IllegalStep,
    LogNotWritable,
    MemoryStore,
    Verdict,
    audit,
    journal,
)
from statemachine.compiled import Place
from statemachine.events import MAX_INDEX, SECOND_LANE
from statemachine.journal import FLOOD
from statemachine.table import IN_STEP_FN
from statemachine.tail import SLOTS
from tests.statemachine.histories import (
    HOOKS,
    START_EVENTS,
    STEP_EVENTS,
    Writer,
    leaving,
    settle,
    starting,
    step,
    told,
)


@pytest.fixture(params=["memory", "file"])
def log(request, tmp_path):
    return EventLog(None if request.param == "memory" else tmp_path / "log.arrows")


def codes(log):
    return [code for block in log.read() for code in block.codes.tolist()]


def ordered(log):
    return [code for code in codes(log) if not code & SECOND_LANE]


def notes(log, by=""):
    return [
        event.detail["detail"]["n"]
        for event in log
        if event.kind is EventKind.NOTE and event.detail["text"] == by
    ]


def history(steps):
    places = [*starting(), *(place for _ in range(steps) for place in step())]
    return [place.code for place in (*places, Place("stopping", 0, 1), *leaving())]


@pytest.mark.parametrize("steps", [0, 1, SLOTS // STEP_EVENTS + 3, 50_001 // STEP_EVENTS])
def test_a_log_holds_exactly_what_was_recorded(log, steps):
    """Also where it takes several blocks."""
    Writer(log.begin(HOOKS)).start().steps(steps).close()
    assert ordered(log) == history(steps)
    assert audit(log).conformance is Verdict.PASS


def test_sequence_numbers_and_times_go_on_over_blocks(log):
    """Nobody can see in the events where a block ends."""
    Writer(log.begin(HOOKS)).start().steps(2 * SLOTS // STEP_EVENTS).close()
    events = list(log)
    assert [event.sequence for event in events] == list(range(len(events)))
    times = [event.time for event in events]
    assert times == sorted(times)
    assert log.header.started <= times[0] <= times[-1] < log.header.started + 60 * 10**9
    assert events[-1].kind is EventKind.STATE_CLOSED


def test_an_event_is_there_as_soon_as_it_was_recorded(log):
    """Its reader needs no flush."""
    writer = Writer(log.begin(HOOKS)).start()
    for count in range(1, 5):
        writer.steps(1)
        assert len(log) == START_EVENTS + 1 + count * STEP_EVENTS
    writer.close()


def test_an_illegal_event_is_refused_and_not_written(log):
    """The error says where the session stood, what was tried, and what was allowed."""
    writer = Writer(log.begin(HOOKS)).start()
    with pytest.raises(IllegalStep) as caught:
        writer.journal.record(Place("computing").code)
    assert caught.value.stood == "state.running"
    assert caught.value.tried == "session.run"
    assert "step.begin" in caught.value.allowed
    with pytest.raises(IllegalStep):
        writer.journal.record_with(Place("computing").code, {"a": 1})
    writer.steps(1).close()
    assert ordered(log) == history(1)
    assert audit(log).passed


def test_an_illegal_event_at_a_full_tail_is_refused(log):
    """Neither it nor a swap is done."""
    writer = fill(Writer(log.begin(HOOKS)).start(), SLOTS)
    with pytest.raises(IllegalStep):
        writer.journal.record(Place("created").code)
    assert writer.journal.recorder.position()[1] == SLOTS


def fill(writer, count):
    """Record until the first tail holds `count` ordered events; returns the writer."""
    cycle = [place.code for place in step()]
    for number in range(count - START_EVENTS):
        writer.journal.record(cycle[number % STEP_EVENTS])
    return writer


@pytest.mark.parametrize("filled", range(SLOTS - 2, SLOTS + 2))
def test_a_detail_stays_with_its_event_where_blocks_meet(log, filled):
    """It is never left in the tail before."""
    writer = Writer(log.begin(HOOKS)).start()
    if (filled - START_EVENTS) % STEP_EVENTS == 0:  # at rest: an empty step function shifts it
        writer.journal.record(Place("step fn", mark=IN_STEP_FN).code)
        writer.journal.record(Place("step fn done").code)
        filled -= 2
    fill(writer, filled)
    assert writer.journal.raised({"error": told("ValueError", "at the border")})
    writer.close()
    (raised,) = (event for event in log if event.kind is EventKind.RAISED)
    assert raised.detail["error"]["message"] == "at the border"
    assert audit(log).passed, audit(log)


def test_a_detail_may_be_as_long_as_it_may_be(log):
    """64 KiB of characters, of four bytes each."""
    log.begin(HOOKS).add(EventKind.NOTE, {"text": "\U0001f600" * 65000})
    (event,) = log
    assert event.detail["text"] == "\U0001f600" * 65000


def test_a_log_with_more_hooks_than_codes_can_name_is_not_begun(tmp_path):
    """And no file is left of it."""
    log = EventLog(tmp_path)
    with pytest.raises(ValueError, match=f"0 to {MAX_INDEX} hooks, not {MAX_INDEX + 1}"):
        log.begin(["Hook"] * (MAX_INDEX + 1))
    assert list(tmp_path.iterdir()) == []


# The second lane


def test_a_note_stands_where_it_was_made(log):
    """After what was recorded before it, and before what was recorded after it."""
    writer = Writer(log.begin(HOOKS)).start()
    log.note("before the step", loss=0.5)
    writer.steps(1)
    log.note("after the step")
    writer.close()
    kinds = [event.kind.value for event in log]
    first, second = (at for at, kind in enumerate(kinds) if kind == "note")
    assert (kinds[first + 1], kinds[second - 1]) == ("step.begin", "step.end")
    assert list(log)[first].detail == {"text": "before the step", "detail": {"loss": 0.5}}


def test_threads_and_the_session_lose_nothing(log):
    """Each thread's notes are all there, once, in order; so are the ordered events."""
    journal = log.begin(HOOKS)
    writer = Writer(journal).start()
    each, names = 300, [f"thread {number}" for number in range(8)]

    def note(name):
        for number in range(each):
            log.note(name, n=number)

    threads = [threading.Thread(target=note, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    steps = 0
    while any(thread.is_alive() for thread in threads) or steps < 3 * SLOTS // STEP_EVENTS:
        writer.steps(50)
        steps += 50
        journal.seal()
    writer.close()
    assert ordered(log) == history(steps)
    for name in names:
        assert notes(log, name) == list(range(each))
    assert audit(log).conformance is Verdict.PASS


def test_a_signal_handler_may_write_at_any_moment(log):
    """Its notes are all there, once; so are the events that it interrupted."""
    writer = Writer(log.begin(HOOKS)).start()
    made = []

    def handler(*_):
        number = len(made)  # a handler may be interrupted itself
        made.append(number)
        log.note("signal", n=number)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    steps = 0
    try:
        while steps < 2 * SLOTS // STEP_EVENTS or len(made) < 20:
            writer.steps(10)
            steps += 10
            writer.journal.seal()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    assert ordered(log) == history(steps)
    assert sorted(notes(log, "signal")) == made
    assert audit(log).conformance is Verdict.PASS


def test_an_event_of_a_thread_is_in_the_log_or_refused_while_it_is_closed(tmp_path):
    """None vanishes with the tails."""
    for attempt in range(20):
        log = EventLog(tmp_path / f"{attempt}.arrows")
        writer = Writer(log.begin(HOOKS)).start()
        made = []

        def note(log=log, made=made):
            while True:
                try:
                    log.note("late", n=len(made))
                except LogNotWritable:
                    return
                made.append(0)

        threads = [threading.Thread(target=note)]
        threads[0].start()
        while len(made) < 5 * attempt:
            time.sleep(0)
        writer.close()
        threads[0].join()
        assert len(notes(log, "late")) == len(made)


def test_a_flood_of_notes_is_sealed_in_many_blocks(log):
    """Neither memory nor a block grows with it, though the session itself stands still."""
    writer = Writer(log.begin(HOOKS)).start()
    count = 3 * FLOOD // 60_000
    for number in range(count):
        log.note("flood", n=number, filler="x" * 60_000)
        if number % 20 == 0:
            settle(writer)
    assert sum(tail.size for tail in writer.journal._tails) < 3 * FLOOD
    writer.steps(1).close()
    assert notes(log, "flood") == list(range(count))
    assert ordered(log) == history(1)
    assert sum(1 for _ in log.read()) > 2
    assert audit(log).conformance is Verdict.PASS


def test_a_flood_of_details_is_sealed_in_many_blocks(log):
    """Steps that fail, one after the other, each with much to say."""
    writer = Writer(log.begin(HOOKS)).start()
    for _ in range(2 * FLOOD // 60_000):
        writer.fail_step(message="x" * 60_000)
        settle(writer)
    writer.close()
    assert sum(1 for _ in log.read()) > 1
    assert audit(log).conformance is Verdict.PASS


@pytest.mark.parametrize("swaps", [1, 2, 3])
def test_other_threads_may_swap_while_the_session_waits_to(log, swaps):
    """A flood of theirs: the session finds that it was done, or does it again."""
    writer = fill(Writer(log.begin(HOOKS)).start(), SLOTS)
    journal, wait_for = writer.journal, writer.journal._worker.wait_for

    def meanwhile(tail):
        journal._worker.wait_for = wait_for
        wait_for(tail)
        for _ in range(swaps):
            current = journal.recorder.position()[0]
            wait_for(journal._beside(current))
            journal._turn(current, journal._beside(current))
            log.note("flood")

    journal._worker.wait_for = meanwhile
    cycle = [place.code for place in step()]
    for code in cycle[(SLOTS - START_EVENTS) % STEP_EVENTS :]:
        journal.record(code)
    steps = (SLOTS - START_EVENTS) // STEP_EVENTS + 1
    writer.steps(100).close()
    assert ordered(log) == history(steps + 100)
    assert codes(log).count(EventKind.NOTE.number) == swaps
    assert audit(log).conformance is Verdict.PASS


def test_no_thread_swaps_between_a_detail_and_its_event(log, monkeypatch):
    """The detail would be in one tail, and its event in the other."""
    subject = Writer(log.begin(HOOKS)).start().steps(1).journal
    record, threads = subject.record, [threading.Thread(target=log.note, args=("flood",))]

    def be_flooded_and_record(code):
        threads[0].start()
        threads[0].join(0.1)
        record(code)

    monkeypatch.setattr(journal, "FLOOD", 10)
    monkeypatch.setattr(subject, "record", be_flooded_and_record)
    subject.record_with(Place("step").code, {"a": "detail"})
    threads[0].join()
    details = [event.detail for event in log if event.kind is EventKind.STEP_BEGIN]
    assert details[-1] == {"a": "detail"}
    assert codes(log).count(EventKind.NOTE.number) == 1


@pytest.mark.parametrize("text", [None, 3, b"bytes"])
def test_a_note_is_a_text(log, text):
    """Anything else is refused by what it is."""
    Writer(log.begin(HOOKS)).start()
    with pytest.raises(TypeError, match="a note is a text, not"):
        log.note(text)


def test_a_notes_detail_may_have_any_names(log):
    """Also those of the method's own arguments."""
    Writer(log.begin(HOOKS)).start()
    log.note("a note", text="inner", self=1)
    detail = [event.detail for event in log][-1]
    assert detail == {"text": "a note", "detail": {"text": "inner", "self": 1}}


# Whose log


def test_a_log_belongs_to_one_session(log):
    """A second session is refused, and told why."""
    log.begin(HOOKS)
    with pytest.raises(LogNotWritable, match="belongs to another session: one session, one log"):
        log.begin(HOOKS)


def test_nothing_can_be_noted_before_a_session_has_the_log():
    """The message says how it gets it."""
    with pytest.raises(LogNotWritable, match="no session is writing"):
        EventLog().note("early")
    with pytest.raises(LogNotWritable, match="pass it as event_log="):
        len(EventLog())


def test_an_opened_log_is_not_written(tmp_path):
    """Neither by a session nor by a note."""
    log = EventLog(tmp_path)
    Writer(log.begin(HOOKS)).start().close()
    opened = EventLog.open(log.path)
    with pytest.raises(LogNotWritable, match="was opened for reading; create a new EventLog"):
        opened.begin(HOOKS)
    with pytest.raises(LogNotWritable, match="no session is writing"):
        opened.note("late")


def test_a_target_that_is_none_is_refused():
    """The message says what may be one."""
    with pytest.raises(TypeError, match="a path, a directory, an EventStore, or None"):
        EventLog(42)


@pytest.mark.parametrize("store", [MemoryStore, None], ids=["memory", "file"])
def test_an_abandoned_journal_ends_its_thread_and_lets_go_of_its_files(tmp_path, store):
    """A session that is dropped without close costs nothing until the process ends."""
    log = EventLog(store() if store else tmp_path)
    path = log.path
    journal = weakref.ref(Writer(log.begin(HOOKS)).start().journal)
    del log
    gc.collect()
    assert journal() is None
    end = time.monotonic() + 10
    while path and EventLog.open(path).running and time.monotonic() < end:
        time.sleep(0.005)
    if path:
        reopened = EventLog.open(path)
        assert not reopened.running
        assert len(reopened) == START_EVENTS + 1


# Bounded memory


@pytest.fixture
def bounded():
    """A log of which all but the last few blocks were forgotten, and its writer."""
    log = EventLog(MemoryStore(limit=40_000))
    writer = Writer(log.begin(HOOKS)).start()
    run, end = writer._step.index(Place("computing").code), len(writer._step)
    for _ in range(60):
        writer.steps(500)
        for code in writer._step[:run]:
            writer.journal.record(code)
        writer.journal.record(Place("computing").code)
        for code in writer._step[run + 1 : end]:
            writer.journal.record(code)
    return log, writer


def test_a_bounded_log_tells_what_it_had_to_drop(bounded):
    """That makes it incomplete; what is left conforms."""
    log, writer = bounded
    writer.close()
    report = audit(log)
    dropped = log.read().dropped
    assert dropped > 3
    assert report.completeness is Verdict.FAIL
    assert report.conformance is Verdict.PASS, report
    assert report.integrity is not Verdict.FAIL
    (finding,) = (f for f in report.findings if f.about == "completeness")
    assert f"the first {dropped} blocks were dropped" in finding.seen


def test_a_bounded_log_keeps_its_numbers(bounded):
    """Sequence and steps of what is left are those that it had in the whole."""
    log, writer = bounded
    writer.close()
    events = list(log)
    assert events[-1].sequence == START_EVENTS + 60 * 501 * STEP_EVENTS + 6
    assert [event.sequence for event in events] == list(
        range(events[0].sequence, events[-1].sequence + 1)
    )
    assert max(event.step for event in events if event.step) == 60 * 501


def test_a_bounded_log_conforms_in_the_middle_of_a_stop_that_was_asked_for(bounded):
    """Though the request itself was dropped."""
    log, writer = bounded
    writer.journal.add(EventKind.STOP_REQUESTED, {"by": "step_fn"})
    for _ in range(40):
        for _ in range(600):
            writer.journal.record_with(Place("refused", 0, 2).code, {"error": told("RuntimeError")})
    assert audit(log).conformance is Verdict.PASS, audit(log)


def test_a_file_store_and_a_path_are_the_same(tmp_path):
    """A store is what a path stands for."""
    log = EventLog(FileStore(tmp_path / "a.arrows"))
    Writer(log.begin(HOOKS)).start().close()
    assert log.path == tmp_path / "a.arrows"
    assert len(EventLog.open(log.path)) == len(log)
