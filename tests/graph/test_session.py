"""Running: structures of fetches, feeds, bad input, errors, options, closing."""

import collections
import copy
import pickle
import threading
import time
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf


@attrs.define
class Pair:
    first: Any
    second: Any


Point = collections.namedtuple("Point", "x y")


class Named(dict):  # type: ignore[type-arg]
    """A subclass of dict."""


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: a,
        lambda a, b: [a, b],
        lambda a, b: (a, [b, a]),
        lambda a, b: {"a": a, "b": {"c": b}},
        lambda a, b: Point(a, b),
        lambda a, b: Pair(a, {"x": b}),
        lambda a, b: Named(a=a, b=b),
        lambda a, b: collections.OrderedDict([("b", b), ("a", a)]),
        lambda a, b: {0: a, "caller": b},
        lambda a, b: [],
        lambda a, b: {},
        lambda a, b: (),
        lambda a, b: (a,),
    ],
)
def test_the_result_has_the_structure_of_the_fetches(make: Any, session: tf.Session) -> None:
    """Lists, tuples, namedtuples, dictionaries and their subclasses, attrs classes; nested."""
    a, b = tf.constant(1.0), tf.constant([2, 3])
    expected = make(np.float32(1.0), np.array([2, 3], np.int32))
    for _ in range(2):
        result = session.run(make(a, b))
        assert type(result) is type(expected)
        np.testing.assert_equal(_plain(result), _plain(expected))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _plain(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Pair):
        return [_plain(value.first), _plain(value.second)]
    return value


def test_operations_give_none_and_names_their_tensors(session: tf.Session) -> None:
    """A name with a colon is a tensor's, one without an operation's."""
    x = tf.constant(3.0, name="x")
    assert session.run([x.op, "x:0", "x", tf.no_op()]) == [None, 3.0, None, None]


def test_keys_that_are_equal_but_of_different_types_are_kept(session: tf.Session) -> None:
    """The plan of {1: x} is not taken for {True: x}."""
    x = tf.constant(3.0)
    assert list(map(type, session.run({1: x}))) == [int]
    assert list(map(type, session.run({True: x}))) == [bool]
    assert list(map(type, session.run({1.0: x}))) == [float]


def test_a_default_dict_keeps_its_factory(session: tf.Session) -> None:
    """As in TensorFlow."""
    fetches = collections.defaultdict(list, x=tf.constant(1.0))
    assert session.run(fetches).default_factory is list


def test_scalars_are_numpy_scalars_and_strings_bytes(session: tf.Session) -> None:
    """Strings in arrays are bytes objects, too."""
    assert type(session.run(tf.constant(1.0))) is np.float32
    assert session.run(tf.constant("hä")) == "hä".encode()
    assert session.run(tf.constant(["a", "b"])).tolist() == [b"a", b"b"]
    assert session.run(tf.identity(tf.constant("x"))) == b"x"
    assert session.run(tf.constant(["a", "b"])[1]) == b"b"


@pytest.mark.parametrize(
    ("fetch", "error", "message"),
    [
        (None, TypeError, "Fetch argument None has invalid type"),
        ([None], TypeError, "Fetch argument None has invalid type"),
        ("nothing", ValueError, "'nothing' .*not in the graph"),
        ("nothing:0", ValueError, "does not exist"),
        ("x:7", ValueError, "has 1 outputs"),
        (3.0, TypeError, "must be a string or Tensor"),
        ({1, 2}, TypeError, "must be a string or Tensor"),
        ({"a": [object()]}, TypeError, "object"),
    ],
)
def test_a_fetch_that_is_none_is_an_error(
    fetch: Any, error: type[Exception], message: str, session: tf.Session
) -> None:
    """The class is TensorFlow's, the message names the fetch."""
    tf.constant(1.0, name="x")
    with pytest.raises(error, match=message):
        session.run(fetch)


def test_a_fetch_of_another_graph_is_an_error(session: tf.Session) -> None:
    """The message names the tensor."""
    tf.constant(2.0)
    with tf.Graph().as_default():
        foreign = tf.constant(1.0, name="foreign")
    with pytest.raises(ValueError, match=r"foreign.*not an element of this graph"):
        session.run(foreign)


def test_what_may_not_be_fetched_or_fed_is_refused(session: tf.Session) -> None:
    """prevent_fetching and prevent_feeding; a queue's handle is neither."""
    x, y = tf.constant(1.0, name="x"), tf.constant(1.0, name="y")
    session.graph.prevent_fetching(x)
    session.graph.prevent_feeding(y)
    assert not session.graph.is_fetchable(x) and not session.graph.is_feedable(y)
    with pytest.raises(ValueError, match=r"'x:0'.* may not be fetched"):
        session.run(x)
    with pytest.raises(ValueError, match="y:0 may not be fed"):
        session.run(x.op, {y: 1.0})
    queue = tf.FIFOQueue(1, tf.int32, name="q")
    with pytest.raises(ValueError, match="may not be fetched"):
        session.run(queue.queue_ref)


@pytest.mark.parametrize("key", ["x", "x:0"])
def test_feeds_replace_what_the_graph_computes(key: str, session: tf.Session) -> None:
    """Any tensor may be fed, by object or by name; its operation does not run."""
    x = tf.py_func(lambda: 1 / 0, [], tf.float64, name="x")
    y = x * 2.0
    feed = {x if key == "x" else key: 4.0}
    assert session.run([y, x], feed) == [8.0, 4.0]


def test_a_column_of_mixed_objects_can_be_fed(session: tf.Session) -> None:
    """An array of objects that are numbers; not one that holds anything else."""
    x = tf.placeholder(tf.int32, [None])
    table = np.array([["a", 1, 2.0], ["b", 3, 4.0]], dtype=object)
    assert session.run(x, {x: table[:, 1]}).tolist() == [1, 3]
    assert session.run(x, {x: table[:, 2]}).tolist() == [2, 4]
    for wrong in (table[:, 0], np.array([1, None]), np.array([1, "2"], dtype=object)):
        with pytest.raises(ValueError, match="not made of numbers"):
            session.run(x, {x: wrong})


def test_a_nested_state_can_be_fed_as_one(session: tf.Session) -> None:
    """Tuples of tuples of tensors, as a stack of LSTM cells has them."""
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(2) for _ in range(2)])
    state = cell.zero_state(1, tf.float32)
    fed = tuple(tf.nn.rnn_cell.LSTMStateTuple([[i, i]], [[-i, -i]]) for i in (1.0, 2.0))
    got = session.run([state[0].h, state[1].c], {state: fed})
    assert [array.tolist() for array in got] == [[[-1, -1]], [[2, 2]]]


def test_of_two_feeds_of_one_tensor_the_last_counts(session: tf.Session) -> None:
    """Once as an object and once by name."""
    x = tf.placeholder(tf.float32, [], name="x")
    assert session.run(x * 1.0, {x: 1.0, "x:0": 2.0}) == 2.0
    assert session.run(x * 1.0, {"x:0": 2.0, x: 1.0}) == 1.0


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nothing:0", "Cannot interpret feed_dict key as Tensor"),
        ("x", "Cannot interpret feed_dict key as Tensor"),
        (3, "Cannot interpret feed_dict key as Tensor"),
        (None, "Cannot interpret feed_dict key as Tensor"),
    ],
)
def test_a_feed_key_that_is_no_tensor_is_a_type_error(
    key: Any, message: str, session: tf.Session
) -> None:
    """As in TensorFlow."""
    x = tf.constant(1.0, name="x")
    with pytest.raises(TypeError, match=message):
        session.run(x, {key: 1.0})


def test_a_feed_key_of_another_graph_is_a_type_error(session: tf.Session) -> None:
    """The message names it."""
    with tf.Graph().as_default():
        foreign = tf.placeholder(tf.float32, name="foreign")
    with pytest.raises(TypeError, match=r"Cannot interpret feed_dict key.*foreign"):
        session.run(tf.constant(1.0), {foreign: 1.0})


@pytest.mark.parametrize(
    ("dtype", "shape", "value", "error", "parts"),
    [
        (tf.float32, [2, 3], np.ones((3, 2)), ValueError, ["(3, 2)", "(2, 3)", "'p:0'"]),
        (tf.float32, [None, 3], np.ones(3), ValueError, ["(3,)", "(?, 3)", "'p:0'"]),
        (tf.float32, [], [1.0], ValueError, ["(1,)", "()", "'p:0'"]),
        (tf.float32, None, "text", ValueError, ["'text'", "'p:0'", "float32"]),
        (tf.float32, None, [[1.0], [1.0, 2.0]], ValueError, ["'p:0'"]),
        (tf.float32, None, 1j, TypeError, ["'p:0'", "imaginary"]),
        (tf.int32, None, 1.5, TypeError, ["1.5", "'p:0'", "int32", "loss"]),
        (tf.int32, None, np.array([1.0, 2.5]), TypeError, ["'p:0'", "int32", "loss"]),
        (tf.int32, None, np.nan, TypeError, ["'p:0'", "loss"]),
        (tf.int8, None, 300, TypeError, ["300", "'p:0'", "int8"]),
        (tf.int32, None, 2**40, TypeError, ["'p:0'", "int32"]),
        (tf.bool, None, 2, TypeError, ["'p:0'", "bool"]),
        (tf.string, None, 1.0, TypeError, ["1.0", "'p:0'", "strings"]),
        (tf.float32, None, {"a": 1}, ValueError, ["'p:0'", "dict"]),
        (tf.float32, None, None, ValueError, ["'p:0'", "None"]),
    ],
)
def test_a_value_that_can_not_be_fed_is_refused(
    dtype: Any, shape: Any, value: Any, error: type[Exception], parts: list[str],
    session: tf.Session,
) -> None:  # fmt: skip
    """The message names the tensor and, for shapes, both of them."""
    p = tf.placeholder(dtype, shape, name="p")
    for _ in range(2):
        with pytest.raises(error) as raised:
            session.run(tf.identity(p), {p: value})
        assert all(part in str(raised.value) for part in parts), raised.value


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (tf.int32, 3.0),
        (tf.int32, np.array([1.0, 2.0])),
        (tf.int64, np.int8(3)),
        (tf.float32, 3),
        (tf.float32, True),
        (tf.float32, np.float64(0.1)),
        (tf.bool, [1, 0]),
        (tf.uint8, 255),
        (tf.string, ["a", b"b"]),
        (tf.complex64, 1.0),
    ],
)
def test_a_value_that_loses_nothing_is_converted(
    dtype: Any, value: Any, session: tf.Session
) -> None:
    """Whole numbers of any type can be fed for integers."""
    p = tf.placeholder(dtype)
    result = session.run(p, {p: value})
    assert np.asarray(result).dtype == (object if dtype is tf.string else dtype.as_numpy_dtype)
    assert dtype is tf.string or np.allclose(result, value)


def test_a_tensor_can_not_be_fed_as_a_value(session: tf.Session) -> None:
    """The message says to run it first."""
    p = tf.placeholder(tf.float32)
    with pytest.raises(TypeError, match=r"can't be a tensor.*run the tensor first"):
        session.run(p, {p: tf.constant(1.0)})


@pytest.mark.parametrize(
    "error", [ValueError, StopIteration, KeyboardInterrupt, tf.errors.AbortedError]
)
def test_an_error_of_the_fed_object_itself_comes_out_unchanged(
    error: Any, session: tf.Session
) -> None:
    """It is raised before anything runs."""
    made = error(None, None, "mine") if error is tf.errors.AbortedError else error("mine")

    class Bomb:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise made

    p = tf.placeholder(tf.float32)
    with pytest.raises(error) as raised:
        session.run(p, {p: Bomb()})
    assert raised.value is made


def test_an_unfed_placeholder_is_an_invalid_argument(session: tf.Session) -> None:
    """The message names it, its type, its shape, and the user's line."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        session.run(x * 2.0)
    message = str(error.value)
    for part in ("'x'", "float32", "(?, 3)", "feed_dict", "test_session.py:"):
        assert part in message
    assert error.value.op is x.op


def test_shapes_that_do_not_fit_at_run_time_are_an_invalid_argument(session: tf.Session) -> None:
    """The message names the operation and both shapes."""
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    z = tf.matmul(x, y, name="z")
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        session.run(z, {x: np.ones((2, 3)), y: np.ones((4, 5))})
    for part in ("'z' (MatMul)", "(2, 3)", "(4, 5)", "test_session.py:"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.constant(1) // tf.placeholder_with_default(0, []),
        lambda: tf.gather([1.0, 2.0], tf.placeholder_with_default(2, [])),
        lambda: tf.gather([1.0, 2.0], tf.placeholder_with_default(-1, [])),
        lambda: tf.Assert(tf.placeholder_with_default(False, []), ["why"]),
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.placeholder_with_default([3], [1]), logits=[[1.0, 2.0]]
        ),
        lambda: tf.pow(2, tf.placeholder_with_default(-1, [])),
        lambda: tf.reshape(tf.placeholder_with_default([1.0, 2.0], None), [3]),
        lambda: tf.range(0, 5, tf.placeholder_with_default(0, [])),
    ],
)
def test_bad_values_are_invalid_arguments_that_name_the_operation(
    make: Any, session: tf.Session
) -> None:
    """Division by the integer zero, an index out of range, a failed assertion …"""
    fetch = make()
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        session.run(fetch)
    assert "in operation" in str(error.value) and "test_session.py:" in str(error.value)


def test_an_error_in_a_constant_expression_comes_in_the_run(session: tf.Session) -> None:
    """Building does not fail, though it tries to fold constants."""
    bad = tf.constant(1) // tf.constant(0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
        session.run(bad)


def test_floating_point_exceptions_are_silent(session: tf.Session) -> None:
    """As in TensorFlow: infinities and NaNs come out, no warning."""
    zero = tf.placeholder_with_default(0.0, [])
    assert np.isinf(session.run(1.0 / zero))
    assert np.isnan(session.run(tf.log(zero - 1.0)))


@pytest.mark.parametrize("fetch_twice", [False, True])
def test_an_operation_runs_once_in_a_run(fetch_twice: bool, session: tf.Session) -> None:
    """However often it is fetched and used."""
    calls = []
    x = tf.py_func(lambda: calls.append(1) or np.float32(1.0), [], tf.float32)  # type: ignore[func-returns-value]
    session.run([x, x, x + x, x.op] if fetch_twice else x + x)
    assert len(calls) == 1


def test_only_what_is_needed_runs(session: tf.Session) -> None:
    """Other operations, even failing ones, are left out."""
    x = tf.placeholder(tf.float32)
    tf.py_func(lambda v: 1 / 0, [x], tf.float32)
    assert session.run(tf.constant(1.0)) == 1.0


def test_control_dependencies_run_first(session: tf.Session) -> None:
    """Also those of constants, of identities and of operations that pass values through."""
    order: list[str] = []

    def note(name: str) -> Any:
        return tf.py_func(lambda: order.append(name), [], [], name=name)  # type: ignore[func-returns-value]

    with tf.control_dependencies([note("a")]):
        constant = tf.constant(1.0)
        value = tf.identity(tf.placeholder_with_default(2.0, []))
        shape = tf.shape(value)
    with tf.control_dependencies([value]):
        last = tf.identity(constant)
    for fetch in (constant, value, shape, last, last + 1.0, tf.identity(shape)):
        order.clear()
        session.run(fetch)
        assert order == ["a"], fetch


def test_a_control_dependency_on_a_fed_placeholder_is_met(session: tf.Session) -> None:
    """The placeholder's own operation, which would fail, does not run."""
    x = tf.placeholder(tf.float32)
    with tf.control_dependencies([x]):
        y = tf.constant(1.0)
    assert session.run(y, {x: 0.0}) == 1.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed"):
        session.run(y)


def test_the_shape_of_something_that_has_effects_still_has_them(session: tf.Session) -> None:
    """Folding the static shape does not lose a dequeue."""
    queue = tf.FIFOQueue(3, tf.float32, shapes=[[2]])
    session.run(queue.enqueue_many([np.ones((3, 2), np.float32)]))
    shape = tf.shape(queue.dequeue())
    assert session.run(shape).tolist() == [2]
    assert session.run(queue.size()) == 2


def test_plans_do_not_change_when_the_graph_grows(session: tf.Session) -> None:
    """And new operations can be run."""
    x = tf.constant(1.0)
    assert session.run(x) == 1.0
    y = x + 1.0
    assert session.run([x, y]) == [1.0, 2.0]


def test_many_shapes_of_feeds_give_the_same_results(session: tf.Session) -> None:
    """More than plans are specialised for."""
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf.reduce_sum(tf.nn.relu(x * 2.0 - 1.0), axis=0) + tf.cast(tf.shape(x)[0], tf.float32)
    for count in [*range(40), 3, 17, 39]:
        value = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
        expected = np.maximum(value * 2 - 1, 0).sum(0) + count
        np.testing.assert_allclose(session.run(y, {x: value}), expected, rtol=1e-6)


def test_a_wrong_shape_is_found_after_many_right_ones(session: tf.Session) -> None:
    """Also by the plan that works for all shapes."""
    x = tf.placeholder(tf.float32, [None, 2])
    y = x + 1.0
    for count in range(30):
        session.run(y, {x: np.ones((count, 2), np.float32)})
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        session.run(y, {x: np.ones((2, 3), np.float32)})


@pytest.mark.parametrize("kind", ["constant", "variable", "fed", "view"])
def test_results_share_no_memory_with_what_later_runs_use(kind: str, session: tf.Session) -> None:
    """A user may overwrite them."""
    fed = np.ones((2, 2), np.float32)
    x = tf.placeholder(tf.float32, [2, 2])
    variable = tf.Variable(tf.ones([2, 2]))
    session.run(variable.initializer)
    fetch = {
        "constant": tf.ones([2, 2]),
        "variable": variable,
        "fed": x,
        "view": tf.transpose(variable),
    }[kind]
    feed = {x: fed} if kind == "fed" else None
    first = session.run(fetch, feed)
    first[:] = 7.0
    assert session.run(fetch, feed).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert fed.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_closed_session_refuses_to_run() -> None:
    """Closing twice is fine."""
    x = tf.constant(1.0)
    session = tf.Session()
    session.run(x)
    session.close()
    session.close()
    for fetch in (x, [x]):
        with pytest.raises(RuntimeError, match=r"^Attempted to use a closed Session\.$"):
            session.run(fetch)


def test_only_the_embedded_engine_exists() -> None:
    """Another target is refused, naming it."""
    with pytest.raises(tf.errors.NotFoundError, match=r"grpc://host.*target=''"):
        tf.Session("grpc://host")
    with pytest.raises(TypeError, match="target"):
        tf.Session(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="graph"):
        tf.Session(graph=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="config"):
        tf.Session(config=3)  # type: ignore[arg-type]


def test_default_sessions_serve_eval_and_run() -> None:
    """Without one, the message says what to do."""
    x = tf.placeholder_with_default(2.0, [])
    with pytest.raises(ValueError, match="no default session"):
        x.eval()
    with tf.Session() as session:
        assert tf.get_default_session() is session
        assert x.eval() == 2.0
        assert (x * 2.0).eval({x: 4.0}) == 8.0
        x.op.run()
    with tf.Session(graph=tf.Graph()) as other, pytest.raises(ValueError, match="another graph"):
        x.eval(session=other)


def test_as_default_does_not_close() -> None:
    """Unlike `with session`."""
    session, x = tf.Session(), tf.constant(1.0)
    with session.as_default():
        assert x.eval() == 1.0
    assert session.run(x) == 1.0


def test_an_interactive_session_is_the_default_till_it_is_closed() -> None:
    """In the graph that it was given."""
    x = tf.constant(1.0)
    session = tf.InteractiveSession()
    assert x.eval() == 1.0
    session.close()
    assert tf.get_default_session() is None


def test_make_callable_runs_with_positional_feeds(session: tf.Session) -> None:
    """A wrong number of arguments is an error."""
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    call = session.make_callable([x + y, x], [x, y])
    assert call(1.0, 2.0) == [3.0, 1.0]
    with pytest.raises(ValueError, match="needs 2 arguments, got 1"):
        call(1.0)
    with pytest.raises(ValueError, match="nothing"):
        session.make_callable("nothing")


def test_a_full_trace_has_the_time_of_each_operation(session: tf.Session) -> None:
    """And nothing is traced otherwise."""
    x = tf.placeholder(tf.float32, [2, 2], name="x")
    y = tf.matmul(x, x, name="y")
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)
    session.run(y, {x: np.eye(2)}, options=options, run_metadata=metadata)
    (device,) = metadata.step_stats.dev_stats
    (node,) = device.node_stats
    assert (node.node_name, node.timeline_label) == ("y", "y = MatMul(x:0, x:0)")
    assert node.op_end_rel_nanos > 0
    assert abs(node.all_start_micros / 1e6 - time.time()) < 60
    assert [n.name for n in metadata.partition_graphs[0]] == ["y"]
    untraced = tf.RunMetadata()
    session.run(y, {x: np.eye(2)}, run_metadata=untraced)
    assert untraced == tf.RunMetadata()


def test_options_must_be_options(session: tf.Session) -> None:
    """The messages name the type."""
    with pytest.raises(TypeError, match=r"tf\.RunOptions, not int"):
        session.run(tf.constant(1.0), options=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"tf\.RunMetadata, not dict"):
        session.run(tf.constant(1.0), run_metadata={})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="feed_dict must be a dictionary"):
        session.run(tf.constant(1.0), [1])


def test_messages_behave_like_protocol_messages() -> None:
    """Defaults, parts made on demand, comparison, copies, merging."""
    config = tf.ConfigProto(allow_soft_placement=True, device_count={"GPU": 0})
    config.gpu_options.allow_growth = True
    config.graph_options.rewrite_options.layout_optimizer = 1
    assert config != tf.ConfigProto()
    assert copy.deepcopy(config) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.HasField("gpu_options") and not config.HasField("log_device_placement")
    merged = tf.RunOptions(trace_level=3)
    merged.MergeFrom(tf.RunOptions(timeout_in_ms=5))
    assert merged == tf.RunOptions(trace_level=3, timeout_in_ms=5)
    assert "timeout_in_ms=5" in repr(merged)
    merged.Clear()
    assert merged == tf.RunOptions()


def test_unknown_and_wrong_fields_are_refused() -> None:
    """The message names the fields there are."""
    with pytest.raises(ValueError, match=r"no field 'gpu'.*gpu_options"):
        tf.ConfigProto(gpu=1)
    with pytest.raises(AttributeError, match="no field 'allow'"):
        tf.ConfigProto().allow = True
    with pytest.raises(TypeError, match="timeout_in_ms"):
        tf.RunOptions(timeout_in_ms="soon")


def test_sessions_of_one_graph_share_no_state() -> None:
    """A variable that one initialized is not initialized in another."""
    variable = tf.Variable(1.0)
    first, second = tf.Session(), tf.Session()
    first.run(variable.initializer)
    assert first.run(variable) == 1.0
    with pytest.raises(tf.errors.FailedPreconditionError):
        second.run(variable)


def test_one_session_serves_several_threads(session: tf.Session) -> None:
    """Counting from many threads loses nothing."""
    counter = tf.Variable(0)
    increment = tf.assign_add(counter, 1)
    session.run(counter.initializer)

    def count() -> None:
        for _ in range(500):
            session.run(increment)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.run(counter) == 2000


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 5)), max_size=12),
       st.integers(1, 4))  # fmt: skip
def test_a_plan_gives_what_each_operation_alone_gives(
    steps: list[tuple[int, int, int]], batch: int
) -> None:
    """Overwriting buffers in place changes no value, whatever is fetched together."""
    operations = [tf.add, tf.subtract, tf.multiply, tf.maximum,
                  lambda a, b: tf.transpose(tf.transpose(a)) + b,
                  lambda a, b: tf.nn.relu(a) - tf.reshape(b, tf.shape(b))]  # fmt: skip
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float64, [None, 3])
        tensors: list[Any] = [x, x * 2.0, tf.ones([3], tf.float64)]
        for left, right, which in steps:
            a, b = tensors[left % len(tensors)], tensors[right % len(tensors)]
            tensors.append(operations[which](a, b))
        values = np.arange(batch * 3, dtype=np.float64).reshape(batch, 3) - 2
        session = tf.Session()
        together = session.run(tensors, {x: values})
        alone = [session.run(t, {x: values}) for t in tensors]
        last = session.run(tensors[-1], {x: values})
    np.testing.assert_equal(together, alone)
    np.testing.assert_equal(last, together[-1])


@pytest.mark.parametrize("value", [1e300, 10**30, -(10**300)])
def test_a_number_beyond_the_type_it_is_fed_for_is_infinite_without_a_warning(
    value: float, session: tf.Session
) -> None:
    """The value is TensorFlow's; one that fits is rounded."""
    x = tf.placeholder(tf.float32, [])
    found = session.run(x + 1.0, {x: value})
    assert found == (np.float32(1e30) if abs(value) < 1e38 else np.sign(value) * np.inf)


def test_a_session_of_an_empty_graph_says_so() -> None:
    """RuntimeError, as in TensorFlow, for whatever is fetched."""
    with tf.Session(graph=tf.Graph()) as session, pytest.raises(RuntimeError, match="is empty"):
        session.run("x:0")


def test_a_run_in_parts_goes_on_from_what_it_knows(session: tf.Session) -> None:
    """What was fed stays fed; what was fetched keeps its value, drawn numbers too."""
    a, b, c = (tf.placeholder(tf.float32, []) for _ in range(3))
    drawn = tf.random_normal([])
    total, noisy = a + b, drawn * 2.0
    product, again = total * c, noisy + drawn * 0.0
    handle = session.partial_run_setup([total, product, noisy, again], [a, b, c])
    first, noise = session.partial_run(handle, [total, noisy], {a: 1, b: 2})
    assert first == 3
    assert session.partial_run(handle, product, {c: first * 17}) == 153
    assert session.partial_run(handle, again) == noise


def test_a_run_in_parts_takes_only_what_was_prepared(session: tf.Session) -> None:
    """Feeds once, and fetches that were given; a part that lacks a feed fails as any run."""
    a, b = (tf.placeholder(tf.float32, [], name=name) for name in "ab")
    total = tf.add(a, b, name="total")
    handle = session.partial_run_setup([total], [a])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"feed a value for .*'b'"):
        session.partial_run(handle, total, {a: 1.0})
    with pytest.raises(ValueError, match="'a:0' was fed already"):
        session.partial_run(handle, total, {a: 1.0})
    with pytest.raises(ValueError, match=r"'b:0' .* not given to partial_run_setup"):
        session.partial_run(handle, total, {b: 1.0})
    with pytest.raises(ValueError, match="fetch 'a:0' was not given"):
        session.partial_run(handle, a)
    with pytest.raises(ValueError, match="no partial run 'nothing'"):
        session.partial_run("nothing", total)


def test_a_variable_that_is_fed_is_read_as_fed(session: tf.Session) -> None:
    """Wherever it is read in that run; the variable itself stays as it is."""
    v = tf.Variable([1.0, 2.0], name="v")
    doubled, read = v * 2.0, v.read_value()
    session.run(v.initializer)
    fetched = session.run([doubled, read, v], {v: [5.0, 6.0]})
    assert [array.tolist() for array in fetched] == [[10, 12], [5, 6], [5, 6]]
    assert session.run(doubled, {"v:0": [0.0, 1.0]}).tolist() == [0, 2]
    assert session.run(doubled).tolist() == [2, 4]


def test_sparse_tensors_and_slices_are_fed_as_a_whole(session: tf.Session) -> None:
    """By tuples of their parts, or by the values that a run gives for them."""
    rows = tf.IndexedSlices(tf.placeholder(tf.float32), tf.placeholder(tf.int32))
    cells = tf.SparseTensor(
        tf.placeholder(tf.int64, [None, 2]), tf.placeholder(tf.float32), tf.placeholder(tf.int64)
    )
    total = tf.reduce_sum(rows.values) + tf.reduce_sum(cells.values)
    value = tf.SparseTensorValue([[0, 1]], [2.0], [2, 2])
    assert session.run(total, {rows: ([1.0], [0]), cells: value}) == 3
    assert session.run(cells, {cells: value}).values.tolist() == [2]
    with pytest.raises(ValueError, match="need 2 values"):
        session.run(total, {rows: ([1.0],), cells: value})


def test_names_may_be_bytes(session: tf.Session) -> None:
    """As TensorFlow takes them."""
    x = tf.constant(1.0, name="x")
    assert session.run(b"x:0") == 1
    assert x.graph.as_graph_element(b"x") is x.op


def _ended_by_close(session: tf.Session, fetch: Any, feeds: Any = None) -> Any:
    """What a run in another thread raises when the session is closed meanwhile."""
    raised: list[Any] = []
    begun = threading.Event()

    def run() -> None:
        begun.set()
        try:
            session.run(fetch, feeds)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    time.sleep(0.05)
    session.close()
    thread.join(20)
    assert not thread.is_alive()
    return raised[0]


def test_closing_a_session_ends_an_endless_loop_in_it() -> None:
    """Its run raises CancelledError, which names the loop; a loop inside of another, too."""
    with tf.Graph().as_default():
        forever = tf.placeholder_with_default(True, [])
        loop = tf.while_loop(lambda i: forever, lambda i: i + 1, [0], name="endless")
        inner = tf.while_loop(
            lambda i: i < 1,
            lambda i: i + 0 * tf.while_loop(lambda j: forever, lambda j: j + 1, [0]),
            [0],
        )
        for fetch in (loop, inner):
            error = _ended_by_close(tf.Session(), fetch)
            assert isinstance(error, tf.errors.CancelledError)
            assert error.op is not None
            assert "session was closed" in error.message
            assert ("endless" in error.message) == (fetch is loop)


def test_a_run_that_took_longer_than_its_limit_fails(session: tf.Session) -> None:
    """Also if nothing in it could be interrupted."""
    slow = tf.py_func(lambda: time.sleep(0.02) or np.float32(1), [], tf.float32)
    with pytest.raises(tf.errors.DeadlineExceededError, match="time limit of 1 ms"):
        session.run(slow, options=tf.RunOptions(timeout_in_ms=1))
    assert session.run(slow, options=tf.RunOptions(timeout_in_ms=60_000)) == 1
