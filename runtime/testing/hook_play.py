"""Plays a scenario around a hook, in real sessions on a real graph."""

import contextlib
import functools
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import attrs

from runtime import backoff, errors, logging
from runtime.graph.config import RunOptions
from runtime.monitored_session import MonitoredSession
from runtime.scaffold import Scaffold
from runtime.session import SingularMonitoredSession
from runtime.session_creator import ChiefSessionCreator
from runtime.session_run_hook import SessionRunArgs, SessionRunHook
from runtime.testing.hook_model import HookModel, build_model
from runtime.testing.hook_watch import (
    SECONDS_BETWEEN_OPERATIONS,
    Clock,
    Seen,
    Watch,
    WatchedEngine,
    WatchedGraph,
    WatchedHook,
    open_files,
)
from statemachine.log import EventLog
from statemachine.testing.faults import error_classes
from statemachine.testing.hook_scenario import HookScenario, Spec
from statemachine.testing.log_checks import TailStore
from statemachine.testing.player import report

# Any, here: hooks are of any class, and scenarios are JSON.
MOST_RECOVERIES: Final = 4
GRACE_SECONDS: Final = 0.5


@attrs.frozen
class HookAdapter:
    """A hook to be checked, where its factory alone does not say enough.

    Attributes:
        factory: Makes a fresh hook in the default graph; given the `HookModel` if it needs an
            argument.
        prepare: Builds a model of the user's own in the default graph, and returns what is run in
            each step. By default there are a loss that becomes smaller, and a global step.
        count: Gives a number that the hook counts, of a hook; None if it counts nothing.
        may_raise: Errors that the hook raises by design.
    """

    factory: Callable[..., Any]
    prepare: Callable[[], Any] | None = attrs.field(default=None, kw_only=True)
    count: Callable[[Any], float] | None = attrs.field(default=None, kw_only=True)
    may_raise: tuple[type[BaseException], ...] = attrs.field(default=(), kw_only=True)

    @classmethod
    def of(cls, hook: "HookAdapter | Callable[..., Any]") -> "HookAdapter":
        """The adapter, or one of a factory.

        Raises:
            TypeError: If it is neither.
        """
        if isinstance(hook, HookAdapter):
            return hook
        if not callable(hook):
            raise TypeError(
                f"a hook is checked by its factory, which makes a fresh one for each example, or "
                f"by a HookAdapter; {hook!r:.80} is neither"
            )
        return cls(hook)

    @property
    def name(self) -> str:
        """The factory's name, for reports."""
        factory = self.factory
        while isinstance(factory, functools.partial):
            factory = factory.func
        return str(getattr(factory, "__qualname__", type(factory).__qualname__))

    def play(self, scenario: HookScenario) -> Seen:
        """Play a scenario with a fresh hook, and say what was seen."""
        return _Play(self, scenario).play()


@contextlib.contextmanager
def hook_surroundings() -> Iterator[None]:
    """No time is spent waiting for recoveries, and nothing is printed.

    What is in memory by now is left out of the search for what hooks keep, which makes it quick.
    """
    with contextlib.ExitStack() as stack:
        if not gc.get_freeze_count():
            gc.freeze()
            stack.callback(gc.unfreeze)
        stack.enter_context(mock.patch.object(backoff, "seconds_before", lambda attempt: 0.0))
        for name in ("info", "warning", "error", "log_first_n"):
            stack.enter_context(mock.patch.object(logging, name, _silent))
        yield


def _silent(*arguments: Any) -> None:
    """Says nothing."""


class _Play:
    """One scenario on the stage."""

    def __init__(self, adapter: HookAdapter, scenario: HookScenario) -> None:
        self.adapter = adapter
        self.scenario = scenario
        self.errors = error_classes(errors)
        self.clock = Clock()
        self.seen = Seen()
        self.graph = WatchedGraph()
        self.watch = Watch(self.graph, self.clock, self.seen, adapter.may_raise, adapter.count)
        self.model: HookModel
        if scenario.own is not None:
            self.watch.own[scenario.own["at"]] = self.error(scenario.own["raise"])

    def play(self) -> Seen:
        """Play it to its end."""
        with self.clock.in_force(), self.graph.as_default():
            scaffold = Scaffold(init_fn=self._init_fn())
            self.model = build_model(self.adapter.prepare, self.graph, scaffold)
            try:
                self._lives()
            finally:
                self.model.clean_up()
        self.seen.hook, self.graph.watch = self.watch.hook, None
        return self.seen

    def error(self, name: str) -> BaseException:
        """A new error, known as one that the scenario wants."""
        kind = self.errors[name]
        words = "the scenario wants it"
        is_of_operation = issubclass(kind, errors.OpError)
        made = kind(None, None, words) if is_of_operation else kind(words)
        self.watch.injected.append(made)
        return made

    def _lives(self) -> None:
        self.watch.hook = self.model.make_hook(self.adapter.factory)
        tested = WatchedHook(self.watch)
        others: list[Any] = [OtherHook(self, spec) for spec in self.scenario.hooks]
        hooks = [*others[: self.scenario.place], tested, *others[self.scenario.place :]]
        threads, files = frozenset(threading.enumerate()), open_files()
        for life in range(1 + self.scenario.again):
            self.watch.life = life
            self._note("another session", life > 0)
            with self._expecting():
                self._life(hooks)
            self.watch.look_back(threads, files)
        self.watch.look_at_state(self.model.make_hook(self.adapter.factory))

    @contextlib.contextmanager
    def _expecting(self) -> Iterator[None]:
        """Whatever comes out is no news, but for an interrupt that nobody here has made."""
        try:
            yield
        except BaseException as error:
            own = any(error is one for one in self.watch.injected)
            if not own and isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            self._note("an error came out", True)

    def _note(self, situation: str, holds: bool) -> None:
        if holds:
            self.seen.situations.add(situation)

    # A session's life.

    def _life(self, hooks: list[Any]) -> None:
        self._note("a start that fails", True)
        session = self._construct(hooks)
        self.seen.situations.discard("a start that fails")
        if self.scenario.leave == "with":
            self._note("left by with", True)
            with session:
                self._body(session)
        else:
            self._note("left by close()", True)
            try:
                self._body(session)
            finally:
                session.close()

    def _construct(self, hooks: list[Any]) -> Any:
        monitored = self.scenario.session == "monitored"
        kind: Any = MonitoredSession if monitored else SingularMonitoredSession
        session = kind.__new__(kind)
        session._engine = WatchedEngine(self.watch)
        directory = self.model.directory if self.scenario.directory else None
        common = {
            "hooks": hooks,
            "stop_grace_period_secs": GRACE_SECONDS,
            "event_log": EventLog(TailStore()),
        }
        start: dict[str, Any] = {"scaffold": self.model.scaffold, "checkpoint_dir": directory}
        if monitored:
            creator = ChiefSessionCreator(**start)
            session.__init__(creator, max_recoveries=MOST_RECOVERIES, **common)
        else:
            session.__init__(**start, **common)
        return session

    def _init_fn(self) -> Callable[[Any, Any], None]:
        """Fails once, if it is to; it holds nothing, for the hook may hold the scaffold."""
        fault = self.scenario.start
        waiting = [] if fault is None else [self.error(fault["raise"])]

        def init_fn(scaffold: Any, session: Any) -> None:
            if waiting:
                raise waiting.pop()

        return init_fn

    # What the user does.

    def _body(self, session: Any) -> None:
        for operation in self.scenario.body:
            self.clock.now += SECONDS_BETWEEN_OPERATIONS
            if session.should_stop():
                self._note("stopped", True)
                return
            try:
                getattr(self, f"_{operation['op']}")(session, operation)
            except Exception:
                if not operation.get("catch"):
                    raise
            finally:
                self.watch.armed = None
            self._note("a recovery", self.watch.starts > 1)

    def _fetches(self, operation: Spec) -> list[Any]:
        model = self.model
        wanted = (model.global_step if operation.get("still") else model.train_op, model.loss)
        return [element for element in wanted if element is not None]

    def _run(self, session: Any, operation: Spec) -> None:
        if "raise" in operation:
            self.watch.armed = self.error(operation["raise"])
        fed = operation.get("feed") and self.model.x is not None
        session.run(
            self._fetches(operation),
            feed_dict={self.model.x: 2.0} if fed else None,
            options=RunOptions(timeout_in_ms=60_000) if operation.get("options") else None,
        )

    def _step_fn(self, session: Any, operation: Spec) -> None:
        error = self.error(operation["raise"]) if "raise" in operation else None
        armed = [error]

        def step(step_context: Any) -> None:
            for _ in range(operation.get("runs", 0)):
                step_context.run_with_hooks(self._fetches({}))
            step_context.session.run(self._fetches({"still": True}))
            struck, armed[0] = armed[0], None
            if struck is not None:
                raise struck
            if operation.get("stop"):
                step_context.request_stop()

        session.run_step_fn(step)

    def _raise(self, session: Any, operation: Spec) -> None:
        raise self.error(operation["raise"])

    def _stop(self, session: Any, operation: Spec) -> None:
        session.request_stop("the scenario wants it")


class OtherHook(SessionRunHook):
    """Another hook of the list: it does what the scenario says."""

    def __init__(self, play: _Play, spec: Spec) -> None:
        self._play = play
        self._spec = spec
        self._calls: dict[str, int] = {}

    def begin(self) -> None:
        """Is called first."""
        self._act("begin")

    def after_create_session(self, session: Any, coord: Any) -> None:
        """May report an error to the coordinator, as a thread does."""
        action = self._act("after_create_session")
        if "report" in action:
            report(coord, self._play.error(action["report"]))

    def before_run(self, run_context: Any) -> Any:
        """May fetch, feed, and ask for a stop."""
        action, model = self._act("before_run"), self._play.model
        if action.get("stop"):
            run_context.request_stop()
        if action.get("fetch"):
            return SessionRunArgs([model.train_op if model.loss is None else model.loss])
        if action.get("feed") and model.x is not None:
            return SessionRunArgs(None, {model.x: 0.5})
        return None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """May save a checkpoint, and ask for a stop."""
        action, model = self._act("after_run"), self._play.model
        if action.get("stop"):
            run_context.request_stop()
        saver = model.scaffold.saver
        if action.get("save") and self._play.scenario.directory and saver is not None:
            with self._busy():
                path = f"{model.directory}/model.ckpt"
                saver.save(run_context.session, path, global_step=model.global_step)

    def end(self, session: Any) -> None:
        """May fail."""
        self._act("end")

    def _act(self, method: str) -> Spec:
        call = self._calls[method] = self._calls.get(method, -1) + 1
        action: Spec = self._spec.get(method, {}).get(str(call), {})
        if "raise" in action:
            raise self._play.error(action["raise"])
        return action

    @contextlib.contextmanager
    def _busy(self) -> Iterator[None]:
        self._play.watch.busy = True
        try:
            yield
        finally:
            self._play.watch.busy = False
