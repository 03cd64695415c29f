"""The graph that all scenarios use, made with this project's operations."""

import functools
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import runtime as tf
from statemachine.testing.faults import Fault

if TYPE_CHECKING:
    from tests.oracle.adapter import RuntimeWorld

SECONDS_TO_WAIT = 10.0
FAILING: Mapping[str, Callable[[str], BaseException]] = {
    "oor": StopIteration,
    "inv": ValueError,
    "unk": RuntimeError,
    "pyabort": lambda message: tf.errors.AbortedError(None, None, message),
}


class FixedModel:
    """The symbols of section 1 of FORMAT.md, and the scaffold that a scenario wants."""

    def __init__(self, scenario: Mapping[str, Any], world: "RuntimeWorld") -> None:
        self.graph = tf.Graph()
        self.symbols: dict[str, Any] = {}
        self.scaffold: Any = None
        self._scenario = scenario
        self._world = world
        self._names: dict[Any, str] = {}
        self._produced: dict[Any, threading.Event] = {}
        with self.graph.as_default():
            self._build()

    def add(self, symbol: str, tensor: Any) -> None:
        """Makes a tensor or operation known by a symbol."""
        self.symbols[symbol] = tensor
        self._names[id(tensor)] = symbol

    def symbol(self, fetched: Any) -> str:
        """Returns the symbol of a tensor, an operation, or a string."""
        if not isinstance(fetched, str):
            return self._names[id(fetched)]
        for symbol, tensor in self.symbols.items():
            if getattr(tensor, "name", None) == fetched and ":" in fetched:
                return f"@{symbol}"
        return fetched

    def _build(self) -> None:
        if self._scenario.get("model") != "empty":
            self._build_values()
            self._build_failing()
        if "qr" in self._scenario:
            self._build_queue()
        if self._scenario.get("scaffold") is not None:
            self._build_scaffold(self._scenario["scaffold"])

    def _build_values(self) -> None:
        self.add("c", tf.constant(3.0))
        self.add("s", tf.constant("hi"))
        x = tf.placeholder(tf.float32, [])
        self.add("x", x)
        self.add("y", x * 2.0)
        xd = tf.placeholder_with_default(1.0, [])
        self.add("xd", xd)
        self.add("yd", xd * 10.0)
        w = tf.Variable(5.0, name="w")
        self.add("w", w.read_value())
        self.add("setw", w.assign(9.0).op)
        step = tf.Variable(0, name="step", trainable=False)
        self.add("step", step.read_value())
        self.add("inc", tf.identity(step.assign_add(1)))
        local = _local_variable(7.0, "lv")
        self.add("lv", local.read_value())
        self.add("noop", tf.no_op())

    def _build_failing(self) -> None:
        for symbol in FAILING:
            self.add(symbol, _raising(symbol))

    # The queue.

    def _build_queue(self) -> None:
        queue = tf.FIFOQueue(100, [tf.int32], shapes=[[]], name="Q")
        counter = _local_variable(0, "produced")
        produce = functools.partial(self._produce, self._scenario["qr"])
        element = tf.py_func(produce, [counter.assign_add(1)], tf.int32)
        element.set_shape([])
        runner = tf.train.QueueRunner(queue, [queue.enqueue([element])])
        tf.train.add_queue_runner(runner)
        self.add("deq", queue.dequeue())

    def _produce(self, spec: Mapping[str, Any], count: Any) -> Any:
        if count <= spec["n"]:
            return np.int32(count - 1)
        if "raise" not in spec:
            raise StopIteration("inj:enqueue")
        kind = {"InvalidArgumentError": ValueError}.get(spec["raise"], RuntimeError)
        raise kind("inj:enqueue")

    def wait_for_producer(self, threads: Any) -> None:
        """Waits until the threads of a queue runner have done what they can."""
        for thread in threads:
            if "close_on_stop" not in thread.name:
                thread.join(SECONDS_TO_WAIT)

    # The scaffold.

    def _build_scaffold(self, spec: Mapping[str, Any]) -> None:
        parts: dict[str, Any] = {}
        if "init_fn" in spec:
            parts["init_fn"] = functools.partial(self._init_fn, spec["init_fn"])
        for part, usual in (
            ("init_op", tf.global_variables_initializer),
            ("local_init_op", tf.train.Scaffold.default_local_init_op),
        ):
            if part in spec:
                parts[part] = self._init_op(spec[part], usual)
        for part in ("ready_op", "ready_for_local_init_op"):
            if part in spec:
                parts[part] = self._ready_op(spec[part], part)
        if spec.get("dup_init_op"):
            for _ in range(2):
                tf.add_to_collection(tf.GraphKeys.INIT_OP, tf.global_variables_initializer())
        self.scaffold = tf.train.Scaffold(**parts)

    def _init_fn(self, spec: Any, scaffold: Any, raw: Any) -> None:
        world = self._world
        world.recorder.emit("init_fn", s=world.shown_session(raw))
        with world.watch.failing("init_fn"):
            world.watch.scaffold_fault("init_fn", "init_fn")
            if "run" in spec:
                world.player.init_run(raw, spec["run"])

    def _init_op(self, spec: Any, usual: Callable[[], Any]) -> Any:
        if spec == "noop":
            return tf.no_op()
        if spec in ("inv", "oor"):
            return self.symbols[spec].op
        return tf.group(usual())

    def _ready_op(self, spec: Any, part: str) -> Any:
        if isinstance(spec, Mapping):
            fault = Fault.from_spec(spec)
            return tf.py_func(lambda: _names(fault.strikes()), [], tf.string)
        if spec == "int32":
            return tf.constant([1, 2], tf.int32)
        if spec == "uninit":
            never = tf.Variable("never", collections=[], name=f"never_{part}")
            return tf.reshape(never.read_value(), [1])
        if spec in ("inv", "oor"):
            return _raising(spec)
        return tf.constant(_names(spec == "not_ready"), tf.string, shape=[int(spec == "not_ready")])

    # Checkpoints.

    def checkpoint_directory(self) -> str | None:
        """Returns checkpoint_dir, or None."""
        name = self._scenario.get("ckpt_dir")
        return None if name is None else str(checkpoints() / name)

    def checkpoint_file(self) -> str | None:
        """Returns checkpoint_filename_with_path, or None."""
        name = self._scenario.get("ckpt_file")
        return None if name is None else str(checkpoints() / name / "model.ckpt")

    def checkpoint_name(self, path: str) -> str:
        """Returns which checkpoint a path names."""
        return Path(path).parent.name


def _local_variable(value: float, name: str) -> Any:
    return tf.Variable(
        value, name=name, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES]
    )


def _raising(symbol: str) -> Any:
    def raise_error() -> Any:
        raise FAILING[symbol](f"inj:{symbol}")

    return tf.py_func(raise_error, [], tf.float32)


def _names(missing: bool) -> Any:
    return np.array([b"missing"] if missing else [], dtype=object)


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="oracle-")


@functools.cache
def checkpoints() -> Path:
    """Makes the checkpoints that scenarios name, once for the process."""
    root = Path(_temporary().name)
    (root / "empty").mkdir()
    for name in ("full", "partial", "corrupt"):
        (root / name).mkdir()
        with tf.Graph().as_default(), tf.Session() as session:
            variables = [tf.Variable(42.0, name="w")]
            if name != "partial":
                variables.append(tf.Variable(100, name="step"))
            session.run(tf.global_variables_initializer())
            tf.train.Saver(variables).save(session, str(root / name / "model.ckpt"))
    for file in (root / "corrupt").glob("model.ckpt*"):
        file.unlink()
    return root
