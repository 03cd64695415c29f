"""What hooks remember is saved in each checkpoint and restored from it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import runtime as tf
from runtime import errors
from runtime.hook_state import HookStates, decoded_states, encoded_states


class Counts(tf.train.SessionRunHook):
    """Counts runs, over all sessions."""

    def __init__(self) -> None:
        self.runs = 0
        self.loaded_before_start = None

    def after_create_session(self, session, coord) -> None:
        self.loaded_before_start = self.runs

    def after_run(self, run_context, run_values) -> None:
        self.runs += 1

    def state_dict(self) -> dict[str, object]:
        return {"runs": self.runs}

    def load_state_dict(self, state) -> None:
        self.runs = state["runs"]


class Other(Counts):
    """The same under another name."""


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def train_op():
    return tf.assign_add(tf.train.get_or_create_global_step(), 1)


def train(directory: Path, hooks, train_op, last_step: int) -> None:
    saving = tf.train.CheckpointSaverHook(directory, save_steps=100)
    stopping = tf.train.StopAtStepHook(last_step=last_step)
    with tf.train.SingularMonitoredSession(
        hooks=[*hooks, stopping, saving], checkpoint_dir=directory
    ) as session:
        while not session.should_stop():
            session.run(train_op)


def test_a_hook_goes_on_where_it_was(train_op, tmp_path: Path) -> None:
    """A new hook of the same class gets the state before after_create_session."""
    train(tmp_path, [Counts()], train_op, 3)
    again = Counts()
    train(tmp_path, [tf.train.SessionRunHook(), again], train_op, 5)
    assert (again.loaded_before_start, again.runs) == (3, 5)


def test_hooks_of_one_class_are_told_apart(train_op, tmp_path: Path) -> None:
    """By their order; a hook that is listed twice is one."""
    first, second = Counts(), Counts()
    second.runs = 100
    train(tmp_path, [first, second, first, Other()], train_op, 2)
    hooks = [Other(), Counts(), Counts()]
    train(tmp_path, hooks, train_op, 2)
    assert [hook.loaded_before_start for hook in hooks] == [2, 4, 102]


def test_a_hook_without_a_saved_state_starts_anew(train_op, tmp_path: Path) -> None:
    """A hook that the checkpoint doesn't know stays as it is; a state that nobody wants is left."""
    train(tmp_path, [Counts()], train_op, 2)
    other = Other()
    train(tmp_path, [other], train_op, 3)
    assert other.loaded_before_start == 0


def test_states_go_with_the_global_step(train_op, tmp_path: Path) -> None:
    """A saver of other variables alone restores no states: that is no resumed training."""
    weights = tf.Variable(1.0, name="weights")
    train(tmp_path, [Counts()], train_op, 4)
    part, whole = tf.train.Saver([weights]), tf.train.Saver()
    path = tf.train.latest_checkpoint(tmp_path)
    hook = Counts()
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        part.restore(session.raw_session(), path)
        assert hook.runs == 0
        whole.restore(session.raw_session(), path)
        assert hook.runs == 4


def test_without_stateful_hooks_nothing_is_added(train_op, tmp_path: Path) -> None:
    """A checkpoint holds states only if there are any."""
    train(tmp_path, [], train_op, 1)
    with safe_open(f"{tf.train.latest_checkpoint(tmp_path)}.safetensors", "numpy") as file:
        assert "hooks" not in file.metadata()


def test_every_plain_value_comes_back() -> None:
    """Nested values, infinities, bytes, arrays and scalars are what they were."""
    state = {
        "plain": [None, True, -3, 2.5, "text", {"is": "a word", "deep": [[]]}],
        "floats": [float("inf"), float("-inf")],
        "bytes": b"\0\xff",
        "array": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "scalar": np.float32(1.5),
        "empty": np.zeros((0, 4)),
    }
    found = decoded_states(encoded_states({"Hook": state}))["Hook"]
    assert {k: found[k] for k in ("plain", "floats", "bytes")} == {
        k: state[k] for k in ("plain", "floats", "bytes")
    }
    for name in ("array", "scalar", "empty"):
        assert found[name].dtype == state[name].dtype
        assert type(found[name]) is type(state[name])
        assert np.array_equal(found[name], state[name])
    nan = decoded_states(encoded_states({"Hook": {"x": float("nan")}}))
    assert nan["Hook"]["x"] != nan["Hook"]["x"]


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a", "b"}, np.array([object()])])
def test_what_is_not_plain_is_refused(value) -> None:
    """InvalidArgumentError that names the hook and the place, and what is allowed."""
    with pytest.raises(
        errors.InvalidArgumentError, match=r"state_dict\(\) of Hook\['deep'\]\[1\] holds a"
    ):
        encoded_states({"Hook": {"deep": [0, value]}})


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"Hook": {"is": "code"}}',
        '{"Hook": {"is": "array", "dtype": "object", "shape": [1], "value": "AAAAAAAAAAA="}}',
        '{"Hook": {"is": "array", "dtype": "int8", "shape": [9], "value": "AA=="}}',
        '{"Hook": {"is": "bytes", "value": "?"}}',
        "[" * 100_000,
    ],
)
def test_damaged_states_are_an_error(text: str) -> None:
    """Whatever the text is, ValueError comes out."""
    with pytest.raises(ValueError, match="the states of hooks cannot be read"):
        decoded_states(text)


def test_damaged_states_restore_nothing(train_op, tmp_path: Path) -> None:
    """DataLossError that names the file, before a variable is set."""
    path = tmp_path / "m.safetensors"
    variables = json.dumps({"global_step": ["int64", []]})
    save_file({"global_step": np.array(7)}, path, metadata={"hooks": "{", "variables": variables})
    with tf.train.SingularMonitoredSession(hooks=[Counts()]) as session:
        raw = session.raw_session()
        with pytest.raises(errors.DataLossError, match=r"m\.safetensors.*states of hooks"):
            tf.train.Saver().restore(raw, tmp_path / "m")
        assert raw.run("global_step:0") == 0


def test_only_hooks_with_both_methods_take_part() -> None:
    """A hook that can give its state but not take it has none."""

    class Half:
        def state_dict(self):
            return {}

    assert HookStates([Half(), tf.train.SessionRunHook()]).collect() == {}
