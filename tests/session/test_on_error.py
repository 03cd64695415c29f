"""Hooks that have an `on_error` are told of errors, each of them, whatever the others raise."""

from typing import Any

import attrs
import pytest

import runtime as tf
from statemachine import EventKind, EventLog, Verdict, audit, replay
from statemachine.events import decode
from tests.session.playing import play
from tests.session.scenario import FAULTS, Deed, HookPlan, Operation, Scenario
from tests.session.test_conformance import _check
from tests.session.test_mutants import History, write
from tests.session.test_recovery import ErrorHook, Stage, check, make, no_waiting

K = EventKind
HEARING = HookPlan(on_error=True)
CALM = Scenario((HEARING, HookPlan(), HEARING), (Operation(),), init_fn=True, threads=True)


class Hears(tf.train.SessionRunHook):
    """Keeps what it is told; does something else then, if that is wanted."""

    def __init__(self, then: Any = None) -> None:
        self.told: list[tuple[Any, BaseException]] = []
        self.then = then

    def on_error(self, run_context: Any, error: BaseException) -> None:
        self.told.append((run_context, error))
        if isinstance(self.then, BaseException):
            raise self.then
        if self.then is not None:
            self.then(run_context)


class Fails(tf.train.SessionRunHook):
    """Raises in `before_run` what it is given, once."""

    error: BaseException | None = None

    def before_run(self, run_context: Any) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error


def errors_of(hook: Hears) -> list[BaseException]:
    return [error for _, error in hook.told]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("leave", ["with", "close"])
def test_a_session_whose_hooks_hear_of_errors_keeps_the_order(fault: str, leave: str) -> None:
    """Each class of error out of each call: hand-written rules and audit accept what is told."""
    raising = HookPlan(on_error=True, deeds=(Deed("on_error", 0, "raise", fault),))
    calm = attrs.evolve(CALM, leave=leave)
    plans = [
        attrs.evolve(calm, hooks=hooks, operations=operations)
        for hooks in (CALM.hooks, (raising, HookPlan(), HEARING))
        for operations in (
            (Operation(fault=fault), Operation()),
            (Operation(fault="value", caught=True), Operation("raise", fault)),
            (Operation("step fn", parts=("hooks", fault)),),
            (Operation("report", fault), Operation(fault="value", caught=True), Operation()),
        )
    ]
    stopping = HookPlan(on_error=True, deeds=(Deed("on_error", 0, "stop"),))
    plans.append(
        attrs.evolve(calm, hooks=(stopping, HEARING), operations=(Operation(fault=fault),))
    )
    for method in ("before_run", "after_run", "end", "begin"):
        hook = HookPlan(deeds=(Deed(method, 0, "raise", fault),))
        plans.append(attrs.evolve(calm, hooks=(HEARING, hook, HEARING)))
    for plan in plans:
        _check(plan, play(plan))


def test_a_run_that_fails_is_told_with_its_context_and_the_loop_without() -> None:
    """The same exception is told once, another one again; context and raw session are the run's."""
    hears, fails = Hears(), Fails()
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        first, second = KeyError("first"), ValueError("second")
        session = tf.train.SingularMonitoredSession(hooks=[hears, fails])
        with pytest.raises(ValueError, match="second"), session:
            fails.error = first
            with pytest.raises(KeyError):
                session.run(value)
            assert hears.told[0][0].session is session.raw_session()
            raise second
        assert errors_of(hears) == [first, second]
        assert hears.told[1][0] is None


def test_an_error_of_a_run_that_leaves_everything_is_told_once() -> None:
    """It comes out of a run, a step function and the with block: one failure."""
    hears, fails = Hears(), Fails()
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        fails.error = KeyError("x")
        session = tf.train.SingularMonitoredSession(hooks=[hears, fails])
        with pytest.raises(KeyError), session:
            session.run_step_fn(lambda step_context: step_context.run_with_hooks(value))
    assert len(hears.told) == 1


def test_the_same_error_out_of_two_runs_is_two_failures() -> None:
    """Each run that fails is told, even if an object is raised once more."""
    hears, fails = Hears(), Fails()
    with tf.Graph().as_default():
        value, error = tf.constant(1.0), KeyError("x")
        with tf.train.SingularMonitoredSession(hooks=[hears, fails]) as session:
            for _ in range(2):
                fails.error = error
                with pytest.raises(KeyError):
                    session.run(value)
    assert errors_of(hears) == [error, error]


@pytest.mark.parametrize("error", [tf.errors.OutOfRangeError(None, None, ""), StopIteration()])
def test_the_end_of_the_input_is_no_failure(error: Exception) -> None:
    """Out of a run, or out of the loop."""
    hears, fails = Hears(), Fails()
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        with tf.train.SingularMonitoredSession(hooks=[hears, fails]) as session:
            fails.error = error
            session.run(value)
    assert hears.told == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_interrupt_is_a_failure_like_others(error: BaseException) -> None:
    """What is no Exception is told, too, when it leaves the with block."""
    hears = Hears()
    with tf.Graph().as_default():
        session = tf.train.SingularMonitoredSession(hooks=[hears])
        with pytest.raises(type(error)), session:
            raise error
    assert errors_of(hears) == [error]


@pytest.mark.parametrize("another", [OSError("down"), KeyboardInterrupt("now")])
def test_whatever_one_raises_the_others_are_called_and_the_first_error_comes_out(
    another: BaseException,
) -> None:
    """The later error is in the log and in a note; an interrupt asks for a stop beside."""
    first, last, fails, log = Hears(another), Hears(), Fails(), EventLog()
    with tf.Graph().as_default():
        value, error = tf.constant(1.0), KeyError("x")
        with tf.train.SingularMonitoredSession(
            hooks=[first, fails, last], event_log=log
        ) as session:
            fails.error = error
            with pytest.raises(KeyError) as caught:
                session.run(value)
            assert caught.value is error
            is_interrupt = not isinstance(another, Exception)
            assert session.should_stop() == is_interrupt
    assert errors_of(last) == [error]
    assert error.__notes__ == [
        f"on_error of hook 0 (Hears), called for this error, raised {type(another).__name__}: "
        f"{another}"
    ]
    raised = [event for event in log if event.kind is K.RAISED]
    assert [event.detail["call"] for event in raised] == ["hook.before_run", "hook.on_error"]
    assert replay(log).steps_failed == 1
    check(log, 3)


def test_on_error_may_ask_for_a_stop() -> None:
    """It is kept, and the log says which hook asked; afterwards the context asks for nothing."""
    hears, fails, log = Hears(lambda context: context.request_stop()), Fails(), EventLog()
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        with tf.train.SingularMonitoredSession(hooks=[fails, hears], event_log=log) as session:
            fails.error = KeyError("x")
            with pytest.raises(KeyError):
                session.run(value)
            assert session.should_stop()
    assert replay(log).stop_asked_by == "hook 1 (Hears)"
    check(log, 2)


@pytest.mark.parametrize("method", ["run", "close", "run_step_fn"])
def test_on_error_can_not_use_the_session_itself(method: str) -> None:
    """The refusal says what it can use instead, and does not take the first error's place."""
    fails, log = Fails(), EventLog()

    def again(run_context: Any) -> None:
        arguments = {"run": (value,), "close": (), "run_step_fn": (lambda step_context: None,)}
        getattr(session, method)(*arguments[method])

    with tf.Graph().as_default():
        value = tf.constant(1.0)
        with tf.train.SingularMonitoredSession(
            hooks=[Hears(again), fails], event_log=log
        ) as session:
            fails.error = KeyError("x")
            with pytest.raises(KeyError) as caught:
                session.run(value)
    assert f"{method} was called inside on_error of hook 0 (Hears)" in caught.value.__notes__[0]
    check(log, 2)


def test_a_construction_that_fails_is_told_to_nobody() -> None:
    """Nothing runs yet, and hooks may not even have begun: the caller gets the error."""
    hears = Hears()
    with tf.Graph().as_default(), pytest.raises(KeyError):
        fails = tf.train.SessionRunHook()
        fails.begin = lambda: {}["x"]  # type: ignore[method-assign, return-value]
        tf.train.SingularMonitoredSession(hooks=[hears, fails])
    assert hears.told == []


def test_what_fails_on_the_way_out_is_told_to_nobody() -> None:
    """The caller gets the error of a hook's end, and the log has it."""
    hears = Hears()
    ends = tf.train.SessionRunHook()
    ends.end = lambda session: {}["x"]  # type: ignore[method-assign, return-value]
    with tf.Graph().as_default():
        session = tf.train.SingularMonitoredSession(hooks=[hears, ends])
        with pytest.raises(KeyError):
            session.close()
    assert hears.told == []


def test_a_preemption_that_is_recovered_from_is_no_failure_but_a_lost_session_is() -> None:
    """The hooks hear of an error only when it comes out of the session."""
    stage, log = Stage({"before_run": ["aborted"], "init_fn": [None, None, "value"]}), EventLog()
    hook, hears = ErrorHook(stage), Hears()
    with no_waiting(), tf.Graph().as_default():
        value = tf.constant(1.0)
        with make(stage, [hook, hears], log) as session:
            assert session.run(value) == 1.0
            assert hears.told == []
            stage.faults["before_run"] = ["aborted"]
            with pytest.raises(ValueError, match="planned"):
                session.run(value)
            assert session.should_stop()
    assert [(context, type(error)) for context, error in hears.told] == [(None, ValueError)]
    check(log, 2)


def test_the_header_says_which_hooks_hear_of_errors_and_a_call_that_is_missing_is_found(
    tmp_path: Any,
) -> None:
    """A log from which calls of on_error were taken out does not conform."""
    plan = attrs.evolve(CALM, operations=(Operation(fault="value"),))
    history = History.of(plan)
    assert history.header.on_error == (0, 2)
    told = [at for at, c in enumerate(history.codes) if decode(c).kind is K.ON_ERROR]
    assert len(told) == 2
    silent = history.edited(told[0], 2, ())
    report = audit(write(silent, tmp_path / "silent.arrows", []))
    assert report.conformance is Verdict.FAIL
    assert {finding.rule for finding in report.findings} == {"on-error-called"}
    assert "on_error was not called for the error ValueError" in str(report)


def test_a_step_that_nothing_disturbs_costs_no_more_where_hooks_hear_of_errors() -> None:
    """Its events are the same: on_error is looked for once, when the session is made."""
    logs = [play(attrs.evolve(CALM, hooks=hooks)).log for hooks in (CALM.hooks, (HookPlan(),) * 3)]
    kinds = [[event.kind for event in log] for log in logs]
    assert kinds[0] == kinds[1]
