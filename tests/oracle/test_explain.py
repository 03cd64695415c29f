"""The machinery that explains differences can also say no."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

import runtime as tf
from statemachine.testing.trace import Event, Level, Observation, compare, project
from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row
from tests.oracle.divergences import wanted
from tests.oracle.explain import Verdict, derive, explain
from tests.oracle.runner import count, judge, judge_all

Singular = tf.train.SingularMonitoredSession


class Relay(tf.train.SessionRunHook):
    """Passes every call on to another hook."""

    def __init__(self, hook: Any) -> None:
        self.hook = hook

    def begin(self) -> None:
        self.hook.begin()

    def after_create_session(self, session: Any, coord: Any) -> None:
        self.hook.after_create_session(session, coord)

    def before_run(self, run_context: Any) -> Any:
        return self.hook.before_run(run_context)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self.hook.after_run(run_context, run_values)

    def end(self, session: Any) -> None:
        self.hook.end(session)


class WithoutEnd(Relay):
    def end(self, session: Any) -> None:
        pass


class BeginsTwice(Relay):
    def begin(self) -> None:
        self.hook.begin()
        self.hook.begin()


class LosesResults(Relay):
    def after_run(self, run_context: Any, run_values: Any) -> None:
        self.hook.after_run(run_context, run_values._replace(results=None))


def with_hooks_in(relay: type[Relay]) -> type:
    class Wrong(Singular):
        def __init__(self, hooks: Any = None, **named: Any) -> None:
            super().__init__(hooks=[relay(hook) for hook in hooks or ()], **named)

    return Wrong


class ReversedHooks(Singular):
    def __init__(self, hooks: Any = None, **named: Any) -> None:
        super().__init__(hooks=list(hooks or ())[::-1], **named)


class SuppressesEverything(Singular):
    def __exit__(self, *error: Any) -> bool:
        super().__exit__(*error)
        return True


class NeverStops(Singular):
    def should_stop(self) -> bool:
        return super().should_stop() and False


class IgnoresCheckpoints(Singular):
    def __init__(self, checkpoint_dir: Any = None, **named: Any) -> None:
        super().__init__(**named)


class IgnoresScaffold(Singular):
    def __init__(self, scaffold: Any = None, **named: Any) -> None:
        super().__init__(**named)


class ReturnsNothing(Singular):
    def run(self, *arguments: Any, **named: Any) -> None:
        super().run(*arguments, **named)


class ClosesOnlyOnce(Singular):
    def close(self) -> None:
        if self.raw_session() is not None:
            super().close()


WRONG = {
    "end is not called": with_hooks_in(WithoutEnd),
    "begin is called twice": with_hooks_in(BeginsTwice),
    "hooks get no results": with_hooks_in(LosesResults),
    "hooks are called in reverse": ReversedHooks,
    "with suppresses every error": SuppressesEverything,
    "should_stop is never true": NeverStops,
    "checkpoints are not restored": IgnoresCheckpoints,
    "the scaffold is ignored": IgnoresScaffold,
    "run returns nothing": ReturnsNothing,
    "a second close is silent": ClosesOnlyOnce,
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_session_that_behaves_wrongly_is_found(
    singular: Sequence[Row], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each seeded fault leaves differences that nothing explains."""
    monkeypatch.setattr(tf.train, "SingularMonitoredSession", WRONG[fault])
    named = [row for row in singular if not row.id.startswith("r1.")]
    assert count(judge_all(named[::2], play_on_runtime))[Verdict.UNEXPLAINED] > 0


def changes(trace: Sequence[Event]) -> Iterable[tuple[str, list[Event]]]:
    """Every way to leave one event out, and to exchange the class of one error."""
    for at, event in enumerate(trace):
        before, after = list(trace[:at]), list(trace[at + 1 :])
        yield f"without event {at} {event}", before + after
        if event.get("exc"):
            other = {**event, "exc": ["SystemError", event["exc"][1]]}
            yield f"event {at} as {other}", [*before, other, *after]


def test_one_event_off_is_one_event_too_much(singular: Sequence[Row]) -> None:
    """A trace that is wanted but for a single event is unexplained, wherever that is."""
    for row in singular[::40]:
        trace = project(derive(row, wanted()).trace)
        for change, changed in changes(trace):
            if changed != project(row.expected.trace):
                explanation = explain(row, Observation(changed))
                assert explanation.verdict is Verdict.UNEXPLAINED, f"{row.id}: {change}"


def test_a_difference_shows_both_sides_and_what_was_before(by_id: Mapping[str, Row]) -> None:
    """The first differing event is shown with its context."""
    row = by_id["order.s.three-hooks"]
    found = Observation([e for e in row.expected.trace if e["e"] != "run"])
    explanation = explain(row, found)
    assert explanation.difference is not None
    shown = explanation.difference.render().splitlines()
    assert shown[3].startswith("      h2.before_run#0")
    assert shown[4].startswith("  -   run ")
    assert shown[6].startswith("  +   h0.after_run#0")


def test_tensorflow_s_own_way_is_unexplained_where_we_want_another(
    by_id: Mapping[str, Row],
) -> None:
    """What is neither TensorFlow's trace nor the wanted one does not pass as something between."""
    row = by_id["close.s.in-with-then-raise"]
    only_some = derive(row, [d for d in wanted() if d.number != 4])
    assert compare(row.expected, only_some) is None
    mixed = by_id["explicit.s.before_run.oor"]
    assert explain(mixed, derive(row, wanted())).verdict is Verdict.UNEXPLAINED


def test_every_needed_divergence_is_named_and_no_other(by_id: Mapping[str, Row]) -> None:
    """A trace that needs several entries names them all."""
    row = by_id["close.s.then-all"]
    explanation = explain(row, derive(row, wanted()))
    assert [d.number for d in explanation.by] == [4, 5]


def test_a_crash_of_the_player_is_unexplained(by_id: Mapping[str, Row]) -> None:
    """A scenario that cannot be played does not pass."""

    def crash(scenario: Mapping[str, Any]) -> Observation:
        raise LookupError("no such thing")

    outcome = judge(by_id["order.s.three-hooks"], crash)
    assert outcome.explanation.verdict is Verdict.UNEXPLAINED
    assert "no such thing" in outcome.explanation.remark


def altered(row: Row, at: int, **fields: Any) -> Row:
    """The row with one event of its trace altered, so that the model cannot derive it."""
    trace = [dict(event) for event in row.expected.trace]
    trace[at].update(fields)
    return Row(row.id, row.why, row.scenario, Observation(trace))


def test_the_ordering_suffices_only_after_a_divergence(by_id: Mapping[str, Row]) -> None:
    """If TensorFlow's trace cannot be derived, what counts is where the gap is."""
    row = by_id["order.s.ckpt"]
    found = derive(row, wanted())
    last_run = max(at for at, e in enumerate(row.expected.trace) if e["e"] == "ret")
    late = explain(altered(row, last_run, v=-1), found)
    assert (late.verdict, late.by_ordering) == (Verdict.EXPLAINED, True)
    assert [d.number for d in late.by] == [1]
    early = explain(altered(row, 1, n=7), found)
    assert early.verdict is Verdict.UNEXPLAINED


def test_the_ordering_does_not_suffice_for_a_trace_out_of_order(by_id: Mapping[str, Row]) -> None:
    """After such a divergence the trace still has to keep the documented ordering."""
    row = by_id["order.s.ckpt"]
    trace = project(derive(row, wanted()).trace)
    gap = altered(row, max(at for at, e in enumerate(row.expected.trace) if e["e"] == "ret"), v=-1)
    without_end = [e for e in trace if e.get("m") != "end"]
    explanation = explain(gap, Observation(without_end))
    assert explanation.verdict is Verdict.UNEXPLAINED
    assert "end" in explanation.remark


def test_the_ordering_does_not_suffice_after_other_divergences(by_id: Mapping[str, Row]) -> None:
    """Entries that rewrite exactly explain nothing that cannot be derived."""
    row = by_id["close.s.then-run"]
    assert row.expected.trace[-1]["e"] == "final"
    gap = altered(row, len(row.expected.trace) - 1, stuck=5)
    assert explain(gap, derive(row, wanted())).verdict is Verdict.UNEXPLAINED


def test_levels_see_more_and_more(by_id: Mapping[str, Row]) -> None:
    """What differs inside only is equal to the user; coordinators count at level full."""
    row = by_id["order.s.three-hooks"]
    inside = Observation([e for e in row.expected.trace if e["e"] != "init_op"])
    stopped = Observation([e for e in row.expected.trace if e["e"] != "coord_stop"])
    assert explain(row, inside, Level.USER).verdict is Verdict.EQUAL
    assert explain(row, inside, Level.CORE).verdict is Verdict.UNEXPLAINED
    assert explain(row, stopped, Level.CORE).verdict is Verdict.EQUAL
    assert explain(row, stopped, Level.FULL).verdict is Verdict.UNEXPLAINED
