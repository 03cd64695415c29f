"""Tables: what is found in them, what fills and changes them, and what is refused."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runtime as tf
from runtime.graph.ops import vocabularies


def _filled(session: tf.Session, fetches: Any) -> Any:
    session.run(tf.tables_initializer())
    return session.run(fetches)


def _letters() -> Any:
    content = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2], value_dtype=tf.int64)
    return tf.lookup.StaticHashTable(content, -1)


@pytest.fixture
def words(tmp_path: Path) -> str:
    file = tmp_path / "words.txt"
    file.write_text("the\ncat\nsat\n")
    return str(file)


def _numbers_of(file: str, **keywords: Any) -> Any:
    index = tf.lookup.TextFileIndex
    return tf.lookup.TextFileInitializer(
        *(file, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER), **keywords
    )


def test_a_table_gives_values_or_the_default(session: tf.Session) -> None:
    """For tensors of any shape, sparse ones, and in the bodies of conditions and loops."""
    table = _letters()
    found = table.lookup(tf.constant([["a", "z"], ["b", "a"]]))
    assert found.shape.as_list() == [2, 2] and found.dtype is tf.int64
    size, one = table.size(), table.lookup(tf.constant("b"))
    sparse = table.lookup(tf.string_split(["a b", "z"]))
    each = tf.map_fn(table.lookup, tf.constant(["a", "q"]), dtype=tf.int64)
    values = _filled(session, [found, size, one, sparse, each])
    assert values[0].tolist() == [[1, -1], [2, 1]]
    assert values[1:3] == [2, 2]
    assert values[3].values.tolist() == [1, 2, -1]
    assert values[4].tolist() == [1, -1]
    session.run(table.initializer)  # once more makes no difference
    assert session.run(size) == 2


def test_a_table_is_filled_from_columns_of_a_file(
    words: str, tmp_path: Path, session: tf.Session
) -> None:
    """Whole lines, numbers of lines, and columns between delimiters."""
    index = tf.lookup.TextFileIndex
    by_word = tf.lookup.StaticHashTable(_numbers_of(words), -1)
    by_number = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            words, tf.int64, index.LINE_NUMBER, tf.string, index.WHOLE_LINE
        ),
        "UNK",
    )
    few = tf.lookup.StaticHashTable(_numbers_of(words, vocab_size=2), -1)
    columns = tmp_path / "columns.txt"
    columns.write_text("a;1;0.5\nb;2;1.5\n")
    weights = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(str(columns), tf.string, 0, tf.float32, 2, delimiter=";"), 0.0
    )
    found = _filled(
        session,
        [
            by_word.lookup(tf.constant(["cat", "dog"])),
            by_number.lookup(tf.constant([0, 7])),
            few.lookup(tf.constant(["cat", "sat"])),
            weights.lookup(tf.constant(["b", "c"])),
        ],
    )
    assert [f.tolist() for f in found] == [[1, -1], [b"the", b"UNK"], [1, -1], [1.5, 0.0]]


def test_unknown_words_get_tensorflows_buckets(words: str, session: tf.Session) -> None:
    """After the known ones; integers as their digits. The numbers are TensorFlow's."""
    asked = tf.constant(["cat", "dog", "x", "yy", "zzz"])
    one = tf.lookup.StaticVocabularyTable(_numbers_of(words), 1)
    three = tf.lookup.StaticVocabularyTable(_numbers_of(words), 3)
    known = tf.lookup.KeyValueTensorInitializer(
        tf.constant([5, 7], tf.int64), tf.constant([0, 1], tf.int64)
    )
    whole = tf.lookup.StaticVocabularyTable(known, 3)
    only = tf.lookup.StaticVocabularyTable(None, 5)
    found = _filled(
        session,
        [
            one.lookup(asked),
            three.lookup(asked),
            whole.lookup(tf.constant([5, 7, 100, 200], tf.int64)),
            only.lookup(asked),
            tf.string_to_hash_bucket_fast(["hello", "a", ""], 1000),
            three.size(),
        ],
    )
    assert [f.tolist() for f in found] == EXPECTED


EXPECTED = [[1, 3, 3, 3, 3], [1, 5, 5, 4, 3], [0, 1, 2, 2], [1, 2, 0, 2, 0], [296, 939, 263], 6]


def test_a_table_that_runs_change(session: tf.Session) -> None:
    """Keys are added, changed and taken out; each session has its own."""
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    session.run(table.insert(["a", "b"], [1, 2]))
    session.run(table.insert(["b", "c"], [5, 6]))
    session.run(table.remove(["a", "q"]))
    found = table.lookup(tf.constant(["a", "b", "c"]))
    keys, values = session.run(table.export())
    assert session.run(found).tolist() == [-1, 5, 6]
    assert dict(zip(keys.tolist(), values.tolist(), strict=True)) == {b"b": 5, b"c": 6}
    with tf.Session(graph=session.graph) as other:
        assert other.run(table.size()) == 0


def test_a_dataset_and_a_monitored_session_use_tables(session: tf.Session) -> None:
    """A map function looks up; the session with hooks fills the tables of its graph."""
    table = _letters()
    dataset = tf.data.Dataset.from_tensor_slices(["a", "b", "c"]).map(table.lookup).batch(3)
    iterator = tf.data.make_initializable_iterator(dataset)
    following = iterator.get_next()
    session.run([tf.tables_initializer(), iterator.initializer])
    assert session.run(following).tolist() == [1, 2, -1]
    with pytest.raises(ValueError, match=r"stateful node.*make_initializable_iterator"):
        tf.data.make_one_shot_iterator(dataset)
    found = table.lookup(tf.constant("b"))
    with tf.train.MonitoredTrainingSession() as monitored:
        assert monitored.run(found) == 2


def test_the_functions_of_contrib_make_the_same_tables(words: str, session: tf.Session) -> None:
    """Numbers of words and words of numbers, of a file or a list."""
    known = tf.constant(["sat", "dog"])
    found = _filled(
        session,
        [
            vocabularies.index_table_from_file(words).lookup(known),
            vocabularies.index_table_from_file(words, num_oov_buckets=1).lookup(known),
            vocabularies.index_table_from_tensor(["dog", "sat"], default_value=9).lookup(known),
            vocabularies.index_to_string_table_from_file(words).lookup(tf.constant([2, 5])),
            vocabularies.index_to_string_table_from_tensor(["dog"], "?").lookup(
                tf.constant([0, 5])
            ),
        ],
    )
    assert [f.tolist() for f in found] == [
        *([2, -1], [2, 3], [1, 0]),
        *([b"sat", b"UNK"], [b"dog", b"?"]),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: tf.lookup.KeyValueTensorInitializer(["a", "a"], [1, 2]), "Key b'a' has 1 and"),
        (lambda t: _numbers_of(t, vocab_size=9), "expected 9 lines but got 3"),
        (
            lambda t: tf.lookup.TextFileInitializer(t, tf.string, 0, tf.int64, 1),
            r"Line 0 of .*words\.txt has no int64 in column 1: b'the'",
        ),
        (lambda t: _numbers_of("gone.txt"), r"gone\.txt; No such file"),
    ],
)
def test_what_cannot_fill_a_table_fails_in_the_run(
    make: Callable[[str], Any], message: str, words: str, session: tf.Session
) -> None:
    """The error names the key, or the file and the line."""
    tf.lookup.StaticHashTable(make(words), -1)
    with pytest.raises(tf.errors.OpError, match=message):
        session.run(tf.tables_initializer())


def test_what_is_no_table_is_refused(words: str, session: tf.Session) -> None:
    """Before the run where that is possible."""
    table, index = _letters(), tf.lookup.TextFileIndex
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"Run tf\.tables_initializer"):
        session.run(table.lookup(tf.constant("a")))
    with pytest.raises(TypeError, match=r"`keys` must be tf\.string, received: tf\.int32"):
        table.lookup(tf.constant(1))
    with pytest.raises(ValueError, match="as many values as keys"):
        tf.lookup.KeyValueTensorInitializer(["a", "b"], [1])
    with pytest.raises(ValueError, match="numbers of lines, so they must be int64: string"):
        tf.lookup.TextFileInitializer(words, tf.string, index.LINE_NUMBER, tf.int64, 0)
    with pytest.raises(ValueError, match="must be > 0"):
        tf.lookup.StaticVocabularyTable(None, 0)


def test_several_buckets_name_the_extra_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """ImportError when the graph is built."""
    monkeypatch.setitem(sys.modules, "farmhash", None)
    with pytest.raises(ImportError, match=r"pyfarmhash.*monitored-session\[hash\]"):
        tf.string_to_hash_bucket_fast(["a"], 5)
