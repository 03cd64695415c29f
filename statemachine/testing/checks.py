"""The checks of a session: each looks at some events of a trace, and at some of their fields.

What is expected of a scenario, the model derives (`expected.py`). A check passes where the events
that it looks at are the expected ones, in the expected order. So several checks may fail for one
mistake, but none hides another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from statemachine.ordering import sentence
from statemachine.testing.features import Feature, Sees
from statemachine.testing.results import Check
from statemachine.testing.trace import Difference, Event

# Any, here: the fields of an event are JSON.
ALL: Final[tuple[str, ...]] = ("*",)
"""All fields of an event."""


@attrs.frozen
class TraceCheck(Check):
    """A check of what caller, hooks and raw session saw.

    Attributes:
        looks_at: The names of events, and which of their fields count.
        about: The events without which there is nothing to check; all of them if empty.
        sees: What an adapter must report.
        needs: What a session must be able to do.
    """

    looks_at: Mapping[str, tuple[str, ...]]
    about: frozenset[str] = frozenset()
    sees: frozenset[Sees] = frozenset()
    needs: frozenset[Feature] = frozenset()

    def view(self, trace: Iterable[tuple[str, Event]]) -> list[Event]:
        """What the check looks at."""
        wanted = self.looks_at
        return [_reduced(name, event, wanted[name]) for name, event in trace if name in wanted]

    def is_about(self, names: frozenset[str]) -> bool:
        """Whether there is something to check in a trace that holds events of these names."""
        return not names.isdisjoint(self.about or self.looks_at)

    def difference(
        self, expected: Sequence[tuple[str, Event]], found: Sequence[tuple[str, Event]]
    ) -> Difference | None:
        """The first place where it sees something else than what is expected."""
        left, right = self.view(expected), self.view(found)
        if left == right:
            return None
        pairs = zip(left, right, strict=False)
        same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
        return Difference(same, left, right)


def _reduced(name: str, event: Event, fields: tuple[str, ...]) -> Event:
    if fields is ALL:
        return event
    kept: Event = {"e": event["e"]}
    for field in ("i", "m", "n", *fields) if event["e"] == "hook" else fields:
        if field in event:
            kept[field] = event[field]
    if "." in name and event["e"] != "hook":
        kept["of"] = name
    return kept


_OUTCOMES: Final = frozenset({"ret", "ok", "exc"})


def named(trace: Iterable[Event]) -> list[tuple[str, Event]]:
    """Events with the names by which checks speak of them.

    A hook's call is ``hook.METHOD``; the outcome of an operation is ``out.KIND``, ``late.KIND``
    after the session was left, ``again.KIND`` if a hook or a step function made it; others are
    named by their kind.
    """
    kinds: dict[str, str] = {}
    return [(_name(event, kinds), event) for event in trace]


def _name(event: Event, kinds: dict[str, str]) -> str:
    kind: str = event["e"]
    if kind == "hook":
        return f"hook.{event['m']}"
    if kind == "op":
        kinds[event["n"]] = event["k"]
    elif kind in _OUTCOMES:
        number: str = event["n"]
        return f"{_when(number)}.{kinds.get(number, '')}"
    return kind


def _when(number: str) -> str:
    if number.startswith("after"):
        return "late"
    return "again" if number.endswith(".call") else "out"


def _check(
    name: str,
    rule: str,
    looks_at: str,
    about: str = "",
    sees: Iterable[Sees] = (),
    needs: Iterable[Feature] = (),
) -> TraceCheck:
    parsed = dict(_fields(word) for word in looks_at.split())
    return TraceCheck(
        name,
        rule,
        sentence(rule),
        parsed,
        frozenset(about.split()),
        frozenset(sees),
        frozenset(needs),
    )


def _fields(word: str) -> tuple[str, tuple[str, ...]]:
    name, colon, fields = word.partition(":")
    if fields == "*":
        return name, ALL
    return name, tuple(fields.split(",")) if colon else ()


_RAW: Final = Sees.RAW
_START: Final = Sees.START
_GRAPH: Final = Sees.GRAPH


def _checks_of_finalizing() -> Iterator[TraceCheck]:
    yield _check(
        "begin-of-each-hook-first", "begin-first", "hook.begin session_create init_op", "hook.begin"
    )
    yield _check(
        "begin-before-finalize",
        "finalize-after-begin",
        "hook.begin:fin scaffold_finalize graph_finalize",
        sees=[_START, _GRAPH],
    )
    yield _check(
        "graph-stays-final",
        "finalize-after-begin",
        "graph_finalize graph_unfinalize add_op out.add_op:exc",
        about="add_op out.add_op",
        sees=[_GRAPH],
        needs=[Feature.GRAPH],
    )
    yield _check(
        "session-after-finalize",
        "session-after-finalize",
        "scaffold_finalize graph_finalize session_create:s",
        sees=[_RAW, _START, _GRAPH],
    )


def _checks_of_starting() -> Iterator[TraceCheck]:
    yield _check(
        "initialize-new-session",
        "initialize-new-session",
        "session_create:s init_op:s",
        about="init_op",
        sees=[_RAW, _START],
    )
    yield _check(
        "init-fn-after-init-op",
        "init-fn-after-init-op",
        "init_op:s init_fn:s",
        about="init_fn",
        sees=[_START],
        needs=[Feature.SCAFFOLD],
    )
    yield _check(
        "restore-after-init",
        "restore-after-init",
        "init_op:s init_fn:s restore:s,ck ready_op:s",
        about="restore",
        sees=[_START],
        needs=[Feature.CHECKPOINT],
    )
    yield _check(
        "ready-before-start",
        "ready-before-start",
        "restore:s ready_for_local_init_op:* local_init_op:s ready_op:* hook.after_create_session",
        about="ready_for_local_init_op ready_op",
        sees=[_START],
    )


def _checks_of_launching() -> Iterator[TraceCheck]:
    yield _check(
        "queue-runners-after-restore",
        "queue-runners-after-restore",
        "restore:s ready_op:s queue_runners:s hook.after_create_session",
        about="queue_runners",
        sees=[_START],
        needs=[Feature.QUEUE_RUNNER],
    )
    yield _check(
        "after-create-session-of-each-hook",
        "after-create-session-in-order",
        "hook.begin hook.after_create_session:s,coord_stop init_op new_ok",
        about="hook.after_create_session",
    )
    yield _check(
        "failed-start-undone",
        "failed-start-undone",
        "new_exc session_close:s graph_unfinalize hook.end final:sessions,fin",
        about="new_exc",
        sees=[_RAW],
    )


def _checks_of_runs() -> Iterator[TraceCheck]:
    yield _check("before-run-first", "before-run-first", "hook.before_run run", "hook.before_run")
    yield _check(
        "hooks-see-what-was-asked",
        "before-run-first",
        "hook.before_run:s,fetch,feed,stop",
        needs=[Feature.RAW],
    )
    yield _check(
        "one-raw-run-in-a-run",
        "run-after-before-run",
        "hook.before_run run:s,fetch hook.after_run",
        about="run",
        sees=[_RAW],
    )
    yield _check(
        "feeds-are-merged",
        "feeds-merged",
        "run:fetch,feed,options out.run:exc user_options_now:v user_feed_now:v",
        about="run",
        sees=[_RAW],
        needs=[Feature.REQUESTS],
    )


def _checks_of_results() -> Iterator[TraceCheck]:
    yield _check("after-run-of-each-hook", "after-run-follows-run", "run hook.after_run", "run")
    yield _check(
        "hooks-get-their-own-results",
        "after-run-follows-run",
        "hook.after_run:results,options,other_context,stop",
        needs=[Feature.REQUESTS],
    )
    yield _check("result-returned", "result-returned", "out.run:v")
    yield _check("error-comes-out", "error-comes-out", "new_exc:exc out.run:exc body_exc:exc")


def _checks_of_stops() -> Iterator[TraceCheck]:
    yield _check(
        "should-stop-is-right",
        "stop-is-kept",
        "out.should_stop:v,exc late.should_stop:v,exc",
        needs=[Feature.STOP],
    )
    yield _check(
        "no-run-after-a-stop",
        "stop-is-kept",
        "hook.before_run hook.after_run:stop out.run:exc,v",
        about="hook.after_run",
        needs=[Feature.STOP],
    )
    yield _check(
        "step-function",
        "step-fn",
        "step_fn:s val out.step_fn:v,exc hook.before_run hook.after_run",
        about="step_fn out.step_fn",
        needs=[Feature.STEP_FN],
    )
    yield _check(
        "one-run-at-a-time",
        "one-run-at-a-time",
        "again.run:exc,v again.close:exc again.step_fn:exc,v",
        needs=[Feature.REENTRY],
    )


def _checks_of_the_end() -> Iterator[TraceCheck]:
    yield _check(
        "end-before-close",
        "end-first",
        "hook.end:s session_close:s",
        about="hook.end",
        sees=[_RAW],
    )
    yield _check("end-only-if-owed", "end-only-if-owed", "exit hook.end new_ok", about="exit")
    yield _check(
        "everything-closed",
        "close-after-end",
        "session_close:s,again final:sessions",
        about="final",
        sees=[_RAW],
    )


def _checks_of_closing() -> Iterator[TraceCheck]:
    yield _check(
        "threads-stopped",
        "close-after-end",
        "thread_exit:of",
        needs=[Feature.COORDINATOR],
    )
    yield _check(
        "graph-opened-again",
        "close-after-end",
        "graph_finalize graph_unfinalize final:fin",
        about="graph_unfinalize",
        sees=[_GRAPH],
        needs=[Feature.GRAPH],
    )
    yield _check(
        "end-of-input-suppressed", "suppress-end-of-input", "exit:exc exited:exc,suppressed"
    )
    yield _check("error-of-close", "error-of-close", "exited:exc,same out.close:exc body_exc:exc")
    yield _check(
        "nothing-after-close",
        "close-after-end",
        "exited late.run:v,exc late.step_fn:v,exc late.close:exc late.graph:v "
        "late.raw_session:v late.should_stop:v hook.before_run hook.end",
        about="late.run late.step_fn late.close late.graph late.raw_session late.should_stop",
    )


def _checks_of_recoveries() -> Iterator[TraceCheck]:
    needs = [Feature.MONITORED]
    yield _check(
        "recovers-from-preemption",
        "recover-from-preemption",
        "session_create:s hook.after_create_session:s out.run:v,exc",
        about="session_create",
        sees=[Sees.RAW],
        needs=needs,
    )
    yield _check(
        "old-session-closed",
        "old-session-closed",
        "session_create:s session_close:s",
        sees=[Sees.RAW],
        needs=needs,
    )
    yield _check(
        "finalized-again-without-begin",
        "finalize-again",
        "hook.begin scaffold_finalize session_create:s",
        about="scaffold_finalize",
        sees=[Sees.RAW, Sees.START],
        needs=needs,
    )
    yield _check(
        "stop-survives-recovery",
        "stop-survives-recovery",
        "session_create:s out.should_stop:v,exc",
        about="out.should_stop",
        sees=[Sees.RAW],
        needs=[*needs, Feature.STOP],
    )


CHECKS: Final = (
    *_checks_of_finalizing(),
    *_checks_of_starting(),
    *_checks_of_launching(),
    *_checks_of_runs(),
    *_checks_of_results(),
    *_checks_of_stops(),
    *_checks_of_the_end(),
    *_checks_of_closing(),
    *_checks_of_recoveries(),
)
"""All checks of traces."""
