"""Looking into checkpoints, waiting for them, starting from them."""

import time
from pathlib import Path

import numpy as np
import pytest

import runtime as tf
from runtime import errors
from runtime.checkpoint_utils import wait_for_new_checkpoint


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """A checkpoint with a/w, a/b and step."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable([1.0, 2.0], name="a/w")
        tf.Variable(3.0, name="a/b")
        tf.Variable(7, name="step", dtype=tf.int64)
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, tmp_path / "m", global_step=7)
    return path


def test_what_a_checkpoint_holds(saved: str, tmp_path: Path) -> None:
    """Names, shapes, types and values, of a file or of the newest of a directory."""
    for place in (saved, tmp_path, f"{saved}.safetensors"):
        assert tf.train.list_variables(place) == [("a/b", []), ("a/w", [2]), ("step", [])]
        assert tf.train.load_variable(place, "a/w").tolist() == [1.0, 2.0]
    assert tf.train.load_variable(saved, "step:0") == 7
    reader = tf.train.load_checkpoint(tmp_path)
    assert reader.get_variable_to_dtype_map()["step"] is tf.int64
    assert reader.has_tensor("a/b")
    assert not reader.has_tensor("a/c")
    assert b"a/w float32[2]" in reader.debug_string().splitlines()
    assert tf.train.NewCheckpointReader(saved).get_tensor("a/b") == 3.0


def test_what_is_not_there(saved: str, tmp_path: Path) -> None:
    """No such variable or file: NotFoundError; no checkpoint in a directory: ValueError."""
    with pytest.raises(errors.NotFoundError, match=r"Key x not found in checkpoint.*a/b, a/w"):
        tf.train.load_variable(saved, "x")
    with pytest.raises(errors.NotFoundError, match="none"):
        tf.train.list_variables(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="Couldn't find 'checkpoint' file or checkpoints"):
        tf.train.load_checkpoint(tmp_path / "empty")


def started() -> dict[str, object]:
    with tf.train.SingularMonitoredSession() as session:
        return {
            v.op.name: np.asarray(session.raw_session().run(v)).tolist()
            for v in tf.global_variables()
        }


def test_variables_start_from_a_checkpoint(saved: str) -> None:
    """By variable, by name, by scope and by root; the others start as they would have."""
    for name in ("x/w", "y/b", "z/w", "z/b", "other"):
        tf.Variable([0.0, 0.0] if name.endswith("w") else 0.0, name=name)
    by_name = {v.op.name: v for v in tf.global_variables()}
    tf.train.init_from_checkpoint(saved, {"a/w": by_name["x/w"], "a/b": "y/b"})
    tf.train.init_from_checkpoint(saved, [("a/", "z/")])
    values = started()
    assert values["x/w"] == values["z/w"] == [1.0, 2.0]
    assert values["y/b"] == values["z/b"] == 3.0
    assert values["other"] == 0.0


def test_a_whole_checkpoint_into_a_scope(saved: str) -> None:
    """The root of the checkpoint stands for a scope of the graph."""
    for name in ("new/a/w", "new/a/b"):
        tf.Variable([0.0, 0.0] if name.endswith("w") else 0.0, name=name)
    tf.train.init_from_checkpoint(saved, {"/": "new/"})
    assert started() == {"new/a/w": [1.0, 2.0], "new/a/b": 3.0}


def test_what_does_not_fit_is_refused_at_once(saved: str) -> None:
    """A missing value, another shape or type, an unknown target: ValueError that names it."""
    variable = tf.Variable([1.0, 2.0, 3.0], name="v")
    with pytest.raises(ValueError, match=r"Tensor a/x is not found in .*m-7 checkpoint"):
        tf.train.init_from_checkpoint(saved, {"a/x": variable})
    with pytest.raises(ValueError, match=r"v:0 \(float32\(3,\)\).*a/w.*\(float32\[2\]\)"):
        tf.train.init_from_checkpoint(saved, {"a/w": variable})
    with pytest.raises(ValueError, match=r"'nowhere' in it.*The variables are: v"):
        tf.train.init_from_checkpoint(saved, {"a/w": "nowhere"})
    with pytest.raises(ValueError, match="must be a variable"):
        tf.train.init_from_checkpoint(saved, {"a/w": 7})


def test_new_checkpoints_are_given_one_by_one(tmp_path: Path, monkeypatch) -> None:
    """The newest is given as soon as it is there; when the time is over, the iteration ends."""
    now = [0.0]
    value = tf.Variable(1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(value.initializer)

        def sleep(seconds: float) -> None:
            now[0] += seconds
            if now[0] in (2.0, 7.0):
                saver.save(session, tmp_path / "m", global_step=int(now[0]))

        monkeypatch.setattr(time, "time", lambda: now[0])
        monkeypatch.setattr(time, "sleep", sleep)
        asked = []
        found = tf.train.checkpoints_iterator(
            tmp_path, timeout=4, timeout_fn=lambda: asked.append(now[0]) or len(asked) > 1
        )
        assert [path.rpartition("-")[2] for path in found] == ["2", "7"]
    assert len(asked) == 2


def test_waiting_for_a_checkpoint_is_bounded(tmp_path: Path, monkeypatch) -> None:
    """None when the time is over, with nothing new or no directory at all; else its prefix."""
    slept: list[float] = []
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0] + sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)
    patience = {"seconds_to_sleep": 0.5, "timeout": 1.2}
    assert wait_for_new_checkpoint(tmp_path / "none", "known", **patience) is None
    assert slept == [0.5, 0.5]
    with tf.Session() as session:
        variable = tf.Variable(1.0)
        session.run(variable.initializer)
        saved = tf.train.Saver().save(session, tmp_path / "m")
    assert wait_for_new_checkpoint(tmp_path, **patience) == saved
    assert wait_for_new_checkpoint(tmp_path, saved, **patience) is None
