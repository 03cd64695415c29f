"""Graphs in files: what is written is made again, and what is damaged changes nothing."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf
from runtime.graph.portable import Unportable, portable, restored
from runtime.meta_graph import MetaGraphDef
from tests.graph import cases


def _model() -> None:
    """A small model with a training operation, summaries and random numbers."""
    tf.set_random_seed(7)
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.placeholder(tf.float32, [None, 2], name="y")
    with tf.variable_scope("layer"):
        w = tf.get_variable("w", [3, 2], initializer=tf.glorot_uniform_initializer())
        b = tf.get_variable("b", [2], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y), name="loss")
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.1).minimize(loss, global_step=step, name="train")
    tf.add_to_collection("train", train)
    tf.add_to_collection("loss", loss)
    twice = tf.while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, z * 2), [0, loss])[1]
    tf.add_to_collection("twice", tf.gradients(twice, loss)[0])
    tf.add_to_collection("notes", "a text")
    tf.add_to_collection("notes", 3)


def _train(session: Any, steps: int) -> list[Any]:
    graph = session.graph
    generator = np.random.default_rng(0)
    losses = []
    for _ in range(steps):
        x = generator.normal(size=(4, 3)).astype(np.float32)
        fed = {"x:0": x, "y:0": x[:, :2]}
        fetched = [graph.get_collection("loss")[0], graph.get_collection("train")[0]]
        losses.append(session.run(fetched, fed)[0])
    return losses


def _trained(steps: int = 5) -> list[Any]:
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return _train(session, steps)


def test_a_graph_from_a_file_trains_as_the_one_that_was_written(tmp_path: Path) -> None:
    """The same losses, bit for bit: initial values, seeds and optimizer included."""
    with tf.Graph().as_default():
        _model()
        tf.train.export_meta_graph(tmp_path / "model.meta")
        expected = _trained()
    with tf.Graph().as_default() as graph:
        saver = tf.train.import_meta_graph(tmp_path / "model.meta")
        assert isinstance(saver, tf.train.Saver)
        assert graph.get_collection("notes") == ["a text", 3]
        assert [v.name for v in tf.trainable_variables()] == ["layer/w:0", "layer/b:0"]
        assert tf.train.get_global_step() is tf.global_variables()[2]
        assert graph.get_tensor_by_name("x:0").shape.as_list() == [None, 3]
        assert _trained() == expected


def test_a_checkpoint_and_its_graph_are_all_that_is_needed_to_go_on(tmp_path: Path) -> None:
    """save, import_meta_graph, restore: the program that made the model is not needed."""
    with tf.Graph().as_default():
        _model()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            _train(session, 3)
            prefix = tf.train.Saver(max_to_keep=2).save(session, str(tmp_path / "m"), global_step=3)
            expected = _train(session, 2)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-3.meta", "m-3.safetensors"]
    with tf.Graph().as_default(), tf.Session() as session:
        saver = tf.train.import_meta_graph(f"{prefix}.meta")
        assert saver is not None and saver.saver_def.max_to_keep == 2
        saver.restore(session, prefix)
        assert _train(session, 2) == expected


def test_the_graph_of_a_dropped_checkpoint_goes_with_it(tmp_path: Path) -> None:
    """max_to_keep removes the file of the graph, too."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("w", [], initializer=tf.ones_initializer())
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(max_to_keep=1)
        for step in (1, 2):
            saver.save(session, str(tmp_path / "m"), global_step=step)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-2.meta", "m-2.safetensors"]


def test_a_graph_need_not_be_written(tmp_path: Path) -> None:
    """write_meta_graph=False writes none; meta_graph_suffix says what its name ends with."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("w", [], initializer=tf.ones_initializer())
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        saver.save(session, str(tmp_path / "a"), write_meta_graph=False, write_state=False)
        saver.save(session, str(tmp_path / "b"), meta_graph_suffix="graph", write_state=False)
    assert sorted(os.listdir(tmp_path)) == ["a.safetensors", "b.graph", "b.safetensors"]


@pytest.mark.parametrize("save_graph_def", [True, False])
def test_save_graph_def_says_whether_the_hook_writes_the_graph(
    tmp_path: Path, save_graph_def: bool
) -> None:
    """graph.pbtxt once, and a file of the graph beside each checkpoint; or neither."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        train = tf.assign_add(step, 1)
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=str(tmp_path), save_checkpoint_steps=1, save_graph_def=save_graph_def
        ) as session:
            session.run(train)
    names = {name for name in os.listdir(tmp_path) if not name.endswith(".arrows")}
    graphs = {"graph.pbtxt", "model.ckpt-0.meta", "model.ckpt-1.meta"}
    assert graphs & names == (graphs if save_graph_def else set())


def test_the_description_of_a_graph_is_what_tensorflow_tools_read(tmp_path: Path) -> None:
    """write_graph's text and bytes are those of the protocol message, of the same content."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    messages = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    with tf.Graph().as_default() as graph:
        with tf.device("/cpu:0"):
            x = tf.placeholder(tf.float32, name="x")
        with tf.control_dependencies([tf.no_op(name="before")]):
            tf.placeholder(tf.int64, [None, 3], name="scope/y")
        tf.unstack(tf.ones([2, 4]))[1] + x
        text = tf.train.write_graph(graph, tmp_path / "new", "graph.pbtxt")
        binary = tf.train.write_graph(graph.as_graph_def(), tmp_path, "graph.pb", as_text=False)
    parsed = text_format.Parse(Path(text).read_text(), messages.GraphDef())
    assert parsed == messages.GraphDef.FromString(Path(binary).read_bytes())
    nodes = {node.name: node for node in parsed.node}
    assert nodes["x"].device == "/device:CPU:0" and nodes["x"].attr["dtype"].type == 1
    assert list(nodes["scope/y"].input) == ["^before"]
    assert [d.size for d in nodes["scope/y"].attr["_output_shapes"].list.shape[0].dim] == [-1, 3]
    assert nodes["x"].attr["_output_shapes"].list.shape[0].unknown_rank


def test_as_graph_def_holds_what_was_added_since_a_version() -> None:
    """from_version leaves out the operations that were there before."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.constant(1, name="a")
        version = graph.version
        tf.constant(2, name="b")
        assert [n.name for n in graph.as_graph_def(from_version=version).node] == ["b"]
        assert [n.name for n in session.graph_def.node] == ["a", "b"]


def test_a_scope_can_be_written_alone_and_put_elsewhere(tmp_path: Path) -> None:
    """export_scope drops the scope's name, import_scope adds one; the saver's names stay."""
    with tf.Graph().as_default():
        with tf.variable_scope("model"):
            w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
            tf.add_to_collection("out", tf.multiply(w, 2.0, name="twice"))
        tf.get_variable("other", [1])
        described = tf.train.export_meta_graph(tmp_path / "part.meta", export_scope="model")
        assert "twice" in [n.name.removeprefix("model/") for n in described.graph_def.node]
    with tf.Graph().as_default() as graph, tf.Session() as session:
        saver = tf.train.import_meta_graph(tmp_path / "part.meta", import_scope="copy")
        assert [v.name for v in tf.global_variables()] == ["copy/w:0"]
        session.run(tf.global_variables_initializer())
        assert session.run("copy/twice:0").tolist() == [2, 2]
        assert graph.get_collection("out")[0].name == "copy/twice:0"
        assert saver is not None and list(saver.saver_def.variables or ()) == ["w"]


def test_a_scope_that_needs_what_is_outside_is_refused() -> None:
    """export_scope names both operations."""
    with tf.Graph().as_default():
        outside = tf.constant(1.0, name="outside")
        with tf.name_scope("part"):
            tf.negative(outside, name="inside")
        with pytest.raises(ValueError, match=r"'outside' is not .* 'part' .*'part/inside'"):
            tf.train.export_meta_graph(export_scope="part")


def test_names_that_are_taken_are_numbered() -> None:
    """A graph can be added twice; each copy has its own operations and variables."""
    with tf.Graph().as_default():
        tf.negative(tf.get_variable("w", [], initializer=tf.ones_initializer()), name="minus")
        described = tf.train.export_meta_graph()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(described)
        tf.train.import_meta_graph(described)
        first, second = tf.global_variables()
        session.run(tf.global_variables_initializer())
        session.run(second.assign(5.0))
        assert session.run(["minus:0", "minus_1:0", first]) == [-1, -5, 1]


def test_queue_runners_come_back(tmp_path: Path) -> None:
    """A queue runner of a file fills its queue, and ends as the one that was written would."""
    with tf.Graph().as_default():
        queue = tf.FIFOQueue(10, tf.int32, shapes=[[]])
        count = tf.get_variable("count", [], tf.int32, initializer=tf.zeros_initializer())
        runner = tf.train.QueueRunner(queue, [queue.enqueue(count.count_up_to(3))])
        tf.train.add_queue_runner(runner)
        tf.add_to_collection("next", queue.dequeue())
        tf.train.export_meta_graph(tmp_path / "queue.meta")
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(tmp_path / "queue.meta")
        seen = []
        with tf.train.SingularMonitoredSession() as session:
            while not session.should_stop():
                seen.append(int(session.run(graph.get_collection("next")[0])))
    assert seen == [0, 1, 2]


def test_an_element_of_a_collection_that_no_file_can_hold_is_left_out(caplog) -> None:
    """With a warning that names the collection; the rest is written."""
    with tf.Graph().as_default():
        tf.add_to_collection("odd", object())
        tf.add_to_collection("odd", 2)
        described = tf.train.export_meta_graph()
    assert "collection 'odd'" in caplog.text and "type object" in caplog.text
    assert described.collection_def["odd"] == [{"value": 2}]


def test_chosen_collections_are_written() -> None:
    """collection_list names them; clear_extraneous_savers leaves out savers."""
    with tf.Graph().as_default():
        tf.get_variable("w", [])
        tf.add_to_collection("a", 1)
        tf.add_to_collection("b", 2)
        tf.add_to_collection(tf.GraphKeys.SAVERS, tf.train.Saver())
        assert list(tf.train.export_meta_graph(collection_list=["b"]).collection_def) == ["b"]
        assert "savers" in tf.train.export_meta_graph().collection_def
        cleared = tf.train.export_meta_graph(clear_extraneous_savers=True)
        assert "savers" not in cleared.collection_def


GPU = "/device:GPU:1"


def test_devices_can_be_left_out() -> None:
    """clear_devices, at either end."""
    with tf.Graph().as_default():
        with tf.device(GPU):
            tf.constant(1, name="c")
        kept = tf.train.export_meta_graph()
        cleared = tf.train.export_meta_graph(clear_devices=True)
    for described, clear, device in [
        (kept, False, GPU),
        (kept, True, ""),
        (cleared, False, ""),
    ]:
        with tf.Graph().as_default() as graph:
            tf.train.import_meta_graph(described, clear_devices=clear)
            assert graph.get_operation_by_name("c").device == device


def _collatz(n: Any) -> Any:
    """Steps to 1, by a loop with a condition in it."""
    return tf.while_loop(
        lambda n, steps: n > 1.5,
        lambda n, steps: (
            tf.cond(tf.equal(tf.floormod(n, 2.0), 0), lambda: n / 2, lambda: 3 * n + 1),
            steps + 1,
        ),
        [n, tf.constant(0)],
    )[1]


def _power(x: Any, w: Any) -> Any:
    """x times w to the third, one factor in each of three iterations, if x is positive."""
    cubed = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * w), [0, x])[1]
    return tf.cond(x > 0, lambda: cubed, lambda: w * 2)


def test_conditions_and_loops_come_back(tmp_path: Path) -> None:
    """Bodies inside bodies give the same values, and training goes on through them."""
    with tf.Graph().as_default():
        tf.add_to_collection("steps", _collatz(tf.constant(27.0)))
        w = tf.get_variable("w", [], initializer=tf.constant_initializer(1.5))
        x = tf.placeholder(tf.float32, [], name="x")
        y = _power(x, w)
        tf.add_to_collection("both", y)
        tf.add_to_collection("both", tf.train.GradientDescentOptimizer(0.1).minimize(y))
        tf.add_to_collection("later", _power(x, w))
        tf.train.export_meta_graph(tmp_path / "m.meta")
        expected = _run_conditions(w)
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(tmp_path / "m.meta", import_scope="again")
        assert _run_conditions(tf.global_variables()[0]) == expected
        slope = tf.gradients(graph.get_collection("later")[0], tf.global_variables()[0].value())
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(slope, {"again/x:0": 2.0}) == [13.5]


def _run_conditions(w: Any) -> list[Any]:
    graph = tf.get_default_graph()
    x = next(op for op in graph.get_operations() if op.type == "Placeholder").outputs[0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [session.run(graph.get_collection("steps")[0])]
        for value in (2.0, -1.0, 1.0):
            found.append(session.run(graph.get_collection("both"), {x: value})[0])
            found.append(session.run(w))
    return found


def test_code_is_left_behind(tmp_path: Path) -> None:
    """A py_func is written without its function; running it says what is missing."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", [], initializer=tf.ones_initializer())
        tf.py_func(_twice, [w], tf.float32, name="twice")
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "m"))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(f"{prefix}.meta").restore(session, prefix)
        with pytest.raises(tf.errors.UnimplementedError, match="'_twice' is not in the file"):
            session.run("twice:0")


def _twice(value: Any) -> Any:
    return value * 2


def test_a_graph_that_no_file_can_hold_does_not_fail_the_save(tmp_path: Path, caplog) -> None:
    """The checkpoint is saved; a warning names the operation."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.get_variable("w", [], initializer=tf.ones_initializer())
        op = tf.no_op(name="odd")
        op.attributes["thing"] = object()
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "m"))
        assert tf.train.checkpoint_exists(prefix) and not os.path.exists(f"{prefix}.meta")
        with pytest.raises(ValueError, match=r"'odd' \(NoOp\) has an attribute that no file"):
            tf.train.export_meta_graph(graph=graph)
    assert "The graph is not saved beside the checkpoint" in caplog.text


def test_nothing_is_added_to_a_finalized_graph() -> None:
    """import_meta_graph says so before it looks at the content."""
    with tf.Graph().as_default() as graph:
        tf.constant(1)
        described = tf.train.export_meta_graph()
        graph.finalize()
        with pytest.raises(RuntimeError, match="Graph is finalized"):
            tf.train.import_meta_graph(described)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_each_operation_comes_back_as_it_was(case: cases.Case) -> None:
    """Written and read, it gives the same value, and its gradient can be asked for."""
    with tf.Graph().as_default():
        made = case.make(*[tf.constant(array) for array in case.inputs])
        tf.add_to_collection("out", _first(made))
        with tf.Session() as session:
            expected = session.run(_first(made))
        described = tf.train.export_meta_graph()
    text = MetaGraphDef(json.loads(described.to_text()), described.graph_def)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.train.import_meta_graph(text)
        np.testing.assert_array_equal(session.run(graph.get_collection("out")[0]), expected)


def _first(made: Any) -> Any:
    while isinstance(made, (list, tuple)):
        made = made[0]
    return made


# -- damaged and hostile files -----------------------------------------------------------------


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    with tf.Graph().as_default():
        _model()
        return tf.train.export_meta_graph(saver_def=tf.train.Saver().saver_def).content


def _write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "its format is not"),
        ('{"format": "other"}', "its format is not"),
        ('{"format": "monitored-session graph", "version": 2}', "has version 2, and only 1"),
        ('{"format": "monitored-session graph", "version": 1}', "KeyError: 'bodies'"),
    ],
)
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """DataLossError names the file, what is wrong with it, and what it must be."""
    path = tmp_path / "bad.meta"
    path.write_text(text)
    with tf.Graph().as_default() as graph:
        with pytest.raises(tf.errors.DataLossError, match=why) as caught:
            tf.train.import_meta_graph(path)
        assert str(path) in str(caught.value) and "write it again" in str(caught.value)
        assert graph.get_operations() == []


def test_a_file_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    """As in TensorFlow: the path is in the message."""
    with pytest.raises(OSError, match=r"File .*none\.meta does not exist"):
        tf.train.import_meta_graph(tmp_path / "none.meta")


def test_an_unknown_type_of_operations_is_named(tmp_path: Path, content: dict[str, Any]) -> None:
    """A file of a later version, or of somebody's own operations."""
    bad = copy.deepcopy(content)
    bad["operations"][3]["type"] = "Frobnicate"
    with pytest.raises(tf.errors.DataLossError, match="type 'Frobnicate' do not exist here"):
        tf.train.import_meta_graph(_write(tmp_path / "m.meta", bad))


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children: Any = enumerate(value) if isinstance(value, list) else ()
    children = value.items() if isinstance(value, dict) else children
    return [at, *[path for key, child in children for path in _paths(child, (*at, key))]]


@given(data=st.data())
def test_a_damaged_file_changes_nothing_or_is_read(
    data: st.DataObject, content: dict[str, Any]
) -> None:
    """Whatever is replaced: DataLossError and an untouched graph, or a graph; no other error."""
    bad = copy.deepcopy(content)
    path = data.draw(st.sampled_from(_paths(bad)[1:]))
    parent = bad
    for key in path[:-1]:
        parent = parent[key]
    replacements = [None, -3, 5, "x", [], {}, {"tuple": [1, "a"]}]
    parent[path[-1]] = data.draw(st.sampled_from(replacements))
    with tf.Graph().as_default() as graph:
        try:
            tf.train.import_meta_graph(MetaGraphDef(bad, tf.GraphDef()))
        except tf.errors.DataLossError:
            assert graph.get_operations() == [] and graph.collections == []


# -- values of attributes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**70,
        "text",
        0.1,
        float("inf"),
        b"\x00\xff",
        (1, (None, [2.5])),
        {"a": (1,), 2: None},
        slice(None, 3, -1),
        ...,
        tf.float16,
        tf.TensorShape([None, 2]),
        tf.TensorShape(None),
        np.float32(1.5),
        np.bool_(True),
        np.complex64(1 + 2j),
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Through JSON, with its type."""
    again = restored(json.loads(json.dumps(portable(value), allow_nan=False)))
    assert type(again) is type(value)
    assert again == value or repr(again) == repr(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.array([np.nan, -0.0, np.inf]),
        np.zeros((0, 3), np.float32),
        np.array([b"a", "\u00e9".encode()], dtype=object),
        np.arange(6)[::2],
        np.array(3, dtype=np.uint8),
    ],
    ids=str,
)
def test_an_array_comes_back_as_it_was(array: Any) -> None:
    """Bit for bit, with its element type and shape."""
    again = restored(json.loads(json.dumps(portable(array))))
    assert again.dtype == array.dtype and again.shape == array.shape
    assert again.tolist() == array.tolist() or again.tobytes() == array.tobytes()


def test_a_value_of_another_type_is_refused() -> None:
    """By the name of its type."""
    with pytest.raises(Unportable, match="type set cannot be written"):
        portable({1})


KEYS = ["array", "scalar", "float", "tuple", "list", "dict", "bytes", "dtype", "shape", "slice"]
KEYS += ["ellipsis", "function", "data"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_what_no_value_is_written_as_is_a_value_error(content: Any) -> None:
    """Any JSON at all is a value or a ValueError."""
    try:
        restored(content)
    except ValueError as error:
        assert str(error)
