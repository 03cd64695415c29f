"""Input pipelines, for comparing what comes out of them with TensorFlow."""

from collections.abc import Callable
from typing import Any

import numpy as np

import runtime as tf

ROWS = {"a": np.arange(10, dtype=np.int32).reshape(5, 2), "b": ["v", "w", "x", "y", "z"]}


def _rows() -> Any:
    return tf.data.Dataset.from_tensor_slices(ROWS)


def _numbers(count: int = 5) -> Any:
    return tf.data.Dataset.range(count)


def _growing() -> Any:
    return tf.data.Dataset.range(1, 5).map(lambda x: tf.fill([x], x))


def _copies(x: Any) -> Any:
    return tf.data.Dataset.from_tensors(x).repeat(x + 1)


def _generated(*values: Any) -> Any:
    return tf.data.Dataset.from_generator(lambda: iter(values), tf.int64, [])


def _lengths(*counts: int) -> Any:
    rows = ([1] * count for count in counts or (1, 5, 2, 6, 3, 9))
    return tf.data.Dataset.from_generator(lambda: iter(list(rows)), tf.int64, [None])


EXPERIMENTAL = tf.data.experimental

PIPELINES: dict[str, Callable[[], Any]] = {
    "tensors": lambda: tf.data.Dataset.from_tensors((ROWS["a"], {"x": [1.0, 2.0]})),
    "slices": _rows,
    "batch": lambda: _rows().batch(2),
    "batch-whole": lambda: _rows().batch(2, drop_remainder=True),
    "batch-of-batches": lambda: _numbers().batch(2).batch(2, True),
    "batch-nothing": lambda: _numbers().batch(0),
    "batch-unequal": lambda: _growing().batch(2),
    "list-of-a-function": lambda: _numbers().map(lambda x: [x, x * 2]),
    "dictionary-of-a-function": lambda: _rows().map(lambda row: {"z": row["b"], "y": (row["a"],)}),
    "several-arguments": lambda: _numbers().map(lambda x: (x, x + 1)).map(lambda x, y: x * y),
    "map-in-parallel": lambda: _numbers(20).map(lambda x: x * x, num_parallel_calls=4),
    "filter": lambda: _rows().filter(lambda row: tf.reduce_sum(row["a"]) > 5),
    "flat_map": lambda: _numbers().flat_map(_copies),
    "interleave": lambda: _numbers().interleave(_copies, cycle_length=2, block_length=1),
    "interleave-blocks": lambda: _numbers().interleave(_copies, cycle_length=3, block_length=2),
    "padded": lambda: _growing().padded_batch(3, [None]),
    "padded-to": lambda: _growing().padded_batch(3, [6], np.int64(-1)),
    "padded-whole": lambda: _growing().padded_batch(3, drop_remainder=True),
    "padded-too-small": lambda: _growing().padded_batch(3, [2]),
    "repeat": lambda: _numbers(3).repeat(2),
    "repeat-nothing": lambda: _numbers(0).repeat(),
    "repeat-no-times": lambda: _numbers().repeat(0),
    "take-skip": lambda: _numbers(9).skip(2).take(4),
    "take-all": lambda: _numbers().take(-1),
    "skip-all": lambda: _numbers().skip(-1),
    "shard": lambda: _numbers(10).shard(3, 2),
    "zip": lambda: tf.data.Dataset.zip((_numbers(2), {"rows": _rows(), "n": _numbers(7)})),
    "concatenate": lambda: _numbers(2).batch(1).concatenate(_numbers(5).batch(3)),
    "enumerate": lambda: _rows().enumerate(3),
    "range": lambda: tf.data.Dataset.range(7, 0, -3),
    "unbatch": lambda: _rows().batch(3).unbatch(),
    "take_while": lambda: _numbers().take_while(lambda x: x < 3),
    "cache": lambda: _numbers(3).cache().repeat(2).prefetch(2),
    "shuffle-of-one": lambda: _numbers().shuffle(1, seed=7),
    "generator": lambda: _generated(3, 1, 2),
    "generator-of-text": lambda: _generated(1, "two"),
    "generator-of-rows": lambda: _generated([1]),
    "error-in-a-function": lambda: _numbers().map(
        lambda x: tf.check_numerics(1.0 / tf.cast(x - 2, tf.float32), "wrong")
    ),
    "text": lambda: _rows().map(lambda row: tf.string_join([row["b"], "!"])).batch(9),
    "csv": lambda: tf.data.Dataset.from_tensor_slices(['1,"a ""b""",2.5', ",,"]).map(
        lambda line: tf.decode_csv(line, [[7], ["none"], [0.5]])
    ),
    "split": lambda: tf.data.Dataset.from_tensors("a,b,,c").map(
        lambda line: tf.string_split([line], ",").values
    ),
    "window": lambda: _numbers(7).window(3).flat_map(lambda w: w.batch(3)),
    "window-shifted": lambda: (
        _numbers(7).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))
    ),
    "window-strided": lambda: _numbers(10).window(3, 2, 2).flat_map(lambda w: w.batch(5)),
    "window-apart": lambda: _numbers(10).window(2, 4).flat_map(lambda w: w.batch(5)),
    "window-of-rows": lambda: _rows().window(2).flat_map(lambda row: row["b"].batch(2)),
    "window-mapped": lambda: (
        _numbers(5).window(2).map(lambda w: w.map(lambda x: x + 1)).flat_map(lambda w: w.batch(2))
    ),
    "reduce-in-a-function": lambda: _numbers().map(
        lambda n: tf.data.Dataset.range(n).reduce(np.int64(0), lambda total, x: total + x)
    ),
    "group_by_window": lambda: _numbers(10).apply(
        EXPERIMENTAL.group_by_window(lambda x: x % 2, lambda key, w: w.batch(3), window_size=3)
    ),
    "group_by_window-sizes": lambda: _numbers(10).apply(
        EXPERIMENTAL.group_by_window(
            lambda x: x % 2, lambda key, w: w.batch(9), window_size_func=lambda key: key + 1
        )
    ),
    "buckets": lambda: _lengths().apply(
        EXPERIMENTAL.bucket_by_sequence_length(tf.size, [3, 6], [2, 2, 2])
    ),
    "buckets-to-the-border": lambda: (
        _lengths(1, 5, 2, 3, 4)
        .map(lambda x: (x, tf.size(x)))
        .apply(
            EXPERIMENTAL.bucket_by_sequence_length(
                lambda x, n: n, [3, 7], [2, 2, 2], pad_to_bucket_boundary=True, drop_remainder=True
            )
        )
    ),
    "ignore_errors": lambda: (
        _numbers()
        .map(lambda x: tf.check_numerics(1.0 / tf.cast(x - 2, tf.float32), "wrong"))
        .apply(EXPERIMENTAL.ignore_errors())
    ),
    "counter": lambda: EXPERIMENTAL.Counter(3, 2).take(3),
    "choose": lambda: EXPERIMENTAL.choose_from_datasets(
        [_numbers(1), _numbers(3), _numbers(2)], _numbers(3).repeat(3)
    ),
    "sample-certain": lambda: EXPERIMENTAL.sample_from_datasets(
        [_numbers(3), _numbers(2)], weights=[1.0, 0.0], seed=3
    ).take(3),
    "scan": lambda: _rows().apply(
        EXPERIMENTAL.scan(0, lambda total, row: (total + row["a"][0], (row["b"], total)))
    ),
    "unique": lambda: _rows().map(lambda row: row["a"][0] % 4).apply(EXPERIMENTAL.unique()),
    "missing-file": lambda: tf.data.TextLineDataset("no-such-file"),
}


def outcome(name: str) -> Any:
    """What comes out of a pipeline.

    Args:
        name: Its name.

    Returns:
        Its elements and their static shapes, and the class of the error that ends it.
    """
    found: list[Any] = []
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = PIPELINES[name]()
        following = tf.data.make_one_shot_iterator(dataset).get_next()
        shapes = tf.nest.map_structure(lambda t: str(t.shape.as_list()), following)
        end = ""
        while not end.startswith("OutOfRange") and len(found) < 50:
            try:
                found.append(_plain(session.run(following)))
            except tf.errors.OpError as error:
                end = type(error).__name__
                found.append(end)
                if end != "OutOfRangeError" and "function" not in name:
                    break
    return [found, shapes]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    array = np.asarray(value)
    kind = "string" if array.dtype == object else str(array.dtype)
    return [kind, np.vectorize(repr, otypes=[object])(array).tolist() if array.size else []]
