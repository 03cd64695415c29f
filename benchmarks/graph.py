"""What a run of a graph costs, beside the same work in NumPy by hand, PyTorch and TensorFlow.

One thread on one core. The models are the same in all of them: ours and TensorFlow's are built by
the same lines, for both have the same interface. All loops of a model are measured in one process,
in turns; the ratios are formed within a turn.

(a) `Session.run` of a constant.
(b) A training step of a perceptron: batch 32, layers of 64, 64 and 10, gradient descent.
(c) The same with batch 256 and layers of 784, 512 and 10.
(d) A training step of two convolution nets, and of an LSTM; beside them the matrix products
    alone that such a step can't do without, made by NumPy.
(e) The time to import `runtime`, beside that of NumPy alone.

Run it with `make bench`, or `python -m benchmarks.graph` where the packages are installed. A peer
that is not installed is named and left out. Nothing is asserted: the targets are only printed.
"""

# ruff: noqa: E402  # the number of threads must be known before the libraries are loaded

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # which still has the cells of TensorFlow 1

import contextlib
import importlib
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import attrs
import numpy as np

import runtime
from benchmarks.step import Loop, measure, print_ratio, print_times

RATE = 0.01
PRODUCTS = "the matrix products alone"
OURS, NUMPY, TORCH, TENSORFLOW = "ours", "NumPy by hand", "PyTorch, eager", "TensorFlow's session"
Builder = Callable[[ModuleType], contextlib.AbstractContextManager[Loop]]


def data(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def classes(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 10, count)


# -- loops of a session: ours and TensorFlow's ----------------------------------------------------


@contextlib.contextmanager
def in_session(tf: ModuleType, fetch: Any, feeds: dict[Any, Any]) -> Iterator[Loop]:
    config = None
    if tf is not runtime:
        config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())

        def loop(steps: int) -> None:
            run = session.run
            for _ in range(steps):
                run(fetch, feeds)

        def loop_without_feeds(steps: int) -> None:
            run = session.run
            for _ in range(steps):
                run(fetch)

        yield loop if feeds else loop_without_feeds


def trained(tf: ModuleType, logits: Any, labels: Any) -> Any:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.train.GradientDescentOptimizer(RATE).minimize(tf.reduce_mean(losses))


@contextlib.contextmanager
def constant(tf: ModuleType) -> Iterator[Loop]:
    with tf.Graph().as_default(), in_session(tf, tf.constant(3.0), {}) as loop:
        yield loop


@attrs.frozen
class Perceptron:
    """A perceptron with one hidden layer of rectifiers."""

    batch: int
    inputs: int
    hidden: int

    def examples(self) -> tuple[np.ndarray, np.ndarray]:
        return data(self.batch, self.inputs), classes(self.batch)

    def weights(self) -> list[np.ndarray]:
        scale = np.float32(self.inputs**-0.5)
        return [
            data(self.inputs, self.hidden) * scale,
            np.zeros(self.hidden, np.float32),
            data(self.hidden, 10) * scale,
            np.zeros(10, np.float32),
        ]

    @contextlib.contextmanager
    def session(self, tf: ModuleType) -> Iterator[Loop]:
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [self.batch, self.inputs])
            labels = tf.placeholder(tf.int64, [self.batch])
            w1, b1, w2, b2 = [tf.Variable(array) for array in self.weights()]
            hidden = tf.nn.relu(tf.matmul(x, w1) + b1)
            train_op = trained(tf, tf.matmul(hidden, w2) + b2, labels)
            with in_session(
                tf, train_op, dict(zip((x, labels), self.examples(), strict=True))
            ) as loop:
                yield loop

    @contextlib.contextmanager
    def numpy(self) -> Iterator[Loop]:
        x, labels = self.examples()
        w1, b1, w2, b2 = self.weights()
        rows = np.arange(self.batch)

        def loop(steps: int) -> None:
            for _ in range(steps):
                hidden = np.maximum(x @ w1 + b1, 0)
                logits = hidden @ w2 + b2
                shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
                slope = shifted / shifted.sum(axis=1, keepdims=True)
                slope[rows, labels] -= 1
                slope /= self.batch
                slope_hidden = slope @ w2.T
                slope_hidden[hidden <= 0] = 0
                for weights, gradient in (
                    (w2, hidden.T @ slope),
                    (b2, slope.sum(axis=0)),
                    (w1, x.T @ slope_hidden),
                    (b1, slope_hidden.sum(axis=0)),
                ):
                    weights -= RATE * gradient

        yield loop

    @contextlib.contextmanager
    def torch(self) -> Iterator[Loop]:
        import torch

        x, labels = map(torch.from_numpy, self.examples())
        net = torch.nn.Sequential(
            torch.nn.Linear(self.inputs, self.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(self.hidden, 10),
        )
        with descending(net, lambda: torch.nn.functional.cross_entropy(net(x), labels)) as loop:
            yield loop


@contextlib.contextmanager
def descending(net: Any, loss_of: Callable[[], Any]) -> Iterator[Loop]:
    """A loop of training steps in PyTorch."""
    import torch

    torch.set_num_threads(1)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

    def loop(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()

    yield loop


# -- (d) ------------------------------------------------------------------------------------------

IMAGES = (32, 28, 28, 1)


@contextlib.contextmanager
def products(shapes: list[tuple[int, int, int]]) -> Iterator[Loop]:
    """Matrix products in memory that is there already: rows, inner size, columns of each."""
    operands = {
        (m, k, n): (data(m, k), data(k, n), np.empty((m, n), np.float32)) for m, k, n in shapes
    }
    work = [operands[shape] for shape in shapes]

    def loop(steps: int) -> None:
        for _ in range(steps):
            for left, right, out in work:
                np.matmul(left, right, out)

    yield loop


@attrs.frozen
class ConvolutionNet:
    """Two layers of 5 by 5 windows, each halved by maxima; 10 logits."""

    first: int
    second: int

    @contextlib.contextmanager
    def session(self, tf: ModuleType) -> Iterator[Loop]:
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, IMAGES)
            labels = tf.placeholder(tf.int64, IMAGES[:1])
            layer: Any = x
            for inputs, outputs in ((1, self.first), (self.first, self.second)):
                window = tf.Variable(0.1 * data(5, 5, inputs, outputs))
                bias = tf.Variable(np.zeros(outputs, np.float32))
                layer = tf.nn.conv2d(layer, window, strides=[1, 1, 1, 1], padding="SAME")
                layer = tf.nn.relu(tf.nn.bias_add(layer, bias))
                layer = tf.nn.max_pool(layer, [1, 2, 2, 1], [1, 2, 2, 1], padding="SAME")
            flat = tf.reshape(layer, [IMAGES[0], 7 * 7 * self.second])
            logits = tf.matmul(flat, tf.Variable(0.05 * data(7 * 7 * self.second, 10)))
            feeds = {x: data(*IMAGES), labels: classes(IMAGES[0])}
            with in_session(tf, trained(tf, logits, labels), feeds) as loop:
                yield loop

    @contextlib.contextmanager
    def torch(self) -> Iterator[Loop]:
        import torch

        x = torch.from_numpy(data(*IMAGES).reshape(IMAGES[0], 1, 28, 28))
        labels = torch.from_numpy(classes(IMAGES[0]))
        net = torch.nn.Sequential(
            torch.nn.Conv2d(1, self.first, 5, padding=2),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(self.first, self.second, 5, padding=2),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
            torch.nn.Linear(7 * 7 * self.second, 10, bias=False),
        )
        with descending(net, lambda: torch.nn.functional.cross_entropy(net(x), labels)) as loop:
            yield loop

    def products(self) -> contextlib.AbstractContextManager[Loop]:
        """Forwards and by the operands, four images at a time, which a cache can hold."""
        wide, half = 4 * 28 * 28, 4 * 14 * 14
        upper, lower, flat = 5 * 5 * self.first, 5 * 5 * self.second, 7 * 7 * self.second
        shapes = [
            *[(wide, 5 * 5, self.first), (5 * 5, wide, self.first)] * 8,
            *[(half, upper, self.second), (upper, half, self.second)] * 8,
            *[(half, lower, self.first)] * 8,
            *[(32, flat, 10), (flat, 32, 10), (32, 10, flat)],
        ]
        return products(shapes)


SEQUENCES = (32, 20, 16)  # examples, times, numbers
UNITS = 64
LSTM_PRODUCTS = [
    *[(32 * 20, 16, 4 * UNITS), (16, 32 * 20, 4 * UNITS), (UNITS, 32 * 20, 4 * UNITS)],
    *[(32, UNITS, 4 * UNITS)] * 20,
    *[(32, 4 * UNITS, UNITS)] * 19,
    *[(32, UNITS, 10), (UNITS, 32, 10), (32, 10, UNITS)],
]


@contextlib.contextmanager
def lstm(tf: ModuleType) -> Iterator[Loop]:
    """An LSTM over 20 times; 10 logits from its last output."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, SEQUENCES)
        labels = tf.placeholder(tf.int64, SEQUENCES[:1])
        cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS)
        outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        logits = tf.matmul(outputs[:, -1], tf.Variable(0.1 * data(UNITS, 10)))
        feeds = {x: data(*SEQUENCES), labels: classes(SEQUENCES[0])}
        with in_session(tf, trained(tf, logits, labels), feeds) as loop:
            yield loop


@contextlib.contextmanager
def torch_lstm() -> Iterator[Loop]:
    import torch

    x = torch.from_numpy(data(*SEQUENCES))
    labels = torch.from_numpy(classes(SEQUENCES[0]))
    layers = torch.nn.ModuleList(
        [
            torch.nn.LSTM(SEQUENCES[2], UNITS, batch_first=True),
            torch.nn.Linear(UNITS, 10, bias=False),
        ]
    )
    with descending(
        layers, lambda: torch.nn.functional.cross_entropy(layers[1](layers[0](x)[0][:, -1]), labels)
    ) as loop:
        yield loop


# -- all of them ----------------------------------------------------------------------------------


@attrs.frozen
class Contest:
    """A piece of work, who else does it, and what is aimed at.

    `targets` has, for a peer, what its time over ours is to be; for NumPy by hand, what ours over
    its time is to be.
    """

    title: str
    session: Builder
    others: dict[str, Callable[[], contextlib.AbstractContextManager[Loop]]]
    targets: dict[str, str]


def contests() -> list[Contest]:
    small, large = Perceptron(32, 64, 64), Perceptron(256, 784, 512)
    net, larger_net = ConvolutionNet(8, 16), ConvolutionNet(32, 64)
    return [
        Contest("(a) run of a constant", constant, {}, {TENSORFLOW: "at least 10×"}),
        Contest(
            "(b) perceptron, batch 32, 64-64-10",
            small.session,
            {NUMPY: small.numpy, TORCH: small.torch},
            {NUMPY: "at most 0.85×", TORCH: "at least 3×", TENSORFLOW: "at least 3×"},
        ),
        Contest(
            "(c) perceptron, batch 256, 784-512-10",
            large.session,
            {NUMPY: large.numpy, TORCH: large.torch},
            {NUMPY: "at most 1.02×"},
        ),
        Contest(
            "(d) convolution net, 8 and 16 channels",
            net.session,
            {TORCH: net.torch, PRODUCTS: net.products},
            {},
        ),
        Contest(
            "(d) convolution net, 32 and 64 channels",
            larger_net.session,
            {TORCH: larger_net.torch, PRODUCTS: larger_net.products},
            {},
        ),
        Contest(
            "(d) LSTM",
            lstm,
            {TORCH: torch_lstm, PRODUCTS: lambda: products(LSTM_PRODUCTS)},
            {},
        ),
    ]


def tensorflow() -> ModuleType | None:
    try:
        found: ModuleType = importlib.import_module("tensorflow").compat.v1
    except ImportError as error:
        print(f"measured without TensorFlow: {error}")
        return None
    found.disable_v2_behavior()
    return found


def hold(contest: Contest, tf: ModuleType | None, rounds: int) -> None:
    print(f"\n{contest.title}")
    with contextlib.ExitStack() as stack:
        loops = {OURS: stack.enter_context(contest.session(runtime))}
        others = dict(contest.others)
        if tf is not None:
            others[TENSORFLOW] = lambda: contest.session(tf)
        for name, make in others.items():
            try:
                loops[name] = stack.enter_context(make())
            except (ImportError, AttributeError) as error:
                print(f"measured without {name}: {error}")
        figures = measure(loops, rounds, seconds=0.1)
    print_times(figures)
    for name, times in figures.items():
        target = contest.targets.get(name, "")
        if name == NUMPY:
            print_ratio(f"ours / {name}", figures[OURS], times, target)
        elif name != OURS:
            print_ratio(f"{name} / ours", times, figures[OURS], target)


def imports(rounds: int) -> None:
    """Names of `runtime` are imported when they are used; so a first run is shown, too."""
    print("\n(e) import, in processes of their own")
    statements = {
        "import numpy": "import numpy",
        "import runtime": "import runtime",
        "import runtime, a first run of a variable": (
            "import runtime as tf; w = tf.Variable(1.0); s = tf.Session(); s.run(w.initializer)"
        ),
    }
    figures: dict[str, list[float]] = {name: [] for name in statements}
    bare = min(_process("pass") for _ in range(rounds))
    for _ in range(rounds):
        for name, statement in statements.items():
            figures[name].append(_process(statement) - bare)
    print_times(figures)
    numpy, alone, first = figures.values()
    print_ratio("runtime / NumPy", alone, numpy, "at most 1.5×")
    print_ratio("runtime and a first run / NumPy", first, numpy, "none")


def _process(statement: str) -> float:
    """Seconds that an interpreter takes for a statement; compiled modules are kept."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return time.perf_counter() - start


def main(rounds: int = 15) -> None:
    print(f"Python {platform.python_version()} on {platform.machine()}, one thread on one core")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tf = tensorflow()
    for contest in contests():
        hold(contest, tf, rounds)
    imports(rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
