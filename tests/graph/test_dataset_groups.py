"""Datasets of windows and groups, states that are handed on, several datasets in one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf
from tests.graph.pipelines import outcome

EXPERIMENTAL = tf.data.experimental
Dataset = tf.data.Dataset


def _elements(session: tf.Session, dataset: Any) -> list[Any]:
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    while True:
        try:
            found.append(session.run(following))
        except tf.errors.OutOfRangeError:
            return [_plain(element) for element in found]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value.tolist() if hasattr(value, "tolist") else value


FIGURES: dict[str, list[Any]] = {
    "window": [
        ["int64", ["0", "1", "2"]],
        ["int64", ["3", "4", "5"]],
        ["int64", ["6"]],
        "OutOfRangeError",
    ],
    "window-shifted": [
        ["int64", ["0", "1", "2"]],
        ["int64", ["1", "2", "3"]],
        ["int64", ["2", "3", "4"]],
        ["int64", ["3", "4", "5"]],
        ["int64", ["4", "5", "6"]],
        "OutOfRangeError",
    ],
    "window-strided": [
        ["int64", ["0", "2", "4"]],
        ["int64", ["2", "4", "6"]],
        ["int64", ["4", "6", "8"]],
        ["int64", ["6", "8"]],
        ["int64", ["8"]],
        "OutOfRangeError",
    ],
    "window-apart": [
        ["int64", ["0", "1"]],
        ["int64", ["4", "5"]],
        ["int64", ["8", "9"]],
        "OutOfRangeError",
    ],
    "window-of-rows": [
        ["string", ["b'v'", "b'w'"]],
        ["string", ["b'x'", "b'y'"]],
        ["string", ["b'z'"]],
        "OutOfRangeError",
    ],
    "window-mapped": [
        ["int64", ["1", "2"]],
        ["int64", ["3", "4"]],
        ["int64", ["5"]],
        "OutOfRangeError",
    ],
    "reduce-in-a-function": [
        ["int64", "0"],
        ["int64", "0"],
        ["int64", "1"],
        ["int64", "3"],
        ["int64", "6"],
        "OutOfRangeError",
    ],
    "group_by_window": [
        ["int64", ["0", "2", "4"]],
        ["int64", ["1", "3", "5"]],
        ["int64", ["6", "8"]],
        ["int64", ["7", "9"]],
        "OutOfRangeError",
    ],
    "group_by_window-sizes": [
        ["int64", ["0"]],
        ["int64", ["2"]],
        ["int64", ["1", "3"]],
        ["int64", ["4"]],
        ["int64", ["6"]],
        ["int64", ["5", "7"]],
        ["int64", ["8"]],
        ["int64", ["9"]],
        "OutOfRangeError",
    ],
    "buckets": [
        ["int64", [["1", "0"], ["1", "1"]]],
        ["int64", [["1", "1", "1", "1", "1"], ["1", "1", "1", "0", "0"]]],
        [
            "int64",
            [
                ["1", "1", "1", "1", "1", "1", "0", "0", "0"],
                ["1", "1", "1", "1", "1", "1", "1", "1", "1"],
            ],
        ],
        "OutOfRangeError",
    ],
    "buckets-to-the-border": [
        [["int64", [["1", "0"], ["1", "1"]]], ["int32", ["1", "2"]]],
        [
            ["int64", [["1", "1", "1", "1", "1", "0"], ["1", "1", "1", "0", "0", "0"]]],
            ["int32", ["5", "3"]],
        ],
        "OutOfRangeError",
    ],
    "ignore_errors": [
        ["float32", "-0.5"],
        ["float32", "-1.0"],
        ["float32", "1.0"],
        ["float32", "0.5"],
        "OutOfRangeError",
    ],
    "counter": [["int64", "3"], ["int64", "5"], ["int64", "7"], "OutOfRangeError"],
    "choose": [
        ["int64", "0"],
        ["int64", "0"],
        ["int64", "0"],
        ["int64", "1"],
        ["int64", "1"],
        ["int64", "2"],
        "OutOfRangeError",
    ],
    "sample-certain": [["int64", "0"], ["int64", "1"], ["int64", "2"], "OutOfRangeError"],
    "scan": [
        [["|S1", "b'v'"], ["int32", "0"]],
        [["|S1", "b'w'"], ["int32", "0"]],
        [["|S1", "b'x'"], ["int32", "2"]],
        [["|S1", "b'y'"], ["int32", "6"]],
        [["|S1", "b'z'"], ["int32", "12"]],
        "OutOfRangeError",
    ],
    "unique": [["int32", "0"], ["int32", "2"], "OutOfRangeError"],
}


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_what_comes_out_is_what_comes_out_of_tensorflow(name: str) -> None:
    """Recorded from TensorFlow 2.21; the deep tests ask it again."""
    assert outcome(name)[0] == FIGURES[name]


def test_a_dataset_is_reduced_to_a_state(session: tf.Session) -> None:
    """In each run anew; a state can be a structure, and become less known."""
    total = Dataset.range(5).reduce(np.int64(3), lambda state, x: state + x)
    assert [session.run(total) for _ in range(2)] == [13, 13]
    floats = Dataset.from_tensor_slices([1.0, 2.0, 3.0])
    mean = floats.reduce((0.0, 0), lambda state, x: (state[0] + x, state[1] + 1))
    assert session.run(mean) == (6.0, 3)
    joined = Dataset.range(3).reduce(
        tf.zeros([0], tf.int64), lambda state, x: tf.concat([state, [x]], 0)
    )
    assert joined.shape.as_list() == [None]
    assert session.run(joined).tolist() == [0, 1, 2]
    scale = tf.placeholder(tf.int64, [])
    scaled = Dataset.range(4).reduce(np.int64(0), lambda state, x: state + scale * x)
    assert session.run(scaled, {scale: 10}) == 60


def test_the_only_element_is_given(session: tf.Session) -> None:
    """None or several are an InvalidArgumentError."""
    assert session.run(EXPERIMENTAL.get_single_element(Dataset.range(4).batch(4))).tolist() == [
        *(0, 1, 2, 3),
    ]
    pair = Dataset.from_tensors(({"a": 1}, 2.0)).get_single_element()
    assert session.run(pair) == ({"a": 1}, 2.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than one element"):
        session.run(Dataset.range(4).get_single_element())
    with pytest.raises(tf.errors.InvalidArgumentError, match="Dataset was empty"):
        session.run(Dataset.range(0).get_single_element())


def test_samples_come_from_all_datasets_by_their_weights(session: tf.Session) -> None:
    """The same seed gives the same series; one that has ended is left out."""
    datasets = [Dataset.from_tensors(i).repeat() for i in range(2)]
    drawn = [
        _elements(session, EXPERIMENTAL.sample_from_datasets(datasets, [0.8, 0.2], 5).take(300))
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert 30 < sum(drawn[0]) < 100
    ending = EXPERIMENTAL.sample_from_datasets([Dataset.range(2), Dataset.range(5, 8)], seed=1)
    assert sorted(_elements(session, ending)) == [0, 1, 5, 6, 7]


def test_choosing_stops_where_it_is_told_to(session: tf.Session) -> None:
    """At the end of a dataset; numbers of no dataset are an error."""
    datasets, numbers = [Dataset.range(1), Dataset.range(5)], Dataset.range(2).repeat()
    stopping = EXPERIMENTAL.choose_from_datasets(datasets, numbers, stop_on_empty_dataset=True)
    assert _elements(session, stopping) == [0, 0]
    beyond = EXPERIMENTAL.choose_from_datasets(datasets, Dataset.range(7, 9))
    with pytest.raises(tf.errors.InvalidArgumentError, match="7 is no index of 2 datasets"):
        _elements(session, beyond)


def test_records_of_values_come_out_of_files(tmp_path: Path, session: tf.Session) -> None:
    """Types and defaults, a header in each file, chosen columns."""
    file = tmp_path / "c.csv"
    file.write_text('x,y,z\n1,2.5,aa\n3,,"b,c"\n')
    defaults = [tf.constant([0], tf.int64), tf.constant([9.0]), tf.string]
    whole = EXPERIMENTAL.CsvDataset([str(file), str(file)], defaults, header=True)
    assert whole.output_types == (tf.int64, tf.float32, tf.string)
    assert _elements(session, whole) == [(1, 2.5, b"aa"), (3, 9.0, b"b,c")] * 2
    chosen = EXPERIMENTAL.CsvDataset(
        str(file), [tf.int32, tf.string], header=True, select_cols=[0, 2]
    )
    assert _elements(session, chosen) == [(1, b"aa"), (3, b"b,c")]
    left = EXPERIMENTAL.CsvDataset(str(file), [tf.int32, tf.string], header=True, exclude_cols=[1])
    assert _elements(session, left) == [(1, b"aa"), (3, b"b,c")]
    with pytest.raises(ValueError, match="Only one of select_cols and exclude_cols"):
        EXPERIMENTAL.CsvDataset(str(file), [tf.int32], select_cols=[0], exclude_cols=[1])
    needed = EXPERIMENTAL.CsvDataset(str(file), [tf.int32, tf.float32, tf.string], header=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Field 1 is required but missing"):
        _elements(session, needed.skip(1))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda d: d.window(2).batch(2), TypeError, "elements hold datasets.*flat_map"),
        (
            lambda d: tf.data.make_one_shot_iterator(d.window(2)),
            TypeError,
            "An iterator takes tensors, but elements hold datasets",
        ),
        (lambda d: d.reduce(0, lambda s, x: x), TypeError, "must be like the old one"),
        (lambda d: d.reduce(0.0, lambda s, x: x), TypeError, "must be like the old one"),
        (
            lambda d: d.apply(EXPERIMENTAL.scan(0, lambda s, x: x)),
            TypeError,
            "must return the new state and an element",
        ),
        (
            lambda d: d.apply(EXPERIMENTAL.group_by_window(lambda x: x, lambda k, w: k, 2)),
            TypeError,
            "must return a Dataset",
        ),
        (
            lambda d: EXPERIMENTAL.group_by_window(lambda x: x, lambda k, w: w),
            ValueError,
            "either window_size or window_size_func",
        ),
        (
            lambda d: EXPERIMENTAL.bucket_by_sequence_length(tf.size, [3], [2]),
            ValueError,
            "there are 1 sizes and 1 boundaries",
        ),
        (
            lambda d: EXPERIMENTAL.choose_from_datasets([d, Dataset.from_tensors("a")], d),
            TypeError,
            "Incompatible dataset elements",
        ),
        (
            lambda d: EXPERIMENTAL.sample_from_datasets([d, d], [1.0]),
            ValueError,
            "2 datasets, but weights of",
        ),
        (lambda d: d.batch(2).apply(EXPERIMENTAL.unique()), TypeError, "elements that are scalars"),
        (
            lambda d: d.map(lambda x: tf.SparseTensor([[0]], [x], [2])),
            TypeError,
            "can't be sparse here. Use tf.sparse_tensor_to_dense",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_made(
    make: Callable[[Any], Any], kind: type[Exception], message: str
) -> None:
    """The error says what is needed."""
    with pytest.raises(kind, match=message):
        make(Dataset.range(4))


def test_a_function_uses_a_dataset_from_outside(session: tf.Session) -> None:
    """Parts of it for each element; and elements can be windows that are used twice."""
    letters = Dataset.from_tensor_slices(["a", "b", "c"])
    parts = Dataset.range(3).flat_map(lambda n: letters.skip(n))
    assert _elements(session, parts) == [b"a", b"b", b"c", b"b", b"c", b"c"]
    twice = Dataset.range(4).window(2).flat_map(lambda w: w.concatenate(w.map(lambda x: -x)))
    assert _elements(session, twice) == [0, 1, 0, -1, 2, 3, -2, -3]


def test_the_names_of_contrib_stand_for_the_same(session: tf.Session) -> None:
    """Programs from before TensorFlow 1.13 take them from there."""
    data = tf.contrib.data
    whole = Dataset.range(5).apply(data.batch_and_drop_remainder(2))
    padded = Dataset.range(3).apply(data.padded_batch_and_drop_remainder(2, []))
    assert _elements(session, whole) == [[0, 1], [2, 3]]
    assert _elements(session, padded) == [[0, 1]]
    assert data.sloppy_interleave is EXPERIMENTAL.parallel_interleave
    with pytest.raises(AttributeError, match=r"tf\.contrib\.data\.unbach does not exist.*unbatch"):
        data.unbach  # noqa: B018


@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_window_has_positive_sizes(sizes: tuple[int, int, int], session: tf.Session) -> None:
    """InvalidArgumentError names the size."""
    windows = Dataset.range(4).window(*sizes).flat_map(lambda w: w.batch(2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be greater than zero, but is 0"):
        _elements(session, windows)
