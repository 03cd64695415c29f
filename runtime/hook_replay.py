"""Running hooks of today's code against the calls that a log recorded, with no model at all."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, Self

import attrs

from runtime.coordinator import Coordinator
from runtime.engine import NumpyEngine
from runtime.graph.config import RunMetadata, RunOptions
from runtime.graph.graph import Graph
from runtime.recorded_calls import Act, Call, acts, names_in, signatures_of
from runtime.recording import parts_of
from runtime.rehearsal import RecordedClock, rehearsal
from runtime.session import as_hooks, first_places
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from runtime.signatures import names_of
from runtime.stand_ins import (
    NotRecorded,
    RecordedGraph,
    RecordedSession,
    Unrecorded,
    given,
    rebuilt,
)
from runtime.step import Requests
from statemachine.block import error_detail
from statemachine.log import EventLog
from statemachine.replay import ErrorInfo
from statemachine.values import Value, value_of

__all__ = ["HookDifference", "HookReplay", "HooksDiffer", "NotRecorded", "replay_hooks"]


class HooksDiffer(AssertionError):
    """Hooks do something else than the log says, or can't be answered from it.

    Attributes:
        replay: The whole result.
    """

    def __init__(self, replay: "HookReplay") -> None:
        self.replay = replay
        super().__init__(str(replay))


@attrs.frozen
class HookDifference:
    """One place where a hook does something else than the log says.

    Attributes:
        kind: `"fetches"`, `"feeds"`, `"stop"`, `"raised"`; or `"not recorded"`, where the hook
            needs what the log does not hold, and nothing can be said from there on.
        hook: The hook's place in today's list, or None for one that only the log has.
        log_hook: The place in the log's list of the hook that it is held against, or None.
        name: The hook's class.
        call: The method.
        step: The number of the `run` call, or None outside of a step.
        sequence: The event of the log that it is held against.
        logged: What the log says.
        now: What today's hook does.
    """

    kind: str
    hook: int | None
    log_hook: int | None
    name: str
    call: str
    step: int | None
    sequence: int
    logged: object
    now: object

    def __str__(self) -> str:
        where = f"{self.call} of {self._who}"
        where += "" if self.step is None else f", step {self.step}"
        return f"{where} (event {self.sequence}): {_WORDS[self.kind](self)}"

    @property
    def _who(self) -> str:
        if self.hook is None:
            return f"the log's hook {self.log_hook} ({self.name}), which nobody stands for now"
        new = "" if self.log_hook is not None else ", which the log does not have"
        return f"hook {self.hook} ({self.name}){new}"


def _asks(difference: HookDifference) -> str:
    return f"asks for {_listed(difference.now)}; in the log for {_listed(difference.logged)}"


def _feeds(difference: HookDifference) -> str:
    return f"feeds {_listed(difference.now)}; in the log {_listed(difference.logged)}"


def _stops(difference: HookDifference) -> str:
    if difference.now:
        return "asks for a stop; in the log it does not"
    return "does not ask for a stop; in the log it does"


def _raises(difference: HookDifference) -> str:
    return f"raises {difference.now or 'nothing'}; in the log {difference.logged or 'nothing'}"


def _listed(names: object) -> str:
    return ", ".join(map(str, names)) if names and isinstance(names, Sequence) else "nothing"


_WORDS: Final[Mapping[str, Callable[[HookDifference], str]]] = {
    "fetches": _asks,
    "feeds": _feeds,
    "stop": _stops,
    "raised": _raises,
    "not recorded": lambda difference: str(difference.now),
}


@attrs.frozen
class HookReplay:
    """What came of replaying hooks against a log.

    Attributes:
        location: Where the log is.
        hooks: The classes of today's hooks, in list order.
        log_hooks: For each of them the place in the log's list of the hook that it was held
            against, or None.
        steps: How many steps were replayed, the one with the last difference included.
        differences: What they did otherwise, in order; of each hook the first of each kind.
        unanswered: Where a hook needed what the log does not hold, or None.
        stop_step: The step in which today's hooks asked for a stop first, or None.
        logged_stop_step: The step in which the log's did, as far as it was replayed.
    """

    location: str
    hooks: tuple[str, ...]
    log_hooks: tuple[int | None, ...]
    steps: int = 0
    differences: tuple[HookDifference, ...] = ()
    unanswered: HookDifference | None = None
    stop_step: int | None = None
    logged_stop_step: int | None = None

    @property
    def same(self) -> bool:
        """Whether the hooks did all that the log says, and nothing else."""
        return not self.differences and self.unanswered is None

    @property
    def first(self) -> HookDifference | None:
        """The first difference; where there is none, what could not be answered, if anything."""
        return self.differences[0] if self.differences else self.unanswered

    def check(self) -> Self:
        """This result, if the hooks did all that the log says, and nothing else.

        Raises:
            HooksDiffer: If they did not, or something could not be answered.
        """
        if not self.same:
            raise HooksDiffer(self)
        return self

    def __str__(self) -> str:
        told = [f"replayed {self.steps} steps of {self.location}"]
        if self.same:
            told.append("the hooks did what the log says")
        told += [f"different: {difference}" for difference in self.differences]
        if self.unanswered is not None:
            told.append(f"can't go on: {self.unanswered}")
        if self.stop_step != self.logged_stop_step:
            told.append(f"stop: step {self.stop_step}; in the log step {self.logged_stop_step}")
        return "\n  ".join(told)


def replay_hooks(
    log: EventLog | str | os.PathLike[str],
    hooks: Iterable[SessionRunHook],
    *,
    graph: Graph | None = None,
) -> HookReplay:
    """Run hooks against the calls that a log recorded, with no model at all.

    Each hook gets the calls that it would have got in that session: the same runs, the values
    that they gave, the time of the log (`time.time` and the other clocks of the module `time`, in
    this thread). What it asks for, whether it asks for a stop and what it raises is held against
    what the log says of the hook of the same class; the second of a class against the second, and
    of classes that the log does not have, each against what is left at its place. Hooks may be
    changed, added, left out and reordered.

    A value that the run gave to anybody is given to whoever asks for it. A run of a hook's own is
    answered with what was read there; the global step is known after each run. A value that the
    log does not hold may be passed on; a hook that uses it can't be replayed any further.

    Where hooks feed something else, ask for a stop or raise where the log does not say so, the
    replay ends, for what would have come then is not in the log.

    Hooks of this package write nothing meanwhile. Take new hooks for each replay, and no saver or
    file of your own in them.

    Args:
        log: A log that was written with `EventLog(..., record="scalars")` (with `"digests"`, what
            hooks ask for can be compared as long as they use no value), or its path.
        hooks: The hooks, in list order.
        graph: The graph of the model, for hooks that add operations or need more of it than
            names. None makes one with a stand-in for each name that the log knows.

    Returns:
        What they did otherwise.

    Raises:
        ValueError: If the log records no values.
        UnreadableLog: If the log, or a part of it, can't be read.
        TypeError: If `hooks` is no iterable of hooks, or `graph` no graph.
    """
    if not isinstance(graph, Graph | None):
        raise TypeError(f"graph is a tf.Graph, or None for one of stand-ins, not {graph!r}")
    opened = log if isinstance(log, EventLog) else EventLog.open(log)
    if opened.header.record is None:
        raise ValueError(
            f"the log {opened.location} records no values, so hooks can't be given any: write it "
            'with event_log=EventLog(path, record="scalars")'
        )
    return _Replay(opened, as_hooks(hooks), graph).run()


class _Over(Exception):
    """The replay can't go on."""


class _Context(SessionRunContext):
    """The context of a run that was recorded; it remembers who asked for a stop."""

    __slots__ = ("asked", "current")

    def __init__(self, original_args: SessionRunArgs, session: Any) -> None:
        super().__init__(original_args, session)
        self.asked: dict[int, str] = {}
        self.current: tuple[int, str] | None = None

    def request_stop(self) -> None:
        """Asks for a stop; after the run, it does nothing."""
        if self.current is not None:
            super().request_stop()
            self.asked.setdefault(*self.current)


class _Replay:
    """One replay."""

    def __init__(
        self, log: EventLog, hooks: tuple[SessionRunHook, ...], graph: Graph | None
    ) -> None:
        self._log = log
        self._hooks = hooks
        self._places = first_places(hooks)
        self._record = log.header.record or "scalars"
        self._signatures = signatures_of(log)
        self._matched = _matched([type(hook).__qualname__ for hook in hooks], log.hooks)
        self._graph = _stand_in_for(log, self._signatures) if graph is None else graph
        self._session = RecordedSession(self._graph)
        self._coordinator = Coordinator()
        self._clock = RecordedClock()
        self._known: dict[str, Value] = {}
        self._misused: str | None = None
        self._found: dict[tuple[int | None, int | None, str], HookDifference] = {}
        self._unanswered: HookDifference | None = None
        self._steps = 0
        self._stopped_by_coordinator = False
        self._stops: list[int | None] = [None, None]

    def run(self) -> HookReplay:
        was_finalized = self._graph.finalized
        try:
            with rehearsal(self._clock), self._graph.as_default():
                for act in acts(self._log):
                    self._take(act)
        except _Over:
            pass
        finally:
            if not was_finalized and self._graph.finalized:
                self._graph._unsafe_unfinalize()
        return self._result()

    def _result(self) -> HookReplay:
        return HookReplay(
            self._log.location,
            tuple(type(hook).__qualname__ for hook in self._hooks),
            self._matched,
            self._steps,
            tuple(self._found.values()),
            self._unanswered,
            *self._stops,
        )

    def _take(self, act: Act) -> None:
        self._set_clock(act.event.time)
        if act.method == "step":
            self._steps += 1
            self._step(act)
            return
        self._know(act, act.method)
        arguments: dict[str, tuple[Any, ...]] = {
            "after_create_session": (self._session, self._coordinator),
            "end": (self._session,),
        }
        self._each(act, act.method, arguments.get(act.method, ()))
        if act.method == "begin":
            self._graph.finalize()

    def _each(self, act: Act, method: str, arguments: tuple[Any, ...]) -> bool:
        """Call a method of each hook; whether one of them raised, as the log says."""
        for index in range(len(self._hooks)):
            if self._call(act, method, index, arguments)[1]:
                return True
        self._check_dropped(act, method)
        return False

    # A step

    def _step(self, act: Act) -> None:
        context = _Context(self._original_args(act), self._session)
        requests = Requests(NumpyEngine(), self._graph)
        self._known = {}
        for index in range(len(self._hooks)):
            context.current = index, "before_run"
            request, raised = self._call(act, "before_run", index, (context,))
            if raised:
                self._check_stops(act, context)
                return
            self._take_request(act, index, requests, request)
        self._check_dropped(act, "before_run")
        self._check_dropped_feeds(act)
        if act.failed is None and act.signature is not None:
            self._deliver(act, context, requests)
        self._check_stops(act, context)

    def _deliver(self, act: Act, context: _Context, requests: Requests) -> None:
        self._know(act, "after_run")
        options, metadata = requests.merged_options(None) or RunOptions(), RunMetadata()
        for index in range(len(self._hooks)):
            context.current = index, "after_run"
            asked = requests.fetches.get(self._places[index])
            result = None if asked is None else rebuilt(asked, lambda n: self._give(act.fetched, n))
            values = SessionRunValues(result, options, metadata)
            if self._call(act, "after_run", index, (context, values))[1]:
                return
        context.current = None
        self._check_dropped(act, "after_run")

    def _original_args(self, act: Act) -> SessionRunArgs:
        asked = self._asked(act)
        fetches = None if asked is None else rebuilt(asked.get("caller"), self._element)
        fed = [value for value in act.fed if value.by == "caller"]
        feeds = {self._element(v.name): self._give(fed, v.name) for v in fed}
        return SessionRunArgs(fetches, feeds or None)

    def _element(self, name: str) -> Any:
        try:
            return self._graph.as_graph_element(name)
        except (KeyError, ValueError):
            return name

    def _asked(self, act: Act) -> Mapping[str, Any] | None:
        """Who asks for what in a run; None if there was none, or the log cut it off."""
        signature = self._signatures.get(-1 if act.signature is None else act.signature, {})
        asked = signature.get("fetches")
        return asked if isinstance(asked, Mapping) else None

    def _take_request(self, act: Act, index: int, requests: Requests, request: Any) -> None:
        if request is not None:
            try:
                requests.add(self._places[index], self._hooks[index], request)
            except Exception as error:
                self._differ("raised", act, "before_run", index, act.failed, _told(error))
                raise _Over from None
        if self._places[index] == index and act.signature is not None:
            self._compare_feeds(act, index, request)
            self._compare_fetches(act, index, request)

    def _compare_fetches(self, act: Act, index: int, request: Any) -> None:
        place = self._matched[index]
        if place is None:
            return
        asked = self._asked(act)
        if asked is None:
            why = "the log holds only a part of what was asked for in this run, for it was too much"
            self._give_up(act, "before_run", index, why)
        logged = sorted(set(names_in(asked.get(f"hook {place}"))))
        now = sorted(set(names_in(names_of(getattr(request, "fetches", None)))))
        if [*map(_plain, now)] != [*map(_plain, logged)]:
            self._differ("fetches", act, "before_run", index, logged, now)

    def _compare_feeds(self, act: Act, index: int, request: Any) -> None:
        by = f"hook {self._matched[index]}"
        feeds = getattr(request, "feed_dict", None) or {}
        now = [
            value_of("fed", by, name, part, self._record)
            for key, value in feeds.items()
            for name, part in parts_of(str(names_of(key)), value)
        ]
        logged = [value for value in act.fed if value.by == by]
        if not _are_same(now, logged):
            self._differ("feeds", act, "before_run", index, _words(logged), _words(now))
            raise _Over

    def _check_dropped_feeds(self, act: Act) -> None:
        for place in self._dropped:
            fed = [value for value in act.fed if value.by == f"hook {place}"]
            if fed:
                self._differ("feeds", act, "before_run", None, _words(fed), (), place)
                raise _Over

    @property
    def _dropped(self) -> list[int]:
        return [place for place in range(len(self._log.hooks)) if place not in self._matched]

    # A call

    def _call(
        self, act: Act, method: str, index: int, arguments: tuple[Any, ...]
    ) -> tuple[Any, bool]:
        """Call a hook. Returns what it returned, and whether it raised, as the log says."""
        logged = act.call_of(method, self._matched[index])
        if logged is not None:
            self._set_clock(logged.event.time)
        self._session.answer = self._answerer(logged, method, act)
        self._misused = None
        returned, raised = None, None
        try:
            returned = getattr(self._hooks[index], method)(*arguments)
        except NotRecorded as error:
            self._misused = self._misused or str(error.args[0])
        except Exception as error:
            raised = error
        if self._misused is not None:
            self._give_up(act, method, index, self._misused)
        expected = None if logged is None else logged.raised
        if _pair(_told(raised)) != _pair(expected):
            self._differ("raised", act, method, index, expected, _told(raised))
            raise _Over
        self._check_coordinator(act, method, index)
        return returned, raised is not None

    def _check_coordinator(self, act: Act, method: str, index: int) -> None:
        """A stop that a hook asked the coordinator for; in the log, any thread may have."""
        if self._stopped_by_coordinator or not self._coordinator.should_stop():
            return
        self._stopped_by_coordinator = True
        self._stops[0] = self._stops[0] or act.event.step
        if not act.stopped:
            self._differ("stop", act, method, index, False, True)
            raise _Over
        self._stops[1] = self._stops[1] or act.event.step

    def _answerer(self, call: Call | None, method: str, act: Act) -> Any:
        waiting = [] if call is None else list(call.reads)

        def answer(name: str) -> Any:
            for value in waiting:
                if _plain(value.name) == _plain(name):
                    waiting.remove(value)
                    return given(value)
            known = self._known.get(_plain(name))
            if known is not None:
                return given(known)
            self._misused = f"the log does not hold what a run of {name!r} gave in this call"
            raise NotRecorded(self._misused)

        return answer

    def _know(self, act: Act, method: str) -> None:
        """Values of variables that can't have changed since they were read."""
        reads = [v for call in act.calls if call.method == method for v in call.reads]
        self._known = {_plain(value.name): value for value in (*reads, *act.known)}

    def _give(self, held: list[Value], name: str) -> Any:
        """A value of a run, or what stands for it."""
        for value in held:
            if _plain(value.name) == _plain(name):
                try:
                    return given(value)
                except NotRecorded as error:
                    return Unrecorded(str(error.args[0]), self._misuse)
        why = f"the log does not hold {name!r}, because nobody fetched it in this run"
        return Unrecorded(why, self._misuse)

    def _misuse(self, why: str) -> None:
        self._misused = self._misused or why

    def _set_clock(self, time: int) -> None:
        header = self._log.header
        self._clock.utc = time
        self._clock.monotonic = header.clock + time - header.started

    # What is found

    def _check_dropped(self, act: Act, method: str) -> None:
        """An error that the log has, and that none of today's hooks raised."""
        for call in act.calls:
            if call.method == method and call.raised is not None:
                known = [i for i, place in enumerate(self._matched) if place == call.hook]
                index = known[0] if known else None
                self._differ("raised", act, method, index, call.raised, None, call.hook)
                raise _Over

    def _check_stops(self, act: Act, context: _Context) -> None:
        logged = {call.hook: call.method for call in act.calls if call.stopped}
        step = act.event.step
        self._stops[0] = self._stops[0] or (step if context.asked else None)
        self._stops[1] = self._stops[1] or (step if logged else None)
        for index, place in enumerate(self._matched):
            told = place in logged if place is not None else bool(logged)
            if (index in context.asked) != told and (place is not None or index in context.asked):
                method = context.asked.get(index) or logged.get(place or 0, "after_run")
                self._differ("stop", act, method, index, told, not told)
        if logged and not context.asked:
            for place in self._dropped:
                if place in logged:
                    self._differ("stop", act, logged[place], None, True, False, place)
        if context.asked and not logged:
            raise _Over

    def _differ(
        self,
        kind: str,
        act: Act,
        method: str,
        index: int | None,
        logged: object,
        now: object,
        place: int | None = None,
    ) -> None:
        difference = self._difference(kind, act, method, index, logged, now, place)
        self._found.setdefault((index, difference.log_hook, kind), difference)

    def _give_up(self, act: Act, method: str, index: int, why: str) -> NoReturn:
        self._unanswered = self._difference("not recorded", act, method, index, None, why)
        raise _Over

    def _difference(
        self,
        kind: str,
        act: Act,
        method: str,
        index: int | None,
        logged: object,
        now: object,
        place: int | None = None,
    ) -> HookDifference:
        held = place if index is None else self._matched[index]
        call = act.call_of(method, held)
        name = self._log.hooks[place or 0] if index is None else type(self._hooks[index]).__name__
        event = act.event if call is None else call.event
        step = act.event.step
        return HookDifference(
            kind, index, held, name, method, step, event.sequence, _shown(logged), _shown(now)
        )


def _matched(now: Sequence[str], logged: Sequence[str]) -> tuple[int | None, ...]:
    """For each hook the place of the one that it is held against: by class, then by place."""
    free = list(range(len(logged)))
    found: list[int | None] = []
    for name in now:
        place = next((place for place in free if logged[place] == name), None)
        found.append(place)
        if place is not None:
            free.remove(place)
    for index, place in enumerate(found):
        if place is None and index in free:
            found[index] = index
            free.remove(index)
    return tuple(found)


def _stand_in_for(log: EventLog, signatures: Mapping[int, Mapping[str, Any]]) -> Graph:
    names = {name for detail in signatures.values() for name in names_in(detail.get("fetches"))}
    names |= {name for detail in signatures.values() for name in names_in(detail.get("feeds"))}
    dtypes: dict[str, str] = {}
    global_step = "global_step:0"
    for value in _first_values(log):
        dtypes.setdefault(value.name, value.dtype)
        names.add(value.name)
        if value.by == "session":
            global_step = value.name
    return RecordedGraph(names, dtypes, global_step)


_ENOUGH: Final = 1000


def _first_values(log: EventLog) -> Iterator[Value]:
    seen = 0
    for event in log:
        yield from event.values
        seen += bool(event.values)
        if seen > _ENOUGH:
            return


def _plain(name: str) -> str:
    """A tensor's name without the number of its output, where that is the first."""
    return name.removesuffix(":0")


def _are_same(left: Iterable[Value], right: Iterable[Value]) -> bool:
    """Whether the same values were fed, in any order."""
    one, other = ({_plain(v.name): v for v in values} for values in (left, right))
    return one.keys() == other.keys() and all(
        v.is_same(attrs.evolve(other[name], name=v.name)) for name, v in one.items()
    )


def _words(values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _told(error: Exception | None) -> ErrorInfo | None:
    return None if error is None else ErrorInfo.of(error_detail(error))


def _pair(error: ErrorInfo | None) -> tuple[str, str] | None:
    return None if error is None else (error.type, error.message)


def _shown(value: object) -> object:
    return str(value) if isinstance(value, ErrorInfo) else value
