"""Summaries: what TensorBoard's own reader finds in the files that we write."""

import io
import math
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import runtime as tf
from runtime import errors, logging
from runtime.summary_format import pixels_of

pytest.importorskip("tensorboard", reason="the extra `summary` is not installed")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def read(directory: Path) -> EventAccumulator:
    found = EventAccumulator(str(directory), size_guidance={"histograms": 0, "images": 0})
    found.Reload()
    return found


def run(fetches):
    with tf.Session() as session:
        return session.run(fetches)


def parsed(summary):
    return tf.summary.Summary.FromString(run(summary))


def test_scalars_come_back(tmp_path: Path) -> None:
    """Tag, step and value of each scalar are read as they were written."""
    fed = tf.placeholder(tf.float32, [])
    summary = tf.summary.scalar("loss", fed)
    with tf.Session() as session, tf.summary.FileWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_summary(session.run(summary, {fed: step / 2}), step)
    assert [(e.step, e.value) for e in read(tmp_path).Scalars("loss")] == [
        (0, 0.0),
        (1, 0.5),
        (2, 1.0),
    ]


def test_tags_follow_scopes_and_families(monkeypatch) -> None:
    """A tag has the name scope, the family before it, and no illegal characters."""
    told: list[str] = []
    monkeypatch.setattr(logging, "info", told.append)
    with tf.name_scope("n"):
        scoped = tf.summary.scalar("s", 3)
    family = tf.summary.scalar("s", 3.0, family="f")
    illegal = tf.summary.scalar("a b/c", 1.0)
    tags = [parsed(summary).value[0].tag for summary in (scoped, family, illegal)]
    assert tags == ["n/s", "f/f/s", "a_b/c"]
    assert told == ["Summary name a b/c is illegal; using a_b/c instead."]
    assert [s.op.type for s in (scoped, family)] == ["ScalarSummary"] * 2


def test_a_histogram_has_tensorflows_buckets() -> None:
    """Limits and counts are those that TensorFlow writes for the same numbers."""
    histo = parsed(tf.summary.histogram("h", [1.0, 2, 2, -3, 0, 0.5])).value[0].histo
    assert (histo.min, histo.max, histo.num, histo.sum, histo.sum_squares) == (
        *(-3, 2, 6),
        *(2.5, 18.25),
    )
    assert histo.bucket_limit == pytest.approx(
        [
            *(-3.1665833053880363, -2.8787120958073054, 0, 1e-12, 0.47069243095356195),
            *(0.51776167404891815, 0.917246389039776, 1.0089710279437536),
            *(1.9661990955585713, 2.1628190051144287, 1.7976931348623157e308),
        ]
    )
    assert list(histo.bucket) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 0]


def test_histograms_come_back(tmp_path: Path) -> None:
    """TensorBoard reads the histogram, whatever the type and shape of the numbers."""
    values = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_summary(run(tf.summary.histogram("h", values)), 7)
    event = read(tmp_path).Histograms("h")[0]
    assert (event.step, event.histogram_value.num, event.histogram_value.max) == (7, 24, 23)


@pytest.mark.parametrize(("value", "told"), [(math.nan, "Nan"), (math.inf, "Infinity")])
def test_a_histogram_of_no_number_fails(value: float, told: str) -> None:
    """InvalidArgumentError that names the tag."""
    with pytest.raises(errors.InvalidArgumentError, match=f"{told} in summary histogram for: q"):
        run(tf.summary.histogram("q", [1.0, value]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_come_back(channels: int, tmp_path: Path) -> None:
    """TensorBoard finds PNG files, which show the pixels that were given."""
    image = pytest.importorskip("PIL.Image", reason="Pillow decodes the PNG")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, channels), np.uint8)
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_summary(run(tf.summary.image("i", pixels)), 0)
    found = read(tmp_path)
    assert found.Tags()["images"] == ["i/image/0", "i/image/1"]
    event = found.Images("i/image/1")[0]
    assert (event.height, event.width) == (5, 4)
    shown = np.asarray(image.open(io.BytesIO(event.encoded_image_string)))
    assert np.array_equal(shown.reshape(5, 4, channels), pixels[1])


def test_a_single_image_has_no_number() -> None:
    """With max_outputs=1 the tag ends with /image."""
    pixels = np.zeros((3, 2, 2, 1), np.uint8)
    assert [v.tag for v in parsed(tf.summary.image("i", pixels, max_outputs=1)).value] == [
        "i/image"
    ]


def test_numbers_are_scaled_to_pixels() -> None:
    """The largest magnitude is 255; with negative numbers 0 is the middle; NaN is red."""
    values = np.arange(12, dtype=np.float32).reshape(2, 2, 3) - 3
    assert pixels_of(values).tolist() == [
        [[80, 96, 112], [128, 143, 159]],
        [[175, 191, 207], [223, 239, 255]],
    ]
    assert pixels_of(np.array([[[0.0], [2.0]]])).tolist() == [[[0], [255]]]
    assert pixels_of(np.zeros((1, 1, 3))).tolist() == [[[0, 0, 0]]]
    assert pixels_of(np.array([[[1.0, np.nan, 0.0]]])).tolist() == [[[255, 0, 0]]]


def test_sounds_come_back(tmp_path: Path) -> None:
    """TensorBoard finds WAV files with the samples, cut off beyond -1 and 1."""
    sounds = np.array([[[0.5, -0.25], [2.0, -2.0]], [[0.0, 1.0], [0.00001, -1.0]]], np.float32)
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_summary(run(tf.summary.audio("a", sounds, 8000)), 0)
    found = read(tmp_path)
    assert found.Tags()["audio"] == ["a/audio/0", "a/audio/1"]
    event = found.Audio("a/audio/0")[0]
    assert (event.sample_rate, event.length_frames, event.content_type) == (8000, 2, "audio/wav")
    with wave.open(io.BytesIO(event.encoded_audio_string)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        samples = np.frombuffer(file.readframes(9), "<i2")
    assert samples.tolist() == [16384, -8192, 32767, -32768]
    single = parsed(tf.summary.audio("b", sounds[:, :, 0], tf.constant(44100.0), max_outputs=1))
    assert [v.tag for v in single.value] == ["b/audio"]
    with pytest.raises(errors.InvalidArgumentError, match=r"'c' have \[2\] and \[\]"):
        run(tf.summary.audio("c", [0.0, 1.0], 8000))


def test_text_comes_back(tmp_path: Path) -> None:
    """TensorBoard's text plugin finds the strings, also those after the first."""
    summary = tf.summary.text("t", tf.constant(["x", "ü"]))
    with tf.summary.FileWriter(tmp_path) as writer:
        for step in range(2):
            writer.add_summary(run(summary), step)
    found = read(tmp_path)
    assert found.SummaryMetadata("t").plugin_data.plugin_name == "text"
    events = found.Tensors("t")
    assert [tensor_util.make_ndarray(e.tensor_proto).tolist() for e in events] == [
        [b"x", "ü".encode()]
    ] * 2
    with pytest.raises(ValueError, match="to have dtype string, got float32"):
        tf.summary.text("t", 1.0)


def test_what_is_no_scalar_or_image_fails() -> None:
    """InvalidArgumentError that names the tag and the shape."""
    with pytest.raises(errors.InvalidArgumentError, match=r"'v' has the shape \[2\]"):
        run(tf.summary.scalar("v", [1.0, 2.0]))
    with pytest.raises(errors.InvalidArgumentError, match=r"'i' has \[2, 2\]"):
        run(tf.summary.image("i", np.zeros((2, 2), np.float32)))


def test_summaries_are_merged() -> None:
    """merge and merge_all give one summary; one tag twice fails in the run."""
    one, two = tf.summary.scalar("one", 1.0), tf.summary.scalar("two", 2.0, collections=["mine"])
    assert [v.tag for v in parsed(tf.summary.merge([one, two])).value] == ["one", "two"]
    assert [v.tag for v in parsed(tf.summary.merge_all()).value] == ["one"]
    assert [v.tag for v in parsed(tf.summary.merge_all(key="mine")).value] == ["two"]
    assert tf.summary.merge_all(key="none") is None
    assert tf.summary.merge_all(scope="x") is None
    with pytest.raises(errors.InvalidArgumentError, match="Duplicate tag one found"):
        run(tf.summary.merge([one, one]))
    with pytest.raises(ValueError, match="at least one summary"):
        tf.summary.merge([])


def test_the_graph_is_read(tmp_path: Path, graph) -> None:
    """TensorBoard gets each operation with its type, inputs and output shapes."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    ones = tf.ones([3, 2])
    with tf.control_dependencies([tf.no_op(name="first")]):
        tf.matmul(x, ones, name="scope/product")
    tf.summary.FileWriter(tmp_path, graph).close()
    nodes = {node.name: node for node in read(tmp_path).Graph().node}
    assert set(nodes) == {op.name for op in graph.get_operations()}
    product = nodes["scope/product"]
    assert product.op == "MatMul"
    assert product.input[0] == "x"
    assert "^first" in product.input
    shape = product.attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == [-1, 2]


def test_the_graph_of_a_meta_graph_is_read(tmp_path: Path, graph) -> None:
    """Where no graph was written, TensorBoard shows that of the meta graph."""
    tf.constant(1.0, name="one")
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_meta_graph(tf.train.export_meta_graph(graph=graph))
        with pytest.raises(TypeError, match="must be type MetaGraphDef, saw type: <class 'int'>"):
            writer.add_meta_graph(1)
    assert [node.name for node in read(tmp_path).Graph().node] == ["one"]


def test_only_a_graph_is_written_as_one(tmp_path: Path, graph) -> None:
    """A GraphDef is taken in place of a graph; both or neither is a ValueError, else TypeError."""
    tf.constant(1.0, name="one")
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_graph(graph.as_graph_def())
        for wrong in ({"graph": None}, {"graph": graph, "graph_def": graph.as_graph_def()}):
            with pytest.raises(ValueError, match="only graph, or graph_def"):
                writer.add_graph(**wrong)
        with pytest.raises(TypeError, match=r"must be an instance of `Graph`.*it is 12"):
            writer.add_graph(12)
    assert [node.name for node in read(tmp_path).Graph().node] == ["one"]


def test_the_times_of_a_run_are_read(tmp_path: Path) -> None:
    """Run metadata come back with the names of the operations; a tag can be used once."""
    product = tf.matmul(tf.placeholder_with_default([[1.0]], [1, 1]), [[2.0]], name="product")
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    with tf.Session() as session:
        session.run(product, options=options, run_metadata=metadata)
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_run_metadata(metadata, "step_1", 1)
        with pytest.raises(ValueError, match=r"already used.*'step_1'"):
            writer.add_run_metadata(metadata, "step_1", 2)
    stats = read(tmp_path).RunMetadata("step_1").step_stats.dev_stats[0].node_stats
    assert "product" in [node.node_name for node in stats]


def test_an_event_file_can_be_read(tmp_path: Path) -> None:
    """train.summary_iterator gives the events in order, with their steps and values."""
    summary = run(tf.summary.scalar("s", 2.5))
    with tf.summary.FileWriter(tmp_path) as writer:
        for step in (3, 1):
            writer.add_summary(summary, step)
    (path,) = tmp_path.iterdir()
    version, *events = tf.train.summary_iterator(path)
    assert version.file_version == "brain.Event:2"
    assert [(e.step, e.summary.value[0].simple_value) for e in events] == [(3, 2.5), (1, 2.5)]


def test_a_writer_can_be_closed_and_reopened(tmp_path: Path) -> None:
    """After close, events are dropped with a warning; after reopen they go on in a new file."""
    summary = run(tf.summary.scalar("s", 1.0))
    writer = tf.summary.FileWriter(str(tmp_path), filename_suffix=".mine")
    writer.close()
    writer.close()
    with pytest.warns(UserWarning, match="closed FileWriter"):
        writer.add_summary(summary, 1)
    writer.reopen()
    writer.add_summary(tf.summary.Summary.FromString(summary), 2)
    writer.flush()
    assert [event.step for event in read(tmp_path).Scalars("s")] == [2]
    writer.close()
    assert all(path.name.endswith(".mine") for path in tmp_path.iterdir())
    assert writer.get_logdir() == str(tmp_path)


def test_hooks_of_one_directory_share_a_writer(tmp_path: Path) -> None:
    """The cache makes one writer for each directory, until it is cleared."""
    cache = tf.summary.FileWriterCache
    first = cache.get(str(tmp_path))
    assert cache.get(tmp_path) is first
    assert cache.find(tmp_path / "other") is None
    cache.clear()
    assert cache.get(tmp_path) is not first
    cache.clear()


def test_the_default_scaffold_merges_all_summaries() -> None:
    """The scaffold's summary_op gives all summaries; it is None if there are none."""
    tf.summary.scalar("one", 1.0)
    tf.summary.scalar("two", 2.0)
    scaffold = tf.train.Scaffold().finalize()
    assert [v.tag for v in parsed(scaffold.summary_op).value] == ["one", "two"]
    with tf.Graph().as_default():
        assert tf.train.Scaffold().finalize().summary_op is None


def test_without_the_extra_the_error_names_it() -> None:
    """Making a summary or a writer without tensorboard says what to install."""
    program = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "import runtime as tf\n"
        "for make in (lambda: tf.summary.scalar('s', 1.0), lambda: tf.summary.FileWriter('.')):\n"
        "    try: make()\n"
        "    except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.count("pip install 'monitored-session[summary]'") == 2, done.stderr


def test_a_writer_keeps_to_its_directory_when_the_program_moves(tmp_path, monkeypatch) -> None:
    """A relative directory is that of the moment in which the writer is made."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    writer = tf.summary.FileWriter("logs")
    assert writer.get_logdir() == "logs"
    monkeypatch.chdir(tmp_path / "elsewhere")
    writer.add_summary(run(tf.summary.scalar("a", 2.0)), 1)
    writer.close()
    assert [event.value for event in read(tmp_path / "logs").Scalars("a")] == [2.0]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_checkpoint_hook_leaves_nothing_to_be_written_after_its_end(tmp_path: Path) -> None:
    """What it told the writer of its directory is in the file when `end` has returned."""
    tf.train.get_or_create_global_step()
    writer = tf.summary.FileWriterCache.get(tmp_path)
    hook = tf.train.CheckpointSaverHook(tmp_path, save_steps=1, saver=tf.train.Saver())
    with tf.train.SingularMonitoredSession(hooks=[hook]):
        pass
    (file,) = tmp_path.glob("events.out.*")
    marks = [e for e in tf.train.summary_iterator(file) if e.HasField("session_log")]
    assert len(marks) == 1
    writer.close()
    tf.summary.FileWriterCache.clear()
