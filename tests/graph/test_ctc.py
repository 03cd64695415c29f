"""The loss and the decoders of unaligned labels, against all paths written out."""

import itertools
from typing import Any

import numpy as np
import pytest

import runtime as tf

Array = np.ndarray[Any, Any]
STEPS, CLASSES = 4, 3
LOGITS = np.random.default_rng(3).normal(size=(STEPS, 3, CLASSES))
LABELS: list[list[int]] = [[0, 0], [1], [1, 0]]
LENGTHS = [4, 3, 2]


def sparse(rows: list[list[int]]) -> tf.SparseTensor:
    """A row of labels for each sequence."""
    places = [[row, place] for row, labels in enumerate(rows) for place in range(len(labels))]
    values = np.array([label for labels in rows for label in labels], np.int32)
    return tf.SparseTensor(np.reshape(places, [-1, 2]), values, [len(rows), 9])


def collapsed(path: tuple[int, ...], merged: bool = True) -> list[int]:
    """What a path of classes reads as."""
    kept = [c for i, c in enumerate(path) if not (merged and i and c == path[i - 1])]
    return [c for c in kept if c != CLASSES - 1]


def log_softmax(x: Array) -> Array:
    found: Array = x - np.log(np.exp(x).sum(-1, keepdims=True))
    return found


def loss_by_all_paths(logits: Array, merged: bool = True) -> list[float]:
    """The sum over all paths that read as the labels."""
    found = []
    for row, (labels, length) in enumerate(zip(LABELS, LENGTHS, strict=True)):
        log_p = log_softmax(logits[:, row])
        paths = itertools.product(range(CLASSES), repeat=length)
        fitting = [p for p in paths if collapsed(p, merged) == labels]
        found.append(-np.log(sum(np.exp(log_p[range(length), p].sum()) for p in fitting)))
    return found


@pytest.mark.parametrize("merged", [True, False])
def test_the_loss_counts_all_paths_that_read_as_the_labels(
    merged: bool, session: tf.Session
) -> None:
    """With repeated classes taken as one label, or as several."""
    logits = tf.placeholder(tf.float64, [None, 3, CLASSES])
    loss = tf.nn.ctc_loss(sparse(LABELS), logits, LENGTHS, ctc_merge_repeated=merged)
    found = session.run(loss, {logits: LOGITS})
    np.testing.assert_allclose(found, loss_by_all_paths(LOGITS, merged))


def test_the_gradient_of_the_loss_is_the_limit_of_differences(session: tf.Session) -> None:
    """None beyond the ends of the sequences; with the batch first, too."""
    logits = tf.placeholder(tf.float64, [3, STEPS, CLASSES])
    loss = tf.nn.ctc_loss(labels=sparse(LABELS), logits=logits, sequence_length=LENGTHS,
                          time_major=False)  # fmt: skip
    total = tf.reduce_sum(loss * [1.0, 2.0, 3.0])
    (slope,) = tf.gradients(total, logits)
    at = LOGITS.transpose(1, 0, 2).copy()
    found = session.run(slope, {logits: at})
    for place in np.ndindex(at.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = at.copy()
            moved[place] += step
            ends.append(session.run(total, {logits: moved}))
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)
    assert not found[1, 3:].any()
    with pytest.raises(LookupError, match="no second derivative"):
        tf.gradients(slope, logits)


def test_the_loss_survives_logits_of_any_size(session: tf.Session) -> None:
    """It is computed in logarithms."""
    loss = tf.nn.ctc_loss(sparse([[0, 1]]), tf.constant(LOGITS[:, :1] * 1e4), [4])
    assert np.isfinite(session.run(loss)).all()


def test_labels_that_do_not_fit_are_an_error_or_have_no_loss(session: tf.Session) -> None:
    """Two equal labels need a blank in between, and so three steps."""
    logits, labels = tf.constant(LOGITS[:2, :1]), sparse([[0, 0]])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"\(required: 3, available: 2\) of element 0"
    ):
        session.run(tf.nn.ctc_loss(labels, logits, [2]))
    lenient = tf.nn.ctc_loss(labels, logits, [2], ignore_longer_outputs_than_inputs=True)
    assert session.run([lenient, *tf.gradients(lenient, logits)])[0].tolist() == [0.0]
    short = tf.nn.ctc_loss(labels, logits, [2], preprocess_collapse_repeated=True)
    assert session.run(short) > 0


def test_what_can_not_be_a_label_is_named(session: tf.Session) -> None:
    """The blank, lengths beyond the end, tensors that are not sparse."""
    logits = tf.constant(LOGITS[:, :1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Label 2 of element 0 is none of"):
        session.run(tf.nn.ctc_loss(sparse([[2]]), logits, [4]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be from 0 to 4"):
        session.run(tf.nn.ctc_loss(sparse([[1]]), logits, [5]))
    with pytest.raises(TypeError, match="to be a SparseTensor"):
        tf.nn.ctc_loss(tf.constant([1]), logits, [4])


def test_the_beam_search_finds_the_most_likely_labels(session: tf.Session) -> None:
    """With a beam that is wide enough: those with the largest sums over their paths."""
    paths, scores = tf.nn.ctc_beam_search_decoder(
        LOGITS[:, :1], [STEPS], beam_width=50, top_paths=2, merge_repeated=False
    )
    sums: dict[tuple[int, ...], float] = {}
    log_p = log_softmax(LOGITS[:, 0])
    for path in itertools.product(range(CLASSES), repeat=STEPS):
        read = tuple(collapsed(path))
        sums[read] = sums.get(read, 0.0) + np.exp(log_p[range(STEPS), path].sum())
    best = sorted(sums, key=lambda read: -sums[read])[:2]
    found = [tuple(path.values.tolist()) for path in session.run(paths)]
    assert found == best
    expected = [[np.log(sums[read]) for read in best]]
    np.testing.assert_allclose(session.run(scores), expected)


def test_the_greedy_decoder_takes_the_likeliest_class_of_each_step(session: tf.Session) -> None:
    """And reads them as labels; a blank parts equal ones."""
    classes = [0, 0, 2, 0, 1, 1]
    logits = np.eye(3)[classes][:, None] * 5
    (path,), score = tf.nn.ctc_greedy_decoder(logits, [6])
    value = session.run(path)
    assert value.values.tolist() == [0, 0, 1]
    assert value.dense_shape.tolist() == [1, 3]
    assert session.run(score).tolist() == [[-30.0]]
    (path,), _ = tf.nn.ctc_greedy_decoder(logits, [5], merge_repeated=False)
    assert session.run(path).values.tolist() == [0, 0, 0, 1]


def test_the_rate_of_wrong_labels(session: tf.Session) -> None:
    """Insertions, deletions and replacements, by the length of the truth."""
    found = tf.edit_distance(sparse([[0, 1], [], [1]]), sparse([[0], [1, 1], []]))
    assert session.run(found).tolist() == [1.0, 1.0, np.inf]
    plain = tf.edit_distance(sparse([[0, 1, 1]]), sparse([[1, 1, 2]]), normalize=False)
    assert session.run(plain).tolist() == [2.0]
    with pytest.raises(TypeError, match="Hypothesis must be a SparseTensor"):
        tf.edit_distance(tf.constant([1]), sparse([[0]]))
