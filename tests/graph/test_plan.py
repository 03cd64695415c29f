"""The generated source of plans."""

from typing import Any

import numpy as np
import pytest

import runtime as tf
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
