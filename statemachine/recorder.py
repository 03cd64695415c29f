"""The hot path: events are checked and stored here, and hooks are called here.

The functions share what changes with each event as cells of one closure, which are faster
than attributes; and where an event is followed by the call that it names, the few lines that
check and store it stand in line, because a function call would double their cost.

Python lets signal handlers in only when a function was called: between the reading of the
clock and the end of a store there is no call, so no event is left half written in memory.
"""

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import attrs

from statemachine.compiled import START_CODE, Node
from statemachine.events import INDEX_SHIFT
from statemachine.tail import Tail

Call = tuple[Any, int]
"""A hook, and the code of the event of calling it."""
StepPlan = tuple[int, tuple[Call, ...], int, tuple[Call, ...], int]
"""The codes of a step: its begin, the hooks before the run, the run, the hooks after it, end."""


@attrs.frozen
class Answer:
    """What a hook's `before_run` answered; the step goes on elsewhere then.

    Attributes:
        index: The hook's place in the list.
        hook: The hook.
        request: What it asks for.
    """

    index: int
    hook: Any
    request: Any


class Record(Protocol):
    """Writes down one ordered event."""

    def __call__(self, code: int, extra: int = 0) -> None:
        """Check a code, and store it with the time.

        Args:
            code: The code of the event that is about to happen.
            extra: Bits that are stored with it and not checked: a run's signature.

        Raises:
            IllegalStep: If the table does not allow it now; nothing is stored then.
        """


@attrs.frozen(eq=False)
class Recorder:
    """The functions of the hot path.

    Attributes:
        record: Writes down one event.
        step: Carries out a step that no hook takes part in: `before_run` of each hook, the
            run, `after_run` of each hook. If a hook answers, it stops there and returns an
            `Answer`; without a run to carry out, it stops before that.
        ask: Sets what a stop request adds to the codes of a step from then on; each step
            begins with 0.
        position: The tail, how many events it holds, and the latest code, as one look.
        turn_to: Goes on in another tail.
        shut: Refuses every event from now on.
    """

    record: Record
    step: Callable[..., Any]  # six arguments, see below
    ask: Callable[[int], None]
    position: Callable[[], tuple[Tail, int, int]]
    turn_to: Callable[[Tail], None]
    shut: Callable[[], None]


def make_recorder(
    start: Node,
    clock: Callable[[], float],
    first_tail: Tail,
    swap: Callable[[Tail], None],
    refuse: Callable[[int, int], NoReturn],
) -> Recorder:
    """Make the functions of one session.

    Args:
        start: What may come first.
        clock: Gives monotonic seconds.
        first_tail: Where the first events go.
        swap: Called with a tail that is full; turns to another one.
        refuse: Called with the latest code and one that may not follow it; raises.
    """
    node = start
    last = START_CODE
    slot = 0
    asked = 0
    tail, times, codes = first_tail, first_tail.times, first_tail.codes

    def record(code: int, extra: int = 0) -> None:
        nonlocal node, last, slot
        try:
            following = node[code]
            times[slot] = clock()
            codes[slot] = code | extra
        except LookupError:
            if code not in node:
                refuse(last, code)
            swap(tail)
            record(code, extra)
        else:
            slot += 1
            last = code
            node = following

    def step(
        plan: StepPlan,
        context: Any,
        run: Callable[[Any], Any] | None,
        fetches: Any,
        signature: int,
        values: Any,
    ) -> Any:
        nonlocal node, last, slot, asked
        code, before, run_code, after, end = plan
        asked = 0
        try:
            following = node[code]
            times[slot] = clock()
            codes[slot] = code
        except LookupError:
            record(code)
        else:
            slot += 1
            last = code
            node = following
        for hook, code in before:
            if asked:
                code |= asked
            try:
                following = node[code]
                times[slot] = clock()
                codes[slot] = code
            except LookupError:
                record(code)
            else:
                slot += 1
                last = code
                node = following
            request = hook.before_run(context)
            if request is not None:
                return Answer(code >> INDEX_SHIFT, hook, request)
        if run is None:
            return None
        if asked:
            run_code |= asked
        try:
            following = node[run_code]
            times[slot] = clock()
            codes[slot] = run_code | signature
        except LookupError:
            record(run_code, signature)
        else:
            slot += 1
            last = run_code
            node = following
        value = run(fetches)
        for hook, code in after:
            if asked:
                code |= asked
            try:
                following = node[code]
                times[slot] = clock()
                codes[slot] = code
            except LookupError:
                record(code)
            else:
                slot += 1
                last = code
                node = following
            hook.after_run(context, values)
        if asked:
            end |= asked
        try:
            following = node[end]
            times[slot] = clock()
            codes[slot] = end
        except LookupError:
            record(end)
        else:
            slot += 1
            last = end
            node = following
        return value

    def ask(flag: int) -> None:
        nonlocal asked
        asked = flag

    def position() -> tuple[Tail, int, int]:
        return tail, slot, last

    def turn_to(fresh: Tail) -> None:
        nonlocal tail, slot, times, codes
        fresh_times, fresh_codes = fresh.times, fresh.codes
        # One statement without a call: other threads and signal handlers see all of it or nothing.
        tail, slot, times, codes = fresh, 0, fresh_times, fresh_codes

    def shut() -> None:
        nonlocal node
        node = {}

    return Recorder(record, step, ask, position, turn_to, shut)
