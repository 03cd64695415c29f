"""Scenarios as values: what hooks do, where what fails, and what the user does."""

from collections.abc import Callable
from typing import Final

import attrs
from hypothesis import strategies as st

from runtime import errors

HOOK_METHODS: Final = ("begin", "after_create_session", "before_run", "after_run", "end")
PIECES: Final = (
    "finalize",
    "open",
    "init_op",
    "init_fn",
    "ready_for_local_init_op",
    "local_init_op",
    "ready_op",
    "queue_runners",
)


class OutOfRangeSub(errors.OutOfRangeError):
    """A subclass of what means the end of the input."""


class StopIterationSub(StopIteration):
    """A subclass of what means the end of the input."""


def _tensorflow(kind: type[errors.OpError]) -> Callable[[], BaseException]:
    return lambda: kind(None, None, "planned")


FAULTS: Final[dict[str, Callable[[], BaseException]]] = {
    "value": lambda: ValueError("planned"),
    "lookup": lambda: KeyError("planned"),
    "oor": _tensorflow(errors.OutOfRangeError),
    "oor sub": _tensorflow(OutOfRangeSub),
    "stop": lambda: StopIteration("planned"),
    "stop sub": lambda: StopIterationSub("planned"),
    "interrupt": KeyboardInterrupt,
    "exit": lambda: SystemExit(3),
    "aborted": _tensorflow(errors.AbortedError),
    "unavailable": _tensorflow(errors.UnavailableError),
}
faults = st.sampled_from(sorted(FAULTS))
maybe_fault = st.none() | faults


@attrs.frozen
class Deed:
    """What a hook does in one of its calls, beside asking for fetches.

    Attributes:
        method: In which method.
        call: In which call of that method, from 0.
        what: "raise", "report" (to the coordinator), "stop", or "run", "close", "step fn" on the
            session itself, which is refused.
        fault: Which error is raised or reported.
        caught: Whether the hook catches the refusal.
    """

    method: str
    call: int = 0
    what: str = "raise"
    fault: str = "value"
    caught: bool = False


@attrs.frozen
class HookPlan:
    """What one hook does.

    Attributes:
        fetches: For each run in turn, whether it asks for a fetch; over again after the last.
        feeds: Whether it feeds a tensor, which conflicts with whoever else feeds it.
        deeds: What else it does.
        on_error: Whether it has an `on_error`.
    """

    fetches: tuple[bool, ...] = (False,)
    feeds: bool = False
    deeds: tuple[Deed, ...] = ()
    on_error: bool = False


@attrs.frozen
class Operation:
    """What the user does.

    Attributes:
        what: "run", "should_stop", "step fn", "report", "raise", "close" or "note".
        fault: For "run": what the raw run raises, if anything; else the error.
        feeds: For "run": whether the user feeds the tensor that hooks may feed.
        caught: Whether the user catches what comes out.
        parts: For "step fn": what it does: "raw", "hooks", "hooks, caught", "stop",
            "stop, caught", "close, caught", or the name of a fault that it raises.
    """

    what: str = "run"
    fault: str | None = None
    feeds: bool = False
    caught: bool = False
    parts: tuple[str, ...] = ()


@attrs.frozen
class Scenario:
    """A session's life, planned.

    Attributes:
        hooks: The hooks.
        operations: What the user does, in turn.
        start_fault: Which piece of the construction fails, and how.
        init_fn: Whether there is an init_fn.
        threads: Whether there are threads that run until they are stopped.
        leave: "with", or "close" for an explicit close() after the operations.
        close_fault: What closing the raw session raises.
    """

    hooks: tuple[HookPlan, ...] = ()
    operations: tuple[Operation, ...] = ()
    start_fault: tuple[str, str] | None = None
    init_fn: bool = False
    threads: bool = False
    leave: str = "with"
    close_fault: str | None = None

    @property
    def on_error(self) -> tuple[int, ...]:
        """The places of the hooks that have an `on_error`."""
        return tuple(index for index, hook in enumerate(self.hooks) if hook.on_error)


_deeds = st.builds(
    Deed,
    st.sampled_from([*HOOK_METHODS, "on_error"]),
    st.integers(0, 2),
    st.sampled_from(["raise", "raise", "report", "stop", "run", "close", "step fn"]),
    faults,
    st.booleans(),
)
_hooks = st.builds(
    HookPlan,
    st.lists(st.booleans(), min_size=1, max_size=3).map(tuple),
    st.sampled_from([False, False, False, True]),
    st.lists(_deeds, max_size=2).map(tuple),
    st.booleans(),
)
_PARTS: Final = ("raw", "hooks", "hooks, caught", "stop", "stop, caught", "close, caught")
_operations = st.builds(
    Operation,
    st.sampled_from(["run", "run", "run", "step fn", "should_stop", "report", "raise", "close"]),
    st.none() | maybe_fault,
    st.sampled_from([False, False, True]),
    st.sampled_from([True, True, False]),
    st.lists(st.sampled_from(_PARTS) | faults, max_size=3).map(tuple),
)


@st.composite
def scenarios(draw: st.DrawFn, most_hooks: int = 4, most_operations: int = 5) -> Scenario:
    """Scenarios, most of which come to run."""
    starting = st.tuples(st.sampled_from(PIECES), faults)
    return Scenario(
        tuple(draw(st.lists(_hooks, max_size=most_hooks))),
        tuple(draw(st.lists(_operations, max_size=most_operations))),
        draw(st.one_of(st.none(), st.none(), st.none(), starting)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["with", "with", "close"])),
        draw(st.one_of(st.none(), st.none(), faults)),
    )
