"""Adapters of TensorFlow's own session classes; TensorFlow is imported when one is made.

They report raw sessions and the graph, by standing in for the session class that TensorFlow opens.
In which ways TensorFlow is known to differ from the documented order, and why that is not followed,
the file tensorflow_known.toml lists.
"""

import contextlib
import importlib
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from unittest import mock

import numpy as np

from runtime.testing.adapter import SessionAdapter
from statemachine.testing.faults import Bomb
from statemachine.testing.features import Feature, Sees
from statemachine.testing.known import Known, known_of_package
from statemachine.testing.live import LiveStage
from statemachine.testing.scenario import Scenario

# Any, here: TensorFlow is distributed without type information, and scenarios are JSON.
GRACE_SECONDS: Final = 10.0
_FAILING: Final[Mapping[str, Callable[[str], Exception]]] = {
    "oor": StopIteration,
    "inv": ValueError,
    "unk": RuntimeError,
}


def known() -> tuple[Known, ...]:
    """In which ways TensorFlow is known to differ."""
    return known_of_package("runtime.testing", "tensorflow_known.toml")


class TensorFlowSession(SessionAdapter):
    """Adapts `tf.compat.v1.train.SingularMonitoredSession`.

    Raises:
        ImportError: If TensorFlow is not installed.
    """

    name = "tf.compat.v1.train.SingularMonitoredSession"
    features = frozenset(
        {
            Feature.CLOSE,
            Feature.STOP,
            Feature.REQUESTS,
            Feature.STEP_FN,
            Feature.RAW,
            Feature.COORDINATOR,
            Feature.GRAPH,
            Feature.REENTRY,
            Feature.REOPEN,
        }
    )
    sees = frozenset({Sees.RAW, Sees.GRAPH, Sees.ERRORS})

    def __init__(self) -> None:
        try:
            self.tf = importlib.import_module("tensorflow.compat.v1")
        except ImportError as error:
            raise ImportError(
                f"the adapter of {self.name} needs TensorFlow: pip install tensorflow"
            ) from error
        self.errors = self.tf.errors
        self.hook_base = self.tf.train.SessionRunHook
        opening = "tensorflow.python.training"
        self.manager = importlib.import_module(f"{opening}.session_manager")

    def versions(self) -> Mapping[str, str]:
        """The versions of what takes part."""
        return {**super().versions(), "tensorflow": self.tf.__version__}

    def make_error(self, error: type[BaseException], message: str) -> BaseException:
        """TensorFlow's errors want to know the operation, too."""
        if issubclass(error, self.tf.errors.OpError):
            return error(None, None, message)
        return error(message)

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        """TensorFlow 1's ways, and nothing printed."""
        level = self.tf.logging.get_verbosity()
        self.tf.disable_eager_execution()
        self.tf.logging.set_verbosity(self.tf.logging.FATAL)
        try:
            yield
        finally:
            self.tf.logging.set_verbosity(level)

    def stage(self, scenario: Scenario) -> LiveStage:
        """A stage with a graph of TensorFlow's."""
        return _Stage(scenario.spec, self)

    def construct(self, stage: LiveStage, hooks: Any) -> Any:
        """The session."""
        return self.tf.train.SingularMonitoredSession(
            hooks=hooks, stop_grace_period_secs=GRACE_SECONDS
        )


class TensorFlowMonitoredSession(TensorFlowSession):
    """Adapts `tf.compat.v1.train.MonitoredSession`."""

    name = "tf.compat.v1.train.MonitoredSession"
    features = TensorFlowSession.features | {Feature.MONITORED}

    def construct(self, stage: LiveStage, hooks: Any) -> Any:
        """The session."""
        return self.tf.train.MonitoredSession(
            session_creator=self.tf.train.ChiefSessionCreator(),
            hooks=hooks,
            stop_grace_period_secs=GRACE_SECONDS,
        )


class _Stage(LiveStage):
    """A stage whose graph and raw sessions are TensorFlow's."""

    def __init__(self, scenario: Mapping[str, Any], adapter: TensorFlowSession) -> None:
        super().__init__(scenario, adapter)
        self.tf = adapter.tf
        self.manager = adapter.manager
        self.opened: list[Any] = []
        self.symbols: dict[str, Any] = {}
        self.real = self.tf.Graph()
        self.main = threading.get_ident()
        with self.real.as_default():
            self._build()
            if scenario.get("pre_finalized"):
                self.real.finalize()

    def _build(self) -> None:
        tf = self.tf
        x = tf.placeholder(tf.float32, [])
        xd = tf.placeholder_with_default(1.0, [])
        w = tf.Variable(5.0, name="w", use_resource=True)
        step = tf.Variable(0, name="step", trainable=False, use_resource=True)
        locals_ = [tf.GraphKeys.LOCAL_VARIABLES]
        lv = tf.Variable(7.0, name="lv", trainable=False, collections=locals_, use_resource=True)
        self.symbols = {
            "c": tf.constant(3.0),
            "s": tf.constant("hi"),
            "x": x,
            "y": x * 2.0,
            "xd": xd,
            "yd": xd * 10.0,
            "w": w.read_value(),
            "setw": w.assign(9.0).op,
            "step": step.read_value(),
            "inc": tf.identity(step.assign_add(1)),
            "lv": lv.read_value(),
            "noop": tf.no_op(),
            "pyabort": self._raising("pyabort", lambda text: self.error("AbortedError", text)),
        }
        for name, error in _FAILING.items():
            self.symbols[name] = self._raising(name, error)

    def _raising(self, name: str, error: Callable[[str], BaseException]) -> Any:
        def fail() -> Any:
            raise error(f"inj:{name}")

        return self.tf.py_func(fail, [], self.tf.float32)

    @contextlib.contextmanager
    def own_graph(self) -> Iterator[None]:
        patch = mock.patch.object
        graph = self.tf.Graph
        # The module keeps its own class, whose methods look it up by that name.
        stand_in = types.SimpleNamespace(
            **{**vars(self.manager.session), "Session": _watched(self)}
        )
        with (
            self.real.as_default(),
            patch(self.manager, "session", stand_in),
            patch(graph, "finalize", _flipping(self, graph.finalize)),
            patch(graph, "_unsafe_unfinalize", _flipping(self, graph._unsafe_unfinalize)),
        ):
            yield

    def finalized(self) -> bool:
        return bool(self.real.finalized)

    def add_operation(self) -> None:
        with self.real.as_default():
            self.tf.no_op()

    def make_constant(self, name: str, value: float) -> None:
        with self.real.as_default():
            self.symbols[name] = self.tf.constant(float(value))

    def tensor(self, symbol: str) -> Any:
        return self.symbols.get(symbol, symbol)

    def tensor_name(self, symbol: str) -> str:
        return str(self.symbols[symbol].name)

    def symbol(self, fetched: Any) -> str:
        for symbol, tensor in self.symbols.items():
            if tensor is fetched:
                return symbol
            if isinstance(fetched, str) and ":" in fetched and tensor.name == fetched:
                return f"@{symbol}"
        return str(fetched)

    def shown_graph(self, graph: Any) -> Any:
        if graph is None:
            return None
        which = "same" if graph is self.real else "other"
        return [which, "finalized" if graph.finalized else "open"]

    def run_args(self, fetches: Any, feed: Any, options: Any) -> Any:
        return self.tf.train.SessionRunArgs(fetches, feed, options)

    def shown_options(self, options: Any) -> dict[str, Any]:
        return {}

    def has_step_stats(self, metadata: Any) -> bool:
        return bool(metadata.HasField("step_stats"))

    def session_number(self, raw: Any) -> int:
        return int(raw.number)

    def session_open(self, raw: Any) -> bool:
        return not raw.was_closed

    def final(self) -> dict[str, Any]:
        sessions = ["closed" if raw.was_closed else "open" for raw in self.opened]
        return {**super().final(), "sessions": sessions, "fin": self.finalized()}

    def tear_down(self) -> None:
        for raw in self.opened:
            raw.end()
        super().tear_down()


def _watched(stage: _Stage) -> type:
    """The class that stands in for the raw session."""
    base: Any = stage.tf.Session

    class WatchedSession(base):  # type: ignore[misc]  # of a class that has no types
        _session = None  # there is none yet if opening it fails

        def __init__(self, *arguments: Any, **named: Any) -> None:
            stage._strike("session_create", stage.scenario.get("session_create"))
            super().__init__(*arguments, **named)
            self.number = len(stage.opened)
            self.was_closed = False
            stage.opened.append(self)
            stage.recorder.emit("session_create", s=self.number)

        def run(
            self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
        ) -> Any:
            armed = feed_dict and {key: _armed(value) for key, value in feed_dict.items()}
            if isinstance(fetches, Mapping) and "caller" in fetches and not stage.direct_runs:
                owners = {_owner(key): part for key, part in fetches.items()}
                shown = {key: stage.player.shown_fetches(part) for key, part in owners.items()}
                feed = stage.player.shown_feed(feed_dict or {})
                stage.recorder.emit("run", s=self.number, fetch=shown, feed=feed, options={})
            return super().run(fetches, armed, options, run_metadata)

        def close(self) -> None:
            again = {"again": True} if self.was_closed else {}
            stage.recorder.emit("session_close", s=self.number, **again)
            fault = stage.scenario.get("raw_close")
            if fault and self.number < fault.get("times", 1):
                raise stage.error(fault["raise"], f"inj:raw_close{self.number}")
            super().close()
            self.was_closed = True

        def end(self) -> None:
            super().close()

    return WatchedSession


def _flipping(stage: _Stage, flip: Any) -> Any:
    def watched(graph: Any) -> None:
        before = graph.finalized
        flip(graph)
        if graph.finalized != before and threading.get_ident() == stage.main:
            other = {} if graph is stage.real else {"other": True}
            kind = "graph_finalize" if graph.finalized else "graph_unfinalize"
            stage.recorder.emit(kind, **other)

    return watched


def _owner(key: Any) -> str:
    return key if isinstance(key, str) else f"h{key.index}"


def _armed(value: Any) -> Any:
    return _Exploding(value) if isinstance(value, Bomb) else value


class _Exploding:
    """Takes the place of a bomb in a feed: it goes off when the raw run reads the value."""

    def __init__(self, bomb: Bomb) -> None:
        self._bomb = bomb

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self._bomb.take(), dtype)
