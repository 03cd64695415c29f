"""What watches a hook: around it, below it in the graph and the raw session, and after it."""

import contextlib
import gc
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final
from unittest import mock

import attrs
import numpy as np

from runtime.backoff import PREEMPTION
from runtime.engine import NumpyEngine
from runtime.graph.config import RunOptions
from runtime.graph.feeds import fed_tensors
from runtime.graph.fetches import structure_of
from runtime.graph.graph import Graph, _default_graphs, _default_sessions
from runtime.graph.session import Session
from runtime.hook_state import decoded_states, encoded_states
from runtime.session_run_hook import SessionRunArgs, SessionRunHook
from runtime.testing.hook_checks import (
    BLOCKS,
    CLEANS_UP,
    COUNTS,
    DEFAULTS,
    GROWS,
    INTERRUPTS,
    LEGAL,
    LETS_GO,
    OTHERS,
    OWN_SESSION,
    RECOVERS,
    REUSED,
    STATE,
    TOLERATES,
)

# Any, here: hooks are of any class, fetches and feeds are open sets of structures.
MOST_SLEEPS: Final = 500
SLOW_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 0.05
SECONDS_BETWEEN_OPERATIONS: Final = 7.0
_real_seconds: Final = time.perf_counter


class Blocked(BaseException):
    """A hook sleeps again and again; raised out of ``time.sleep``."""


@attrs.define
class Clock:
    """The time that a watched hook sees: it moves with what happens, so it is always the same.

    Attributes:
        now: Seconds.
        watched: The thread in which the hook is at work right now, if it is.
        slept: How often the hook slept in its present call.
    """

    now: float = 1_700_000_000.0
    watched: int | None = None
    slept: int = 0

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds
        self.slept += 1
        if self.slept > MOST_SLEEPS:
            raise Blocked(f"it slept {MOST_SLEEPS} times in one call")

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Let hooks see this clock; whoever else looks sees the real one."""
        with contextlib.ExitStack() as stack:
            for name in ("time", "monotonic", "perf_counter", "sleep"):
                stand_in = self._stand_in(name, getattr(time, name))
                stack.enter_context(mock.patch.object(time, name, stand_in))
            yield

    def _stand_in(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def told(*arguments: Any) -> Any:
            if self.watched != threading.get_ident():
                return real(*arguments)
            if name == "sleep":
                return self.sleep(*arguments)
            self.now += 0.001
            return self.now

        return told


@attrs.define
class Seen:
    """What was seen of a hook in one scenario.

    Attributes:
        findings: What is wrong, in words, by the check's name; the first of each.
        errors: The hook's error that a finding is about, in words, by the check's name.
        about: The checks that there was something to check for.
        told: The hook's calls, requests and errors, in words, in order.
        methods: How often each method was called.
        situations: What the hook lived through.
        sessions: The raw sessions, if they are still there.
        hook: The hook.
    """

    findings: dict[str, str] = attrs.Factory(dict)
    errors: dict[str, str] = attrs.Factory(dict)
    about: set[str] = attrs.Factory(set)
    told: list[str] = attrs.Factory(list)
    methods: Counter[str] = attrs.Factory(Counter)
    situations: set[str] = attrs.Factory(set)
    sessions: list[weakref.ref[Any]] = attrs.Factory(list)
    hook: Any = None

    def find(self, check: str, words: str, error: str = "") -> None:
        """Note a finding."""
        self.about.add(check)
        if self.findings.setdefault(check, words) is words:
            self.errors[check] = error

    def forgotten_by_all(self) -> None:
        """Find raw sessions that something holds though they are closed and the hook has ended."""
        gc.collect()
        held = [number for number, session in enumerate(self.sessions) if session() is not None]
        if LETS_GO in self.about and LETS_GO not in self.findings and held:
            self.find(
                LETS_GO,
                f"after end, raw session {held[0]} is still in memory, though nothing but the hook "
                "was kept: a global variable, a thread or a cache that the hook filled holds it",
            )


class Watch:
    """Watches one hook in one scenario.

    Args:
        graph: The graph.
        clock: The time that it sees.
        seen: Where findings go.
        may_raise: Errors that are the hook's good right.
        count: Gives what it counts, or None.

    Attributes:
        armed: The error that the next run of the session itself raises, or None.
        own: The error that a run of the hook's own raises, by its number.
        life: The number of the session, from 0.
        ended: Whether the hook's end has returned in this session.
        busy: Whether a hook is at work, so that runs are hooks' own.
    """

    def __init__(
        self,
        graph: "WatchedGraph",
        clock: Clock,
        seen: Seen,
        may_raise: tuple[type[BaseException], ...],
        count: Callable[[Any], float] | None,
    ) -> None:
        self.graph = graph
        self.clock = clock
        self.seen = seen
        self.may_raise = may_raise
        self.count = count
        self.counted = float("-inf")
        self.hook: Any = None
        self.method = ""
        self.busy = False
        self.armed: BaseException | None = None
        self.own: dict[int, BaseException] = {}
        self.own_runs = 0
        self.struck: BaseException | None = None
        self.injected: list[BaseException] = []
        self.life = 0
        self.starts = 0
        self.ended = False
        self.attempted: list[str] = []
        self.sessions: list[WatchedSession] = []
        self.given: dict[int, tuple[str, Any]] = {}
        graph.watch = self

    # The hook's methods.

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the hook, and look at all that it may not do."""
        self._begin(method, arguments)
        stacks = _stacks()
        defaults = [list(stack) for stack in stacks]
        scope = self.graph.get_name_scope()
        size, began = self.graph.version, _real_seconds()
        try:
            returned = getattr(self.hook, method)(*arguments)
        except BaseException as error:
            self._raised(error)
            raise
        else:
            self._returned()
        finally:
            self.busy, self.method, self.clock.watched = False, "", None
            self._look_at_defaults(method, stacks, defaults, scope)
            self._look_at_graph(method, size)
            self._look_at_time(method, _real_seconds() - began)
        return returned

    def _begin(self, method: str, arguments: tuple[Any, ...]) -> None:
        self.seen.methods[method] += 1
        self.seen.about.update((TOLERATES, DEFAULTS, BLOCKS))
        if method != "begin":
            self.seen.about.add(GROWS)
        if self.life:
            self.seen.about.add(REUSED)
        if self.starts > 1:
            self.seen.about.add(RECOVERS)
        self.seen.told.append(method)
        for argument in arguments:
            if argument is not None and not isinstance(argument, BaseException):
                self.given[id(argument)] = (_NAMES.get(method, "it"), argument)
        self.method, self.busy, self.struck = method, True, None
        self.attempted = []
        self.clock.watched, self.clock.slept = threading.get_ident(), 0

    def _returned(self) -> None:
        if self.struck is not None and _has_to_come_out(self.struck):
            self._swallowed(self.struck, "nothing came out")

    def _swallowed(self, struck: BaseException, instead: str) -> None:
        self.seen.find(
            INTERRUPTS,
            f"in {self.method} a run of the hook's own on the raw session raised "
            f"{type(struck).__name__}, and {instead}",
        )

    def _raised(self, error: BaseException) -> None:
        told = f"{type(error).__name__}: {error}"
        self.seen.told.append(f"{self.method} raised {type(error).__name__}")
        if isinstance(error, Blocked):
            self.seen.find(BLOCKS, f"{self.method} waits and waits: {error}")
            return
        if any(error is one for one in self.injected) or isinstance(error, self.may_raise):
            return
        if self.struck is not None:
            if _has_to_come_out(self.struck):
                self._swallowed(self.struck, f"{told} came out instead")
            return
        if self.attempted:  # told already
            return
        words = f"{self.method} raised {told}"
        if self.life:
            self.seen.find(REUSED, f"in a second session of the same hook, {words}", words)
        elif self.starts > 1:
            self.seen.find(RECOVERS, f"after the session was created again, {words}", words)
        else:
            self.seen.find(TOLERATES, words, words)

    def _look_at_defaults(
        self, method: str, stacks: tuple[list[Any], ...], before: list[list[Any]], scope: str
    ) -> None:
        for what, stack, old in zip(("graph", "session"), stacks, before, strict=True):
            if stack != old:
                self.seen.find(DEFAULTS, f"{method} leaves another default {what} behind")
                stack[:] = old
        if self.graph.get_name_scope() != scope:
            self.seen.find(DEFAULTS, f"{method} leaves a name scope of the graph open")

    def _look_at_graph(self, method: str, size: int) -> None:
        if method != "begin" and self.graph.version != size:
            self.seen.find(
                GROWS, f"{method} adds {self.graph.version - size} operations to the graph"
            )

    def _look_at_time(self, method: str, seconds: float) -> None:
        if seconds > SLOW_SECONDS:
            self.seen.find(BLOCKS, f"{method} took {seconds:.0f} seconds")

    # What the hook does below.

    def attempt(self, check: str, words: str) -> None:
        """Note what the hook tries, unless somebody else does."""
        if self.busy and self.method:
            self.attempted.append(check)
            self.seen.find(check, f"{self.method} {words}")

    def run_of_its_own(self, session: "WatchedSession") -> None:
        """Is told of each run that the hook makes itself."""
        number, self.own_runs = self.own_runs, self.own_runs + 1
        self.seen.about.add(OWN_SESSION)
        if session is not self.sessions[-1]:
            self.attempt(
                RECOVERS if not self.life else REUSED,
                "runs something on a raw session that has been replaced by a new one: "
                "after_create_session is given the new one, and run_context.session is always it",
            )
        elif session.is_closed:
            self.attempt(OWN_SESSION, "runs something on the raw session, which is closed")
        error = self.own.pop(number, None)
        if error is not None:
            self.struck = error
            self.seen.about.add(INTERRUPTS)
            raise error

    # Requests.

    def look_at_request(self, request: Any) -> None:
        """Look at what before_run has returned."""
        self.seen.about.add(LEGAL)
        if request is None:
            self.seen.told.append("asks for nothing")
            return
        if not isinstance(request, SessionRunArgs):
            self.seen.find(
                LEGAL,
                f"before_run returned {request!r:.60}; it must be SessionRunArgs(fetches, "
                "feed_dict, options) or None",
            )
            return
        try:
            self.seen.told.append(f"asks for {_asked(request, self.graph)}")
        except (TypeError, ValueError, KeyError) as error:
            self.seen.find(LEGAL, f"before_run asks for what can't be run: {error}")
        options = request.options
        if options is not None and not isinstance(options, RunOptions):
            self.seen.find(LEGAL, f"before_run's options are {options!r:.60}, not RunOptions")

    @contextlib.contextmanager
    def leaving_alone(self, what: Mapping[str, Any]) -> Iterator[None]:
        """Look whether something is changed that is not the hook's."""
        self.seen.about.add(OTHERS)
        method = "before_run" if len(what) == len(_ARGUMENTS) else "after_run"
        before = {name: _shown(value) for name, value in what.items()}
        try:
            yield
        finally:
            for name, value in what.items():
                if _shown(value) != before[name]:
                    self.seen.find(OTHERS, f"{method} changes {name}")

    def look_at_count(self) -> None:
        """Look whether what the hook counts has gone back."""
        if self.count is None:
            return
        self.seen.about.add(COUNTS)
        counted, self.counted = self.counted, self.count(self.hook)
        if self.counted < counted:
            self.seen.find(COUNTS, f"after_run counts {self.counted:g} after {counted:g}")

    # After a session.

    def look_back(self, threads: frozenset[threading.Thread], files: Mapping[str, str]) -> None:
        """Look, after a session, at what is left; only where the hook could end."""
        if not self.ended:
            return
        self.seen.about.update((LETS_GO, CLEANS_UP))
        path = path_to(self.hook, self.given)
        if path is not None:
            self.seen.find(LETS_GO, f"after end, {path}")
        left = [thread for thread in threading.enumerate() if thread not in threads]
        for thread in left:
            thread.join(GRACE_SECONDS)
        left = [thread for thread in left if thread.is_alive()]
        if left:
            self.seen.find(CLEANS_UP, f"after end, {_named(left[0])} still runs")
        opened = [name for number, name in open_files().items() if files.get(number) != name]
        if opened:
            self.seen.find(CLEANS_UP, f"after end, {opened[0]} is still open")

    def look_at_state(self, fresh: Any) -> None:
        """Look whether the hook's state goes into a fresh hook, and comes out of it the same."""
        if not all(
            callable(getattr(self.hook, n, None)) for n in ("state_dict", "load_state_dict")
        ):
            return
        self.seen.about.add(STATE)
        try:
            text = encoded_states({"hook": self.hook.state_dict()})
            fresh.load_state_dict(decoded_states(text)["hook"])
            again = encoded_states({"hook": fresh.state_dict()})
        except Exception as error:
            self.seen.find(STATE, f"{type(error).__name__}: {error}")
            return
        if text != again:
            self.seen.find(STATE, f"a fresh hook that loads the state {text} gives {again}")


_NAMES: Final = {
    "after_create_session": "the session or coordinator of after_create_session",
    "before_run": "the run_context of before_run",
    "after_run": "the run_context or run_values of after_run",
    "end": "the session of end",
    "on_error": "the run_context of on_error",
}
_STATEFUL: Final = ("state_dict", "load_state_dict")
_ARGUMENTS: Final = ("the caller's fetches", "the caller's feed_dict", "the caller's options")


class WatchedHook(SessionRunHook):
    """Stands in the list of hooks in place of the tested one, and calls it."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def begin(self) -> None:
        """Calls the hook."""
        watch = self._watch
        watch.starts, watch.ended = 0, False
        watch.call("begin")

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Calls the hook."""
        self._watch.starts += 1
        self._watch.counted = float("-inf")
        self._watch.call("after_create_session", session, coord)

    def before_run(self, run_context: Any) -> Any:
        """Calls the hook, and looks at what it asks for."""
        watch, arguments = self._watch, run_context.original_args
        with watch.leaving_alone(dict(zip(_ARGUMENTS, arguments, strict=True))):
            request = watch.call("before_run", run_context)
        watch.look_at_request(request)
        self._tell_stop(run_context)
        return request

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Calls the hook."""
        watch, arguments = self._watch, run_context.original_args
        values = {
            "the values that the run gave it, in place": run_values.results,
            "the caller's feed_dict": arguments.feed_dict,
        }
        with watch.leaving_alone(values):
            watch.call("after_run", run_context, run_values)
        watch.look_at_count()
        self._tell_stop(run_context)

    def end(self, session: Any) -> None:
        """Calls the hook."""
        self._watch.call("end", session)
        self._watch.ended = True

    def __getattr__(self, name: str) -> Any:
        if name == "on_error":
            getattr(self._watch.hook, name)  # AttributeError, if it has none
            return lambda *arguments: self._watch.call(name, *arguments)
        if name in _STATEFUL:
            return getattr(self._watch.hook, name)
        raise AttributeError(name)

    def _tell_stop(self, run_context: Any) -> None:
        if run_context.stop_requested:
            self._watch.seen.told.append("a stop is asked for")


class WatchedGraph(Graph):
    """A graph that tells who tries to change it once it is final."""

    watch: Watch | None = None

    def _check_not_finalized(self) -> None:
        if self.watch is not None and self.finalized:
            self.watch.attempt(GROWS, "tries to change the graph, which is final by now")
        super()._check_not_finalized()

    def _unsafe_unfinalize(self) -> None:
        if self.watch is not None:
            self.watch.attempt(GROWS, "opens the final graph again")
        super()._unsafe_unfinalize()


class WatchedSession(Session):
    """A raw session that tells who runs something on it, and fails when it is to fail."""

    def __init__(self, watch: Watch, graph: Graph, config: Any) -> None:
        super().__init__("", graph, config)
        self._watch = watch
        self.is_closed = False
        watch.sessions.append(self)
        watch.seen.sessions.append(weakref.ref(self))

    def run(self, *arguments: Any, **options: Any) -> Any:
        """Runs, or fails."""
        watch = self._watch
        if watch.method:
            watch.run_of_its_own(self)
        elif self.is_closed:
            words = "a thread of the hook runs something on the raw session, which is closed"
            watch.seen.find(OWN_SESSION, words)
        elif not watch.busy and watch.armed is not None:
            error, watch.armed = watch.armed, None
            raise error
        return super().run(*arguments, **options)

    def close(self) -> None:
        """Closes it."""
        self.is_closed = True
        super().close()


class WatchedEngine(NumpyEngine):
    """Opens watched sessions."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def open_session(self, graph: Graph, master: str, config: Any) -> Any:
        """A new raw session."""
        return WatchedSession(self._watch, graph, config)


def open_files() -> dict[str, str]:
    """The open files of this process by number, where the system tells."""
    found = {}
    for number in _numbers():
        with contextlib.suppress(OSError):
            found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


def _numbers() -> list[str]:
    try:
        return os.listdir("/proc/self/fd")
    except OSError:
        return []


def path_to(hook: Any, given: Mapping[int, tuple[str, Any]]) -> str | None:
    """How a hook holds on to something that it was given, in words; None if it doesn't."""
    waiting: list[tuple[str, Any]] = [("the hook", hook)]
    known = {id(hook)}
    while waiting and len(known) < _MOST_LOOKED_AT:
        where, owner = waiting.pop(0)
        for name, part in _parts(owner):
            if id(part) in given and given[id(part)][1] is part:
                return f"{where}{name} still holds {given[id(part)][0]}"
            if id(part) not in known and not isinstance(part, _NOT_ENTERED):
                known.add(id(part))
                waiting.append((where + name, part))
    return None


_MOST_LOOKED_AT: Final = 2000
_NOT_ENTERED: Final = (type, ModuleType, Graph, np.ndarray, np.generic, str, bytes, int, float)


def _parts(owner: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(owner, Mapping):
        yield from ((f"[{key!r:.20}]", part) for key, part in list(owner.items()))
    elif isinstance(owner, list | tuple | set | frozenset):
        yield from ((f"[{number}]", part) for number, part in enumerate(owner))
    elif isinstance(owner, FunctionType):
        yield from (("'s closure", cell.cell_contents) for cell in owner.__closure__ or ())
    elif isinstance(owner, MethodType):
        yield ".__self__", owner.__self__
    else:
        yield from ((f".{name}", part) for name, part in getattr(owner, "__dict__", {}).items())
        for name in _slots(owner):
            if hasattr(owner, name):
                yield f".{name}", getattr(owner, name)


def _slots(owner: Any) -> Iterator[str]:
    for base in type(owner).__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (s for s in ((slots,) if isinstance(slots, str) else slots) if s[:2] != "__")


def _has_to_come_out(error: BaseException) -> bool:
    return isinstance(error, PREEMPTION) or not isinstance(error, Exception)


def _named(thread: threading.Thread) -> str:
    kind = type(thread)
    return f"the thread {thread.name!r} ({kind.__module__}.{kind.__qualname__})"


def _stacks() -> tuple[list[Any], ...]:
    return _default_graphs.items, _default_sessions.items


def _asked(request: SessionRunArgs, graph: Graph) -> str:
    """What is asked for, in words."""
    fetched = [] if request.fetches is None else structure_of(request.fetches, graph).elements
    fed = fed_tensors(tuple(request.feed_dict or ()), graph)
    names = ", ".join(str(element.name) for element in fetched) or "nothing"
    return names + (f", feeding {', '.join(tensor.name for tensor in fed)}" if fed else "")


def _shown(value: Any) -> Any:
    """What tells whether a value was changed."""
    if isinstance(value, Mapping):
        return [(id(key), _shown(part)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype != object else value.tolist()
    if isinstance(value, RunOptions):
        return [getattr(value, name) for name in RunOptions.FIELDS]
    return id(value)
