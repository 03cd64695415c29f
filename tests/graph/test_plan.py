"""The generated source of plans."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.graph import silence
from runtime.graph.buffers import Buffers
from runtime.graph.plan import Program


def program(session: tf.Session) -> Program:
    """The program of the latest new fetches."""
    prepared = list(session._prepared.values())[-1]
    return list(prepared.plans.values())[-1][1]


def test_the_source_holds_nothing_that_a_user_wrote(session: tf.Session) -> None:
    """Names of operations, keys of results and strings come in as constants."""
    x = tf.placeholder(tf.string, [], name="user_name")
    session.run({"user key": tf.identity(x), "'); import os": x}, {x: "user value"})
    source = program(session).source
    assert "user" not in source and "import" not in source


def test_constants_are_folded(session: tf.Session) -> None:
    """A run of a constant expression is one return."""
    x = tf.reshape(tf.constant([1.0, 2.0]) * 3.0 + 1.0, [2, 1])
    assert session.run(x[0, 0]) == 4.0
    assert program(session).source == "def plan():\n return c0\n"


def test_what_changes_nothing_costs_nothing(session: tf.Session) -> None:
    """Identities, reshapes to the same shape."""
    x = tf.placeholder(tf.float32, [2, 2])
    y = tf.stop_gradient(tf.reshape(tf.identity(x), [2, 2])) * x
    session.run(y, {x: np.ones((2, 2))})
    lines = program(session).source.splitlines()
    assert [line.strip() for line in lines if " = " in line and "warnings" not in line] == [
        "v1 = v0 * v0"
    ]


def test_buffers_that_are_free_are_written_to(session: tf.Session) -> None:
    """But never those of the user or of what is fetched."""
    x = tf.placeholder(tf.float32, [2, 2])
    a = x * 2.0
    b = a + 1.0
    session.run(b, {x: np.ones((2, 2))})
    assert "out=" in program(session).source
    session.run([a, b], {x: np.ones((2, 2))})
    assert "out=" not in program(session).source


def test_large_arrays_are_used_again_when_the_user_let_go_of_them(session: tf.Session) -> None:
    """What a user keeps stays as it is, however often the plan is carried out."""
    x = tf.placeholder(tf.float32, [256, 256])
    y = x + 1.0
    first = session.run(y, {x: np.zeros((256, 256))})
    second = session.run(y, {x: np.ones((256, 256))})
    assert (first == 1).all() and (second == 2).all()
    memory = first.ctypes.data
    part = first[:2]
    del first
    assert session.run(y, {x: np.ones((256, 256))}).ctypes.data != memory
    assert (part == 1).all()
    del part
    assert session.run(y, {x: np.ones((256, 256))}).ctypes.data == memory


def test_a_short_row_that_is_added_to_many_is_made_longer(session: tf.Session) -> None:
    """NumPy works row by row; the result is the same."""
    x = tf.placeholder(tf.float32, [32, 28, 28, 8])
    bias = tf.constant(np.arange(8), tf.float32)
    images = np.random.default_rng(0).normal(size=(32, 28, 28, 8)).astype(np.float32)
    variable = tf.Variable(bias)
    session.run(variable.initializer)
    result = session.run(x * 2.0 + variable, {x: images})
    np.testing.assert_array_equal(result, images * 2 + np.arange(8, dtype=np.float32))
    assert re.search(r"k\d+\(v\d+, k\d+\(v\d+\), out=v\d+\)", program(session).source)


@pytest.mark.parametrize("dims", [[256, 1], [1, 1000], [1000], [256, 1000], [1], []])
def test_operands_of_any_shape_are_spread_over_large_ones(
    session: tf.Session, dims: list[int]
) -> None:
    """A row is made longer; a column and what is as large already are left."""
    random = np.random.default_rng(0)
    large, small = random.normal(size=(256, 1000)), random.normal(size=dims)
    x, y = tf.placeholder(tf.float64, [256, 1000]), tf.placeholder(tf.float64, dims)
    assert (session.run(x - y, {x: large, y: small}) == large - small).all()
    assert (session.run(y * x, {x: large, y: small}) == small * large).all()


def test_arrays_that_are_kept_for_ever_do_not_pile_up() -> None:
    """Buffers look at the newest ones, and forget all if there are too many shapes."""
    buffers = Buffers(kinds=2)
    kept = [buffers.take((3,), np.float32) for _ in range(100)]
    assert len({array.ctypes.data for array in kept}) == 100
    assert sum(map(len, buffers._made.values())) == 64
    for size in range(1, 9):
        buffers.take((size,), np.float32)
    assert len(buffers._made) <= 2


@pytest.mark.parametrize("shape", [(3,), (4, 3), (1, 3), (4, 1), (2, 4, 3)])
def test_a_row_is_repeated_beside_a_small_array(shape: Any, session: tf.Session) -> None:
    """On either side, wherever its numbers lie; what is no row is spread as ever."""
    x, row = tf.placeholder(tf.float32, [None, 4, 3]), tf.placeholder(tf.float32, shape)
    large = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    numbers = np.arange(2 * np.prod(shape), dtype=np.float32)[::-2].reshape(shape)
    found = session.run([x - row, row - x], {x: large, row: numbers})
    assert ("tobytes" in program(session).source) == (shape in [(3,), (4, 3)])
    np.testing.assert_array_equal(found, [large - numbers, numbers - large])


def test_programs_are_shared_by_the_sessions_of_a_graph(graph: tf.Graph) -> None:
    """Only the state is each session's own."""
    x = tf.Variable(1.0)
    with tf.Session() as first, tf.Session() as second:
        for session in (first, second):
            session.run(x.initializer)
            session.run(x)
        assert program(first) is program(second)


def test_constants_can_not_be_overwritten(session: tf.Session) -> None:
    """Their arrays are read-only."""
    x = tf.constant([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        x.op.attributes["value"][0] = 5.0


@pytest.mark.parametrize("steps", [3000])
def test_long_chains_compile(steps: int, session: tf.Session) -> None:
    """Nothing recurses over the graph."""
    x = tf.placeholder(tf.float64, [2])
    y: Any = x
    for _ in range(steps):
        y = y + 1.0
    (gradient,) = tf.gradients(y, x)
    value, slope = session.run([y, gradient], {x: [0.0, 1.0]})
    assert value.tolist() == [steps, steps + 1] and slope.tolist() == [1.0, 1.0]


ONES = np.ones([3, 4], np.float32)


def _twos() -> tf.Tensor:
    return tf.constant(ONES) + 1.0  # type: ignore[no-any-return]  # operators are untyped


def _zeros() -> tf.Tensor:
    return tf.zeros([3, 4])


# Ways to get at a constant that a run makes no array of its own for.
CONSTANTS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "branch": lambda known: tf.cond(known, lambda: _twos(), _zeros),
    "plain": lambda known: tf.cond(known, lambda: tf.constant(2 * ONES), _zeros),
    "view": lambda known: tf.cond(known, lambda: tf.reshape(_twos(), [-1, 4]), _zeros),
    "case": lambda known: tf.case([(known, lambda: _twos())], _zeros),
    "array": lambda known: tf.TensorArray(tf.float32, 1).write(0, _twos()).read(0),
    "branch array": lambda known: tf.TensorArray(
        tf.float32,
        1,
        flow=tf.cond(
            known,
            lambda: tf.TensorArray(tf.float32, 1).write(0, _twos()).flow,
            lambda: tf.TensorArray(tf.float32, 1).write(0, _zeros()).flow,
        ),
    ).read(0),
    "loop": lambda known: tf.while_loop(
        lambda x: tf.reduce_sum(x) < 1.0, lambda x: _twos(), [_zeros()]
    ),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_out_of_a_branch_or_an_array_is_never_written_to(
    name: str, session: tf.Session
) -> None:
    """Not by operations that write in place, not by a variable that keeps it, not by the user."""
    rows = tf.placeholder(tf.float32, [None, 2])
    value = CONSTANTS[name](tf.shape(rows)[0] > 0)
    feeds = {rows: np.ones([3, 2])}
    negative = tf.negative(value)
    variable = tf.Variable(tf.zeros([3, 4]))
    other = tf.Variable(tf.zeros([3, 4]))
    assign, add = variable.assign(value), variable.assign_add(tf.ones([3, 4]))
    step = tf.train.GradientDescentOptimizer(1.0).apply_gradients([(value, other)])
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        assert session.run(negative, feeds).tolist() == (-2 * ONES).tolist()
        fetched = session.run(value, feeds)
        fetched[...] = 77
        session.run(assign, feeds)
        assert session.run(add).tolist() == (3 * ONES).tolist()
        session.run(step, feeds)
    assert session.run(other).tolist() == (-6 * ONES).tolist()
    assert session.run(value, feeds).tolist() == (2 * ONES).tolist()


@pytest.mark.parametrize("source", ["variable", "feed"])
def test_what_a_tensor_array_holds_is_copied_for_the_user(source: str, session: tf.Session) -> None:
    """A row of it may be the memory of a variable or of a fed array."""
    variable = tf.Variable(ONES)
    given = ONES.copy()
    fed = tf.placeholder(tf.float32, [3, 4])
    value = variable.value() if source == "variable" else fed
    row = tf.TensorArray(tf.float32, 1).write(0, value).read(0)
    session.run(variable.initializer)
    fetched = session.run(row, {fed: given})
    session.run(variable.assign_add(ONES))
    assert fetched.tolist() == ONES.tolist()
    fetched[...] = 77
    assert session.run(variable).tolist() == (2 * ONES).tolist()
    assert given.tolist() == ONES.tolist()


def test_what_is_fetched_can_be_written_to_and_keeps_nothing_large_alive(
    session: tf.Session,
) -> None:
    """Also what NumPy gives a read-only view of, and a small part of a large array."""
    x = tf.placeholder_with_default(ONES, [3, 4]) * 2.0
    for part in (tf.broadcast_to(x, [2, 3, 4]), tf.matrix_diag_part(x), tf.transpose(x)):
        array = session.run(part)
        assert array.flags.writeable
    large = tf.reshape(tf.placeholder_with_default(tf.ones([1000]), [1000]) * 2.0, [100, 10])
    assert session.run(large[0]).base is None


@pytest.mark.parametrize("found", [True, False])
def test_warnings_are_switched_off_and_on_again(
    found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if NumPy's setting is not where it was looked for."""
    if not found:
        monkeypatch.setattr(silence, "copy_context", dict)
    switch, off, back = silence._found()
    with np.errstate(over="raise"):
        before = switch(off)
        assert set(np.geterr().values()) == {"ignore"}
        back(before)
        assert np.geterr()["over"] == "raise"


def test_many_sessions_that_feed_ever_new_shapes_share_few_programs() -> None:
    """A graph keeps so many for one set of fetches; then one that works for all shapes."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None])
        total = tf.reduce_sum(x * 2.0)
        for size in range(200):
            with tf.Session() as session:
                assert session.run(total, {x: np.ones(size)}) == 2 * size
        traced = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        with tf.Session() as session:
            for size in range(200):
                fed = {x: np.ones(size)}
                assert session.run(total, fed, traced, tf.RunMetadata()) == 2 * size
        assert sum(len(programs) for programs in graph.programs.values()) <= 130
