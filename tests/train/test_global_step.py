"""The global step: made once, found again, checked."""

import logging

import pytest

import runtime as tf
from runtime.global_step import (
    assert_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    global_step,
)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def test_a_graph_has_no_global_step_at_first() -> None:
    """get_global_step gives None in a new graph."""
    assert get_global_step() is None


def test_the_global_step_that_is_made() -> None:
    """An int64 scalar named global_step, 0 at first, saved but not trained."""
    step = create_global_step()
    assert step.op.name == "global_step"
    assert step.dtype == tf.int64
    assert step.shape.ndims == 0
    assert tf.global_variables() == [step]
    assert tf.trainable_variables() == []
    assert tf.get_collection(tf.GraphKeys.GLOBAL_STEP) == [step]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert global_step(session, step) == 0


def test_it_is_made_outside_all_name_scopes() -> None:
    """A surrounding name scope does not become part of the name."""
    with tf.name_scope("scope"):
        assert create_global_step().op.name == "global_step"


def test_it_is_made_only_once() -> None:
    """A second create: ValueError; get_or_create gives the one that is there."""
    step = get_or_create_global_step()
    assert get_or_create_global_step() is step
    with pytest.raises(ValueError, match='"global_step" already exists'):
        create_global_step()


def test_a_graph_can_be_named(graph) -> None:
    """With a graph given, the default graph does not matter."""
    with tf.Graph().as_default():
        step = get_or_create_global_step(graph)
        assert get_global_step() is None
    assert step.graph is graph
    assert get_global_step() is step


def test_a_tensor_of_that_name_is_a_global_step() -> None:
    """Without an element in the collection, the tensor global_step:0 counts."""
    tensor = tf.constant(5, name="global_step")
    assert get_global_step() is tensor


def test_several_global_steps_are_none(caplog) -> None:
    """Two elements in the collection: None, and an error in the log."""
    for value in (1, 2):
        tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, tf.constant(value))
    with caplog.at_level(logging.ERROR, logger="tensorflow"):
        assert get_global_step() is None
    assert "Multiple tensors in global_step collection" in caplog.text


def test_what_can_be_a_global_step() -> None:
    """An integer scalar; else TypeError that says what is wrong and how to make one."""
    assert_global_step(tf.constant(1))
    with pytest.raises(TypeError, match=r"does not have integer type: float32.*create_global_step"):
        assert_global_step(tf.constant(1.0))
    with pytest.raises(TypeError, match=r"is not scalar: its shape is .*2.*create_global_step"):
        assert_global_step(tf.constant([1, 2]))


def test_reading_gives_a_python_int() -> None:
    """global_step reads a value that the user's program has set."""
    step = create_global_step()
    with tf.Session() as session:
        session.run(tf.assign(step, 7))
        value = global_step(session, step)
    assert value == 7
    assert type(value) is int
