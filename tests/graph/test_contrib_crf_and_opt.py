"""tf.contrib.crf and tf.contrib.opt: chains of tags, further optimizers."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.contrib import crf, opt

TAGS = 3
SCORES = np.random.default_rng(0).normal(size=(4, 4, TAGS))
PAIRS = np.random.default_rng(1).normal(size=(TAGS, TAGS))
LENGTHS = np.array([4, 1, 3, 0])
CHOSEN = np.random.default_rng(2).integers(0, TAGS, (4, 4)).astype(np.int32)


def score(x: Any, tags: Any, pairs: Any) -> float:
    unary = sum(x[time, tag] for time, tag in enumerate(tags))
    return float(unary + sum(pairs[a, b] for a, b in pairwise(tags)))


def every(x: Any, length: int, pairs: Any) -> dict[tuple[int, ...], float]:
    return {tags: score(x, tags, pairs) for tags in product(range(TAGS), repeat=length)}


# Chains of tags.


def test_scores_and_norms_are_sums_over_sequences(session: tf.Session) -> None:
    """Over all of them, one by one; empty ones count nothing."""
    lengths = tf.constant(LENGTHS)
    found = session.run(
        [
            crf.crf_sequence_score(SCORES, CHOSEN, lengths, PAIRS),
            crf.crf_log_norm(SCORES, lengths, PAIRS),
            crf.crf_log_likelihood(SCORES, CHOSEN, lengths, PAIRS)[0],
        ]
    )
    scores = [score(x[:n], t[:n], PAIRS) for x, t, n in zip(SCORES, CHOSEN, LENGTHS, strict=True)]
    norms = [
        np.log(sum(np.exp(s) for s in every(x, n, PAIRS).values())) if n else 0
        for x, n in zip(SCORES, LENGTHS, strict=True)
    ]
    for one, wanted in zip(found, (scores, norms, np.subtract(scores, norms)), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-9, atol=1e-12)


def test_the_best_sequences_are_found(session: tf.Session) -> None:
    """With their scores; also outside of the graph."""
    tags, best = session.run(crf.crf_decode(SCORES, PAIRS, tf.constant(LENGTHS)))
    assert tags.dtype == np.int32
    for x, row, total, length in zip(SCORES, tags, best, LENGTHS, strict=True):
        sequences = every(x, length, PAIRS)
        assert tuple(row[:length]) == max(sequences, key=sequences.__getitem__)
        assert total == pytest.approx(max(sequences.values())) and not row[length:].any()
    found, value = crf.viterbi_decode(SCORES[0], PAIRS)
    assert found == tags[0].tolist() and value == pytest.approx(best[0])


def test_gradients_are_limits_of_differences(session: tf.Session) -> None:
    """By scores of tags and of pairs."""
    x, pairs = tf.placeholder(tf.float64, [4, 4, TAGS]), tf.placeholder(tf.float64, [TAGS, TAGS])
    likelihood, _ = crf.crf_log_likelihood(x, CHOSEN, tf.constant(LENGTHS), pairs)
    loss = tf.reduce_sum(likelihood * [1.0, 2.0, -0.5, 3.0])
    feeds = {x: SCORES, pairs: PAIRS}
    for source, slope in zip((x, pairs), tf.gradients(loss, [x, pairs]), strict=True):
        found = session.run(slope, feeds)
        expected = np.zeros_like(feeds[source])
        for place in np.ndindex(expected.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = feeds[source].copy()
                moved[place] += step
                ends.append(session.run(loss, {**feeds, source: moved}))
            expected[place] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_a_tagger_learns_pairs_of_tags(session: tf.Session) -> None:
    """The variable of their scores is made where the likelihood is."""
    rng = np.random.default_rng(0)
    tags = np.cumsum(rng.integers(0, 2, (64, 6)), 1) % TAGS  # a tag stays, or is the next
    words = np.where(rng.random((64, 6)) < 0.8, tags, rng.integers(0, TAGS, (64, 6)))
    scores = tf.layers.dense(tf.one_hot(words, TAGS), TAGS)
    lengths = tf.fill([64], 6)
    likelihood, pairs = crf.crf_log_likelihood(scores, tf.cast(tags, tf.int32), lengths)
    train = tf.train.AdamOptimizer(0.1).minimize(-tf.reduce_mean(likelihood))
    found, _ = crf.crf_decode(scores, pairs, lengths)
    session.run(tf.global_variables_initializer())
    for _ in range(60):
        session.run(train)
    assert pairs.op.name == "transitions"
    guessed, weights = session.run([found, pairs])
    assert (guessed == tags).mean() > (words == tags).mean()
    assert all(weights[t, (t + 2) % 3] < weights[t].mean() for t in range(TAGS))


def test_what_chains_need_is_told() -> None:
    """Shapes, and the number of tags."""
    with pytest.raises(ValueError, match=r"inputs must be \[batch, time, tags\], not \(4, 3\)"):
        crf.crf_log_norm(SCORES[:, 0], LENGTHS, PAIRS)
    with pytest.raises(ValueError, match="transition_params must be a matrix"):
        crf.crf_decode(SCORES, PAIRS[0], LENGTHS)
    with pytest.raises(ValueError, match="needs to know the number of tags"):
        crf.crf_log_likelihood(tf.placeholder(tf.float32, [None, None, None]), CHOSEN, LENGTHS)


# Optimizers.


def _trained(optimizer: Any, steps: int, rows: Any = None) -> Any:
    """A variable after some steps along its own values, or along those of some rows."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", initializer=np.arange(1.0, 7.0).reshape(3, 2))
        used = w if rows is None else tf.gather(w, rows)
        train = optimizer.minimize(tf.reduce_sum(tf.square(used)) / 2)
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(train)
        return session.run(w)


def _adam(steps: int, ahead: bool = False, decay: float = 0.0) -> Any:
    w = np.arange(1.0, 7.0).reshape(3, 2)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, steps + 1):
        g = w
        w = w - decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        used = 0.9 * m + 0.1 * g if ahead else m
        rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        w = w - rate * used / (np.sqrt(v) + 1e-8)
    return w


def test_nadam_looks_ahead() -> None:
    """For whole variables and for rows."""
    np.testing.assert_allclose(_trained(opt.NadamOptimizer(0.1), 3), _adam(3, True), rtol=1e-5)
    rows = _trained(opt.NadamOptimizer(0.1), 3, [0, 2, 1])
    np.testing.assert_allclose(rows, _adam(3, True), rtol=1e-5)


def test_lazy_adam_leaves_rows_alone() -> None:
    """Others are changed as by Adam, which would move all that ever had a gradient."""
    lazy = _trained(opt.LazyAdamOptimizer(0.1), 3, [2, 0])
    np.testing.assert_allclose(lazy[[0, 2]], _adam(3)[[0, 2]], rtol=1e-5)
    assert lazy[1].tolist() == [3.0, 4.0]
    np.testing.assert_allclose(_trained(opt.LazyAdamOptimizer(0.1), 3), _adam(3), rtol=1e-5)


@pytest.mark.parametrize("rows", [None, [0, 1, 2]])
def test_weights_decay_beside_the_gradient(rows: Any) -> None:
    """By a part of themselves in each step, before it; gradients do not see it."""
    adam = opt.AdamWOptimizer(0.01, 0.1)
    np.testing.assert_allclose(_trained(adam, 3, rows), _adam(3, decay=0.01), rtol=1e-5)
    plain = _trained(opt.MomentumWOptimizer(lambda: 0.01, 0.1, 0.0), 1, rows)
    np.testing.assert_allclose(plain, np.arange(1.0, 7.0).reshape(3, 2) * (0.99 - 0.1), rtol=1e-6)
    made = opt.extend_with_decoupled_weight_decay(tf.train.GradientDescentOptimizer)
    np.testing.assert_allclose(_trained(made(0.01, 0.1), 1, rows), plain, rtol=1e-6)


def test_only_some_weights_decay_if_they_are_named(session: tf.Session) -> None:
    """The others are optimized as ever."""
    v, w = tf.Variable(1.0), tf.Variable(1.0)
    train = opt.AdamWOptimizer(0.5, 0.0).minimize(v + w, decay_var_list=[w])
    session.run(tf.global_variables_initializer())
    session.run(train)
    assert session.run([v, w]) == [1.0, 0.5]
