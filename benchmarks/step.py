"""What one full step costs, beside what it is made of and beside its peers.

A full step is `run` of a constant fetch with 4 idle hooks: all semantics, file log on; and once
more with the log recording the value.
Beside it stand a bare Python loop that calls the same 8 hook methods, one iteration of
pytorch-ignite's Engine with 4 + 4 handlers (which logs nothing), and a step of TensorFlow's own
SingularMonitoredSession with 4 idle hooks. All are measured in one process, in turns, so that what
slows the machine down slows all of them down; the ratios are formed within a turn.

Run it with `make bench`, or `python -m benchmarks.step` where the packages are installed. A peer
that is not installed is named and left out. Nothing is asserted: the targets are only printed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import runtime
from statemachine import EventKind, EventLog
from statemachine.events import SECOND_LANE, decode

HOOKS = 4
K = EventKind
Loop = Callable[[int], None]


def idle_hooks(base: type) -> list[object]:
    """Hooks that define both methods of a step in Python, and do nothing in them.

    Each is of a class of its own, as in a real list of hooks: Python's specialised calls are a
    third faster when all hooks are of one class, which would flatter the bare loop.
    """

    def idle_class() -> type:
        class Idle(base):
            def before_run(self, run_context):
                pass

            def after_run(self, run_context, run_values):
                pass

        return Idle

    return [idle_class()() for _ in range(HOOKS)]


def bare_loop() -> Loop:
    """The eight calls alone."""
    hooks = idle_hooks(object)

    def loop(steps: int) -> None:
        for _ in range(steps):
            for hook in hooks:
                hook.before_run(None)
            for hook in hooks:
                hook.after_run(None, None)

    return loop


@contextlib.contextmanager
def full_step(event_log: object) -> Iterator[Loop]:
    """Steps of our session, with the log given."""
    with runtime.Graph().as_default():
        fetch = runtime.constant(3.0)
        hooks = idle_hooks(runtime.train.SessionRunHook)
        with runtime.train.SingularMonitoredSession(hooks=hooks, event_log=event_log) as session:

            def loop(steps: int) -> None:
                run = session.run
                for _ in range(steps):
                    run(fetch)

            yield loop


def codes_of_a_step() -> tuple[list[int], list[int]]:
    """The ordered events of a session: those before its first step, and those of a step."""
    log = EventLog()
    with full_step(log) as loop:
        loop(2)
    codes = [code for block in log.read() for code in block.codes.tolist()]
    ordered = [code for code in codes if not code & SECOND_LANE]
    first, second = (at for at, code in enumerate(ordered) if decode(code).kind is K.STEP_BEGIN)
    return ordered[:first], ordered[first:second]


@contextlib.contextmanager
def recorded_calls(path: Path) -> Iterator[Loop]:
    """The eight calls with the recording that a step wraps around them, and nothing else."""
    prelude, step = codes_of_a_step()
    journal = EventLog(path).begin(["Idle"] * HOOKS)
    for code in prelude:
        journal.record(code)
    hooks = idle_hooks(object)
    begin, run, end = (codes_of(step, kind)[0] for kind in (K.STEP_BEGIN, K.RUN, K.STEP_END))
    before = tuple(zip(hooks, codes_of(step, K.BEFORE_RUN), strict=True))
    after = tuple(zip(hooks, codes_of(step, K.AFTER_RUN), strict=True))
    plan = (begin, before, run, after, end)

    def loop(steps: int) -> None:
        carry_out = journal.recorder.step
        for _ in range(steps):
            carry_out(plan, None, bool, None, 0, None)

    yield loop
    journal.release()


def codes_of(step: list[int], kind: EventKind) -> list[int]:
    """The codes of that kind, in order."""
    return [code for code in step if decode(code).kind is kind]


@contextlib.contextmanager
def ignite_iteration() -> Iterator[Loop]:
    """Iterations of pytorch-ignite's Engine with 4 handlers before and 4 after each."""
    from ignite.engine import Engine, Events

    engine = Engine(lambda engine, batch: 3.0)

    def idle_handler() -> Callable[[Engine], None]:
        def idle(engine: Engine) -> None:
            pass

        return idle

    for _ in range(HOOKS):
        engine.add_event_handler(Events.ITERATION_STARTED, idle_handler())
        engine.add_event_handler(Events.ITERATION_COMPLETED, idle_handler())

    def loop(steps: int) -> None:
        engine.run(range(steps), max_epochs=1)

    yield loop


@contextlib.contextmanager
def tensorflow_step() -> Iterator[Loop]:
    """Steps of TensorFlow's own class."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow

    tf1 = tensorflow.compat.v1

    with tf1.Graph().as_default():
        fetch = tf1.constant(3.0)
        hooks = idle_hooks(tf1.train.SessionRunHook)
        with tf1.train.SingularMonitoredSession(hooks=hooks) as session:

            def loop(steps: int) -> None:
                run = session.run
                for _ in range(steps):
                    run(fetch)

            yield loop


def steps_for(loop: Loop, seconds: float) -> int:
    """How many steps take about that long."""
    steps = 10
    while (spent := timed(loop, steps)) < seconds / 4:
        steps *= 2
    return max(1, round(steps * seconds / spent))


def timed(loop: Loop, steps: int) -> float:
    """Seconds that so many steps take."""
    start = time.perf_counter()
    loop(steps)
    return time.perf_counter() - start


def measure(loops: dict[str, Loop], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Seconds a step of each loop, one figure a round, the loops taking turns."""
    steps = {name: steps_for(loop, seconds) for name, loop in loops.items()}
    figures: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds):
        names = list(loops) if turn % 2 == 0 else list(reversed(loops))
        for name in names:
            figures[name].append(timed(loops[name], steps[name]) / steps[name])
    return figures


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median and the two quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def print_times(figures: dict[str, list[float]]) -> None:
    print(f"\n{'microseconds a step':46}{'median':>9}{'quartiles':>18}{'fastest':>9}")
    for name, values in figures.items():
        middle, low, high = (1e6 * value for value in spread(values))
        print(f"{name:46}{middle:9.2f}{low:9.2f} –{high:7.2f}{1e6 * min(values):9.2f}")


def print_ratio(name: str, above: list[float], below: list[float], target: str) -> None:
    """Ratios within rounds, and that of the fastest rounds: it holds on a busy machine, too."""
    middle, low, high = spread(ratios(above, below))
    fastest = min(above) / min(below)
    digits = 2 if middle < 2 else 1
    print(
        f"{name:46}{middle:8.{digits}f}×{low:8.{digits}f}×–{high:6.{digits}f}×"
        f"{fastest:8.{digits}f}×   {target}"
    )


def print_share(name: str, part: list[float], whole: list[float]) -> None:
    middle, low, high = (100 * value for value in spread(ratios(part, whole)))
    print(f"{name:46}{middle:8.0f}%{low:8.0f}%–{high:6.0f}%")


OURS = "full step, file log"
RECORDED = "the eight calls, recorded"
BARE = "the eight calls alone"
IGNITE = "pytorch-ignite, 4 + 4 handlers"
TENSORFLOW = "TensorFlow, 4 idle hooks"


VALUES = {record: f"full step, record={record!r}" for record in ("scalars", "digests")}


PEERS = {IGNITE: ignite_iteration, TENSORFLOW: tensorflow_step}


def enter_peers(stack: contextlib.ExitStack) -> dict[str, Loop]:
    """The loops of those that are installed; a word about each that is not."""
    loops = {}
    for name, peer in PEERS.items():
        try:
            loops[name] = stack.enter_context(peer())
        except ImportError as error:
            print(f"measured without {name}: {error}")
    return loops


def main() -> None:
    print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loops = {
            BARE: bare_loop(),
            OURS: stack.enter_context(full_step(directory / "step.arrows")),
            RECORDED: stack.enter_context(recorded_calls(directory / "calls.arrows")),
            **{
                name: stack.enter_context(
                    full_step(EventLog(directory / f"{record}.arrows", record=record))
                )
                for record, name in VALUES.items()
            },
            **enter_peers(stack),
        }
        figures = measure(loops, rounds=25, seconds=0.1)
    print_times(figures)
    print(f"\n{'ratios within a round':46}{'median':>9}{'quartiles':>18}{'fastest':>9}   target")
    ours = figures[OURS]
    print_ratio("full step / the eight calls", ours, figures[BARE], "at most 14×")
    for name, target in ((IGNITE, "at least 2×"), (TENSORFLOW, "at least 15×")):
        if name in figures:
            print_ratio(f"{name} / full step", figures[name], ours, target)
    for name in VALUES.values():
        print_ratio(f"{name} / full step", figures[name], ours, "none")
    logging = [a - b for a, b in zip(figures[RECORDED], figures[BARE], strict=True)]
    print_share("share of logging in a full step, at most", logging, ours)


if __name__ == "__main__":
    main()
