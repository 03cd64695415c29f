"""Stands at the seams of the session classes and writes down what passes."""

import contextlib
import threading
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

import runtime as tf
from runtime import backoff, engine, session, starting, step
from statemachine.testing.faults import Bomb, Fault
from statemachine.testing.recorder import Recorder, describe_error

if TYPE_CHECKING:
    from tests.oracle.adapter import RuntimeWorld

# Looked up before anything is patched; patched in each module that looks the name up.
OPENING_MODULES = (engine, session, starting)
RawSession = tf.Session
RawCoordinator = tf.train.Coordinator
start_queue_runners = tf.train.start_queue_runners
STARTING_STEPS = ("init_op", "local_init_op")
CHECKS = ("ready_for_local_init_op", "ready_op")


class Watch:
    """What was opened in a scenario, and where events go."""

    def __init__(self, world: "RuntimeWorld") -> None:
        self.world = world
        self.recorder: Recorder = world.recorder
        self.sessions: list[Any] = []
        self.coordinators: list[Any] = []
        self.scaffold: Any = None
        self.quiet = 0
        self.over = False
        self._main = threading.get_ident()
        self._faults: dict[str, Fault] = {}

    @property
    def listening(self) -> bool:
        """Whether what this thread does is to be written down."""
        return not self.quiet and not self.over and threading.get_ident() == self._main

    def strike(self, where: str, spec: Mapping[str, Any] | None) -> None:
        """Raises what the scenario wants to be raised at one place."""
        if not isinstance(spec, Mapping) or "raise" not in spec:
            return
        if self._faults.setdefault(where, Fault.from_spec(spec)).strikes():
            raise self.world.error(spec["raise"], f"inj:{where}")

    def scaffold_fault(self, part: str, where: str) -> None:
        """Raises what the scenario wants a part of its scaffold to raise."""
        if self.scaffold is self.world.model.scaffold:
            self.strike(where, (self.world.scenario.get("scaffold") or {}).get(part))

    @contextlib.contextmanager
    def failing(self, what: str) -> Iterator[None]:
        """Writes down that something raised."""
        try:
            yield
        except BaseException as error:
            self.recorder.fail(what, error)
            raise


class Exploding:
    """Takes the place of a bomb in a feed: it goes off when the raw run reads the value."""

    def __init__(self, bomb: Bomb) -> None:
        self._bomb = bomb
        self._taken: Any = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._taken is None:
            self._taken = np.asarray(self._bomb.take(), dtype)
        return self._taken


def watched_session(watch: Watch) -> type:
    """Makes the class that stands in for the raw session."""

    class WatchedSession(RawSession):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            with watch.failing("session_create"):
                watch.strike("session_create", watch.world.scenario.get("session_create"))
            super().__init__(*arguments, **named)
            self.number = len(watch.sessions)
            self.was_closed = False
            watch.sessions.append(self)
            watch.recorder.emit("session_create", s=self.number)

        def run(
            self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
        ) -> Any:
            arguments = (_armed(feed_dict), options, run_metadata)
            if not watch.listening:
                return super().run(fetches, *arguments)
            part = _part_of(watch.scaffold, fetches)
            if part in CHECKS:
                return self._check(part, fetches, arguments)
            with watch.failing(part or "run"):
                self._tell(part, fetches, feed_dict, options)
                return super().run(fetches, *arguments)

        def _tell(self, part: str | None, fetches: Any, feed_dict: Any, options: Any) -> None:
            if part is not None:
                watch.recorder.emit(part, s=self.number)
                watch.scaffold_fault(part, part)
                return
            player = watch.world.player
            watch.recorder.emit(
                "run",
                s=self.number,
                fetch=_shown_fetches(watch, fetches),
                feed=player.shown_feed(feed_dict or {}),
                options=watch.world.shown_options(options) if options is not None else {},
            )

        def _check(self, part: str, fetches: Any, arguments: Any) -> Any:
            try:
                value = super().run(fetches, *arguments)
            except BaseException as error:
                watch.recorder.emit(part, s=self.number, exc=describe_error(error))
                raise
            ready = value.size == 0 or value.dtype.kind == "i"
            watch.recorder.emit(part, s=self.number, ready=ready)
            return value

        def close(self) -> None:
            if watch.over:
                return super().close()
            again = {"again": True} if self.was_closed else {}
            watch.recorder.emit("session_close", s=self.number, **again)
            spec = watch.world.scenario.get("raw_close")
            if spec and self.number < spec.get("times", 1):
                with watch.failing("session_close"):
                    raise watch.world.error(spec["raise"], f"inj:raw_close{self.number}")
            super().close()
            self.was_closed = True
            return None

    return WatchedSession


def _armed(feed_dict: Any) -> Any:
    if not feed_dict:
        return feed_dict
    return {k: Exploding(v) if isinstance(v, Bomb) else v for k, v in feed_dict.items()}


def _part_of(scaffold: Any, fetches: Any) -> str | None:
    for part in (*STARTING_STEPS, *CHECKS):
        if scaffold is not None and fetches is getattr(scaffold, part):
            return part
    return None


def _shown_fetches(watch: Watch, fetches: Any) -> dict[str, Any]:
    player = watch.world.player
    if not isinstance(fetches, step.MergedFetches):
        return {"caller": player.shown_fetches(fetches)}
    return {_owner(watch, k): player.shown_fetches(v) for k, v in fetches.items()}


def _owner(watch: Watch, key: Any) -> str:
    return key if isinstance(key, str) else f"h{watch.world.player.hooks[key].index}"


def watched_coordinator(watch: Watch) -> type:
    """Makes the class that stands in for the coordinator."""

    class WatchedCoordinator(RawCoordinator):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.number = len(watch.coordinators)
            watch.coordinators.append(self)
            watch.recorder.emit("coord_create", c=self.number)

        def request_stop(self, ex: Any = None) -> None:
            fields = {"c": self.number, "exc": describe_error(ex)}
            if watch.listening:
                watch.recorder.emit("coord_stop", **fields)
            elif not watch.over and not self.should_stop():
                watch.recorder.emit_background("coord_stop", **fields)
            super().request_stop(ex)

        def join(self, *arguments: Any, **named: Any) -> None:
            error: BaseException | None = None
            try:
                super().join(*arguments, **named)
            except BaseException as raised:
                error = raised
                raise
            finally:
                exc = describe_error(error)
                watch.recorder.emit("coord_join", c=self.number, exc=exc)

    return WatchedCoordinator


@contextlib.contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Stands at the seams as long as a scenario is played."""
    stand_ins = {
        RawSession: watched_session(watch),
        RawCoordinator: watched_coordinator(watch),
        start_queue_runners: _watched_queue_runners(watch),
    }
    with contextlib.ExitStack() as stack:
        patch = mock.patch.object
        for module, name, stand_in in _uses(stand_ins):
            stack.enter_context(patch(module, name, stand_in))
        for owner, name, made in (
            (tf.train.Scaffold, "finalize", _watched_scaffold_finalize),
            (tf.train.Saver, "restore", _watched_restore),
            (tf.Graph, "finalize", _watched_flip),
            (tf.Graph, "_unsafe_unfinalize", _watched_flip),
        ):
            stack.enter_context(patch(owner, name, made(watch, getattr(owner, name))))
        stack.enter_context(patch(backoff, "seconds_before", lambda attempt: 0.0))
        yield


def _uses(stand_ins: Mapping[Any, Any]) -> Iterator[tuple[Any, str, Any]]:
    """Finds the names by which the session's modules know what is to be replaced."""
    for module in OPENING_MODULES:
        for name, value in list(vars(module).items()):
            if isinstance(value, Hashable) and value in stand_ins:
                yield module, name, stand_ins[value]


def _watched_queue_runners(watch: Watch) -> Any:
    def start(sess: Any = None, coord: Any = None, *arguments: Any, **named: Any) -> Any:
        with watch.failing("queue_runners"):
            spec = watch.world.scenario["qr"]
            if "start_raise" in spec:
                watch.strike("qr_start", {**spec, "raise": spec["start_raise"]})
            threads = start_queue_runners(sess, coord, *arguments, **named)
        watch.recorder.emit("queue_runners", s=sess.number)
        watch.world.model.wait_for_producer(threads)
        return threads

    return start


def _watched_scaffold_finalize(watch: Watch, finalize: Any) -> Any:
    def watched(scaffold: Any) -> Any:
        watch.scaffold = scaffold
        watch.recorder.emit("scaffold_finalize")
        with watch.failing("scaffold_finalize"):
            watch.scaffold_fault("finalize", "scaffold_finalize")
            return finalize(scaffold)

    return watched


def _watched_restore(watch: Watch, restore: Any) -> Any:
    def watched(saver: Any, sess: Any, save_path: Any) -> Any:
        name = watch.world.model.checkpoint_name(save_path)
        watch.recorder.emit("restore", s=sess.number, ck=name)
        with watch.failing("restore"), watch.world.direct():
            watch.scaffold_fault("saver", "restore")
            return restore(saver, sess, save_path)

    return watched


def _watched_flip(watch: Watch, flip: Any) -> Any:
    def watched(graph: Any) -> Any:
        before = graph.finalized
        flip(graph)
        if graph.finalized != before and watch.listening:
            other = {} if graph is watch.world.graph else {"other": True}
            kind = "graph_finalize" if graph.finalized else "graph_unfinalize"
            watch.recorder.emit(kind, **other)

    return watched
