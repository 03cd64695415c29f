"""Operations of neural networks beside what the table of cases checks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import runtime as tf

# Shapes that don't fit.


def images(*shape: int | None) -> tf.Tensor:
    return tf.placeholder(tf.float32, shape)


def test_a_filter_for_other_channels_is_refused_with_both_shapes() -> None:
    """When the graph is built, with the name of the operation and where it was made."""
    with pytest.raises(ValueError, match=r"\(2, 8, 8, 3\) have 3 channels.*\(3, 3, 4, 5\) takes 4"):
        tf.nn.conv2d(images(2, 8, 8, 3), images(3, 3, 4, 5), [1, 1, 1, 1], "SAME")
    named = pytest.raises(ValueError, match=r"'scope/c' \(Conv2D\), made at .*test_nn.py")
    with named, tf.name_scope("scope"):
        tf.nn.conv2d(images(2, 8, 8, 3), images(3, 3, 4, 5), 1, "SAME", name="c")


def test_a_window_larger_than_the_image_is_refused() -> None:
    """Both shapes are named."""
    with pytest.raises(ValueError, match=r"\(2, 2, 8, 3\) and a filter of shape \(3, 3, 3, 5\)"):
        tf.nn.conv2d(images(2, 2, 8, 3), images(3, 3, 3, 5), 1, "VALID")
    with pytest.raises(ValueError, match=r"a window of 3 is larger than the image of 2.*MaxPool"):
        tf.nn.max_pool(images(2, 2, 8, 3), 3, 1, "VALID")


def test_a_transposed_convolution_checks_the_shape_asked_for() -> None:
    """What a convolution of the result would give is what was given."""
    with pytest.raises(ValueError, match=r"give the shape \(2, 4, 4, 3\), not \(2, 5, 5, 3\)"):
        tf.nn.conv2d_transpose(images(2, 5, 5, 3), images(3, 3, 4, 3), [2, 8, 8, 4], [1, 2, 2, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tf.nn.conv2d(images(2, 8, 8), images(3, 3, 3, 5), 1, "SAME"), "four axes"),
        (lambda: tf.nn.conv2d(images(1, 8, 8, 3), images(3, 3, 3, 5), [2, 1, 1, 1], "SAME"),
         "strides of conv2d must be 1 for the batch"),
        (lambda: tf.nn.conv2d(images(1, 8, 8, 3), images(3, 3, 3, 5), 1, "same?"), "'VALID'"),
        (lambda: tf.nn.conv2d(images(1, 8, 8, 3), images(3, 3, 3, 5), 1, "SAME",
                              data_format="CHWN"), "must be 'NHWC' or 'NCHW'"),
        (lambda: tf.nn.conv2d(images(1, 8, 8, 3), images(3, 3, 3, 5), padding="SAME"),
         "strides of conv2d must be given"),
        (lambda: tf.nn.max_pool(images(8, 8), 2, 2, "SAME"), r"MaxPool needs .*\(8, 8\)"),
        (lambda: tf.nn.top_k(images(2, 3), 4), r"\(2, 3\) must have at least k = 4"),
        (lambda: tf.nn.in_top_k(images(2, 3), tf.constant([1, 2, 3]), 1),
         r"targets of shape \(3,\) do not fit predictions of shape \(2, 3\)"),
        (lambda: tf.space_to_depth(images(1, 3, 4, 1), 2), r"\(1, 3, 4, 1\) can't be cut"),
        (lambda: tf.nn.fused_batch_norm(images(1, 2, 2, 3), images(4), images(3)),
         r"\(1, 2, 2, 3\) have 3 channels, but .* \(4,\)"),
        (lambda: tf.nn.fused_batch_norm(images(1, 2, 2, 3), images(3), images(3),
                                        is_training=False), "mean and variance must be given"),
        (lambda: tf.nn.weighted_cross_entropy_with_logits(images(2), images(3), 1.0),
         r"\(3,\) and labels of shape \(2,\)"),
        (lambda: tf.nn.embedding_lookup([], [1]), "at least one param"),
        (lambda: tf.nn.embedding_lookup([images(2, 2)] * 2, [1], "round"), "'mod' or 'div'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_when_the_graph_is_built(make: Any, message: str) -> None:
    """Not when it runs."""
    with pytest.raises(ValueError, match=message):
        make()


def test_the_largest_elements_of_fewer_fail_in_the_run(session: tf.Session) -> None:
    """If the sizes are known only then."""
    x = tf.placeholder(tf.float32, [None])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least k"):
        session.run(tf.nn.top_k(x, 3), {x: [1.0, 2.0]})


def test_top_k_gives_a_named_pair(session: tf.Session) -> None:
    """Of equal elements the first comes first."""
    top = tf.nn.top_k(tf.constant([1, 3, 2, 3]), tf.constant(2))
    values, indices = session.run(top)
    assert session.run(top).values.tolist() == values.tolist() == [3, 3]
    assert indices.tolist() == [1, 3] and indices.dtype == np.int32


def test_the_gradient_of_equal_largest_elements_goes_to_the_first(session: tf.Session) -> None:
    """As in TensorFlow: a window passes it on once."""
    x = tf.ones([1, 2, 2, 1])
    (gradient,) = tf.gradients(tf.nn.max_pool(x, 2, 2, "SAME"), x)
    assert session.run(gradient).ravel().tolist() == [1, 0, 0, 0]


def test_buffers_of_a_convolution_may_be_used_by_sessions_and_sizes_in_turn(
    session: tf.Session,
) -> None:
    """The results of many runs are those of single ones."""
    x, w = tf.placeholder(tf.float32, [None, None, 4, 1]), tf.ones([2, 2, 1, 1])
    y = tf.nn.conv2d(x, w, 1, "SAME")
    for batch in (1, 5, 2, 5):
        for rows in (3, 1):
            found = session.run(y, {x: np.ones((batch, rows, 4, 1))})
            assert found[:, 0, 0, 0].tolist() == [4.0 if rows > 1 else 2.0] * batch
            assert found[:, -1, -1, 0].tolist() == [1.0] * batch


def test_a_result_that_a_user_keeps_is_never_overwritten(session: tf.Session) -> None:
    """Buffers are used again only when nobody refers to them, or to a part of them, any more."""
    x = tf.placeholder(tf.float32, [1, 2, 2, 1])
    y = tf.nn.conv2d(x, tf.ones([1, 1, 1, 1]), 1, "SAME")
    kept = [session.run(y, {x: np.full((1, 2, 2, 1), n)})[0, 0] for n in range(5)]
    assert [part[0, 0] for part in kept] == [0.0, 1.0, 2.0, 3.0, 4.0]
    addresses = {session.run(y, {x: np.ones((1, 2, 2, 1))}).ctypes.data for _ in range(5)}
    assert len(addresses) == 1


def test_buffers_can_be_shared_by_threads(session: tf.Session) -> None:
    """Each run has its own."""
    x = tf.placeholder(tf.float32, [4, 9, 9, 2])
    y = tf.nn.conv2d(x, tf.ones([1, 1, 2, 1]), 1, "SAME")

    def runs(number: int) -> bool:
        feed = {x: np.full((4, 9, 9, 2), number)}
        return all((session.run(y, feed) == 2 * number).all() for _ in range(50))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(runs, range(4)))


# Dropout.


def test_dropout_keeps_the_expected_sum(session: tf.Session) -> None:
    """Elements are zero or scaled by 1 / keep_prob."""
    x = tf.ones([1000])
    dropped = session.run(tf.nn.dropout(x, 0.8, seed=1))
    assert set(np.round(dropped, 5).tolist()) == {0.0, 1.25}
    assert 700 < np.count_nonzero(dropped) < 900


def test_dropout_by_rate_is_one_minus_keep_prob(session: tf.Session) -> None:
    """Both may be tensors; rate 0 changes nothing."""
    x, rate = tf.ones([1000]), tf.placeholder(tf.float32, [])
    by_rate = tf.nn.dropout(x, rate=rate, seed=1)
    by_probability = tf.nn.dropout(x, keep_prob=1.0 - rate, seed=1)
    found = session.run([by_rate, by_probability], {rate: 0.25})
    np.testing.assert_allclose(found[0], found[1])
    assert session.run(by_rate, {rate: 0.0}).tolist() == [1.0] * 1000
    assert tf.nn.dropout(x, rate=0.0) is x


def test_dropout_draws_anew_in_each_run_and_passes_the_gradient_of_what_it_kept(
    session: tf.Session,
) -> None:
    """The mask of a run is that of its gradient."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.nn.dropout(x, 0.5)
    (gradient,) = tf.gradients(y, x)
    values, slopes = session.run([y, gradient], {x: np.ones(100)})
    assert values.tolist() == slopes.tolist()
    assert session.run(y, {x: np.ones(100)}).tolist() != values.tolist()


def test_dropout_broadcasts_the_noise(session: tf.Session) -> None:
    """None in noise_shape stands for the size of the tensor."""
    x = tf.placeholder(tf.float32, [None, 50])
    y = session.run(tf.nn.dropout(x, 0.5, noise_shape=[None, 1], seed=3), {x: np.ones((40, 50))})
    assert set(y.sum(1).tolist()) == {0.0, 100.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs either rate or"),
        ({"keep_prob": 0.5, "rate": 0.5}, "needs either rate or"),
        ({"keep_prob": 0.0}, "range"),
        ({"rate": 1.0}, "range"),
    ],
)
def test_dropout_refuses_what_is_no_probability(arguments: Any, message: str) -> None:
    """Or two of them."""
    with pytest.raises(ValueError, match=message):
        tf.nn.dropout(tf.ones([2]), **arguments)


def test_dropout_of_integers_is_refused() -> None:
    """They can't be scaled."""
    with pytest.raises(ValueError, match="floating point"):
        tf.nn.dropout(tf.ones([2], tf.int32), 0.5)


# Candidate samplers.

TRUE = np.array([[1], [3]])


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize(
    ("sampler", "probability"),
    [
        (tf.nn.uniform_candidate_sampler, lambda n: 1 / 9 + 0 * n),
        (tf.nn.log_uniform_candidate_sampler, lambda n: np.log((n + 2) / (n + 1)) / np.log(10)),
    ],
)
def test_a_sampler_draws_by_its_distribution(
    sampler: Any, probability: Any, unique: bool, session: tf.Session
) -> None:
    """Expected counts are those of the draws that were made."""
    found = session.run(sampler(TRUE, 1, 5, unique, 9, seed=7))
    drawn = found.sampled_candidates
    assert drawn.shape == (5,) and drawn.dtype == np.int64 and set(drawn) <= set(range(9))
    assert len(set(drawn)) == 5 or not unique
    p, q = probability(drawn), probability(TRUE)
    if not unique:
        np.testing.assert_allclose(found.sampled_expected_count, 5 * p, rtol=1e-5)
        np.testing.assert_allclose(found.true_expected_count, 5 * q, rtol=1e-5)
    else:
        tries = np.log1p(-found.sampled_expected_count) / np.log1p(-p)
        np.testing.assert_allclose(tries, np.round(tries[0]), rtol=1e-4)
        assert round(tries[0]) >= 5


def test_unigrams_that_are_frequent_are_drawn_often(session: tf.Session) -> None:
    """And those of frequency 0, and reserved ones, never."""
    draw = tf.nn.fixed_unigram_candidate_sampler(
        TRUE, 1, 2000, False, 4, unigrams=[1.0, 0.0, 9.0], num_reserved_ids=1, distortion=0.5,
        seed=1,
    )  # fmt: skip
    found = session.run(draw)
    counts = np.bincount(found.sampled_candidates, minlength=4)
    assert counts[0] == counts[2] == 0 and 2.5 < counts[3] / counts[1] < 3.6
    np.testing.assert_allclose(found.true_expected_count, [[500], [1500]])


def test_unigrams_are_read_from_a_file(tmp_path: Any, session: tf.Session) -> None:
    """The last column, after a comma."""
    file = tmp_path / "words.txt"
    file.write_text("zero,0\none,1\n")
    draw = tf.nn.fixed_unigram_candidate_sampler([[1]], 1, 3, False, 2, vocab_file=str(file))
    assert session.run(draw.sampled_candidates).tolist() == [1, 1, 1]


def test_a_sampler_can_not_draw_more_different_classes_than_there_are() -> None:
    """It would never come to an end."""
    with pytest.raises(ValueError, match="can't draw 5 different classes of 4"):
        tf.nn.log_uniform_candidate_sampler(TRUE, 1, 5, True, 4)


def test_sampled_losses_train_on_what_they_draw(session: tf.Session) -> None:
    """Each run draws anew."""
    weights, biases = tf.ones([50, 3]), tf.zeros([50])
    loss = tf.reduce_sum(tf.nn.nce_loss(weights, biases, [[1], [2]], tf.ones([2, 3]), 8, 50))
    assert len({float(session.run(loss)) for _ in range(5)}) > 1


@pytest.mark.parametrize("classes", [3, 40])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("lead", [(7,), (2, 5), (300,), (0,)])
def test_a_cross_entropy_and_its_slope_are_the_same_alone_and_together(
    classes: int, dtype: Any, lead: tuple[int, ...]
) -> None:
    """For few and many classes, labels of any integer type, any number of axes."""
    rng = np.random.default_rng(classes)
    scores = rng.normal(size=(*lead, classes)) * 50
    numbers = rng.integers(0, classes, lead).astype(dtype)
    shifted = scores - scores.max(-1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    expected = -np.take_along_axis(logarithms, numbers[..., None].astype(int), -1)[..., 0]
    slope = np.exp(logarithms) - np.eye(classes)[numbers.astype(int)]
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.placeholder(tf.float64, [None] * len(lead) + [classes])
        labels = tf.placeholder(tf.as_dtype(dtype), [None] * len(lead))
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        gradient = tf.gradients(loss, logits)[0]
        feeds = {logits: scores, labels: numbers}
        for found in (session.run(loss, feeds), session.run([loss, gradient], feeds)[0]):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(session.run(gradient, feeds), slope, atol=1e-12)


def test_a_uniform_factor_is_spread_as_its_shape_says() -> None:
    """A constant row or column of equal numbers gives the shape and numbers of a full product."""
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.placeholder(tf.float32, [None, 3])
        for shape in ([2, 1], [1, 3], [3], [2, 3], [4, 1, 1]):
            product = session.run(fed * tf.fill(shape, 0.5), {fed: x})
            assert product.tolist() == (x * np.full(shape, np.float32(0.5))).tolist()


def volumes(*shape: int | None) -> tf.Tensor:
    return tf.placeholder(tf.float32, shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tf.nn.conv3d(volumes(1, 8, 8, 3), volumes(1, 1, 1, 3, 5), [1] * 5, "SAME"),
         "needs volumes of five axes"),
        (lambda: tf.nn.conv3d(volumes(1, 8, 8, 8, 3), volumes(1, 1, 1, 4, 5), [1] * 5, "SAME"),
         r"have 3 channels, but the filter of shape \(1, 1, 1, 4, 5\) takes 4"),
        (lambda: tf.nn.conv3d(volumes(1, 8, 2, 8, 3), volumes(1, 3, 1, 3, 5), [1] * 5, "VALID"),
         "a window of 3 is larger than the image of 2"),
        (lambda: tf.nn.conv3d(volumes(1, 8, 8, 8, 3), volumes(1, 1, 1, 3, 5), [1, 1], "SAME"),
         "strides of conv3d must be 1, 3 or 5 numbers"),
        (lambda: tf.nn.conv3d(volumes(1, 8, 8, 8, 3), volumes(1, 1, 1, 3, 5), [2] * 5, "SAME"),
         "must be 1 for the batch and the channels"),
        (lambda: tf.nn.conv3d(volumes(1, 8, 8, 8, 3), volumes(1, 1, 1, 3, 5), None, "SAME"),
         "strides of conv3d must be given"),
        (lambda: tf.nn.max_pool3d(volumes(1, 8, 8, 8, 3), 2, 2, [[0, 0]] * 5),
         "padding of max_pool3d must be 'SAME' or 'VALID'"),
        (lambda: tf.nn.avg_pool3d(volumes(1, 8, 8, 8, 3), 2, 2, "SAME", "NHWC"),
         "data_format of avg_pool3d must be 'NDHWC' or 'NCDHW'"),
        (lambda: tf.nn.conv3d_transpose(volumes(1, 4, 4, 4, 3), volumes(2, 2, 2, 5, 3),
                                        [1, 9, 8, 8, 5], [1, 2, 2, 2, 1]),
         r"give the shape \(1, 5, 4, 4, 3\), not \(1, 4, 4, 4, 3\)"),
        (lambda: tf.nn.convolution(volumes(2, 3), volumes(2, 3), "SAME"),
         "must have three, four or five axes"),
        (lambda: tf.nn.convolution(volumes(2, 3, 1), volumes(2, 1, 1), "SAME", [1, 2]),
         "must be 1 numbers, one for each axis"),
        (lambda: tf.nn.pool(volumes(2, 8, 1), [2], "MIN", "SAME"), "'MAX' or 'AVG', not 'MIN'"),
        (lambda: tf.nn.pool(volumes(2, 8, 1), [2], "MAX", "SAME", [2]), "padding 'VALID'"),
        (lambda: tf.nn.pool(volumes(2, 8, 1), [2], "MAX", "VALID", data_format="NHWC"),
         "must be 'NWC' or 'NCW'"),
        (lambda: tf.extract_image_patches(volumes(2, 8, 1), 2, 1, 1, "SAME"), "four axes"),
        (lambda: tf.nn.embedding_lookup_sparse(volumes(5, 2), volumes(3), None),
         "sp_ids must be a SparseTensor"),
    ],
)  # fmt: skip
def test_windows_that_do_not_fit_are_refused_when_the_graph_is_built(
    make: Any, message: str
) -> None:
    """With both shapes, or what was allowed."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_sizes_of_volumes_may_be_known_only_in_a_run(session: tf.Session) -> None:
    """All of them; runs of different sizes share a plan."""
    x = volumes(None, None, None, None, 2)
    y = tf.layers.conv3d_transpose(tf.layers.conv3d(x, 3, 2, 2), 1, 3, 2, "same")
    z = tf.nn.pool(tf.nn.max_pool3d(y, 2, 2, "SAME"), [1, 2, 1], "AVG", "VALID",
                   dilation_rate=[1, 2, 1])  # fmt: skip
    slope = tf.gradients(z, x)[0]
    session.run(tf.global_variables_initializer())
    for size in ((1, 4, 6, 8, 2), (2, 6, 8, 4, 2)):
        found, by_x = session.run([z, slope], {x: np.ones(size)})
        assert found.shape == (size[0], size[1] // 2, size[2] // 2 - 2, size[3] // 2, 1)
        assert by_x.shape == size


def test_class_numbers_of_one_hot_labels_may_be_integers(session: tf.Session) -> None:
    """They are converted to the logits' type."""
    loss = tf.nn.softmax_cross_entropy_with_logits(
        labels=tf.constant([[0, 1]]), logits=tf.zeros([1, 2])
    )
    np.testing.assert_allclose(session.run(loss), [np.log(2)], rtol=1e-6)


def test_drawn_classes_that_are_right_ones_are_found(session: tf.Session) -> None:
    """By example and by place; and a sampler that draws all leaves nothing to chance."""
    right = np.array([[1], [3], [6]])
    found = session.run(tf.nn.compute_accidental_hits(right, [3, 1, 5], 1))
    assert [v.tolist() for v in found[:2]] == [[0, 1], [1, 0]] and (found[2] < -1e38).all()
    every = session.run(list(tf.nn.all_candidate_sampler(right, 1, 7, True)))
    assert every[0].tolist() == list(range(7)) and set(every[2]) == {1.0}


@pytest.mark.parametrize("x", [-100.0, -20.0, -1e-3, -1e-20, 0.0, 1e-20, 0.5, 20.0, 100.0])
def test_exponentials_near_zero_are_exact(session: tf.Session, x: float) -> None:
    """What is lost beside 1 is not lost in their logarithms, nor where 1 is taken away."""
    number = tf.constant(x, tf.float64)
    below = np.expm1(min(x, 0))
    assert session.run(tf.nn.elu(number)) == pytest.approx(max(x, below), rel=1e-14)
    assert session.run(tf.nn.softplus(number)) == pytest.approx(np.logaddexp(x, 0), rel=1e-14)
    assert session.run(tf.log_sigmoid(number)) == pytest.approx(-np.logaddexp(-x, 0), rel=1e-14)
