"""Files of records and examples, in TensorFlow's form bit for bit, and what damaged ones do."""

import gzip
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest

import runtime as tf
from runtime import example_messages, record_file

# What TensorFlow 2.21 writes for `_example`, and for a file with it and an empty record.
MESSAGE = bytes.fromhex(
    "0a320a140a0161120f1a0d0a0b01feffffffffffffffff010a0b0a016212060a040a0278790a0d0a016612"
    "0812060a040000c03f"
)
FILE = (
    bytes.fromhex("34000000000000005e33175c")
    + MESSAGE
    + bytes.fromhex("fd5a97e5000000000000000029039807d8ea82a2")
)


def _ints(*values: int) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(*values: float) -> Any:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _strings(*values: bytes) -> Any:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _example(**features: Any) -> bytes:
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _written(path: Path, records: list[bytes], options: Any = None) -> str:
    with tf.python_io.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def test_examples_and_files_are_tensorflows_bit_for_bit(tmp_path: Path) -> None:
    """What is written here is what TensorFlow wrote, and is read again."""
    written = _example(a=_ints(1, -2), b=_strings(b"xy"), f=_floats(1.5))
    assert written == MESSAGE
    path = _written(tmp_path / "t.rec", [written, b""])
    assert Path(path).read_bytes() == FILE
    assert list(tf.python_io.tf_record_iterator(path)) == [MESSAGE, b""]
    feature = tf.train.Example.FromString(MESSAGE).features.feature
    assert feature["a"].int64_list.value == [1, -2]
    assert feature["b"].WhichOneof("kind") == "bytes_list"


@pytest.mark.parametrize("kind", ["", "GZIP", "ZLIB"])
def test_compressed_files_are_read_by_datasets_and_readers(
    kind: str, tmp_path: Path, session: tf.Session
) -> None:
    """Each way gives the same records; a reader's keys tell where they begin."""
    options = tf.python_io.TFRecordOptions({"": 0, "GZIP": 2, "ZLIB": 1}[kind])
    records = [b"one", b"x" * 100_000, b""]
    path = _written(tmp_path / "t.rec", records, options)
    assert list(tf.io.tf_record_iterator(path, options)) == records
    names = tf.data.Dataset.from_tensors(path).repeat(2)
    dataset = tf.data.TFRecordDataset(names, kind, buffer_size=10).batch(9)
    assert session.run(dataset.make_one_shot_iterator().get_next()).tolist() == records * 2
    queue = tf.FIFOQueue(1, tf.string, [[]])
    key, record = tf.TFRecordReader(options=options).read(queue)
    session.run([queue.enqueue([path])])
    session.run(queue.close())
    found = [session.run([key, record]) for _ in records]
    assert [value for _, value in found] == records
    assert [name for name, _ in found] == [f"{path}:{n}".encode() for n in (0, 19, 100_035)]


def _damages() -> dict[str, bytes]:
    flipped = {f"bit in byte {i}": _flipped(i) for i in (0, 7, 8, 11, 12, 40, 63, 64, 67, 68, 83)}
    return {"text": b"one line of text\n" * 3, **flipped, "long": _longer(1 << 62)}


def _flipped(place: int) -> bytes:
    return FILE[:place] + bytes([FILE[place] ^ 1]) + FILE[place + 1 :]


def _longer(length: int) -> bytes:
    """A record that says that it is so long, with the right check sum of that."""
    size = struct.pack("<Q", length)
    crc = google_crc32c.value(size)
    return size + struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF) + b"few"


@pytest.mark.parametrize("content", _damages().values(), ids=_damages())
def test_a_damaged_file_is_a_data_loss(content: bytes, tmp_path: Path, session: Any) -> None:
    """DataLossError names the file and the place; a false length takes up no memory."""
    path = tmp_path / "damaged.rec"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(tf.errors.DataLossError, match=r"record at (0|68) in .*damaged\.rec"):
        list(tf.python_io.tf_record_iterator(path))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    following = tf.data.TFRecordDataset(str(path)).batch(9).make_one_shot_iterator().get_next()
    with pytest.raises(tf.errors.DataLossError, match=r"damaged\.rec"):
        session.run(following)


def test_a_file_cut_off_anywhere_gives_its_whole_records(tmp_path: Path) -> None:
    """Then DataLossError; at the border of two records it just ends."""
    path = tmp_path / "cut.rec"
    for size in range(len(FILE)):
        path.write_bytes(FILE[:size])
        found = []
        try:
            for record in tf.python_io.tf_record_iterator(path):
                found.append(record)
            assert size in (0, 68)
        except tf.errors.DataLossError as error:
            assert f"truncated record at {68 if size > 68 else 0}" in str(error)
        assert found == ([MESSAGE] if size >= 68 else [])


@pytest.mark.parametrize("kind", ["GZIP", "ZLIB"])
def test_damaged_compression_is_a_data_loss(kind: str, tmp_path: Path, session: Any) -> None:
    """Not what Python's modules raise."""
    path = Path(_written(tmp_path / "t.rec", [MESSAGE] * 50, kind))
    whole = path.read_bytes()
    following = tf.data.TFRecordDataset(str(path), kind).batch(99).make_initializable_iterator()
    element = following.get_next()
    for content in (whole[:-20], whole[:20] + b"\xff\xff" + whole[22:], b"no such form"):
        path.write_bytes(content)
        session.run(following.initializer)
        with pytest.raises(tf.errors.DataLossError, match=r"t\.rec"):
            session.run(element)


def test_a_text_file_of_damaged_compression_is_a_data_loss(tmp_path: Path, session: Any) -> None:
    """Lines and records of one length as well."""
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(b"abcd\n" * 9)[:-12])
    for dataset in (
        tf.data.TextLineDataset(str(path), "GZIP").batch(99),
        tf.data.FixedLengthRecordDataset(str(path), 5, compression_type="GZIP"),
    ):
        with pytest.raises(tf.errors.DataLossError, match=r"t\.gz' is damaged or cut off"):
            session.run(dataset.make_one_shot_iterator().get_next())


def test_records_of_one_length_are_read_one_by_one(tmp_path: Path, session: Any) -> None:
    """A large file takes no more memory than a record."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(20_000_003)
    dataset = tf.data.FixedLengthRecordDataset(str(path), 1000, header_bytes=2, footer_bytes=1)
    following = dataset.skip(3).make_one_shot_iterator().get_next()
    tracemalloc.start()
    assert session.run(following) == bytes(1000)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_writer_says_what_it_takes(tmp_path: Path) -> None:
    """Bytes, to an open file, in a directory that is there."""
    with pytest.raises(tf.errors.NotFoundError, match="No such file or directory"):
        tf.python_io.TFRecordWriter(tmp_path / "none" / "t.rec")
    with pytest.raises(tf.errors.NotFoundError, match="No such file or directory"):
        list(tf.python_io.tf_record_iterator(tmp_path / "none.rec"))
    with pytest.raises(ValueError, match="None, 'GZIP' or 'ZLIB', not 'RAR'"):
        tf.python_io.TFRecordOptions("RAR")
    writer = tf.python_io.TFRecordWriter(tmp_path / "t.rec")
    with pytest.raises(TypeError, match=r"bytes, not str: give message\.SerializeToString"):
        writer.write("text")  # type: ignore[arg-type]
    writer.write(b"a")
    writer.flush()
    assert list(tf.python_io.tf_record_iterator(tmp_path / "t.rec")) == [b"a"]
    writer.close()
    writer.close()
    with pytest.raises(tf.errors.FailedPreconditionError, match="Writer is closed"):
        writer.write(b"b")


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ImportError, when a message or a file is used for the first time."""
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    monkeypatch.setattr(example_messages, "_classes", example_messages._classes.__wrapped__)
    monkeypatch.setattr(record_file, "_crc", record_file._crc.__wrapped__)
    with pytest.raises(ImportError, match=r"need protobuf.*monitored-session\[records\]"):
        tf.train.Example()
    with pytest.raises(ImportError, match=r"google-crc32c.*monitored-session\[records\]"):
        tf.python_io.TFRecordWriter(tmp_path / "t.rec")


BATCH = [
    dict(a=_ints(1, 2), f=_floats(1.5), v=_ints(7, 8, 9), s=_floats(1, 2, 3, 4), i=_ints(3, 0))
    | dict(x=_floats(0.25, 0.5), b=_strings(b"q")),
    dict(a=_ints(3, 4), v=_ints(), s=_floats(5, 6), i=_ints(1), x=_floats(0.75), b=_strings(b"")),
    dict(a=_ints(5, 6), f=_floats(2.5), v=_ints(1), b=_strings(b"rr")),
]
FEATURES = {
    "a": tf.FixedLenFeature([2], tf.int64),
    "b": tf.FixedLenFeature((), tf.string),
    "f": tf.FixedLenFeature([], tf.float32, default_value=-1.0),
    "v": tf.VarLenFeature(tf.int64),
    "none": tf.VarLenFeature(tf.string),
    "s": tf.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
    "n": tf.FixedLenSequenceFeature([], tf.int64, allow_missing=True, default_value=-7),
    "at": tf.SparseFeature("i", "x", tf.float32, 5),
    "d": tf.FixedLenFeature([2], tf.string, default_value=["x", "y"]),
}


def test_a_batch_of_examples_becomes_tensors(session: tf.Session) -> None:
    """Values, defaults, padding and sparse tensors as TensorFlow has them."""
    serialized = tf.placeholder(tf.string, [None])
    parsed = tf.parse_example(serialized, FEATURES)
    assert {k: str(v.shape) for k, v in parsed.items()} == {
        "a": "(?, 2)",
        "b": "(?,)",
        "f": "(?,)",
        "v": "(?, ?)",
        "none": "(?, ?)",
        "s": "(?, ?, 2)",
        "n": "(?, ?)",
        "at": "(?, ?)",
        "d": "(?, 2)",
    }
    found = session.run(parsed, {serialized: [_example(**features) for features in BATCH]})
    assert found["a"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found["b"].tolist() == [b"q", b"", b"rr"]
    assert found["f"].tolist() == [1.5, -1.0, 2.5]
    assert found["s"].tolist() == [[[1, 2], [3, 4]], [[5, 6], [0, 0]], [[0, 0], [0, 0]]]
    assert found["n"].shape == (3, 0)
    assert found["d"].tolist() == [[b"x", b"y"]] * 3
    assert found["v"].indices.tolist() == [[0, 0], [0, 1], [0, 2], [2, 0]]
    assert found["v"].values.tolist() == [7, 8, 9, 1]
    assert found["v"].dense_shape.tolist() == [3, 3]
    assert found["none"].dense_shape.tolist() == [3, 0]
    assert found["at"].indices.tolist() == [[0, 0], [0, 3], [1, 1]]
    assert found["at"].values.tolist() == [0.5, 0.25, 0.75]
    assert found["at"].dense_shape.tolist() == [3, 5]
    assert session.run(parsed["a"], {serialized: []}).shape == (0, 2)


def test_one_example_becomes_tensors_in_a_dataset(tmp_path: Path, session: tf.Session) -> None:
    """Written, read, parsed, decoded, batched: the whole of an input pipeline."""
    images = np.arange(12, dtype=np.uint8).reshape(3, 4)
    records = [
        _example(image=_strings(row.tobytes()), label=_ints(n), words=_ints(*range(n)))
        for n, row in enumerate(images)
    ]
    path = _written(tmp_path / "t.rec", records)

    def parse(record: Any) -> Any:
        parsed = tf.parse_single_example(
            record,
            {
                "image": tf.FixedLenFeature([], tf.string),
                "label": tf.FixedLenFeature([], tf.int64),
                "words": tf.VarLenFeature(tf.int64),
            },
        )
        image = tf.reshape(tf.decode_raw(parsed["image"], tf.uint8), [2, 2])
        return image, parsed["label"], tf.sparse_tensor_to_dense(parsed["words"])

    dataset = tf.data.TFRecordDataset([path]).map(parse).padded_batch(3, ([2, 2], [], [None]))
    image, label, words = session.run(dataset.make_one_shot_iterator().get_next())
    assert image.tolist() == images.reshape(3, 2, 2).tolist()
    assert label.tolist() == [0, 1, 2]
    assert words.tolist() == [[0, 0], [0, 0], [0, 1]]


def test_one_example_with_sequences_becomes_tensors(session: tf.Session) -> None:
    """The context, and sequences with their place as first axis."""
    example = tf.train.SequenceExample()
    example.context.feature["n"].int64_list.value.append(3)
    for number in range(3):
        lists = example.feature_lists.feature_list
        lists["tokens"].feature.add().int64_list.value.append(number)
        lists["vectors"].feature.add().float_list.value.extend([number, number + 0.5])
        lists["ragged"].feature.add().int64_list.value.extend(range(number))
    serialized = tf.placeholder(tf.string, [])
    context, sequences = tf.parse_single_sequence_example(
        serialized,
        {"n": tf.FixedLenFeature([], tf.int64)},
        {
            "tokens": tf.FixedLenSequenceFeature([], tf.int64),
            "vectors": tf.FixedLenSequenceFeature([2], tf.float32),
            "none": tf.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
            "ragged": tf.VarLenFeature(tf.int64),
        },
    )
    feeds = {serialized: example.SerializeToString()}
    assert session.run(context, feeds) == {"n": 3}
    found = session.run(sequences, feeds)
    assert found["tokens"].tolist() == [0, 1, 2]
    assert found["vectors"].tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert found["none"].shape == (0, 2)
    assert found["ragged"].indices.tolist() == [[1, 0], [2, 0], [2, 1]]
    assert sequences["vectors"].shape.as_list() == [None, 2]
    _, missing = tf.parse_single_sequence_example(
        serialized, None, {"gone": tf.FixedLenSequenceFeature([], tf.int64)}
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"'gone' is required.*allow_missing"):
        session.run(missing, feeds)


@pytest.mark.parametrize(
    ("feature", "content", "message"),
    [
        (tf.FixedLenFeature([2], tf.float32), None, "Data types don't match. Data type: int64"),
        (tf.FixedLenFeature([3], tf.int64), None, r"Values size: 2 but output shape: \[3\]"),
        (tf.FixedLenFeature([2], tf.int64), b"", "Feature: a .*is required.*default_value"),
        (tf.FixedLenFeature([2], tf.int64), b"\xff\xfe", r"no tf\.train\.Example: b'.xff.xfe'"),
        (
            tf.FixedLenSequenceFeature([3], tf.int64, allow_missing=True),
            None,
            "not a multiple of stride length",
        ),
        (tf.SparseFeature("a", "a", tf.int64, 2), None, "Key: a.*an index is not below 2"),
        (tf.SparseFeature("a", "z", tf.int64, 9), None, "there are 0 values, but .2. indices"),
    ],
)
def test_an_example_that_does_not_fit_fails_in_the_run(
    feature: Any, content: bytes | None, message: str, session: tf.Session
) -> None:
    """InvalidArgumentError names the feature and what was expected."""
    serialized = tf.placeholder(tf.string, [None])
    parsed = tf.parse_example(serialized, {"a": feature})
    given = _example(a=_ints(1, 2)) if content is None else content
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(parsed, {serialized: [given]})


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda s: tf.parse_example(s, {}), ValueError, "Missing features"),
        (lambda s: tf.parse_single_sequence_example(s), ValueError, "Missing features"),
        (lambda s: tf.parse_example(s, {"a": 3}), ValueError, "Invalid feature a:3. There are"),
        (
            lambda s: tf.parse_example(s, {"a": tf.FixedLenFeature([2], tf.int32)}),
            TypeError,
            r"'a' can't be of int32.*tf\.cast",
        ),
        (
            lambda s: tf.parse_example(s, {"a": tf.FixedLenFeature([None], tf.int64)}),
            ValueError,
            "Consider using FixedLenSequenceFeature",
        ),
        (
            lambda s: tf.parse_example(s, {"a": tf.FixedLenSequenceFeature([], tf.int64)}),
            ValueError,
            "requires allow_missing to be True, as of 'a'",
        ),
        (
            lambda s: tf.parse_single_example(
                tf.zeros([2], tf.string), {"a": tf.VarLenFeature(tf.int64)}
            ),
            ValueError,
            r"must be a scalar.*tf\.parse_example takes a vector",
        ),
    ],
)
def test_features_are_checked_when_the_graph_is_built(
    make: Callable[[Any], Any], kind: type[Exception], message: str
) -> None:
    """The error names the feature."""
    with pytest.raises(kind, match=message):
        make(tf.placeholder(tf.string, []))


def test_a_graph_that_parses_examples_can_be_written_and_read(session: tf.Session) -> None:
    """What is wanted of examples is in the file."""
    serialized = tf.placeholder(tf.string, [None], name="serialized")
    parsed = tf.parse_example(serialized, {"a": tf.FixedLenFeature([2], tf.int64)})
    tf.identity(parsed["a"], name="a")
    graph = tf.train.export_meta_graph()
    with tf.Graph().as_default(), tf.Session() as other:
        tf.train.import_meta_graph(graph)
        found = other.run("a:0", {"serialized:0": [_example(a=_ints(1, 2))]})
    assert found.tolist() == [[1, 2]]
