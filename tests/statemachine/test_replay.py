"""Replay: the state that a log tells of, at its end and after each event."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import (
    Checkpoint,
    ErrorInfo,
    EventKind,
    EventLog,
    MemoryStore,
    State,
    replay,
)
from statemachine.compiled import Place
from statemachine.replay import Fold
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer, told

SAVED = {"path": "model-3", "step": 3, "size": 100, "sha256": "ab" * 32}


def eventful() -> EventLog:
    """A log of a session to which everything happens that a state tells of."""
    log = EventLog()
    journal = log.begin(HOOKS)
    writer = Writer(journal).start().steps(2)
    log.note("a note")
    writer.fail_step("ValueError", "bad batch")
    journal.add(EventKind.CHECKPOINT_SAVED, SAVED)
    journal.record(Place("step fn", 0, 1).code)
    for point in ("step", "gathering"):
        journal.record(Place(point, 0, 1).code)
    asked = {"by": "hook.before_run", "hook": 0, "reason": "enough"}
    journal.add(EventKind.STOP_REQUESTED, asked)
    journal.record(Place("gathering", 1, 3).code)
    for place in (Place("computing", 0, 3), Place("delivering", 0, 3), Place("delivering", 1, 3)):
        journal.record(place.code)
    journal.record(Place("step done", 0, 3).code)
    journal.record(Place("step fn done", 0, 2).code)
    journal.record_with(Place("refused", 0, 2).code, {"error": told("RuntimeError", "stopped")})
    journal.add(EventKind.STOP_REQUESTED, {"by": "coordinator"})
    writer.close()
    return log


@pytest.fixture(scope="module")
def log():
    return eventful()


def naive(events):
    """Counts, taken from one event after the other."""
    kinds = Counter(event.kind for event in events)
    calls: dict[int, Counter[str]] = {}
    for event in events:
        if event.hook is not None and event.kind.value.startswith("hook."):
            name = event.kind.value.removeprefix("hook.")
            calls.setdefault(event.hook, Counter())[name] += 1
    failed = sum(event.kind is EventKind.RAISED and event.step is not None for event in events)
    refused = kinds[EventKind.STEP_REFUSED]
    return {
        "events": len(events),
        "steps_asked": kinds[EventKind.STEP_BEGIN] + refused,
        "steps_done": kinds[EventKind.STEP_END],
        "steps_failed": failed + refused,
        "calls": calls,
        "last_event": events[-1] if events else None,
    }


def test_after_each_event_the_state_is_that_of_the_events_until_then(log):
    """Counts as a naive fold has them; the same as folding a log that ends there."""
    events = list(log)
    for until in range(len(events)):
        state = replay(log, until)
        expected = naive(events[: until + 1])
        assert {name: getattr(state, name) for name in expected} == expected, until
        fold = Fold(HOOKS, log.header.started)
        (block,) = log.read()
        fold.add(block.part(0, until + 1))
        assert fold.result() == state
    assert replay(log, len(events) + 5) == replay(log) == replay(log, len(events) - 1)


@given(st.lists(st.integers(0, 200), max_size=6))
def test_a_fold_does_not_depend_on_where_blocks_end(log, cuts):
    """Folding a log in any pieces gives the same state."""
    (block,) = log.read()
    fold, borders = Fold(HOOKS, log.header.started), sorted({0, *cuts, len(block)})
    for start, stop in itertools.pairwise(borders):
        fold.add(block.part(start, stop))
    assert fold.result() == replay(log)


def test_the_state_follows_the_states_of_the_session(log):
    """All seven, each reached by its event."""
    seen = [replay(log, until).state for until in range(len(list(log)))]
    assert list(dict.fromkeys(seen)) == list(State)


def test_the_latest_checkpoint_is_told(log):
    """With what the saver said of it."""
    state = replay(log)
    assert state.last_saved == Checkpoint("model-3", 3, 100, "ab" * 32)
    assert state.last_restored is None


def test_what_a_checkpoint_does_not_say_is_none():
    """Its step may not be known, and a log may hold anything."""
    log = EventLog()
    journal = log.begin(())
    journal.add(EventKind.CHECKPOINT_RESTORED, {"path": "a", "step": None, "size": "x"})
    assert replay(log).last_restored == Checkpoint("a", None, None, None)


def test_the_first_who_asked_for_a_stop_is_named(log):
    """With the call in which, and the reason."""
    state = replay(log)
    assert state.stop_asked_by == "hook 0 (StepCounter)"
    assert state.stop_reason == "hook 0 (StepCounter) asked for it in hook.before_run: enough"


@pytest.mark.parametrize(
    ("detail", "reason", "who"),
    [
        ({"by": "close"}, "close() was called", "close"),
        ({"by": "with"}, "the with block was left", "with"),
        (
            {"by": "with", "error": told("OutOfRangeError", "the end")},
            "the with block was left by OutOfRangeError: the end",
            "with",
        ),
    ],
)
def test_leaving_is_a_reason_where_nobody_asked(detail, reason, who):
    """By close, by the end of the block, or by an error."""
    log = EventLog()
    writer = Writer(log.begin(HOOKS)).start()
    writer.journal.record_with(Place("stopping", 0, 1).code, detail)
    state = replay(log)
    assert (state.stop_reason, state.stop_asked_by) == (reason, who)


def test_a_failed_step_is_not_the_sessions_error(log):
    """The caller caught it, and went on."""
    state = replay(log)
    assert state.error is None
    assert replay(log, START_EVENTS + 2 + 2 * STEP_EVENTS + 1).last_failure == ErrorInfo(
        "ValueError", "bad batch", ("ValueError", "Exception", "BaseException")
    )


def test_an_error_that_leaves_the_block_is_the_sessions_error():
    """Unless it is suppressed."""
    log = EventLog()
    writer = Writer(log.begin(HOOKS)).start()
    detail = {"by": "with", "error": told("OutOfRangeError", "the end")}
    writer.journal.record_with(Place("stopping", 0, 1).code, detail)
    assert str(replay(log).error) == "OutOfRangeError: the end"
    for place in (Place("ending", 0), Place("ending", 1), Place("joining"), Place("closing")):
        writer.journal.record(place.code)
    writer.journal.record_with(Place("suppressed").code, {"error": told("OutOfRangeError")})
    assert replay(log).error is None


def test_an_error_of_the_construction_is_the_sessions_error():
    """The session was never there."""
    log = EventLog()
    journal = log.begin(HOOKS)
    journal.record(Place("created").code)
    journal.record(Place("beginning", 0).code)
    journal.raised({"error": told("KeyError", "'x'")})
    journal.record(Place("closed").code)
    state = replay(log)
    assert (str(state.error), state.state, state.stopped_in) == (
        "KeyError: 'x'",
        State.CLOSED,
        None,
    )


def test_nothing_folds_to_created():
    """A session that wrote nothing stopped in nothing."""
    log = EventLog()
    log.begin(HOOKS)
    state = replay(log)
    assert (state.state, state.events, state.last_event) == (State.CREATED, 0, None)
    assert state.stopped_in == "nothing: no event was written"


def test_until_is_the_number_of_an_event(log):
    """A negative one is refused."""
    with pytest.raises(
        ValueError, match="until is the sequence number of an event, from 0, not -1"
    ):
        replay(log, until=-1)


def test_a_log_is_folded_by_its_path_as_well(tmp_path):
    """As `audit` takes it."""
    log = EventLog(tmp_path / "a.arrows")
    Writer(log.begin(HOOKS)).start().steps(2).close()
    assert replay(tmp_path / "a.arrows") == replay(str(tmp_path / "a.arrows")) == replay(log)


def test_a_bounded_log_is_folded_from_where_it_begins():
    """An `until` before that folds nothing."""
    log = EventLog(MemoryStore(limit=1000))
    Writer(log.begin(HOOKS)).start().steps(12_000).close()
    first = next(iter(log)).sequence
    assert first > 10_000
    assert replay(log, until=first - 1).events == 0
    assert replay(log, until=first).events == 1


def test_a_state_is_a_value(log):
    """Equal where the logs tell the same, and it can't be changed."""
    assert replay(log) == replay(log)
    with pytest.raises(AttributeError):
        replay(log).events = 3
    with pytest.raises(TypeError):
        replay(log).calls[0]["begin"] = 3
