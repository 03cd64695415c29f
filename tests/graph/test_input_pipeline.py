"""Queues that threads fill: producers, batches, readers, and what takes records apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf


def taken(fetches: Any, most: int = 1000) -> list[Any]:
    """What a monitored session gets until the end of the input, as Python values."""
    found: list[Any] = []
    with tf.train.SingularMonitoredSession() as session:
        while not session.should_stop() and len(found) < most:
            found.append(plain(session.run(fetches)))
    return found


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value


def fetched(value: Any) -> Any:
    with tf.Session() as session:
        return session.run(value)


# Queues.


def drained(seed: int | None, kept: int = 0) -> list[int]:
    with tf.Graph().as_default(), tf.Session() as session:
        queue = tf.RandomShuffleQueue(20, kept, tf.int32, shapes=[[]], seed=seed)
        session.run(queue.enqueue_many([np.arange(20)]))
        session.run(queue.close())
        dequeue = queue.dequeue()
        return [int(session.run(dequeue)) for _ in range(20)]


def test_a_random_queue_gives_every_element_once_in_an_order_of_the_seed() -> None:
    """Without a seed the order differs."""
    assert sorted(drained(1)) == list(range(20))
    assert drained(1) == drained(1) != drained(2)
    assert drained(None) != drained(None)


def test_a_random_queue_keeps_some_elements_until_it_is_closed(session: tf.Session) -> None:
    """min_after_dequeue of them."""
    queue = tf.RandomShuffleQueue(10, 2, tf.int32, shapes=[[]], name="q")
    session.run(queue.enqueue_many([[1, 2, 3]]))
    dequeue = queue.dequeue()
    first = session.run(dequeue)
    with pytest.raises(tf.errors.DeadlineExceededError):
        session.run(dequeue, options=tf.RunOptions(timeout_in_ms=30))
    session.run(queue.close())
    assert sorted([first, session.run(dequeue), session.run(dequeue)]) == [1, 2, 3]
    with pytest.raises(tf.errors.OutOfRangeError, match="'q' is closed"):
        session.run(dequeue)


def test_a_padding_queue_fills_up_what_is_taken_together(session: tf.Session) -> None:
    """With zeros and empty strings; one element comes as it is."""
    queue = tf.PaddingFIFOQueue(10, [tf.int32, tf.string], shapes=[[None], [None]])
    x, s = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.string, [None])
    enqueue, both, one = queue.enqueue([x, s]), queue.dequeue_many(2), queue.dequeue()
    for size in (1, 3, 2):
        session.run(enqueue, {x: [7] * size, s: ["a"] * size})
    numbers, texts = session.run(both)
    assert numbers.tolist() == [[7, 0, 0], [7, 7, 7]]
    assert texts.tolist() == [[b"a", b"", b""], [b"a"] * 3]
    assert both[0].shape.as_list() == [2, None]
    assert session.run(one)[0].tolist() == [7, 7]
    with pytest.raises(ValueError, match="ranks"):
        tf.PaddingFIFOQueue(10, [tf.int32], shapes=[tf.TensorShape(None)])


def test_a_priority_queue_gives_the_least_first(session: tf.Session) -> None:
    """Among equals the older one."""
    queue = tf.PriorityQueue(10, tf.string, shapes=[[]])
    session.run(queue.enqueue_many([np.array([3, 1, 2, 1], np.int64), ["c", "a", "b", "d"]]))
    priorities, texts = session.run(queue.dequeue_many(4))
    assert (priorities.tolist(), texts.tolist()) == ([1, 1, 2, 3], [b"a", b"d", b"b", b"c"])


def test_shapes_that_only_a_run_knows_are_checked_there(session: tf.Session) -> None:
    """Both shapes are named; what a queue must know of shapes is told at building."""
    queue = tf.FIFOQueue(3, tf.int32, shapes=[[2]])
    x = tf.placeholder(tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Expected \(2,\), got \(3,\)"):
        session.run(queue.enqueue(x), {x: [1, 2, 3]})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Expected \(2,\), got \(3,\)"):
        session.run(queue.enqueue_many([x]), {x: [[1, 2, 3]]})
    with pytest.raises(ValueError, match=r"fully defined.*PaddingFIFOQueue"):
        tf.FIFOQueue(3, tf.int32, shapes=[[None]])


# Producers.


def test_a_producer_gives_each_row_in_each_epoch() -> None:
    """Then OutOfRangeError ends the session; the epochs are counted in a local variable."""
    queue = tf.train.string_input_producer(["a", "b"], num_epochs=2, shuffle=False)
    assert [v.name for v in tf.local_variables()] == ["input_producer/limit_epochs/epochs:0"]
    assert (queue.name, queue.shapes[0].as_list()) == ("input_producer", [])
    assert taken(queue.dequeue()) == [b"a", b"b", b"a", b"b"]


def test_rows_of_several_tensors_come_together() -> None:
    """slice_input_producer; range_input_producer gives their numbers."""
    letters, numbers = tf.train.slice_input_producer(
        [["a", "b", "c"], np.arange(6).reshape(3, 2)], num_epochs=1, shuffle=False
    )
    assert taken([letters, numbers]) == [[b"a", [0, 1]], [b"b", [2, 3]], [b"c", [4, 5]]]


def test_an_order_of_rows_follows_from_the_seed() -> None:
    """Each epoch has another."""

    def order(seed: int) -> list[int]:
        with tf.Graph().as_default():
            return taken(tf.train.range_input_producer(9, num_epochs=2, seed=seed).dequeue())

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)[:9]) == list(range(9))
    assert order(1)[:9] != order(1)[9:]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: tf.train.string_input_producer([]), "non-null"),
        (lambda: tf.train.string_input_producer(["a"], num_epochs=0), "num_epochs must be > 0"),
        (lambda: tf.train.slice_input_producer([]), "at least one tensor"),
        (lambda: tf.train.input_producer(tf.placeholder(tf.int32)), "element_shape"),
        (lambda: tf.train.batch([tf.placeholder(tf.int32)], 2), "infer Tensor's rank"),
        (lambda: tf.train.batch([tf.placeholder(tf.int32, [None])], 2), "fully defined"),
        (lambda: tf.train.batch([], 2), "at least one tensor"),
        (lambda: tf.train.batch_join([], 2), "at least one list"),
    ],
)
def test_mistakes_are_told_when_the_graph_is_built(wrong: Callable[[], Any], message: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=message):
        wrong()


# Batches.


def row(epochs: int = 1, count: int = 5) -> Any:
    return tf.train.range_input_producer(count, epochs, shuffle=False).dequeue()


def test_batches_hold_elements_of_runs_one_after_another() -> None:
    """A last batch of fewer is left out, unless it is asked for."""
    number = row()
    batch = tf.train.batch({"n": number, "twice": [number, number]}, 2)
    assert batch["twice"].shape.as_list() == [2, 2]
    assert taken(batch["n"]) == [[0, 1], [2, 3]]


def test_the_last_batch_may_be_smaller() -> None:
    """Its size is not known statically then."""
    batch = tf.train.batch([row()], 2, allow_smaller_final_batch=True)
    assert batch.shape.as_list() == [None]
    assert taken(batch) == [[0, 1], [2, 3], [4]]


def test_several_elements_may_be_enqueued_at_once() -> None:
    """The rows of tensors."""
    number = row()
    assert taken(tf.train.batch([[number, number + 10]], 5, enqueue_many=True)) == [
        [0, 10, 1, 11, 2],
        [12, 3, 13, 4, 14],
    ]


def test_elements_of_varying_size_are_filled_up() -> None:
    """With dynamic_pad."""
    number = row()
    assert taken(tf.train.batch([tf.fill([number], number)], 3, dynamic_pad=True)) == [
        [[0, 0], [1, 0], [2, 2]]
    ]


def test_elements_may_be_left_out() -> None:
    """By a condition, or by one for each row."""
    number = row(count=8)
    even = tf.equal(number % 2, 0)
    assert taken(tf.train.maybe_batch([number], even, 2)) == [[0, 2], [4, 6]]


def test_rows_may_be_left_out() -> None:
    """By a vector of conditions."""
    number = row(count=4)
    rows = tf.stack([number, number + 10])
    kept = tf.train.maybe_batch([rows], [False, True], 2, enqueue_many=True)
    assert taken(kept) == [[10, 11], [12, 13]]


def test_joined_batches_hold_elements_of_each_list() -> None:
    """Each has a thread of its own."""
    first, second = row(count=6), row(count=6) + 100
    found = taken(tf.train.batch_join([[first], [second]], 4))
    assert sorted(n for batch in found for n in batch) == [*range(6), *range(100, 106)]


def shuffled(seed: int, **options: Any) -> list[Any]:
    with tf.Graph().as_default():
        batch = tf.train.shuffle_batch([row(count=40)], 4, 20, 6, seed=seed, **options)
        return taken(batch)


def test_shuffled_batches_are_the_same_for_the_same_seed() -> None:
    """However fast the thread is that fills the queue."""
    assert shuffled(1) == shuffled(1) != shuffled(2)
    found = [n for batch in shuffled(1) for n in batch]
    assert sorted(found) == list(range(40)) != found


def test_shuffled_batches_may_come_from_several_lists() -> None:
    """Nothing is lost."""
    lists = [[row(count=6)], [row(count=6) + 100]]
    found = taken(tf.train.shuffle_batch_join(lists, 4, 10, 3))
    assert sorted(n for batch in found for n in batch) == [*range(6), *range(100, 106)]


# Files.


def test_a_reader_gives_the_records_of_files_from_a_queue(tmp_path: Path) -> None:
    """A line's key is the file's name and the line's number."""
    names = [str(tmp_path / name) for name in ("a", "b")]
    Path(names[0]).write_bytes(b"x,y\n1,one\r\n2,two\n")
    Path(names[1]).write_bytes(b"x,y\n,three")
    queue = tf.train.string_input_producer(names, 1, shuffle=False)
    reader = tf.TextLineReader(skip_header_lines=1)
    key, line = reader.read(queue)
    number, text = tf.decode_csv(line, [[0], [""]])
    assert taken([key, number, text]) == [
        [f"{names[0]}:2".encode(), 1, b"one"],
        [f"{names[0]}:3".encode(), 2, b"two"],
        [f"{names[1]}:2".encode(), 0, b"three"],
    ]


def test_readers_of_whole_files_and_records(tmp_path: Path) -> None:
    """And several records at once."""
    name = str(tmp_path / "a")
    Path(name).write_bytes(b"Habcd")

    def read(reader: Any) -> list[Any]:
        queue = tf.train.string_input_producer([name], 1)
        return list(reader.read_up_to(queue, 5))

    assert taken(read(tf.WholeFileReader())) == [[[name.encode()], [b"Habcd"]]]
    with tf.Graph().as_default():
        found = read(tf.FixedLengthRecordReader(2, header_bytes=1))
        assert taken(found[1]) == [[b"ab", b"cd"]]


def test_a_missing_file_is_named() -> None:
    """NotFoundError."""
    with pytest.raises(tf.errors.NotFoundError, match="nothing-here"):
        fetched(tf.read_file("nothing-here"))


def test_files_are_read_written_and_found(tmp_path: Path) -> None:
    """As strings."""
    name = str(tmp_path / "a.bin")
    fetched(tf.write_file(name, b"\x01\x02\x03\x04"))
    assert fetched(tf.matching_files(str(tmp_path / "*.bin"))).tolist() == [name.encode()]
    numbers = tf.decode_raw(tf.read_file(name), tf.uint16)
    assert fetched(numbers).tolist() == [0x0201, 0x0403]
    assert fetched(tf.decode_raw([b"\x01\x02"], tf.uint16, False)).tolist() == [[0x0102]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"length 3 .* multiple of 2"):
        fetched(tf.decode_raw(["abc"], tf.int16))
    files = tf.train.match_filenames_once(str(tmp_path / "*"))
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        assert session.run(files).tolist() == [name.encode()]


# Records and strings.


def test_columns_of_comma_separated_values() -> None:
    """Quotes, defaults, missing values and chosen columns."""
    numbers, words, rest = tf.decode_csv(['1,a,"x, ""y"""', "2,,z"], [[0], ["d"], [""]])
    assert fetched(numbers).tolist() == [1, 2]
    assert fetched(words).tolist() == [b"a", b"d"]
    assert fetched(rest).tolist() == [b'x, "y"', b"z"]
    chosen = tf.decode_csv("1|2|NA", [[0], [0.5]], "|", na_value="NA", select_cols=[0, 2])
    assert fetched(chosen) == [1, 0.5]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("1,a", "Field 1 in record 0 is not a valid int32: a"),
        ("1,2,3", "Expect 2 fields but have 3 in record 0"),
        (",2", "Field 0 is required but missing in record 0"),
        ('1,2"', "Unquoted fields cannot have quotes"),
        ('1,"2', "has to end with quote"),
        ('1,"2"3', "followed by delim"),
    ],
)
def test_a_record_that_can_not_be_read_is_told_with_its_place(record: str, message: str) -> None:
    """InvalidArgumentError, as TensorFlow says it."""
    columns = tf.decode_csv([record], [tf.constant([], tf.int32), [0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        fetched(columns)


def test_strings_are_split_at_characters_or_white_space() -> None:
    """Into sparse matrices."""
    parts = fetched(tf.string_split(["a b  c", "", "d"]))
    assert parts.values.tolist() == [b"a", b"b", b"c", b"d"]
    assert parts.indices.tolist() == [[0, 0], [0, 1], [0, 2], [2, 0]]
    assert parts.dense_shape.tolist() == [3, 3]
    assert fetched(tf.string_split(["a,b;c"], ",;").values).tolist() == [b"a", b"b", b"c"]
    assert fetched(tf.string_split(["a,,b"], ",", skip_empty=False).values).tolist() == [
        b"a",
        b"",
        b"b",
    ]
    assert fetched(tf.string_split(["abc"], "").values).tolist() == [b"a", b"b", b"c"]
    split = tf.strings.split([" a  b", "c"])
    assert fetched(tf.sparse_tensor_to_dense(split, "-")).tolist() == [[b"a", b"b"], [b"c", b"-"]]
