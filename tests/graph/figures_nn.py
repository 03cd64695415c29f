"""Small computations whose results TensorFlow has given once: layers, losses, metrics, networks.

``python -m tests.graph.figures_nn`` writes them to figures_nn.json again; it needs TensorFlow 2
with tf-keras.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("figures_nn.json")
FIGURES: dict[str, Callable[[Any], list[Any]]] = {}


def figure(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    FIGURES[function.__name__] = function
    return function


def line(*shape: int, low: float = -1.0, high: float = 1.0) -> Any:
    """Numbers without a pattern that a wrong order of axes would keep."""
    count = int(np.prod(shape))
    order = np.argsort(np.sin(np.arange(1, count + 1) * 12.9898))
    return np.linspace(low, high, count)[order].reshape(shape).astype(np.float32)


def evaluated(tf: Any, tensors: Any, *more: Any, feeds: Any = None) -> list[Any]:
    """Runs tensors once, after the initializers; then each further list of tensors."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        results = [session.run(t, feeds) for t in (tensors, *more)]
    return [short(value) for result in results for value in result]


def short(value: Any) -> Any:
    """As lists of numbers with six digits."""
    array = np.asarray(value, np.float64)
    return (
        np.array([float(f"{number:.6g}") for number in array.ravel()]).reshape(array.shape).tolist()
    )


def names(tf: Any, *collections: str) -> list[Any]:
    found = [v for key in collections or ("variables",) for v in tf.get_collection(key)]
    return [v.name for v in found]


LABELS, SCORES = np.array([[1, 0, 1], [0, 0, 1]], np.float32), line(2, 3)
CHANCES = line(2, 3, low=0.1, high=0.9)
ROWS = np.array([[2.0], [0.0]], np.float32)


@figure
def reductions(tf: Any) -> list[Any]:
    ways = tf.losses.Reduction.all()
    weights = [1.0, 0.0, 2.5, ROWS, np.array([[1.0, 0, 3], [0, 2, 1]])]
    made = [
        tf.losses.compute_weighted_loss(SCORES, w, reduction=way) for way in ways for w in weights
    ]
    return [*evaluated(tf, made), names(tf, "losses")]


@figure
def losses(tf: Any) -> list[Any]:
    loss = tf.losses
    unit = [tf.nn.l2_normalize(t, 1) for t in (SCORES, CHANCES)]
    made = [
        loss.absolute_difference(LABELS, SCORES),
        loss.absolute_difference(LABELS, SCORES, weights=ROWS, scope="mine"),
        loss.mean_squared_error(LABELS, SCORES),
        loss.hinge_loss(LABELS, SCORES, 2.0),
        loss.huber_loss(LABELS, SCORES, delta=0.7),
        loss.log_loss(LABELS, CHANCES),
        loss.cosine_distance(unit[0], unit[1], axis=1),
        loss.mean_pairwise_squared_error(LABELS, SCORES),
        loss.mean_pairwise_squared_error(LABELS, SCORES, weights=ROWS),
        loss.sigmoid_cross_entropy(LABELS, SCORES, label_smoothing=0.2),
        loss.softmax_cross_entropy(LABELS, SCORES, label_smoothing=0.1),
        loss.sparse_softmax_cross_entropy([2, 0], SCORES, weights=[1.0, 3.0]),
        loss.sparse_softmax_cross_entropy([[2], [0]], SCORES, loss_collection=None),
        loss.get_total_loss(),
        loss.get_regularization_loss(),
    ]
    return [*evaluated(tf, made), names(tf, "losses")[:7]]


TRUTH = np.array([1, 0, 1, 1, 0, 1], bool)
GUESS = np.array([1, 1, 0, 1, 0, 1], bool)
CHANCE = np.array([0.9, 0.6, 0.35, 0.8, 0.1, 0.35], np.float32)
COUNTED = np.array([1.0, 2.0, 0.0, 1.0, 0.5, 3.0], np.float32)


def _accumulated(tf: Any, metrics: list[Any]) -> list[Any]:
    values, updates = [m[0] for m in metrics], [m[1] for m in metrics]
    figures = evaluated(tf, values, updates, values, updates, values)
    return [*figures, names(tf, "local_variables"), names(tf, "metric_variables")]


@figure
def means(tf: Any) -> list[Any]:
    m = tf.metrics
    return _accumulated(tf, [
        m.mean(CHANCE), m.mean(CHANCE, COUNTED), m.mean(SCORES, ROWS, name="rows"),
        m.accuracy(TRUTH, GUESS), m.accuracy(TRUTH[:, None], GUESS, COUNTED),
        m.mean_absolute_error(LABELS, SCORES), m.mean_squared_error(LABELS, SCORES, ROWS),
        m.root_mean_squared_error(LABELS, SCORES), m.percentage_below(CHANCE, 0.5),
        m.mean_relative_error(LABELS, SCORES, LABELS), m.mean_cosine_distance(LABELS, SCORES, 1),
        m.mean_tensor(SCORES), m.mean_tensor(SCORES, ROWS),
    ])  # fmt: skip


@figure
def counts(tf: Any) -> list[Any]:
    m = tf.metrics
    each = [m.true_positives, m.false_positives, m.true_negatives, m.false_negatives, m.precision,
            m.recall]  # fmt: skip
    made = [f(TRUTH, GUESS) for f in each] + [f(TRUTH, GUESS, COUNTED) for f in each]
    return _accumulated(tf, made)


@figure
def thresholds(tf: Any) -> list[Any]:
    m, some = tf.metrics, [0.2, 0.35, 0.7]
    each = [m.true_positives_at_thresholds, m.false_positives_at_thresholds,
            m.true_negatives_at_thresholds, m.false_negatives_at_thresholds,
            m.precision_at_thresholds, m.recall_at_thresholds]  # fmt: skip
    made = [f(TRUTH, CHANCE, some, w) for f in each for w in (None, COUNTED)]
    return _accumulated(tf, made)


@figure
def areas(tf: Any) -> list[Any]:
    made = [
        tf.metrics.auc(TRUTH, CHANCE, weights, curve=curve, summation_method=method)
        for weights in (None, COUNTED)
        for curve in ("ROC", "PR")
        for method in ("trapezoidal", "minoring", "majoring", "careful_interpolation")
    ]
    made.append(tf.metrics.sensitivity_at_specificity(TRUTH, CHANCE, 0.6))
    made.append(tf.metrics.specificity_at_sensitivity(TRUTH, CHANCE, 0.6, num_thresholds=50))
    return _accumulated(tf, made)


@figure
def classes(tf: Any) -> list[Any]:
    right, found = tf.constant([0, 2, 1, 2, 2, 0]), tf.constant([0, 1, 1, 2, 2, 3])
    best, single = tf.constant(line(6, 5)), np.array([0, 2, 1, 2, 2, 0])
    several = np.array([[0, 2], [1, 1], [3, 4], [2, 0], [4, 4], [1, 2]], np.int64)
    m = tf.metrics
    return _accumulated(tf, [
        m.mean_per_class_accuracy(right, found, 4),
        m.mean_per_class_accuracy(right, found, 4, tf.constant(COUNTED)),
        m.mean_iou(right, found, 4), m.mean_iou(right, found, 4, tf.constant(COUNTED)),
        m.recall_at_k(single, best, 2), m.precision_at_k(single, best, 2),
        m.recall_at_k(several, best, 3, weights=COUNTED), m.precision_at_k(several, best, 3),
        m.recall_at_k(several, best, 3, class_id=2), m.precision_at_k(several, best, 3, class_id=2),
        m.recall_at_top_k(several, tf.constant(several[:, ::-1].copy())),
    ])  # fmt: skip


@figure
def average_precisions(tf: Any) -> list[Any]:
    best = tf.constant(line(3, 2, 5))
    several = np.array([[[0, 2], [1, 1]], [[3, -1], [2, 0]], [[4, 4], [1, 2]]], np.int64)
    average = tf.metrics.average_precision_at_k
    return _accumulated(tf, [
        average(several, best, 3), average(several, best, 1),
        average(several[:, 0, :1].copy(), best[:, 0], 2, weights=COUNTED[:3] + 1),
        tf.metrics.sparse_average_precision_at_k(several[..., 0], best, 4, name="first"),
    ])  # fmt: skip


IMAGES = line(2, 6, 5, 3)


def _initializer(tf: Any) -> Any:
    def made(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        return tf.constant(line(*[int(d) for d in shape]), tf.float32)

    return made


@figure
def layers(tf: Any) -> list[Any]:
    x = tf.constant(IMAGES)
    layer = tf.layers
    with tf.variable_scope("net", initializer=_initializer(tf)):
        made = [
            layer.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu),
            layer.conv2d(x, 2, (2, 3), (2, 1), dilation_rate=1, use_bias=False, name="strided"),
            layer.conv2d(x, 2, 2, dilation_rate=2, bias_initializer=_initializer(tf)),
            layer.conv2d_transpose(x, 2, 3, strides=2, padding="same"),
            layer.conv2d_transpose(x, 2, (3, 4), strides=(2, 3), activation=tf.tanh),
            layer.separable_conv2d(x, 4, 3, depth_multiplier=2),
            layer.conv1d(x[:, 0], 4, 3, strides=2, padding="same"),
            layer.max_pooling2d(x, 3, 2, "same"),
            layer.average_pooling2d(x, (2, 3), (1, 2), "same"),
            layer.max_pooling1d(x[0], 2, 2), layer.average_pooling1d(x[0], 3, 2, "same"),
            layer.flatten(x), layer.dense(x, 3), layer.dense(layer.flatten(x), 2, tf.sigmoid),
            layer.dropout(x, 0.5),
        ]  # fmt: skip
    slopes = tf.gradients([tf.reduce_sum(t * t) for t in made], [x, *tf.trainable_variables()])
    return [*evaluated(tf, [*made, *slopes]), names(tf)]


@figure
def normalized(tf: Any) -> list[Any]:
    x, training = tf.constant(IMAGES), tf.placeholder(tf.bool, [])
    made = [
        tf.layers.batch_normalization(x, training=True, momentum=0.7),
        tf.layers.batch_normalization(x, training=False, scale=False),
        tf.layers.batch_normalization(x, 1, training=True),
        tf.layers.batch_normalization(x[:, 0, 0], training=True, center=False, momentum=0.5),
        tf.layers.batch_normalization(x[0], training=True, fused=False, name="plain"),
        tf.layers.batch_normalization(x, training=training),
    ]
    slopes = tf.gradients([tf.reduce_sum(t**3) for t in made], [x, *tf.trainable_variables()])
    updates = tf.get_collection("update_ops")
    results = []
    for value in (True, False):
        with tf.control_dependencies(updates):
            done = tf.no_op()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            results += session.run([*made, *slopes], {training: value})
            session.run(done, {training: value})
            results += session.run(tf.global_variables(), {training: value})
    shown = [short(value) for value in results]
    return [*shown, names(tf), len(updates)]


VOLUMES = line(2, 4, 3, 5, 2)


@figure
def volumes(tf: Any) -> list[Any]:
    x, layer = tf.constant(VOLUMES), tf.layers
    with tf.variable_scope("net", initializer=_initializer(tf)):
        made = [
            layer.conv3d(x, 3, 3, padding="same", activation=tf.nn.relu),
            layer.conv3d(x, 2, (2, 1, 3), strides=(1, 2, 2), use_bias=False, name="strided"),
            layer.conv3d_transpose(x, 2, 3, strides=2, padding="same"),
            layer.conv3d_transpose(x, 2, (1, 2, 3), strides=(2, 1, 1), activation=tf.tanh),
            layer.max_pooling3d(x, 2, 2), layer.average_pooling3d(x, (2, 3, 2), 1, "same"),
            layer.separable_conv1d(x[:, 0, 0], 4, 3, depth_multiplier=2, padding="same"),
            layer.separable_conv1d(x[:, 0, 0], 4, 3, strides=2, use_bias=False, name="bare"),
        ]  # fmt: skip
    slopes = tf.gradients([tf.reduce_sum(t * t) for t in made], [x, *tf.trainable_variables()])
    return [*evaluated(tf, [*made, *slopes]), names(tf)]


@figure
def any_dimensions(tf: Any) -> list[Any]:
    nn, made = tf.nn, []
    for x in (VOLUMES, IMAGES, IMAGES[0]):
        count = x.ndim - 2
        x = tf.constant(x)
        w = tf.constant(line(*[2, 2, 3][:count], int(x.shape[-1]), 2))
        made.append(nn.convolution(x, w, "VALID", dilation_rate=[1, 2, 1][:count]))
        made.append(nn.convolution(x, w, "SAME", strides=[2, 1, 2][:count]))
        for kind in ("MAX", "AVG"):
            made.append(nn.pool(x, [2, 3, 2][:count], kind, "SAME", strides=[1, 2, 1][:count]))
            made.append(nn.pool(x, [2] * count, kind, "VALID", dilation_rate=[2, 1, 1][:count]))
    y = tf.constant(IMAGES)
    made += [
        tf.nn.conv1d_transpose(y[0], line(3, 2, 3), [6, 10, 2], 2),
        tf.nn.conv_transpose(y[0], line(3, 2, 3), [6, 11, 2], 2, "VALID"),
        tf.nn.atrous_conv2d_transpose(y, line(2, 2, 4, 3), [2, 6, 5, 4], 2, "SAME"),
        tf.extract_image_patches(y, [1, 3, 2, 1], [1, 2, 1, 1], [1, 1, 2, 1], "SAME"),
        tf.space_to_batch(y, [[0, 0], [1, 0]], 2),
        tf.batch_to_space(tf.constant(line(4, 2, 3, 1)), [[0, 1], [1, 0]], 2),
        nn.with_space_to_batch(
            y, [2, 2], "SAME", lambda t, n, padding: nn.avg_pool(t, 2, 1, padding), [2, 2]
        ),
    ]
    return evaluated(tf, made)


@figure
def statistics(tf: Any) -> list[Any]:
    x = tf.constant(IMAGES)
    count, total, squares, shift = tf.nn.sufficient_statistics(x, [0, 1], 0.3, keep_dims=True)
    made = [count, total, squares, *tf.nn.normalize_moments(count, total, squares, shift)]
    made += tf.nn.sufficient_statistics(x, [2])[:3]
    made.append(tf.nn.batch_norm_with_global_normalization(
        x, *[tf.constant([v] * 3) for v in (0.1, 1.5, 0.5, 2.0)], 1e-3, True))  # fmt: skip
    made.append(tf.nn.softmax_cross_entropy_with_logits(labels=[[0, 1, 0]], logits=x[0, 0, :1]))
    losses = x[:, 0, 0, 0]
    made += [tf.nn.scale_regularization_loss(losses), tf.nn.compute_average_loss(losses)]
    made.append(tf.nn.compute_average_loss(losses, [2.0, 0.5], 4))
    return evaluated(tf, made)


@figure
def sparse_lookups(tf: Any) -> list[Any]:
    places = np.array([[0, 0], [0, 2], [2, 0], [3, 1]])
    ids = tf.SparseTensor(places, np.array([1, 3, 0, 4]), [5, 3])
    some = tf.SparseTensor(places, np.array([1, -3, 0, -1]), [5, 3])
    weights = tf.SparseTensor(places, np.array([0.5, 2.0, 0.0, 3.0], np.float32), [5, 3])
    table, made, lookup = tf.constant(line(5, 3)), [], tf.nn.embedding_lookup_sparse
    for combiner in ("sum", "mean", "sqrtn"):
        made += [lookup(table, ids, w, combiner=combiner) for w in (None, weights)]
        made += [
            tf.nn.safe_embedding_lookup_sparse(table, some, w, combiner, default)
            for w in (None, weights)
            for default in (None, 2)
        ]
    deep = tf.SparseTensor(np.array([[0, 1, 0], [1, 0, 2]]), np.array([1, 3]), [2, 2, 3])
    made.append(tf.nn.safe_embedding_lookup_sparse([table], deep, max_norm=0.5))
    slopes = [tf.convert_to_tensor(tf.gradients(tf.reduce_sum(t * t), table)[0]) for t in made]
    return evaluated(tf, [*made, *slopes])


@figure
def normalized_otherwise(tf: Any) -> list[Any]:
    """Along two axes, in virtual batches, with corrections, and adjusted; after two updates."""
    x, training, norm = tf.constant(IMAGES), tf.placeholder(tf.bool, []), tf.layers
    clipping = {"rmin": 0.8, "rmax": 1.2, "dmax": 0.3}
    made = [
        norm.batch_normalization(x, [1, -1], training=True, momentum=0.5),
        norm.batch_normalization(x, [3, 1], training=training, momentum=0.5),
        norm.batch_normalization(x, training=True, momentum=0.5, virtual_batch_size=1),
        norm.batch_normalization(x, 1, training=False, virtual_batch_size=2, scale=False),
        norm.batch_normalization(x, training=True, renorm=True, renorm_momentum=0.6, momentum=0.5),
        norm.batch_normalization(x, 1, training=training, renorm=True, renorm_momentum=0.6,
                                 renorm_clipping=clipping, momentum=0.5),
        norm.batch_normalization(x[0, 0], training=training, adjustment=lambda size: (
            tf.fill([size[0], 1], 1.2), tf.fill([size[0], 1], 0.3))),
    ]  # fmt: skip
    slopes = tf.gradients([tf.reduce_sum(t**3) for t in made], [x, *tf.trainable_variables()])
    results, updates = [], tf.get_collection("update_ops")
    for value in (True, False):
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(2):
                session.run(updates, {training: value})
            results += session.run([*made, *slopes], {training: value})
            results += session.run(tf.global_variables())
    return [*[short(value) for value in results], names(tf), len(updates)]


@figure
def pieces(tf: Any) -> list[Any]:
    x, w = tf.constant(IMAGES), tf.constant(line(3, 2, 3, 4))
    made = []
    for padding in ("SAME", "VALID"):
        for strides in ([1, 1, 1, 1], [1, 2, 3, 1]):
            made.append(tf.nn.conv2d(x, w, strides, padding))
            made.append(tf.nn.max_pool(x, [1, 3, 2, 1], strides, padding))
            made.append(tf.nn.avg_pool(x, [1, 3, 2, 1], strides, padding))
        made.append(tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], padding))
        made.append(tf.nn.atrous_conv2d(x, w[:2], 2, padding))
    made.append(tf.nn.conv2d(x, w, [1, 1, 1, 1], [[0, 0], [1, 2], [0, 1], [0, 0]]))
    made.append(tf.nn.lrn(x, 1, bias=1.5, alpha=0.7, beta=0.6))
    made += [tf.nn.selu(x), tf.nn.crelu(x), tf.nn.swish(x), tf.nn.leaky_relu(x), tf.nn.elu(x)]
    made += tf.nn.moments(x, [0, 2])
    made.append(tf.nn.weighted_cross_entropy_with_logits(LABELS, x[0, 0, :2], 2.5))
    made.append(tf.nn.log_poisson_loss(tf.constant(CHANCES * 5), SCORES, True))
    slopes = [g for t in made for g in tf.gradients(tf.reduce_sum(t * t), [x, w])]
    return evaluated(tf, [*made, *[g for g in slopes if g is not None]])


STEPS = line(3, 5, 2)
ENDS = np.array([5, 0, 3])


def _cells(tf: Any) -> list[Any]:
    cell = tf.nn.rnn_cell
    return [
        cell.BasicRNNCell(3),
        cell.BasicRNNCell(3, activation=tf.nn.relu),
        cell.GRUCell(3),
        cell.BasicLSTMCell(3),
        cell.BasicLSTMCell(3, forget_bias=0.5, state_is_tuple=False),
        cell.LSTMCell(3, initializer=_initializer(tf)),
        cell.LSTMCell(4, use_peepholes=True, num_proj=3, cell_clip=0.4, proj_clip=0.3),
        cell.MultiRNNCell([cell.GRUCell(3), cell.BasicLSTMCell(4), cell.BasicRNNCell(3)]),
        cell.ResidualWrapper(cell.GRUCell(2)),
        cell.DropoutWrapper(cell.LSTMCell(3), 1.0, 1.0),
    ]


def _flat(values: Any) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return [element for value in values for element in _flat(value)]
    return [values]


def _through(tf: Any, run: Callable[[Any, Any], Any]) -> list[Any]:
    """Outputs, states and gradients of each cell."""
    x, results = tf.constant(STEPS), []
    for number, cell in enumerate(_cells(tf)):
        with tf.variable_scope(f"net{number}", initializer=_initializer(tf)) as scope:
            made = _flat(run(cell, x))
        weights = tf.trainable_variables(scope.name)
        loss = tf.add_n([tf.reduce_sum(t * t * t) for t in made])
        results += [*made, *tf.gradients(loss, [x, *weights])]
    return [*evaluated(tf, results), names(tf)]


@figure
def dynamic(tf: Any) -> list[Any]:
    return _through(tf, lambda cell, x: tf.nn.dynamic_rnn(cell, x, dtype=tf.float32))


@figure
def dynamic_lengths(tf: Any) -> list[Any]:
    return _through(tf, lambda cell, x: tf.nn.dynamic_rnn(cell, x, ENDS, dtype=tf.float32))


@figure
def time_major(tf: Any) -> list[Any]:
    def run(cell: Any, x: Any) -> Any:
        start = cell.zero_state(5, tf.float32)
        return tf.nn.dynamic_rnn(cell, x, [3, 1, 2, 0, 1], start, time_major=True)

    return _through(tf, run)


@figure
def static(tf: Any) -> list[Any]:
    return _through(
        tf, lambda cell, x: tf.nn.static_rnn(cell, tf.unstack(x, 5, 1), dtype=tf.float32)
    )


@figure
def static_lengths(tf: Any) -> list[Any]:
    def run(cell: Any, x: Any) -> Any:
        return tf.nn.static_rnn(cell, tf.unstack(x, 5, 1), None, tf.float32, ENDS)

    return _through(tf, run)


@figure
def steps(tf: Any) -> list[Any]:
    def run(cell: Any, x: Any) -> Any:
        state = cell.zero_state(3, tf.float32)
        for number in range(2):
            output, state = cell(x[:, number], state)
        return output, state

    return _through(tf, run)


@figure
def both_ways(tf: Any) -> list[Any]:
    x, cell, made = tf.constant(STEPS), tf.nn.rnn_cell, []
    for number, ends in enumerate((None, ENDS)):
        with tf.variable_scope(f"net{number}", initializer=_initializer(tf)):
            made += _flat(tf.nn.bidirectional_dynamic_rnn(
                cell.LSTMCell(3), cell.GRUCell(2), x, ends, dtype=tf.float32))  # fmt: skip
            made += _flat(tf.nn.static_bidirectional_rnn(
                cell.BasicRNNCell(3), cell.GRUCell(2), tf.unstack(x, 5, 1), dtype=tf.float32,
                sequence_length=ends, scope="static"))  # fmt: skip
    loss = tf.add_n([tf.reduce_sum(t * t) for t in made])
    slopes = tf.gradients(loss, [x, *tf.trainable_variables()])
    return [*evaluated(tf, [*made, *slopes]), names(tf)]


@figure
def raw(tf: Any) -> list[Any]:
    """A network that ends when its examples do, and one that feeds on what it gives."""
    cell, table = tf.nn.rnn_cell.LSTMCell(3, name="a"), tf.constant(line(4, 2))
    other = tf.nn.rnn_cell.GRUCell(4, name="b")
    turned = tf.transpose(tf.constant(STEPS), [1, 0, 2])
    steps = tf.TensorArray(tf.float32, 5, clear_after_read=False).unstack(turned)

    def reading(time: Any, output: Any, state: Any, extra: Any) -> Any:
        state = cell.zero_state(3, tf.float32) if output is None else state
        return time >= ENDS, steps.read(tf.minimum(time, 4)), state, output, None

    def choosing(time: Any, output: Any, state: Any, extra: Any) -> Any:
        if output is None:
            first = other.zero_state(2, tf.float32), (tf.zeros([4]), tf.zeros([], tf.int32))
            return tf.zeros([2], tf.bool), table[:2], *first, tf.constant(0.0)
        chosen = tf.argmax(output, 1, output_type=tf.int32)
        done = tf.logical_or(tf.equal(chosen, 3), time >= [3, 4])
        return done, tf.gather(table, chosen), state, (output, chosen), extra + output[0, 0]

    with tf.variable_scope("net", initializer=_initializer(tf)):
        read, last, _ = tf.nn.raw_rnn(cell, reading)
        (scores, chosen), end, total = tf.nn.raw_rnn(other, choosing, scope="other")
    made = [read.stack(), *last, scores.stack(), end, total]
    loss = tf.add_n([tf.reduce_sum(t * t) for t in made])
    slopes = tf.gradients(loss, tf.trainable_variables())
    return [*evaluated(tf, [*made, chosen.stack(), *slopes]), names(tf)]


@figure
def own_cells(tf: Any) -> list[Any]:
    """Cells as programs write them: without the base's constructor, with get_variable in a call."""
    base = tf.nn.rnn_cell.RNNCell

    class Old(base):  # type: ignore[misc]  # one of two bases
        def __init__(self, units: int) -> None:
            self._units = units

        @property
        def state_size(self) -> Any:
            return self._units

        @property
        def output_size(self) -> Any:
            return self._units

        def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
            with tf.variable_scope(scope or type(self).__name__):
                both = tf.concat([inputs, state], 1)
                weights = tf.get_variable("w", [both.shape[1], self._units])
                return (tf.tanh(tf.matmul(both, weights)),) * 2

    x, made = tf.constant(STEPS), []
    for number, ends in enumerate((None, ENDS)):
        with tf.variable_scope(f"net{number}", initializer=_initializer(tf)):
            made += _flat(tf.nn.static_rnn(Old(3), tf.unstack(x, 5, 1), None, tf.float32, ends))
            pair = tf.nn.rnn_cell.MultiRNNCell([Old(2), tf.nn.rnn_cell.GRUCell(3)])
            made += _flat(tf.nn.dynamic_rnn(pair, x, ends, dtype=tf.float32, scope="d"))
    loss = tf.add_n([tf.reduce_sum(t * t * t) for t in made])
    slopes = tf.gradients(loss, [x, *tf.trainable_variables()])
    return [*evaluated(tf, [*made, *slopes]), names(tf)]


def recorded() -> dict[str, list[Any]]:
    """The figures by name, as TensorFlow gives them here."""
    os.environ.update(TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import tensorflow.compat.v1 as tf  # type: ignore[import-not-found]  # an optional peer

    tf.disable_eager_execution()
    tf.disable_resource_variables()
    tf.disable_control_flow_v2()
    return computed(tf, list(FIGURES))


def computed(tf: Any, chosen: list[str]) -> dict[str, list[Any]]:
    found = {}
    for name in chosen:
        with tf.Graph().as_default():
            found[name] = FIGURES[name](tf)
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(recorded(), default=float, separators=(",", ":")) + "\n")
