"""Names, scopes, control dependencies, collections, finalization, default graphs."""

import threading

import numpy as np
import pytest

import runtime as tf


def test_names_are_made_unique_as_in_tensorflow() -> None:
    """A name that is taken gets _1, _2 …; a name in the way is stepped over."""
    names = [tf.no_op(name="a").name for _ in range(3)]
    assert names == ["a", "a_1", "a_2"]
    tf.no_op(name="b_1")
    assert [tf.no_op(name="b").name for _ in range(2)] == ["b", "b_2"]


def test_names_differ_by_more_than_case() -> None:
    """Names that differ only in case are taken for the same."""
    assert [tf.no_op(name="x").name, tf.no_op(name="X").name] == ["x", "X_1"]


def test_operations_have_the_names_that_tensorflow_gives_them() -> None:
    """Functions and operators name their operations by their own rules."""
    x = tf.placeholder(tf.float32, [2, 2])
    named = {
        "Placeholder": x,
        "Const": tf.constant(1.0),
        "add": x + 1.0,
        "sub": x - 1.0,
        "mul": x * 2.0,
        "truediv": x / 2.0,
        "Add_1": tf.add(x, x),
        "Neg": -x,
        "MatMul": tf.matmul(x, x),
        "Sum": tf.reduce_sum(x),
        "Mean": tf.reduce_mean(x),
        "Relu": tf.nn.relu(x),
        "Softmax": tf.nn.softmax(x),
        "Reshape": tf.reshape(x, [4]),
        "transpose": tf.transpose(x),
        "concat": tf.concat([x, x], 0),
        "stack": tf.stack([x, x]),
        "strided_slice": x[0],
        "ArgMax": tf.argmax(x),
        "Cast": tf.cast(x, tf.int32),
        "group_deps": tf.group(x),
        "NoOp": tf.no_op(),
    }
    assert list(named) == [getattr(element, "op", element).name for element in named.values()]


@pytest.mark.parametrize("name", ["", " a", "a b", "-a", "_a", "ä", "a:0"])
def test_a_name_with_other_characters_is_refused(name: str) -> None:
    """The message shows the name."""
    if name == "":
        assert tf.no_op(name=name).name == "NoOp"
        return
    with pytest.raises(ValueError, match="not a valid operation name") as error:
        tf.no_op(name=name)
    assert repr(name) in str(error.value)


def test_scopes_nest_and_are_unique() -> None:
    """A scope entered twice gets a number; one with a slash is entered again as it is."""
    with tf.name_scope("a") as a, tf.name_scope("b") as b:
        assert (a, b) == ("a/", "a/b/")
        assert tf.no_op(name="x").name == "a/b/x"
    with tf.name_scope("a") as again:
        assert again == "a_1/"
    with tf.name_scope("a/"):
        assert tf.no_op(name="y").name == "a/y"
        with tf.name_scope(None):
            assert tf.no_op(name="top").name == "top"
    assert tf.get_default_graph().get_name_scope() == ""


def test_a_scope_is_left_when_its_block_fails() -> None:
    """The names that follow are not in it."""
    with pytest.raises(KeyError), tf.name_scope("a"):
        raise KeyError
    assert tf.no_op(name="x").name == "x"


def test_name_scope_takes_its_default() -> None:
    """tf.name_scope(None, "default") opens the default."""
    with tf.name_scope(None, "default") as scope:
        assert scope == "default/"


def test_control_inputs_come_from_all_surrounding_blocks() -> None:
    """None suspends them."""
    a, b = tf.no_op(name="a"), tf.no_op(name="b")
    with tf.control_dependencies([a]), tf.control_dependencies([b]):
        c = tf.no_op(name="c")
        with tf.control_dependencies(None):
            d = tf.no_op(name="d")
    assert (c.control_inputs, d.control_inputs) == ([a, b], [])


def test_control_dependencies_on_something_else_is_an_error() -> None:
    """The message names the type."""
    with pytest.raises(TypeError, match="Can not convert a int"):
        tf.control_dependencies([3])


def test_elements_are_found_by_name(graph: tf.Graph) -> None:
    """Tensors by 'op:index', operations by their name."""
    x = tf.constant(1.0, name="x")
    assert graph.get_tensor_by_name("x:0") is x
    assert graph.get_operation_by_name("x") is x.op
    assert graph.as_graph_element("x:0") is x
    assert graph.as_graph_element("x") is x.op
    assert graph.get_operations() == [x.op]
    assert graph.version == 1


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("y:0", KeyError, "operation 'y' is not in the graph"),
        ("x:1", KeyError, "'x' has 1 outputs"),
        ("x:a", ValueError, "<operation>:<output>"),
        ("x", ValueError, "'x:0'"),
        (3, TypeError, "int"),
    ],
)
def test_a_tensor_that_is_not_there_is_an_error(
    graph: tf.Graph, name: str, error: type[Exception], message: str
) -> None:
    """The message says what is missing, or what such names look like."""
    tf.constant(1.0, name="x")
    with pytest.raises(error, match=message):
        graph.get_tensor_by_name(name)


@pytest.mark.parametrize(
    ("name", "error"), [("y", KeyError), ("x:0", ValueError), (None, TypeError)]
)
def test_an_operation_that_is_not_there_is_an_error(
    graph: tf.Graph, name: str, error: type[Exception]
) -> None:
    """A tensor's name is none of an operation."""
    tf.constant(1.0, name="x")
    with pytest.raises(error):
        graph.get_operation_by_name(name)


def test_nothing_can_be_added_to_a_finalized_graph(graph: tf.Graph) -> None:
    """Neither operations nor members of collections; un-finalizing allows it again."""
    graph.finalize()
    assert graph.finalized
    with pytest.raises(RuntimeError, match=r"^Graph is finalized and cannot be modified\.$"):
        tf.no_op()
    with pytest.raises(RuntimeError, match="finalized"):
        graph.add_to_collection("c", 1)
    graph._unsafe_unfinalize()
    tf.no_op()


def test_collections_keep_order_and_give_copies(graph: tf.Graph) -> None:
    """get_collection copies, get_collection_ref does not."""
    tf.add_to_collection("c", 1)
    tf.add_to_collections(["c", "d", "c"], 2)
    tf.get_collection("c").append(3)
    assert tf.get_collection("c") == [1, 2]
    tf.get_collection_ref("c").append(3)
    assert tf.get_collection("c") == [1, 2, 3]
    assert sorted(graph.get_all_collection_keys()) == ["c", "d"]
    graph.clear_collection("c")
    assert tf.get_collection("c") == []


def test_a_collection_is_filtered_by_scope() -> None:
    """The expression has to match at the start; what has no name is left out."""
    with tf.name_scope("a"):
        inside = tf.constant(1.0)
    outside = tf.constant(1.0, name="b")
    for value in (inside, outside, 3):
        tf.add_to_collection("c", value)
    assert tf.get_collection("c", "a/") == [inside]


def test_default_graphs_nest() -> None:
    """The innermost block wins; leaving restores."""
    outer, inner = tf.Graph(), tf.Graph()
    with outer.as_default():
        with inner.as_default():
            assert tf.constant(1.0).graph is inner
        assert tf.get_default_graph() is outer


def test_blocks_must_be_left_in_reverse_order() -> None:
    """Leaving the outer one first is an error."""
    first, second = tf.Graph().as_default(), tf.Graph().as_default()
    first.__enter__()
    second.__enter__()
    with pytest.raises(AssertionError, match="Nesting violated"):
        first.__exit__(None, None, None)
    second.__exit__(None, None, None)


def test_the_global_default_graph_can_be_replaced_only_outside_blocks() -> None:
    """Inside a block the message says what to do instead."""
    with pytest.raises(AssertionError, match="Leave the block"):
        tf.reset_default_graph()


def test_default_graphs_belong_to_a_thread() -> None:
    """Another thread has the global one."""
    with tf.Graph().as_default() as mine:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(tf.get_default_graph()))
        thread.start()
        thread.join()
        assert seen[0] is not mine


def test_inputs_from_another_graph_are_refused() -> None:
    """The message names the tensor."""
    with tf.Graph().as_default():
        foreign = tf.constant(1.0, name="foreign")
    mine = tf.constant(2.0)
    with pytest.raises(ValueError, match=r"'foreign:0'.*another graph"):
        tf.add(mine, foreign)


def test_a_shape_error_comes_at_building_and_names_operation_and_shapes() -> None:
    """And the line of the user's file."""
    a, b = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.float32, [4, 5])
    with pytest.raises(ValueError) as error:
        tf.matmul(a, b, name="product")
    message = str(error.value)
    assert "'product' (MatMul)" in message
    assert "(2, 3)" in message and "(4, 5)" in message
    assert "test_graph.py:" in message


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: a + b,
        lambda a, b: tf.concat([a, b], 0),
        lambda a, b: tf.stack([a, b]),
        lambda a, b: tf.where(tf.constant(True), a, b),
        lambda a, b: tf.add_n([a, b]),
        lambda a, b: tf.assign(tf.Variable(tf.zeros([2, 3])), b),
        lambda a, b: tf.nn.softmax_cross_entropy_with_logits_v2(a, b),
    ],
)
def test_shapes_that_do_not_fit_are_shown(make: object) -> None:
    """Both shapes are in the message of a ValueError."""
    a, b = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.float32, [4, 5])
    with pytest.raises(ValueError) as error:
        make(a, b)  # type: ignore[operator]
    assert "(2, 3)" in str(error.value) and "(4, 5)" in str(error.value)


def test_types_that_differ_are_refused_with_both_types() -> None:
    """The message names both and what to do."""
    with pytest.raises(TypeError, match=r"int32.*float32.*tf\.cast"):
        tf.add(tf.constant(1.0), tf.constant(1))


def test_a_python_number_takes_the_type_of_the_tensor() -> None:
    """On either side; but a fraction is no integer."""
    whole = tf.constant([1, 2], tf.int64)
    assert (whole + 1).dtype is tf.int64
    assert (1 + whole).dtype is tf.int64
    assert (np.float64(2) * tf.constant(1.0)).dtype is tf.float32
    with pytest.raises(TypeError, match=r"Expected int64, but got 0\.5"):
        whole + 0.5


def test_a_tensor_is_no_python_bool_and_not_iterable() -> None:
    """The messages say what to use."""
    x = tf.constant([1.0])
    with pytest.raises(TypeError, match=r"tf\.cond"):
        bool(x > 0)
    with pytest.raises(TypeError, match=r"tf\.unstack"):
        list(x)
    with pytest.raises(TypeError, match=r"x\.shape"):
        len(x)
    with pytest.raises(NotImplementedError, match=r"session\.run"):
        np.asarray(x)


def test_array_operators_leave_the_work_to_the_tensor(session: tf.Session) -> None:
    """array + tensor is a tensor, not an array of tensors."""
    x = np.ones(2, np.float32) + tf.constant([1.0, 2.0])
    assert isinstance(x, tf.Tensor)
    assert session.run(x).tolist() == [2.0, 3.0]


def test_tensors_and_variables_are_compared_by_identity() -> None:
    """So that they can be keys of feeds."""
    a, b = tf.constant(1.0), tf.constant(1.0)
    assert (a == a, a == b, a != b) == (True, False, True)
    assert len({a: 1, b: 2}) == 2


def test_a_device_is_accepted_and_noted() -> None:
    """The operation shows it in TensorFlow's one form, and it has no other effect."""
    with tf.device("/cpu:0"):
        x = tf.constant(1.0)
        with tf.device("/job:worker/task:1"), tf.device(None):
            free = tf.constant(1.0)
    assert (x.device, free.device) == ("/device:CPU:0", "")
    with tf.device("/job:worker"), tf.device("/gpu:1"):
        assert tf.constant(1.0).device == "/job:worker/device:GPU:1"
    with tf.device(lambda op: "/cpu:2" if op.type == "Const" else None):
        assert (tf.constant(1.0).device, tf.no_op().device) == ("/device:CPU:2", "")
    assert x.op.colocation_groups() == [b"loc:@Const"]


def test_a_name_that_is_no_device_is_refused() -> None:
    """The message shows the part that is wrong, and what a name looks like."""
    with pytest.raises(ValueError, match=r"'spaceship:1'.*/job:worker/replica:0"):
        tf.device("/job:a/spaceship:1").__enter__()
    spec = tf.DeviceSpec.from_string("/job:ps/replica:1/task:2/GPU:*")
    assert (spec.job, spec.replica, spec.task, spec.device_type) == ("ps", 1, 2, "GPU")
    spec.merge_from(tf.DeviceSpec(task=3, device_type="cpu", device_index=0))
    assert spec.to_string() == str(spec) == "/job:ps/replica:1/task:3/device:CPU:0"


def test_a_missing_name_tells_the_nearest() -> None:
    """Also in sub-namespaces."""
    with pytest.raises(AttributeError, match=r"tf\.reduce_sums .*reduce_sum"):
        tf.reduce_sums  # noqa: B018
    with pytest.raises(AttributeError, match=r"tf\.nn\.rellu .*relu"):
        tf.nn.rellu  # noqa: B018
    assert not hasattr(tf, "no_such_thing_at_all")


def test_compat_v1_is_the_package_itself() -> None:
    """Under both ways to import it."""
    import runtime.compat.v1 as v1

    assert v1 is tf
    assert tf.compat.v1 is tf
    assert tf.compat.v1.Session is tf.Session


def test_an_operation_knows_its_neighbours() -> None:
    """Inputs, outputs, consumers, attributes, description."""
    x = tf.constant([[1.0]], name="x")
    y = tf.matmul(x, x, name="y")
    assert list(y.op.inputs) == [x, x]
    assert y.op.outputs == [y]
    assert x.consumers() == [y.op, y.op]
    assert y.op.get_attr("transpose_a") is False
    assert y.op.node_def.input == ["x", "x"]
    with pytest.raises(ValueError, match="transpose_b"):
        y.op.get_attr("nothing")
    assert y.op.traceback[0][0] == __file__


def test_graphs_can_be_built_from_several_threads(graph: tf.Graph) -> None:
    """No name is given twice."""

    def build() -> None:
        with graph.as_default():
            for _ in range(100):
                tf.no_op(name="n")

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(graph.get_operations()) == 400


def test_a_type_of_operations_is_defined_once() -> None:
    """Two definitions of one type are refused, for a file of a graph names only the type."""
    from runtime.graph.definition import Definition, definition_of

    with pytest.raises(ValueError, match="'MatMul' are defined already"):
        Definition("MatMul", lambda view: view.first)
    assert definition_of("MatMul").type == "MatMul"
    assert definition_of("NoSuchType") is None
