"""What stands around the model in a TensorFlow-1 program: switches, flags, files."""

import re
import subprocess
import sys
import textwrap
from operator import attrgetter
from pathlib import Path

import pytest

import runtime as tf
from runtime.graph.absent import ALTERNATIVES


@pytest.mark.parametrize("name", ["disable_v2_behavior", "disable_eager_execution"])
def test_switches_to_the_first_behaviour_do_nothing(name: str) -> None:
    """They are called at the top of programs that were moved to compat.v1."""
    assert getattr(tf, name)() is None
    assert getattr(tf.compat.v1, name)() is None
    assert not tf.executing_eagerly()
    assert not tf.resource_variables_enabled()
    assert tf.VERSION == tf.__version__ == "1.15.0"


def test_a_switch_to_the_second_behaviour_is_refused() -> None:
    """RuntimeError says what there is instead."""
    with pytest.raises(RuntimeError, match=r"eager_execution\(\) asks .* Leave the call out"):
        tf.enable_eager_execution()


def _run(program: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_program_with_flags_runs() -> None:
    """tf.app.run parses the command line, and main sees the flags; old keywords are understood."""
    pytest.importorskip("absl")
    program = """
        import runtime as tf

        tf.app.flags.DEFINE_integer("steps", 3, "How many.")
        tf.flags.DEFINE_string(flag_name="where", default_value="here", docstring="Where.")
        FLAGS = tf.app.flags.FLAGS

        def main(rest):
            print(FLAGS.steps, FLAGS.where, rest[1:])

        if __name__ == "__main__":
            tf.app.run()
    """
    assert _run(program, "--steps=5", "x") == "5 here ['x']\n"


def test_flags_are_parsed_when_the_first_one_is_read() -> None:
    """As in TensorFlow, a program may do without tf.app.run; a flag can be set."""
    pytest.importorskip("absl")
    program = """
        import runtime as tf

        tf.flags.DEFINE_float("rate", 0.1, "The rate.")
        print(tf.flags.FLAGS.rate)
        tf.flags.FLAGS.rate = 0.5
        print(tf.flags.FLAGS.rate, "rate" in tf.flags.FLAGS)
    """
    assert _run(program, "--rate=0.2") == "0.2\n0.5 True\n"


def test_without_the_package_flags_name_the_extra() -> None:
    """ImportError says what to install; importing runtime needs nothing."""
    program = """
        import sys
        sys.modules["absl"] = None
        import runtime as tf

        try:
            tf.flags.DEFINE_integer("steps", 3, "How many.")
        except ImportError as error:
            print(error)
    """
    assert "pip install 'monitored-session[flags]'" in _run(program)


def test_files_go_by_the_names_that_programs_use(tmp_path: Path) -> None:
    """tf.gfile and tf.io.gfile make, write, read, list, copy, rename and remove."""
    directory = tmp_path / "a/b"
    tf.gfile.MakeDirs(directory)
    tf.gfile.MakeDirs(directory)
    with tf.gfile.GFile(directory / "f.txt", "w") as file:
        file.write("one\ntwo\n")
    with tf.gfile.Open(directory / "f.txt") as file:
        assert file.readline() == "one\n" and file.tell() == 4
        assert list(file) == ["two\n"] and file.size() == 8
    with tf.io.gfile.GFile(str(directory / "f.txt"), "rb") as file:
        file.seek(4)
        assert file.read() == b"two\n"
    tf.gfile.Copy(directory / "f.txt", directory / "g.txt")
    tf.gfile.Rename(directory / "g.txt", directory / "h.txt")
    assert tf.gfile.ListDirectory(directory) == ["f.txt", "h.txt"]
    assert tf.gfile.Glob(str(directory / "h*")) == [str(directory / "h.txt")]
    assert tf.gfile.IsDirectory(directory) and not tf.gfile.IsDirectory(directory / "f.txt")
    assert tf.gfile.Stat(directory / "f.txt").st_size == 8
    assert [names for _, _, names in tf.gfile.Walk(tmp_path)] == [[], [], ["f.txt", "h.txt"]]
    tf.gfile.Remove(directory / "f.txt")
    tf.gfile.DeleteRecursively(tmp_path / "a")
    assert not tf.gfile.Exists(tmp_path / "a")


def test_an_error_of_a_file_is_one_of_tensorflow(tmp_path: Path) -> None:
    """NotFoundError, AlreadyExistsError and InvalidArgumentError name the path or the mode."""
    with pytest.raises(tf.errors.NotFoundError, match=r"Opening .*none"):
        tf.gfile.GFile(tmp_path / "none").read()
    with pytest.raises(tf.errors.NotFoundError, match=r"Removing .*none"):
        tf.gfile.Remove(tmp_path / "none")
    with pytest.raises(tf.errors.AlreadyExistsError, match="Making the directory"):
        tf.gfile.MkDir(tmp_path)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite=True"):
        tf.gfile.Copy(tmp_path / "a", tmp_path / "b")
    tf.gfile.Copy(tmp_path / "a", tmp_path / "b", overwrite=True)
    assert (tmp_path / "b").read_text() == "a"
    with pytest.raises(tf.errors.InvalidArgumentError, match="mode is one of"):
        tf.gfile.GFile(tmp_path / "a", "x")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("keras", "tf.layers"),
        ("estimator", "tf.train.MonitoredTrainingSession"),
        ("examples", "numpy.load"),
        ("saved_model", "tf.train.Saver"),
        ("pack", "tf.stack"),
        ("scalar_summary", "tf.summary.scalar"),
        ("train.SyncReplicasOptimizer", "leave it out"),
        ("data.experimental.make_csv_dataset", "tf.data.experimental.CsvDataset"),
        ("data.experimental.make_saveable_from_iterator", "tf.data.Dataset.skip"),
    ],
)
def test_what_is_not_here_names_what_takes_its_place(name: str, instead: str) -> None:
    """In every namespace, at once, instead of a name that is only spelled alike."""
    with pytest.raises(AttributeError, match=rf"^tf.{name} does not exist here\. .*{instead}"):
        attrgetter(name)(tf)


@pytest.mark.parametrize("name", sorted(ALTERNATIVES))
def test_what_takes_the_place_of_something_exists(name: str) -> None:
    """Each name in such a message is one that is here, and what is missing is missing indeed."""
    for there in re.findall(r"tf(?:\.\w+)+", ALTERNATIVES[name].replace("tf.compat.v1", "")):
        assert attrgetter(there[3:])(tf) is not None
    with pytest.raises(AttributeError):
        attrgetter(name)(tf)


def test_a_name_like_nothing_here_comes_without_bad_advice() -> None:
    """Names that share some letters only are not offered; no name is offered twice."""
    with pytest.raises(AttributeError) as caught:
        _ = tf.quantize_v2
    assert str(caught.value) == "tf.quantize_v2 does not exist here."
    with pytest.raises(AttributeError) as caught:
        _ = tf.nn.quantized_conv2d
    assert "atrous_conv2d, atrous_conv2d" not in str(caught.value)


def test_summaries_are_made_by_hand_under_their_first_name() -> None:
    """tf.Summary and its kin are those of tf.summary."""
    pytest.importorskip("tensorboard")
    summary = tf.Summary(value=[tf.Summary.Value(tag="mine", simple_value=1.0)])
    summary.value.add(tag="yours", simple_value=2.0)
    assert [value.tag for value in summary.value] == ["mine", "yours"]
    assert tf.Event is tf.summary.Event


def test_a_program_that_asks_for_a_gpu_is_told_that_there_is_none() -> None:
    """Programs warn, or choose a device, by that."""
    assert not tf.test.gpu_device_name()
    assert not tf.test.is_gpu_available(cuda_only=True)
    assert not tf.test.is_built_with_cuda()


def test_a_printed_tensor_looks_as_in_tensorflow() -> None:
    """Tutorials show it; an unknown shape is left out."""
    with tf.Graph().as_default():
        assert str(tf.zeros([2, 3])) == 'Tensor("zeros:0", shape=(2, 3), dtype=float32)'
        assert str(tf.placeholder(tf.int16, name="x")) == 'Tensor("x:0", dtype=int16)'
