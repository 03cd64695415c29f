"""Softmax and cross entropies, whatever the size of their numbers."""

from typing import Any

import numpy as np
import pytest

import runtime as tf

# Exponentials of some of these are too large or too small for their types.
SCALES = [1.0, 30.0, 3e3]
CLASSES = [3, 40]


def scores(classes: int, scale: float, dtype: Any) -> Any:
    """Rows of which one is far above the others, and one far below."""
    rows = np.random.default_rng(classes).normal(size=(4, classes))
    rows += np.array([[0.0], [1.0], [-1.0], [0.5]])
    return (rows * scale).astype(dtype)


def log_softmax(rows: Any) -> Any:
    """What it is, in the most exact type there is."""
    shifted = rows.astype(np.float64) - rows.astype(np.float64).max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def losses(logits: Any, labels: Any) -> Any:
    """The cross entropy for labels of either kind."""
    if labels.dtype.is_integer:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("classes", CLASSES)
def test_softmax_loses_nothing_in_large_and_small_numbers(
    classes: int, scale: float, dtype: Any, session: tf.Session
) -> None:
    """Beside the same in float64."""
    rows = scores(classes, scale, dtype)
    found = session.run(
        tf.nn.softmax(tf.placeholder(dtype, [None, classes])), {"Placeholder:0": rows}
    )
    tiny = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, np.exp(log_softmax(rows)), rtol=20 * tiny, atol=tiny)
    logarithms = session.run(tf.nn.log_softmax(rows.reshape(2, 2, classes))).reshape(4, classes)
    np.testing.assert_allclose(logarithms, log_softmax(rows), rtol=tiny, atol=tiny)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("classes", CLASSES)
def test_losses_and_slopes_are_exact_and_the_same_alone_and_together(
    classes: int, scale: float, dtype: Any, dense: bool, session: tf.Session
) -> None:
    """Bit by bit, so that fetching the loss does not change a training."""
    rows, numbers = scores(classes, scale, dtype), np.array([0, 1, 2, 1])
    certain = np.eye(classes)[numbers]
    logits = tf.placeholder(dtype, [None, classes])
    loss = losses(logits, tf.constant(certain, dtype) if dense else tf.constant(numbers))
    slope = tf.gradients(loss, logits)[0]
    together = session.run([loss, slope], {logits: rows})
    for fetch, value in zip((loss, slope), together, strict=True):
        assert session.run(fetch, {logits: rows}).tolist() == value.tolist()
    logarithms, tiny = log_softmax(rows), 20 * np.finfo(dtype).eps
    expected = -(certain * logarithms).sum(-1)
    np.testing.assert_allclose(together[0], expected, rtol=tiny, atol=tiny)
    np.testing.assert_allclose(together[1], np.exp(logarithms) - certain, atol=tiny)


@pytest.mark.parametrize("classes", CLASSES)
def test_what_is_no_number_stays_in_its_row(classes: int, session: tf.Session) -> None:
    """Of infinities, only those below are numbers of a kind: their classes are impossible."""
    rows = scores(classes, 1.0, np.float32)
    rows[1, 0], rows[2, 1], rows[3, 2] = np.nan, np.inf, -np.inf
    found = session.run(tf.nn.softmax(tf.constant(rows)))
    assert np.isnan(found).any(1).tolist() == [False, True, True, False]
    assert found[3, 2] == 0
    np.testing.assert_allclose(found[[0, 3]].sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("wrong", [-1, 3])
@pytest.mark.parametrize("used", ["loss", "slope"])
def test_a_label_that_is_no_class_is_named(wrong: int, used: str, session: tf.Session) -> None:
    """Below as well as above, whatever is asked for."""
    logits, labels = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int64, [None])
    loss = losses(logits, labels)
    fetch = loss if used == "loss" else tf.gradients(loss, logits)[0]
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"label value of {wrong} which is outside the valid range of \[0, 3\)",
    ):
        session.run(fetch, {logits: np.zeros((2, 3), np.float32), labels: [0, wrong]})


@pytest.mark.parametrize("labels", [np.array([0]), np.array([[1, 0, 0]], np.float32)])
@pytest.mark.parametrize("score", [50.0, 500.0])
def test_no_loss_is_a_plain_zero(labels: Any, score: float, session: tf.Session) -> None:
    """Not -0.0, which looks odd in a printed line."""
    rows = tf.constant([[score, 0.0, 0.0]])
    assert str(session.run(losses(rows, tf.constant(labels)))) == "[0.]"
