"""Elements that are kept in files: made once, whole or not there, checked when they are read."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.data import cache_file

Dataset = tf.data.Dataset


def _elements(session: tf.Session, dataset: Any, most: int = 99) -> list[Any]:
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    for _ in range(most):
        try:
            found.append(session.run(following))
        except tf.errors.OutOfRangeError:
            break
    return found


def _rows(offset: int = 0) -> Any:
    rows = {
        "n": np.arange(4) + offset,
        "x": np.arange(12.0).reshape(4, 3).astype(np.float32),
        "b": [True, False, True, True],
        "s": ["a", "", "ccc", "ü"],
        "v": [["x", "yy"], ["", "z"], ["1", "2"], ["3", "4"]],
    }
    return Dataset.from_tensor_slices(rows)


def _same(found: list[Any], expected: list[Any]) -> bool:
    pairs = list(zip(found, expected, strict=True))
    return all(
        np.asarray(a[key]).dtype == np.asarray(b[key]).dtype and np.array_equal(a[key], b[key])
        for a, b in pairs
        for key in b
    )


def test_elements_are_made_once_for_all_processes(
    tmp_path: Path, session: tf.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every type and shape; a dataset that has changed since is not looked at."""
    monkeypatch.setattr(cache_file, "_PIECE", 60)
    plain = _elements(session, _rows())
    first = _elements(session, _rows().cache(str(tmp_path / "kept")).repeat(2))
    assert _same(first, plain * 2)
    assert len(list((tmp_path / "kept.cache").glob("*.safetensors"))) > 1
    assert _same(_elements(session, _rows(7).cache(tmp_path / "kept")), plain)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.cache"]


def test_what_was_not_iterated_to_its_end_is_not_kept(tmp_path: Path, session: Any) -> None:
    """Nothing is left of it, and the next iteration makes the elements again."""
    kept = Dataset.range(5).cache(str(tmp_path / "kept"))
    assert _elements(session, kept.take(2)) == [0, 1]
    session.close()
    gc.collect()
    assert not (tmp_path / "kept.cache").exists()
    with tf.Session() as other:
        assert _elements(other, Dataset.range(3).cache(str(tmp_path / "kept"))) == [0, 1, 2]
        assert _elements(other, Dataset.range(9).cache(str(tmp_path / "kept"))) == [0, 1, 2]


def test_an_empty_dataset_is_kept_too(tmp_path: Path, session: tf.Session) -> None:
    """As one without elements."""
    for count in (0, 3):
        assert _elements(session, Dataset.range(count).cache(str(tmp_path / "kept"))) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda place: (place / "index.json").unlink(),
        lambda place: (place / "index.json").write_text("[]"),
        lambda place: (place / "index.json").write_text('{"elements": 9, "pieces": 1, "types": 1}'),
        lambda place: (place / "00000.safetensors").unlink(),
        lambda place: (place / "00000.safetensors").write_bytes(b"\xff" * 40),
        lambda place: (place / "index.json").write_text(
            (place / "index.json").read_text().replace('"elements": 4', '"elements": 5')
        ),
    ],
)
def test_a_damaged_cache_is_a_data_loss(damage: Any, tmp_path: Path, session: Any) -> None:
    """The error says what to remove."""
    kept = _rows().cache(str(tmp_path / "kept"))
    _elements(session, kept)
    damage(tmp_path / "kept.cache")
    with pytest.raises(tf.errors.DataLossError, match=r"kept\.cache' is damaged.*Remove"):
        _elements(session, kept)


def test_a_cache_that_cannot_be_used_is_refused(tmp_path: Path, session: tf.Session) -> None:
    """One of other elements, one in no directory, a name that is none."""
    _elements(session, Dataset.range(2).cache(str(tmp_path / "kept")))
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"of \['int64'\], but.*\['string'"):
        _elements(session, Dataset.from_tensors("a").cache(str(tmp_path / "kept")))
    with pytest.raises(tf.errors.NotFoundError, match=r"gone.kept\.cache' can't be written"):
        _elements(session, Dataset.range(2).cache(str(tmp_path / "gone" / "kept")))
    with pytest.raises(TypeError, match="must be a string"):
        Dataset.range(2).cache(3)
