"""Saving and restoring variables: what is kept, what is refused, what survives a failure."""

import errno
import hashlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import runtime as tf
import runtime.saver
from runtime import durable_file, errors
from runtime.saver import Saver, checkpoint_exists, get_checkpoint_state, latest_checkpoint
from tests.train.test_durable_file import FailingOs

TYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def variables(**values) -> dict[str, tf.Variable]:
    return {name: tf.Variable(value, name=name) for name, value in values.items()}


def initialized() -> tf.Session:
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return session


def steps_on_disk(directory: Path) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in directory.glob("*.safetensors"))


def listed_steps(directory: Path) -> list[int]:
    state = get_checkpoint_state(directory)
    assert state is not None
    return [int(path.rpartition("-")[2]) for path in state.all_model_checkpoint_paths]


# -- building --------------------------------------------------------------------------------------


def test_a_graph_without_variables_cannot_be_saved() -> None:
    """ValueError that says what to do, unless allow_empty."""
    with pytest.raises(ValueError, match=r"No variables to save\. Make the variables"):
        Saver()
    Saver(allow_empty=True)


def test_an_empty_saver_does_nothing(tmp_path: Path) -> None:
    """Without variables nothing is saved, and a restore does not even look for the file."""
    saver = Saver(allow_empty=True)
    with tf.Session() as session:
        assert saver.save(session, str(tmp_path / "m")) is None
        saver.restore(session, str(tmp_path / "none"))
        saver.restore(session, None)
    assert os.listdir(tmp_path) == []


def test_building_can_wait(tmp_path: Path) -> None:
    """With defer_build the variables are looked up by build(); using it before is an error."""
    saver = Saver(defer_build=True)
    variables(w=1.0)
    with initialized() as session:
        with pytest.raises(RuntimeError, match=r"`build\(\)` should be called before save"):
            saver.save(session, str(tmp_path / "m"))
        with pytest.raises(RuntimeError, match=r"`build\(\)` should be called before restore"):
            saver.restore(session, str(tmp_path / "m"))
        saver.build()
        saver.build()
        assert saver.save(session, str(tmp_path / "m")) == str(tmp_path / "m")


def test_a_list_and_a_deferred_build_exclude_each_other() -> None:
    """var_list with defer_build: ValueError."""
    made = variables(w=1.0)
    with pytest.raises(ValueError, match="build cannot be deferred"):
        Saver(list(made.values()), defer_build=True)


def test_only_variables_can_be_saved() -> None:
    """A tensor in var_list: TypeError that shows it."""
    with pytest.raises(TypeError, match=r"Variable to save is not a Variable: .*Tensor"):
        Saver([tf.constant(1.0)])


def test_a_name_can_be_used_only_once() -> None:
    """The same variable twice: ValueError that names it."""
    w = variables(w=1.0)["w"]
    with pytest.raises(ValueError, match="At least two variables have the same name: w"):
        Saver([w, w])
    with pytest.raises(ValueError, match="restored with two names: y"):
        Saver({"x": w, "y": w})


@pytest.mark.parametrize("argument", [{"saver_def": 1}, {"builder": 1}, {"write_version": 0}])
def test_arguments_that_only_tensorflow_uses(argument) -> None:
    """Refused with what to do instead."""
    with pytest.raises(ValueError, match="checkpoints are safetensors files"):
        Saver(allow_empty=True, **argument)


def test_a_saver_adds_nothing_to_the_graph(graph, tmp_path: Path) -> None:
    """A Saver can be made and used when the graph is finalized."""
    made = variables(w=1.0)
    with initialized() as session:
        setter = tf.assign(made["w"], 2.0)
        graph.finalize()
        saver = Saver()
        path = saver.save(session, str(tmp_path / "m"))
        session.run(setter)
        saver.restore(session, path)
        assert session.run(made["w"]) == 1.0


# -- what is saved comes back ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_every_type_and_shape_comes_back(dtype: str, shape, tmp_path: Path) -> None:
    """A variable of each type comes back bit by bit, in a session that never initialized it."""
    value = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    w = tf.Variable(tf.constant(value), name="w")
    saver = Saver()
    with initialized() as session:
        path = saver.save(session, str(tmp_path / "m"))
    with tf.Session() as session:
        saver.restore(session, path)
        restored = session.run(w)
    assert restored.dtype == dtype
    assert restored.shape == shape
    assert restored.tobytes() == value.tobytes()


def test_strings_come_back(tmp_path: Path) -> None:
    """A variable of strings comes back, with any bytes."""
    made = variables(w=tf.constant([b"a\0b", "ü".encode()]), scalar=tf.constant(b"a\0"))
    saver = Saver()
    with initialized() as session:
        path = saver.save(session, str(tmp_path / "m"))
    with tf.Session() as session:
        saver.restore(session, path)
        assert session.run(made["w"]).tolist() == [b"a\0b", "ü".encode()]
        assert session.run(made["scalar"]) == b"a\0"


def test_a_restored_variable_can_be_trained_on(tmp_path: Path) -> None:
    """What was restored can be changed in place, without a trace in the file or another session."""
    w = variables(w=np.zeros(3))["w"]
    add = tf.assign_add(w, np.ones(3))
    saver = Saver()
    with initialized() as session:
        path = saver.save(session, str(tmp_path / "m"))
    with tf.Session() as one, tf.Session() as two:
        saver.restore(one, path)
        saver.restore(two, path)
        one.run(add)
        one.run(add)
        assert one.run(w).tolist() == [2.0] * 3
        assert two.run(w).tolist() == [0.0] * 3


def test_a_dict_gives_the_names_in_the_checkpoint(tmp_path: Path) -> None:
    """With a dict, a value is saved and looked up under its key."""
    made = variables(w=1.0, b=2.0)
    with initialized() as session:
        path = Saver({"other": made["w"]}).save(session, str(tmp_path / "m"))
        assert list(safetensors.numpy.load_file(path + ".safetensors")) == ["other"]
        Saver({"other": made["b"]}).restore(session, path)
        assert session.run(made["b"]) == 1.0


def test_local_variables_are_not_saved(tmp_path: Path) -> None:
    """By default the global variables are saved, and no others."""
    variables(w=1.0)
    tf.Variable(2.0, name="lv", collections=[tf.GraphKeys.LOCAL_VARIABLES])
    with initialized() as session:
        path = Saver().save(session, str(tmp_path / "m"))
    assert list(safetensors.numpy.load_file(path + ".safetensors")) == ["w"]


def test_part_of_a_model_can_be_restored(tmp_path: Path) -> None:
    """Variables in the file that the saver doesn't have are left alone."""
    made = variables(w=1.0, b=2.0)
    setters = [tf.assign(v, 9.0) for v in made.values()]
    with initialized() as session:
        path = Saver().save(session, str(tmp_path / "m"))
        session.run(setters)
        Saver([made["w"]]).restore(session, path)
        assert session.run(made) == {"w": 1.0, "b": 9.0}


def test_another_shape_with_reshape(tmp_path: Path) -> None:
    """With reshape=True a value of another shape with as many elements is taken."""
    with tf.Graph().as_default():
        variables(w=np.arange(6.0))
        with initialized() as session:
            path = Saver().save(session, str(tmp_path / "m"))
    w = variables(w=np.zeros((2, 3)))["w"]
    with tf.Session() as session:
        Saver(reshape=True).restore(session, path)
        np.testing.assert_array_equal(session.run(w), np.arange(6.0).reshape(2, 3))


def test_a_variable_that_is_not_initialized_cannot_be_saved(tmp_path: Path) -> None:
    """FailedPreconditionError, and no file."""
    variables(w=1.0)
    with tf.Session() as session, pytest.raises(errors.FailedPreconditionError, match="w"):
        Saver().save(session, str(tmp_path / "m"))
    assert os.listdir(tmp_path) == []


# -- paths and steps -------------------------------------------------------------------------------


@pytest.mark.parametrize("as_tensor", [False, True])
def test_the_step_is_part_of_the_path(as_tensor: bool, tmp_path: Path) -> None:
    """A number, a NumPy number or a tensor as global step is appended to the prefix."""
    variables(w=1.0)
    step = tf.constant(7) if as_tensor else np.int64(7)
    with initialized() as session:
        path = Saver().save(session, str(tmp_path / "model.ckpt"), global_step=step)
    assert path == str(tmp_path / "model.ckpt-7")
    assert os.path.isfile(path + ".safetensors")
    assert latest_checkpoint(tmp_path) == path


def test_step_numbers_can_be_padded(tmp_path: Path) -> None:
    """With pad_step_number the step has at least eight digits."""
    variables(w=1.0)
    with initialized() as session:
        path = Saver(pad_step_number=True).save(session, str(tmp_path / "m"), global_step=7)
    assert path == str(tmp_path / "m-00000007")


def test_a_path_can_be_a_path_object(tmp_path: Path) -> None:
    """os.PathLike works for saving and restoring; the file's own name means the same."""
    w = variables(w=1.0)["w"]
    saver = Saver()
    with initialized() as session:
        path = saver.save(session, tmp_path / "m.safetensors")
        assert path == str(tmp_path / "m")
        for name in (tmp_path / "m", tmp_path / "m.safetensors"):
            with tf.Session() as other:
                saver.restore(other, name)
                assert other.run(w) == 1.0


def test_a_path_without_directory_means_the_working_directory(tmp_path: Path, monkeypatch) -> None:
    """A bare name is saved where the program stands."""
    monkeypatch.chdir(tmp_path)
    variables(w=1.0)
    with initialized() as session:
        assert Saver().save(session, "m", global_step=1) == "m-1"
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-1.meta", "m-1.safetensors"]
    assert latest_checkpoint(".") == "./m-1"


def test_one_missing_directory_is_made(tmp_path: Path) -> None:
    """The last one, as TensorFlow does; not one above it, and not in the place of a file."""
    tf.Variable(1.0)
    (tmp_path / "file").write_text("")
    with initialized() as session:
        saver = tf.train.Saver()
        path = saver.save(session, str(tmp_path / "new" / "model"))
        assert tf.train.latest_checkpoint(tmp_path / "new") == path
        with pytest.raises(ValueError, match=r"doesn't exist, can't save: No such file.*Make"):
            saver.save(session, str(tmp_path / "no" / "directory" / "model"))
        with pytest.raises(ValueError, match="is no directory, can't save"):
            saver.save(session, str(tmp_path / "file" / "model"))


def test_names_that_collide(tmp_path: Path) -> None:
    """A latest_filename with a directory, or equal to the checkpoint's name: ValueError."""
    variables(w=1.0)
    saver = Saver()
    with initialized() as session:
        with pytest.raises(ValueError, match="must not contain path components: 'a/b'"):
            saver.save(session, str(tmp_path / "m"), latest_filename="a/b")
        with pytest.raises(ValueError, match="'latest_filename' collides with 'save_path'"):
            saver.save(session, str(tmp_path / "checkpoint"))
        with pytest.raises(ValueError, match="is a directory; add a name"):
            saver.save(session, f"{tmp_path}/")
        assert os.listdir(tmp_path) == []
        assert saver.save(session, str(tmp_path / "m"), latest_filename="best")
    assert sorted(os.listdir(tmp_path)) == ["best", "m.meta", "m.safetensors"]


def test_without_write_state_the_newest_stays(tmp_path: Path) -> None:
    """write_state=False: the file is written, but is neither listed nor ever deleted."""
    variables(w=1.0)
    saver = Saver(max_to_keep=1)
    with initialized() as session:
        saver.save(session, str(tmp_path / "m"), 1)
        saver.save(session, str(tmp_path / "m"), 2, write_state=False)
        assert listed_steps(tmp_path) == [1]
        saver.save(session, str(tmp_path / "m"), 3)
    assert steps_on_disk(tmp_path) == [2, 3]
    assert saver.last_checkpoints == [str(tmp_path / "m-3")]


# -- which checkpoints are kept --------------------------------------------------------------------


def test_old_checkpoints_are_deleted(tmp_path: Path) -> None:
    """The newest max_to_keep stay, on the disk, in the state file and in last_checkpoints."""
    variables(w=1.0)
    saver = Saver(max_to_keep=2)
    with initialized() as session:
        for step in range(5):
            saver.save(session, str(tmp_path / "m"), step)
            kept = [s for s in (step - 1, step) if s >= 0]
            assert steps_on_disk(tmp_path) == listed_steps(tmp_path) == kept
            assert saver.last_checkpoints == [str(tmp_path / f"m-{s}") for s in kept]


@pytest.mark.parametrize("everything", [None, 0])
def test_all_checkpoints_can_be_kept(everything, tmp_path: Path) -> None:
    """max_to_keep None or 0: none is deleted, and the state file lists the newest only."""
    variables(w=1.0)
    saver = Saver(max_to_keep=everything)
    with initialized() as session:
        for step in range(7):
            saver.save(session, str(tmp_path / "m"), step)
    assert steps_on_disk(tmp_path) == list(range(7))
    assert listed_steps(tmp_path) == [6]
    assert saver.last_checkpoints == []


def test_the_same_step_again_is_one_checkpoint(tmp_path: Path) -> None:
    """A step that is saved again becomes the newest, and nothing is deleted for it."""
    variables(w=1.0)
    saver = Saver(max_to_keep=2)
    with initialized() as session:
        for step in (1, 2, 1):
            saver.save(session, str(tmp_path / "m"), step)
    assert listed_steps(tmp_path) == [2, 1]
    assert steps_on_disk(tmp_path) == [1, 2]


def test_threads_that_share_a_saver_save_one_after_the_other(tmp_path: Path, monkeypatch) -> None:
    """A slow thread doesn't make its earlier step the newest once another has saved a later one."""
    step = tf.train.get_or_create_global_step()
    later, saver, session = step.assign(5), Saver(), initialized()
    begun, goes_on, write = threading.Event(), threading.Event(), runtime.saver.write_checkpoint

    def slow(*args):
        begun.set()
        goes_on.wait()
        return write(*args)

    def save() -> None:
        saver.save(session, tmp_path / "c", step)

    monkeypatch.setattr(runtime.saver, "write_checkpoint", slow)
    threads = [threading.Thread(target=save) for _ in range(2)]
    threads[0].start()
    begun.wait()
    session.run(later)
    monkeypatch.setattr(runtime.saver, "write_checkpoint", write)
    threads[1].start()
    threads[1].join(0.1)
    goes_on.set()
    for thread in threads:
        thread.join()
    assert listed_steps(tmp_path) == [0, 5]
    assert latest_checkpoint(tmp_path) == str(tmp_path / "c-5")


def test_one_checkpoint_is_preserved_every_n_hours(tmp_path: Path, monkeypatch) -> None:
    """Of the checkpoints to delete, the first one after each period is kept for good."""
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    variables(w=1.0)
    saver = Saver(max_to_keep=1, keep_checkpoint_every_n_hours=1.0)
    with initialized() as session:
        for step in range(9):
            saver.save(session, str(tmp_path / "m"), step)
            now[0] += 1000.0
    # Saved at 0, 1000, ...; preserved: the first after 3600, then the first after 7200.
    assert steps_on_disk(tmp_path) == [4, 8]
    with initialized() as session:
        saver.save(session, str(tmp_path / "m"), 9)
    assert steps_on_disk(tmp_path) == [4, 8, 9]
    assert listed_steps(tmp_path) == [9]


def test_checkpoints_of_an_earlier_process_are_taken_over(tmp_path: Path) -> None:
    """recover_last_checkpoints continues the list, without those that are gone."""
    variables(w=1.0)
    with initialized() as session:
        old = Saver(max_to_keep=3)
        for step in (1, 2, 3):
            old.save(session, str(tmp_path / "m"), step)
        os.unlink(tmp_path / "m-2.safetensors")
        state = get_checkpoint_state(tmp_path)
        assert state is not None
        saver = Saver(max_to_keep=3)
        saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        assert saver.last_checkpoints == [str(tmp_path / "m-1"), str(tmp_path / "m-3")]
        saver.save(session, str(tmp_path / "m"), 4)
        saver.save(session, str(tmp_path / "m"), 5)
    assert steps_on_disk(tmp_path) == listed_steps(tmp_path) == [3, 4, 5]


def test_the_list_can_be_set(tmp_path: Path) -> None:
    """set_last_checkpoints with or without times; without, they are never deleted by age."""
    variables(w=1.0)
    saver = Saver(max_to_keep=1)
    with initialized() as session:
        for step in (1, 2):
            saver.save(session, str(tmp_path / "m"), step, write_state=False)
        saver.set_last_checkpoints_with_time([(str(tmp_path / "m-1"), 0.0)])
        saver.save(session, str(tmp_path / "m"), 3)
        assert steps_on_disk(tmp_path) == [2, 3]
        saver.set_last_checkpoints([str(tmp_path / "m-2")])
        saver.save(session, str(tmp_path / "m"), 4)
    assert steps_on_disk(tmp_path) == [2, 3, 4]


def test_a_checkpoint_that_cannot_be_deleted_is_no_failure(tmp_path: Path, caplog) -> None:
    """A warning, and the save counts."""
    variables(w=1.0)
    saver = Saver(max_to_keep=1)
    with initialized() as session:
        saver.save(session, str(tmp_path / "m"), 1)
        os.unlink(tmp_path / "m-1.safetensors")
        os.mkdir(tmp_path / "m-1.safetensors")
        with caplog.at_level("WARNING", logger="tensorflow"):
            assert saver.save(session, str(tmp_path / "m"), 2) == str(tmp_path / "m-2")
    assert "Ignoring: Removing the checkpoint" in caplog.text


# -- restoring what is no good ---------------------------------------------------------------------


def saved(tmp_path: Path, **values) -> str:
    with tf.Graph().as_default():
        variables(**values)
        with initialized() as session:
            path = Saver().save(session, str(tmp_path / "m"), 3)
            assert path is not None
            return path


def test_there_must_be_a_checkpoint(tmp_path: Path) -> None:
    """None, or a path where nothing is: ValueError with the path and what to do."""
    variables(w=1.0)
    saver = Saver()
    with tf.Session() as session:
        with pytest.raises(ValueError, match="Can't load save_path when it is None"):
            saver.restore(session, None)
        with pytest.raises(ValueError, match="The passed save_path is not a valid") as caught:
            saver.restore(session, str(tmp_path / "none"))
    assert f"not a valid checkpoint: {tmp_path / 'none'}. " in str(caught.value)
    assert "latest_checkpoint" in str(caught.value)


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    """NotFoundError names the variables, the file and what the file holds; nothing is set."""
    path = saved(tmp_path, w=1.0, extra=np.zeros((2, 3), "float32"))
    made = variables(w=5.0, b=6.0, c=7.0)
    with initialized() as session:
        with pytest.raises(errors.NotFoundError) as caught:
            Saver().restore(session, path)
        assert session.run(made) == {"w": 5.0, "b": 6.0, "c": 7.0}
    message = str(caught.value)
    assert message.startswith(f"Key b, c not found in checkpoint '{path}.safetensors'.")
    assert "It holds: extra float32[2, 3], w float32[]." in message
    assert "Saver(var_list=...)" in message


def test_a_long_list_of_variables_is_cut(tmp_path: Path) -> None:
    """A message names at most fifty, and how many more there are."""
    path = saved(tmp_path, **{f"v{n}": 1.0 for n in range(60)})
    variables(w=1.0)
    with tf.Session() as session, pytest.raises(errors.NotFoundError, match="and 10 more"):
        Saver().restore(session, path)


@pytest.mark.parametrize(
    ("in_file", "in_graph", "told"),
    [
        (np.zeros(3), np.zeros(2), r"'b' is float64.*2.* holds float64\[3\] for it"),
        (np.zeros(2, "float32"), np.zeros(2), r"'b' is float64.* holds float32\[2\]"),
        (np.zeros(2, "int64"), np.zeros(2, "int32"), r"'b' is int32.* holds int64\[2\]"),
        (np.zeros((1, 2)), np.zeros(2), r"holds float64\[1, 2\].*reshape=True"),
    ],
)
def test_another_type_or_shape_is_refused(in_file, in_graph, told: str, tmp_path: Path) -> None:
    """InvalidArgumentError names variable, file, both types and shapes; nothing is set."""
    path = saved(tmp_path, a=1.0, b=in_file)
    made = variables(a=5.0, b=in_graph)
    with initialized() as session:
        with pytest.raises(errors.InvalidArgumentError, match=told) as caught:
            Saver().restore(session, path)
        assert session.run(made["a"]) == 5.0
    assert f"{path}.safetensors" in str(caught.value)
    assert caught.value.op is made["b"].op


def test_a_damaged_file_sets_nothing(tmp_path: Path) -> None:
    """DataLossError that names the file; the variables are as before."""
    path = saved(tmp_path, a=1.0, b=2.0)
    file = Path(path + ".safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    made = variables(a=5.0, b=6.0)
    with initialized() as session:
        with pytest.raises(errors.DataLossError, match="is not a checkpoint, or it is damaged"):
            Saver().restore(session, path)
        assert session.run(made) == {"a": 5.0, "b": 6.0}


def test_only_a_raw_session_can_be_used() -> None:
    """Something else: TypeError that says how to get the raw session."""
    variables(w=1.0)
    for use in (Saver().save, Saver().restore):
        with pytest.raises(TypeError, match=r"must be a Session; it is a str\..*raw_session\(\)"):
            use("session", "path")


def test_a_closed_session(tmp_path: Path) -> None:
    """Saving from and restoring into a closed session: RuntimeError."""
    path = saved(tmp_path, w=1.0)
    variables(w=1.0)
    session = initialized()
    session.close()
    for use in (Saver().save, Saver().restore):
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            use(session, path)


def test_values_that_do_not_fit_are_not_written() -> None:
    """Session.write_variables sets all or nothing: another type, shape or graph is refused."""
    made = variables(a=1.0, b=np.zeros(2))
    with tf.Graph().as_default():
        foreign = tf.Variable(1.0)
    with initialized() as session:
        new = np.asarray(2.0, made["a"].dtype.as_numpy_dtype)
        for wrong in (np.zeros(2, "int8"), np.zeros(3), np.zeros((2, 1))):
            with pytest.raises(ValueError, match="can't be given to the variable 'b'"):
                session.write_variables({made["a"]: new, made["b"]: wrong})
        with pytest.raises(ValueError, match="not a variable of this session's graph"):
            session.write_variables({made["a"]: new, foreign: new})
        assert session.run(made["a"]) == 1.0
        session.write_variables({made["a"]: new})
        assert session.run(made["a"]) == 2.0


# -- events ----------------------------------------------------------------------------------------


def test_a_save_is_told(tmp_path: Path) -> None:
    """The listener gets path, step, size, digest and format of what is on the disk."""
    variables(w=1.0)
    told = []
    with initialized() as session:
        session.event_listener = lambda *event: told.append(event)
        path = Saver().save(session, str(tmp_path / "m"), 3)
    content = Path(path + ".safetensors").read_bytes()
    assert told == [
        (
            "checkpoint.saved",
            {
                "path": path + ".safetensors",
                "step": 3,
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "format": "safetensors",
            },
        )
    ]


def test_a_save_is_told_before_it_becomes_the_newest(tmp_path: Path) -> None:
    """So every checkpoint that a later process finds is one that the log knows."""
    variables(w=1.0)
    seen = []
    with initialized() as session:
        saver = Saver()
        saver.save(session, str(tmp_path / "m"), 1)
        session.event_listener = lambda *_: seen.append(
            (latest_checkpoint(tmp_path), checkpoint_exists(str(tmp_path / "m-2")))
        )
        saver.save(session, str(tmp_path / "m"), 2)
    assert seen == [(str(tmp_path / "m-1"), True)]


def test_a_restore_is_told_before_anything_is_decoded(tmp_path: Path) -> None:
    """Even the restore of a damaged file is told, with its true digest."""
    path = saved(tmp_path, w=1.0)
    file = Path(path + ".safetensors")
    file.write_bytes(b"damaged")
    variables(w=1.0)
    told = []
    with tf.Session() as session:
        session.event_listener = lambda *event: told.append(event)
        with pytest.raises(errors.DataLossError):
            Saver().restore(session, path)
    assert told == [
        (
            "checkpoint.restored",
            {
                "path": str(file),
                "step": 3,
                "size": 7,
                "sha256": hashlib.sha256(b"damaged").hexdigest(),
            },
        )
    ]


def test_a_path_without_step_is_told_without_step(tmp_path: Path) -> None:
    """The step of a save without global step, and of its restore, is None."""
    variables(w=1.0)
    told = []
    with initialized() as session:
        session.event_listener = lambda kind, detail: told.append((kind, detail["step"]))
        saver = Saver()
        saver.restore(session, saver.save(session, str(tmp_path / "m")))
    assert told == [("checkpoint.saved", None), ("checkpoint.restored", None)]


def test_saved_and_restored_have_one_digest(tmp_path: Path) -> None:
    """What lineage rests on: the digest of the restore is that of the save."""
    variables(w=np.arange(1000.0))
    told = []
    with initialized() as session:
        session.event_listener = lambda kind, detail: told.append(detail["sha256"])
        saver = Saver()
        saver.restore(session, saver.save(session, str(tmp_path / "m")))
        saver.save(session, str(tmp_path / "m"))
    assert len(told) == 3
    assert len(set(told)) == 1


# -- failures in the middle ------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["open", "write", "fsync", "replace", "close"])
@pytest.mark.parametrize("call", range(4))
def test_whatever_fails_a_whole_checkpoint_is_the_newest(
    function: str, call: int, tmp_path: Path, monkeypatch
) -> None:
    """After a failure of any call of the file system, the newest checkpoint can be restored.

    It is the one before, unless all that failed was syncing what was complete. The next save
    works and leaves nothing behind.
    """
    w = variables(w=1.0)["w"]
    setter = tf.assign(w, 2.0)
    saver = Saver(max_to_keep=1)
    prefix = str(tmp_path / "m")
    with initialized() as session:
        before = saver.save(session, prefix, 1)
        session.run(setter)
        with monkeypatch.context() as patch:
            patch.setattr(durable_file, "os", FailingOs(function, call, errno.ENOSPC))
            try:
                after = saver.save(session, prefix, 2)
            except errors.ResourceExhaustedError as error:
                assert "No space left on device" in str(error)
                after = None
        newest = latest_checkpoint(tmp_path)
        state_was_replaced = Path(tmp_path / "checkpoint").read_text().count("m-2") > 0
        assert newest == (prefix + "-2" if state_was_replaced else before)
        assert after is None or newest == after
        with tf.Session() as other:
            Saver().restore(other, newest)
            assert other.run(w) == (2.0 if state_was_replaced else 1.0)
        assert saver.save(session, prefix, 3) == prefix + "-3"
    assert listed_steps(tmp_path) == [3]
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".saving")]


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    import runtime as tf
    from runtime import durable_file

    class KillingOs:
        def __init__(self, left):
            self.left = left
        def __getattr__(self, name):
            real = getattr(os, name)
            if name not in ("open", "write", "fsync", "replace", "unlink", "close"):
                return real
            def call(*args, **kwargs):
                self.left -= 1
                if self.left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)
            return call

    directory, calls = sys.argv[1], int(sys.argv[2])
    w = tf.Variable(0.0, name="w")
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saver.save(session, directory + "/m", 1)
        session.run(tf.assign(w, 2.0))
        durable_file.os = KillingOs(calls)
        saver.save(session, directory + "/m", 2)
    """
)


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 5, 8, 10, 12, 14])
def test_a_save_that_is_killed_loses_nothing(calls: int, tmp_path: Path) -> None:
    """SIGKILL before any call of a save: a whole checkpoint is the newest; the next save cleans."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(calls)], timeout=120, check=False
    )
    assert done.returncode in (0, -9)
    newest = latest_checkpoint(tmp_path)
    w = variables(w=7.0)["w"]
    saver = Saver()
    with tf.Session() as session:
        saver.restore(session, newest)
        assert session.run(w) == {"1": 0.0, "2": 2.0}[newest[-1]]
        saver.save(session, str(tmp_path / "m"), 3)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".saving")]


def test_a_directory_that_turns_read_only(tmp_path: Path, monkeypatch) -> None:
    """PermissionDeniedError that names the file and says what is kept."""
    variables(w=1.0)
    with initialized() as session:
        monkeypatch.setattr(durable_file, "os", FailingOs("open", 0, errno.EROFS))
        with pytest.raises(errors.PermissionDeniedError, match="what was there before is kept"):
            Saver().save(session, str(tmp_path / "m"))
