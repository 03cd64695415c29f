"""Datasets: what elements come out, in which order, and what iterators do."""

import collections
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf
from runtime.data import Dataset


def values(dataset: Dataset, most: int = 1000) -> list[Any]:
    """All elements, as Python values."""
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    with tf.Session() as session, pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        for _ in range(most):
            found.append(plain(session.run(following)))
    return found


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return (
            type(value)(*map(plain, value)) if hasattr(value, "_fields") else (*map(plain, value),)
        )
    return value.tolist() if hasattr(value, "tolist") else value


def test_elements_are_tensors_or_rows_of_tensors() -> None:
    """from_tensors gives one element, from_tensor_slices one for each row."""
    both = {"a": [1, 2], "b": (np.array([[1.0], [2.0]]), ["x", "y"])}
    assert values(Dataset.from_tensors(both)) == [
        {"a": [1, 2], "b": ([[1.0], [2.0]], [b"x", b"y"])}
    ]
    assert values(Dataset.from_tensor_slices(both)) == [
        {"a": 1, "b": ([1.0], b"x")},
        {"a": 2, "b": ([2.0], b"y")},
    ]
    assert values(Dataset.from_tensor_slices(["x", "y"])) == [b"x", b"y"]


def test_static_types_and_shapes_are_known() -> None:
    """output_types, output_shapes and output_classes have the structure of the elements."""
    Pair = collections.namedtuple("Pair", "x y")  # as users write it
    dataset = Dataset.from_tensor_slices(Pair(np.zeros((5, 3), np.float32), ["a"] * 5))
    assert dataset.output_types == Pair(tf.float32, tf.string)
    assert dataset.output_shapes.x.as_list() == [3]
    assert tf.data.get_output_classes(dataset) == Pair(tf.Tensor, tf.Tensor)
    assert dataset.batch(2).output_shapes.x.as_list() == [None, 3]
    whole = dataset.batch(2, drop_remainder=True)
    assert tf.data.get_output_shapes(whole).x.as_list() == [2, 3]
    following = tf.data.make_one_shot_iterator(whole).get_next()
    assert (following.x.shape.as_list(), following.y.dtype) == ([2, 3], tf.string)
    assert isinstance(following, Pair)
    assert whole.element_spec.y == tf.TensorSpec([2], tf.string)


def test_a_function_is_traced_once_and_carried_out_for_each_element() -> None:
    """A tuple comes as several arguments, a dictionary as one."""
    calls = []

    def function(number: Any, rest: Any) -> Any:
        calls.append(number)
        return {"sum": number + tf.cast(rest["a"], tf.int64), "name": rest["b"]}

    rows = Dataset.from_tensor_slices({"a": [10, 20], "b": ["x", "y"]})
    found = values(Dataset.zip((Dataset.range(5), rows)).map(function, num_parallel_calls=4))
    assert found == [{"sum": 10, "name": b"x"}, {"sum": 21, "name": b"y"}]
    assert len(calls) == 1


def test_functions_may_use_conditions_loops_randomness_and_python() -> None:
    """Whatever makes operations, also other datasets."""

    def function(x: Any) -> Any:
        doubled = tf.cond(x > 1, lambda: x * 2, lambda: x)
        total = tf.while_loop(lambda s: s < 10, lambda s: s + x + 1, [doubled])
        python = tf.py_func(lambda v: v + 100, [total], tf.int64)
        return total, python, tf.random_uniform([], seed=1) < 1

    assert values(Dataset.range(3).map(function)) == [
        (10, 110, True),
        (11, 111, True),
        (10, 110, True),
    ]
    nested = Dataset.range(3).flat_map(lambda x: Dataset.range(x).map(lambda y: x * 10 + y))
    assert values(nested) == [10, 20, 21]


def test_tensors_of_an_unknown_shape_get_one_by_set_shape() -> None:
    """py_func gives tensors of unknown shape."""

    def function(x: Any) -> Any:
        y = tf.py_func(lambda v: np.arange(v), [x], tf.int64)
        assert y.shape.ndims is None
        y.set_shape([None])
        return y

    dataset = Dataset.range(1, 3).map(function).padded_batch(2)
    assert values(dataset) == [[[0, 0], [0, 1]]]
    with pytest.raises(ValueError, match="rank of each component"):
        Dataset.range(3).map(lambda x: tf.py_func(abs, [x], tf.int64)).padded_batch(2)


def test_what_a_dataset_is_made_of_is_computed_at_initialization(session: tf.Session) -> None:
    """Feeds, variables and captured tensors; later changes don't matter."""
    fed = tf.placeholder(tf.float32, [None])
    factor = tf.placeholder_with_default(np.float32(1), [])
    variable = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    dataset = Dataset.from_tensor_slices(fed).map(lambda x: (x * factor, variable))
    iterator = tf.data.make_initializable_iterator(dataset)
    following = iterator.get_next()
    session.run(variable.initializer)
    given = np.array([1, 2], np.float32)
    session.run(iterator.initializer, {fed: given, factor: 10.0})
    given[:] = 7
    assert plain(session.run(following)) == (10.0, 0.0)
    session.run(variable.assign(5.0))
    assert plain(session.run(following)) == (20.0, 0.0)
    with pytest.raises(tf.errors.OutOfRangeError):
        session.run(following)
    session.run(iterator.initializer, {fed: [3.0]})
    assert plain(session.run(following)) == (3.0, 5.0)


def test_an_iterator_without_initialization_says_so(session: tf.Session) -> None:
    """FailedPreconditionError names it."""
    following = tf.data.make_initializable_iterator(Dataset.range(3)).get_next()
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"initializer.*'IteratorV2'"):
        session.run(following)


@pytest.mark.parametrize(
    "capture",
    [
        lambda: tf.placeholder(tf.int64, []),
        lambda: tf.get_variable("v", [], tf.int64),
        lambda: tf.random_uniform([], 0, 9, tf.int64),
    ],
)
def test_a_one_shot_iterator_refuses_what_a_run_changes(capture: Callable[[], Any]) -> None:
    """It names the operation and what to use instead."""
    captured = capture()
    dataset = Dataset.range(3).map(lambda x: x + captured)
    with pytest.raises(ValueError, match=r"Cannot capture.*make_initializable_iterator"):
        tf.data.make_one_shot_iterator(dataset)


def test_one_iterator_may_be_initialized_with_several_datasets(session: tf.Session) -> None:
    """If their elements are alike; else the types or shapes are named."""
    iterator = tf.data.Iterator.from_structure(tf.int64, tf.TensorShape([]))
    following = iterator.get_next()
    train = iterator.make_initializer(Dataset.range(2))
    test = iterator.make_initializer(Dataset.range(10, 20))
    session.run(train)
    assert [session.run(following), session.run(following)] == [0, 1]
    session.run(test)
    assert session.run(following) == 10
    session.run(train)
    assert session.run(following) == 0
    with pytest.raises(TypeError, match=r"types tf.int64 .* tf.float32"):
        iterator.make_initializer(Dataset.from_tensors(1.0))
    with pytest.raises(TypeError, match=r"shapes compatible with \(\) .* \(\?,\)"):
        iterator.make_initializer(Dataset.range(3).batch(2))
    with pytest.raises(ValueError, match="make_initializer"):
        _ = iterator.initializer


def test_a_string_handle_chooses_the_iterator_of_a_run(session: tf.Session) -> None:
    """A handle that isn't known is refused."""
    handle = tf.placeholder(tf.string, [])
    first = tf.data.make_one_shot_iterator(Dataset.range(3))
    second = tf.data.make_one_shot_iterator(Dataset.range(10, 13))
    following = tf.data.Iterator.from_string_handle(
        handle, first.output_types, first.output_shapes
    ).get_next()
    one, two = session.run([first.string_handle(), second.string_handle()])
    found = [session.run(following, {handle: h}) for h in (one, two, one)]
    assert found == [0, 10, 1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="string_handle"):
        session.run(following, {handle: b"nothing"})


def test_each_get_next_takes_an_element_and_all_its_parts_belong_together(
    session: tf.Session,
) -> None:
    """In one run."""
    dataset = Dataset.range(100).map(lambda x: (x, x * 2))
    iterator = tf.data.make_one_shot_iterator(dataset)
    (a, b), (c, _) = iterator.get_next(), iterator.get_next()
    for _ in range(3):
        first, double, other = session.run([a, b, c])
        assert double == 2 * first
        assert abs(first - other) == 1


def test_where_an_iterator_stands_belongs_to_a_session(session: tf.Session) -> None:
    """Another session begins with the first element."""
    following = tf.data.make_one_shot_iterator(Dataset.range(3)).get_next()
    assert [session.run(following) for _ in range(2)] == [0, 1]
    with tf.Session() as other:
        assert other.run(following) == 0
    assert session.run(following) == 2


def test_threads_share_the_elements(session: tf.Session) -> None:
    """None is lost, none comes twice."""
    following = tf.data.make_one_shot_iterator(
        Dataset.range(300).map(lambda x: x + 1).shuffle(20)
    ).get_next()
    taken: list[int] = []

    def take() -> None:
        while True:
            try:
                taken.append(int(session.run(following)))
            except tf.errors.OutOfRangeError:
                return

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 301))


def test_what_is_fetched_may_be_overwritten(session: tf.Session) -> None:
    """It is the user's own; the dataset keeps its elements."""
    dataset = Dataset.from_tensor_slices(np.zeros((1, 2))).repeat()
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    session.run(following)[:] = 9
    assert session.run(following).tolist() == [0, 0]


def test_an_element_that_fails_is_left_out(session: tf.Session) -> None:
    """The error names the operation in the function; the next run takes the next element."""
    dataset = Dataset.range(3).map(
        lambda x: tf.check_numerics(1.0 / tf.cast(x - 1, tf.float32), "bad", name="inner")
    )
    following = tf.data.make_one_shot_iterator(dataset.repeat(1).map(lambda x: x)).get_next()
    assert session.run(following) == -1
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"bad(.|\n)*'inner'(.|\n)*GetNext"):
        session.run(following)
    assert session.run(following) == 1


@pytest.mark.parametrize(
    "endless",
    [
        lambda: Dataset.range(3).repeat().filter(lambda x: x > 5),
        lambda: Dataset.range(3).repeat().flat_map(lambda x: Dataset.range(0)),
        lambda: Dataset.from_tensors(np.zeros([0, 2])).repeat().unbatch(),
        lambda: Dataset.range(3).repeat().skip(1 << 60),
    ],
)
def test_waiting_for_an_element_ends_with_the_time_or_the_session(
    endless: Callable[[], Dataset],
) -> None:
    """A pipeline that never gives one does not hang."""
    following = tf.data.make_one_shot_iterator(endless()).get_next()
    session = tf.Session()
    with pytest.raises(tf.errors.DeadlineExceededError):
        session.run(following, options=tf.RunOptions(timeout_in_ms=30))
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            session.run(following)
        except tf.errors.CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.02)
    session.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1


def test_the_end_of_the_input_ends_a_monitored_session() -> None:
    """Cleanly: hooks get their end, nothing comes out of `with`."""
    iterator = tf.data.make_initializable_iterator(Dataset.range(3))
    tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
    following, seen = iterator.get_next(), []
    with tf.train.SingularMonitoredSession() as session:
        while not session.should_stop():
            seen.append(int(session.run(following)))
    assert seen == [0, 1, 2]


def test_generators_begin_anew_in_each_epoch() -> None:
    """With arguments, in the structure and of the types that were said."""

    def generate(count: Any) -> Any:
        for number in range(count):
            yield number, {"row": [float(number)] * number}

    dataset = Dataset.from_generator(
        generate, (tf.int64, {"row": tf.float32}), ([], {"row": [None]}), args=[2]
    )
    epoch = [(0, {"row": []}), (1, {"row": [1.0]})]
    assert values(dataset.repeat(2)) == epoch * 2


@pytest.mark.parametrize(
    ("yielded", "message"),
    [("a", "converted to the expected type.*int64"), ([1], r"shape \(1,\) where .*\(\)")],
)
def test_what_a_generator_must_not_yield_is_told(yielded: Any, message: str) -> None:
    """InvalidArgumentError with the element."""
    dataset = Dataset.from_generator(lambda: iter([yielded]), tf.int64, [])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(tf.data.make_one_shot_iterator(dataset).get_next())


def test_a_generator_that_raises_is_told_with_its_error(session: tf.Session) -> None:
    """As py_func tells it."""

    def generate() -> Any:
        yield 1
        raise KeyError("lost")

    following = tf.data.make_one_shot_iterator(
        Dataset.from_generator(generate, tf.int64)
    ).get_next()
    assert session.run(following) == 1
    with pytest.raises(tf.errors.UnknownError, match="KeyError: 'lost'"):
        session.run(following)


def test_batches_are_filled_up_to_the_largest_element() -> None:
    """Or to a given size, with given values."""
    rows = Dataset.range(1, 4).map(lambda x: (tf.fill([x], x), "a"))
    assert values(rows.padded_batch(2, ([None], [])))[0] == ([[1, 0], [2, 2]], [b"a", b"a"])
    filled = rows.padded_batch(3, ([4], []), (np.int64(-1), ""), drop_remainder=True)
    assert values(filled)[0][0] == [[1, -1, -1, -1], [2, 2, -1, -1], [3, 3, 3, -1]]
    assert filled.output_shapes[0].as_list() == [3, 4]
    with tf.Session() as session, pytest.raises(tf.errors.DataLossError, match="smaller size"):
        session.run(tf.data.make_one_shot_iterator(rows.padded_batch(3, ([2], []))).get_next())


def test_a_graph_with_datasets_can_be_written_and_read(tmp_path: Path) -> None:
    """All but Python functions: a file holds no code."""
    rows = Dataset.from_tensor_slices({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    rows = rows.map(lambda e: (e["a"] * 2, e["b"])).filter(lambda a, _: a > 2).shuffle(3, 1)
    following = tf.data.make_one_shot_iterator(rows.batch(2)).get_next()
    generated = Dataset.from_generator(lambda: iter([1]), tf.int32)
    lost = tf.data.make_one_shot_iterator(generated).get_next()
    tf.train.export_meta_graph(str(tmp_path / "graph"))
    names = following[0].name, following[1].name
    with tf.Session() as session:
        expected = plain(session.run(names))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(str(tmp_path / "graph"))
        assert plain(session.run(names)) == expected
        with pytest.raises(tf.errors.UnimplementedError, match="holds no code"):
            session.run(lost.name)


def test_elements_of_different_shapes_are_no_batch(session: tf.Session) -> None:
    """The message names the component and both shapes."""
    dataset = Dataset.range(1, 3).map(lambda x: tf.fill([x], x)).batch(2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"component 0.*\[1\].*\[2\]"):
        session.run(tf.data.make_one_shot_iterator(dataset).get_next())


def test_interleaving_takes_blocks_in_turn() -> None:
    """When one is exhausted, that after it comes; its place is taken by a new one."""
    dataset = Dataset.range(1, 4).interleave(
        lambda x: Dataset.from_tensors(x).repeat(x + 1), cycle_length=2, block_length=2
    )
    assert values(dataset) == [1, 1, 2, 2, 2, 3, 3, 3, 3]


def shuffled(seed: int | None, graph_seed: int | None = None, **options: Any) -> list[Any]:
    with tf.Graph().as_default():
        if graph_seed is not None:
            tf.set_random_seed(graph_seed)
        return values(Dataset.range(20).shuffle(8, seed, **options).repeat(2))


def test_the_same_seeds_give_the_same_order() -> None:
    """The operation's or the graph's; each epoch has another order unless asked otherwise."""
    assert shuffled(1) == shuffled(1) != shuffled(2)
    assert shuffled(None, 1) == shuffled(None, 1) != shuffled(None, 2)
    assert shuffled(None) != shuffled(None)
    order = shuffled(1)
    assert order[:20] != order[20:]
    assert sorted(order[:20]) == sorted(order[20:]) == list(range(20))
    same = shuffled(1, reshuffle_each_iteration=False)
    assert same[:20] == same[20:]


def test_a_run_of_the_initializer_gives_the_same_order_again(session: tf.Session) -> None:
    """As in TensorFlow; a seed that is fed chooses another."""
    seed = tf.placeholder(tf.int64, [])
    iterator = Dataset.range(20).shuffle(20, seed).batch(20).make_initializable_iterator()
    following = iterator.get_next()

    def order(value: int) -> Any:
        session.run(iterator.initializer, {seed: value})
        return session.run(following).tolist()

    assert order(1) == order(1) != order(2)


def test_a_cached_dataset_is_computed_once(session: tf.Session) -> None:
    """In the first epoch; one that was not finished is computed again."""
    calls: list[int] = []

    def count(x: Any) -> Any:
        calls.append(int(x))
        return x

    dataset = Dataset.range(3).map(lambda x: tf.py_func(count, [x], tf.int64)).cache()
    assert values(dataset.repeat(3)) == [0, 1, 2] * 3
    assert calls == [0, 1, 2]
    calls.clear()
    assert values(dataset.take(2).repeat(2)) == [0, 1, 0, 1]
    assert calls == [0, 1, 0, 1]


def test_lines_and_records_come_from_files(tmp_path: Path) -> None:
    """One after the other; a missing file is named."""
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\n")
    (tmp_path / "b.txt").write_bytes(b"\nthree")
    names = Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [Path(name.decode()).name for name in values(names)] == ["a.txt", "b.txt"]
    assert values(tf.data.TextLineDataset(names)) == [b"one", b"two", b"", b"three"]
    records = tf.data.FixedLengthRecordDataset([str(tmp_path / "a.txt")], 3, 1, 2)
    assert values(records) == [b"ne\r", b"\ntw"]
    with tf.Session() as session, pytest.raises(tf.errors.NotFoundError, match=r"none\.txt"):
        missing = tf.data.TextLineDataset("none.txt")
        session.run(tf.data.make_one_shot_iterator(missing).get_next())


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (lambda d: d.map(lambda x: None), TypeError, "must return a value"),
        (lambda d: d.filter(lambda x: x), ValueError, "scalar of bool"),
        (lambda d: d.flat_map(lambda x: x), TypeError, "must return a Dataset"),
        (lambda d: d.concatenate(Dataset.from_tensors(1.0)), TypeError, "Incompatible"),
        (lambda d: d.apply(lambda x: 3), TypeError, "must return a `tf.data.Dataset`"),
        (lambda d: Dataset.from_tensor_slices(3), ValueError, "rank >= 1"),
        (lambda d: Dataset.from_tensor_slices(([1], [1, 2])), ValueError, "1 and 2 are not comp"),
        (lambda d: d.cache(3), TypeError, "must be a string, not 3"),
        (lambda d: d.batsh, AttributeError, "tf.data.Dataset.batsh.*batch"),
        (lambda d: tf.data.TextDataset, AttributeError, "TextDataset.*TextLineDataset"),
        (iter, RuntimeError, "make_one_shot_iterator"),
    ],
)
def test_mistakes_are_told_when_the_graph_is_built(
    wrong: Callable[[Any], Any], kind: type[Exception], message: str
) -> None:
    """With what was expected."""
    with pytest.raises(kind, match=message):
        wrong(Dataset.range(3))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda d: d.batch(0), "Batch size must be greater than zero(.|\n)*'BatchDatasetV2'"),
        (lambda d: d.shuffle(0), "buffer_size"),
        (lambda d: d.shard(3, 3), "between 0 and"),
        (lambda d: Dataset.range(0, 3, 0), "non-zero"),
        (lambda d: Dataset.list_files("/nothing/*"), "No files matched"),
    ],
)
def test_wrong_sizes_are_told_in_the_run(
    wrong: Callable[[Any], Any], message: str, session: tf.Session
) -> None:
    """For they may be fed."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(tf.data.make_one_shot_iterator(wrong(Dataset.range(3))).get_next())


STEPS: dict[str, tuple[Callable[[Any, int], Any], Callable[[list[Any], int], list[Any]]]] = {
    "take": (lambda d, n: d.take(n), lambda xs, n: xs[:n]),
    "skip": (lambda d, n: d.skip(n), lambda xs, n: xs[n:]),
    "repeat": (lambda d, n: d.repeat(n), lambda xs, n: xs * n),
    "shard": (lambda d, n: d.shard(n + 1, n // 2), lambda xs, n: xs[n // 2 :: n + 1]),
    "map": (lambda d, n: d.map(lambda x: x * 3 + n), lambda xs, n: [x * 3 + n for x in xs]),
    "filter": (
        lambda d, n: d.filter(lambda x: tf.equal(x % (n + 1), 0)),
        lambda xs, n: [x for x in xs if x % (n + 1) == 0],
    ),
    "flat_map": (
        lambda d, n: d.flat_map(lambda x: Dataset.from_tensors(x).repeat(n)),
        lambda xs, n: [x for x in xs for _ in range(n)],
    ),
    "concatenate": (lambda d, n: d.concatenate(Dataset.range(n)), lambda xs, n: [*xs, *range(n)]),
    "enumerate": (
        lambda d, n: d.enumerate(n).map(lambda i, x: i * 7 + x),
        lambda xs, n: [i * 7 + x for i, x in enumerate(xs, n)],
    ),
    "batch": (
        lambda d, n: d.batch(n + 1).map(lambda x: tf.reduce_sum(x)),
        lambda xs, n: [sum(xs[i : i + n + 1]) for i in range(0, len(xs), n + 1)],
    ),
    "rebatch": (lambda d, n: d.batch(n + 1).unbatch(), lambda xs, n: xs),
    "cache": (lambda d, n: d.cache().prefetch(n + 1), lambda xs, n: xs),
    "shuffle one": (lambda d, n: d.shuffle(1, seed=n), lambda xs, n: xs),
    "zip": (
        lambda d, n: Dataset.zip((d, Dataset.range(3 * n))).map(lambda x, y: x - y),
        lambda xs, n: [x - y for x, y in zip(xs, range(3 * n), strict=False)],
    ),
}


@given(
    st.sampled_from(["range", "slices"]),
    st.integers(0, 8),
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3)), max_size=5),
)
def test_a_pipeline_does_what_lists_do(begin: str, size: int, steps: list[tuple[str, int]]) -> None:
    """Random pipelines, against lists."""
    with tf.Graph().as_default():
        numbers = np.arange(size, dtype=np.int64)
        dataset = Dataset.range(size) if begin == "range" else Dataset.from_tensor_slices(numbers)
        model = list(range(size))
        for name, number in steps:
            if len(model) < 200:
                step, expected = STEPS[name]
                dataset, model = step(dataset, number), expected(model, number)
        assert values(dataset) == model
