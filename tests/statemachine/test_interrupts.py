"""Control-C at any moment: nothing hangs, nothing is lost, nothing is there twice."""

import threading
from functools import partial

import pytest

from statemachine import EventKind, EventLog, Verdict, audit, journal
from statemachine.compiled import Place
from statemachine.events import SECOND_LANE
from statemachine.tail import SLOTS
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer, step, told
from tests.statemachine.interrupts import interrupted_at

FILES = tuple(
    f"statemachine/{name}.py"
    for name in ("journal", "recorder", "tail", "store", "block", "form", "log")
)
CYCLE = [place.code for place in step()]


class Session:
    """A session that is interrupted, and goes on."""

    def __init__(self, target):
        self.log = EventLog(target)
        self.writer = Writer(self.log.begin(HOOKS)).start()
        self.journal = self.writer.journal
        self.steps = 0
        self.notes = 0

    def fill(self):
        """Steps until the tail is nearly full, and the begin of one that does not fit."""
        room = SLOTS - self.journal.recorder.position()[1]
        self.steps += room // STEP_EVENTS
        self.writer.steps(room // STEP_EVENTS)
        for code in CYCLE[: room % STEP_EVENTS]:
            self.journal.record(code)
        return CYCLE[room % STEP_EVENTS]

    def go_on(self, steps):
        """Complete the step that the session stands in, and make more."""
        last = self.journal.recorder.position()[2]
        if last in CYCLE[:-1]:
            self.steps += 1
            for code in CYCLE[CYCLE.index(last) + 1 :]:
                self.journal.record(code)
        self.writer.steps(steps)
        self.steps += steps

    def end(self):
        self.writer.close()
        codes = [code for block in self.log.read() for code in block.codes.tolist()]
        ordered = [code for code in codes if not code & SECOND_LANE]
        assert ordered[START_EVENTS : START_EVENTS + self.steps * STEP_EVENTS] == (
            CYCLE * self.steps
        )
        report = audit(self.log)
        assert report.conformance is Verdict.PASS, report
        assert report.completeness is Verdict.PASS, report
        assert report.integrity is not Verdict.FAIL, report
        assert codes.count(EventKind.NOTE.number) in (self.notes, self.notes + 1)


def each_place(step):
    """The numbers of the places to be interrupted at, until there is no further one."""
    number = 0
    while True:
        yield number
        number += step


@pytest.fixture(params=[3, pytest.param(1, marks=pytest.mark.deep)], ids="every {}".format)
def every(request):
    """How many places lie between two that are interrupted."""
    return request.param


@pytest.fixture(params=["memory", "file"])
def session(request, tmp_path):
    made = []

    def new():
        target = None if request.param == "memory" else tmp_path / f"{len(made)}.arrows"
        made.append(Session(target))
        return made[-1]

    return new


def run_interrupted(session, act, every=1, then=3):
    """Interrupt what `act` does with a new session at every place, each time in a new one."""
    for number in each_place(every):
        subject = session()
        call = act(subject)
        reached = interrupted_at(number, call, FILES)
        subject.go_on(then)
        subject.end()
        if not reached:
            return number
    return 0


def test_a_swap_can_be_interrupted_anywhere(session):
    """The next one does what was left undone."""

    def act(subject):
        code = subject.fill()
        return lambda: subject.journal.record(code)

    assert run_interrupted(session, act, every=3, then=2 * SLOTS // STEP_EVENTS) > 10


def test_the_second_swap_can_be_interrupted_anywhere(session):
    """It is the first one that has to wait for a tail."""

    def act(subject):
        subject.journal.record(subject.fill())
        subject.go_on(0)
        code = subject.fill()
        return lambda: subject.journal.record(code)

    assert run_interrupted(session, act, every=5, then=SLOTS // STEP_EVENTS) > 10


def test_a_note_can_be_interrupted_anywhere(session, every):
    """It is there or it is not."""

    def act(subject):
        return lambda: subject.log.note("interrupted", loss=1.0)

    assert run_interrupted(session, act, every) > 10


def test_a_note_that_floods_a_block_can_be_interrupted_anywhere(session, every, monkeypatch):
    """The swap that it causes is done later."""
    monkeypatch.setattr(journal, "FLOOD", 100)

    def act(subject):
        return lambda: subject.log.note("x" * 200)

    assert run_interrupted(session, act, every) > 10


def test_an_early_seal_can_be_interrupted_anywhere(session):
    """Nothing waits for it."""

    def act(subject):
        return subject.journal.seal

    assert run_interrupted(session, act) >= 1


def test_an_event_with_a_detail_can_be_interrupted_anywhere(session, every):
    """Written again, it is there once, with the later detail."""
    begin = Place("step").code
    for number in each_place(every):
        subject = session()
        call = partial(subject.journal.record_with, begin, {"try": 1})
        reached = interrupted_at(number, call, FILES)
        if subject.journal.recorder.position()[2] != begin:
            subject.journal.record_with(begin, {"try": 2})
        subject.journal.raised({"error": told("KeyboardInterrupt")})
        (event,) = (event for event in subject.log if event.kind is EventKind.STEP_BEGIN)
        assert event.detail["try"] in (1, 2)
        subject.end()
        if not reached:
            return


def test_closing_can_be_interrupted_anywhere(tmp_path, every):
    """What is left is a log that was not closed, or not to its end: all events are there."""
    for number in each_place(every):
        subject = Session(tmp_path / f"{number}.arrows")
        subject.writer.steps(3).leave()
        reached = interrupted_at(number, subject.journal.close, FILES)
        report = audit(EventLog.open(subject.log.path))
        assert report.conformance is Verdict.PASS
        assert report.state.steps_done == 3
        assert report.state.state.value == "closed"
        subject.journal._worker.stop()
        if not reached:
            assert report.completeness is Verdict.PASS
            assert not any(t.name == "event-log" for t in threading.enumerate() if not t.daemon)
            return
