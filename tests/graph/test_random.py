"""Random numbers: seeds, distributions."""

from typing import Any

import numpy as np
import pytest

import runtime as tf

MAKERS = {
    "normal": lambda seed=None: tf.random_normal([50], seed=seed),
    "uniform": lambda seed=None: tf.random_uniform([50], seed=seed),
    "integers": lambda seed=None: tf.random_uniform([50], 0, 1000, tf.int32, seed=seed),
    "truncated": lambda seed=None: tf.truncated_normal([50], seed=seed),
    "shuffle": lambda seed=None: tf.random_shuffle(tf.range(50), seed=seed),
    "initializer": lambda seed=None: tf.glorot_uniform_initializer(seed=seed)([5, 10]),
    "orthogonal": lambda seed=None: tf.orthogonal_initializer(seed=seed)([5, 10]),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def run_anew(make: Any, graph_seed: int | None, seed: int | None, runs: int = 2) -> list[Any]:
    with tf.Graph().as_default():
        tf.set_random_seed(graph_seed)
        tf.no_op()
        x = make(seed)
        with tf.Session() as session:
            return [session.run(x).tolist() for _ in range(runs)]


@each
@pytest.mark.parametrize("seeds", [(1, None), (None, 2), (1, 2)])
def test_seeds_make_the_same_sequence_in_each_session(make: Any, seeds: Any) -> None:
    """Bit for bit; but each run of a session gives new numbers."""
    first, again = run_anew(make, *seeds), run_anew(make, *seeds)
    assert first == again
    assert first[0] != first[1]


@each
def test_other_seeds_make_other_sequences(make: Any) -> None:
    """And without seeds each session differs."""
    seeds = [(1, None), (2, None), (None, 1), (None, 2), (1, 7), (2, 8), (None, None), (None, None)]
    found = [str(run_anew(make, *pair)) for pair in seeds]
    assert len(set(found)) == len(found)


def test_operations_of_one_graph_differ_with_a_graph_seed(session: tf.Session) -> None:
    """The operation's number is its own seed."""
    tf.set_random_seed(1)
    a, b = tf.random_normal([5]), tf.random_normal([5])
    first, second = session.run([a, b])
    assert first.tolist() != second.tolist()


def test_two_sessions_on_one_graph_repeat_each_other() -> None:
    """The state of a generator belongs to a session."""
    x = tf.random_normal([3], seed=1)
    with tf.Session() as first, tf.Session() as second:
        assert first.run(x).tolist() == second.run(x).tolist()


def test_distributions(session: tf.Session) -> None:
    """Mean, deviation, range, type."""
    normal = session.run(tf.random_normal([20000], 3.0, 2.0, seed=1))
    assert abs(normal.mean() - 3) < 0.1 and abs(normal.std() - 2) < 0.1
    cut = session.run(tf.truncated_normal([20000], 3.0, 2.0, seed=1))
    assert abs(cut.mean() - 3) < 0.1 and np.abs(cut - 3).max() <= 4.0001
    uniform = session.run(tf.random_uniform([20000], -1.0, 3.0, tf.float64, seed=1))
    assert uniform.min() >= -1 and uniform.max() < 3 and abs(uniform.mean() - 1) < 0.1
    assert uniform.dtype == np.float64
    whole = session.run(tf.random_uniform([2000], 2, 5, tf.int64, seed=1))
    assert set(whole.tolist()) == {2, 3, 4} and whole.dtype == np.int64
    assert sorted(session.run(tf.random_shuffle(tf.range(9), seed=3)).tolist()) == list(range(9))
    with pytest.raises(ValueError, match="maxval"):
        tf.random_uniform([3], dtype=tf.int32)


def test_a_shape_may_be_a_tensor(session: tf.Session) -> None:
    """Known only in the run."""
    x = tf.placeholder(tf.float32, [None, 3])
    noise = tf.random_normal(tf.shape(x))
    assert noise.shape.as_list() == [None, 3]
    assert session.run(noise, {x: np.zeros((4, 3))}).shape == (4, 3)


@pytest.mark.parametrize(
    ("initializer", "deviation", "limit"),
    [
        (tf.glorot_uniform_initializer(), np.sqrt(2 / 300), np.sqrt(6 / 300)),
        (tf.glorot_normal_initializer(), np.sqrt(2 / 300), None),
        (tf.initializers.he_normal(), np.sqrt(2 / 100), None),
        (tf.initializers.he_uniform(), np.sqrt(2 / 100), np.sqrt(6 / 100)),
        (tf.initializers.lecun_normal(), np.sqrt(1 / 100), None),
        (tf.initializers.lecun_uniform(), np.sqrt(1 / 100), np.sqrt(3 / 100)),
        (tf.variance_scaling_initializer(2.0, "fan_out", "untruncated_normal"), 0.1, None),
        (tf.random_normal_initializer(0.0, 0.5), 0.5, None),
        (tf.truncated_normal_initializer(0.0, 0.5), 0.5 * 0.8796, 1.0),
        (tf.random_uniform_initializer(-2.0, 2.0), 4 / np.sqrt(12), 2.0),
    ],
)
def test_initializers_have_their_variance(
    initializer: Any, deviation: float, limit: float | None, session: tf.Session
) -> None:
    """For 100 inputs and 200 outputs."""
    tf.set_random_seed(5)
    value = session.run(initializer([100, 200]))
    assert abs(value.std() / deviation - 1) < 0.03
    assert limit is None or np.abs(value).max() <= limit
    assert initializer.from_config(initializer.get_config()).get_config() == (
        initializer.get_config()
    )


def test_plain_initializers(session: tf.Session) -> None:
    """Zeros, ones, constants, identity, orthogonal matrices."""
    assert session.run(tf.zeros_initializer()([2])).tolist() == [0, 0]
    assert session.run(tf.ones_initializer()([2], tf.int32)).tolist() == [1, 1]
    assert session.run(tf.constant_initializer([1, 2])([3])).tolist() == [1, 2, 2]
    assert session.run(tf.constant_initializer(7.0)([2, 1])).tolist() == [[7], [7]]
    assert session.run(tf.initializers.identity()([2, 2])).tolist() == [[1, 0], [0, 1]]
    q = session.run(tf.orthogonal_initializer(seed=1)([3, 5]))
    np.testing.assert_allclose(q @ q.T, np.eye(3), atol=1e-6)
    with pytest.raises(ValueError, match="can't be made"):
        tf.constant_initializer([1, 2], verify_shape=True)([3])
