"""Variables: life, values at which moment, updates in place, collections."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf


def test_a_variable_consists_of_the_operations_that_tensorflow_makes(graph: tf.Graph) -> None:
    """With their names; two of one name get a number."""
    w = tf.Variable(1.0, name="w")
    again = tf.Variable(2.0, name="w")
    assert [op.name for op in graph.get_operations()][:4] == [
        "w/initial_value",
        "w",
        "w/Assign",
        "w/read",
    ]
    assert (w.name, again.name, tf.Variable(1).name) == ("w:0", "w_1:0", "Variable:0")


def test_a_variable_tells_what_it_is() -> None:
    """Type, shape, graph, initializer."""
    w = tf.Variable([[1.0, 2.0]], name="w")
    assert w.dtype is tf.float32
    assert w.shape.as_list() == w.get_shape().as_list() == [1, 2]
    assert w.graph is tf.get_default_graph()
    assert w.op.type == "VariableV2"
    assert w.initializer.name == "w/Assign"
    assert w.initial_value.name == "w/initial_value:0"
    assert repr(w) == "<tf.Variable 'w:0' shape=(1, 2) dtype=float32>"


@pytest.mark.parametrize("use", [lambda w: w, lambda w: w + 1.0, lambda w: w.read_value()])
def test_using_an_uninitialized_variable_is_a_failed_precondition(
    use: Any, session: tf.Session
) -> None:
    """The message names the variable, says "uninitialized" and what to do."""
    w = tf.Variable(1.0, name="weights")
    fetch = use(w)
    with pytest.raises(tf.errors.FailedPreconditionError) as error:
        session.run(fetch)
    for part in ("weights", "uninitialized", "global_variables_initializer", "test_variables.py:"):
        assert part in str(error.value)


def test_adding_to_an_uninitialized_variable_is_a_not_found_error(session: tf.Session) -> None:
    """As recorded of TensorFlow; the message is the same."""
    update = tf.assign_add(tf.Variable(1.0, name="weights"), 1.0)
    with pytest.raises(tf.errors.NotFoundError, match="uninitialized value weights"):
        session.run(update)


def test_initializers_see_the_variables_made_before(session: tf.Session) -> None:
    """In one run of all initializers, too."""
    a = tf.Variable(2.0)
    b = tf.Variable(a * 3.0)
    c = tf.Variable(b.initialized_value() + 1.0)
    session.run(tf.global_variables_initializer())
    assert session.run([a, b, c]) == [2.0, 6.0, 7.0]


def test_initialized_value_is_the_value_or_else_the_initial_one(session: tf.Session) -> None:
    """Without initializing."""
    w = tf.Variable(1.0)
    value = w.initialized_value()
    assert session.run(value) == 1.0
    session.run(w.assign(5.0))
    assert session.run(value) == 5.0


def test_a_variable_can_be_assigned_and_changed(session: tf.Session) -> None:
    """The operation's value is the new one."""
    w = tf.Variable([1.0, 2.0])
    session.run(w.initializer)
    assert session.run(w.assign_add([1.0, 1.0])).tolist() == [2.0, 3.0]
    assert session.run(w.assign_sub([0.5, 0.5])).tolist() == [1.5, 2.5]
    assert session.run(w.assign([7.0, 8.0])).tolist() == [7.0, 8.0]
    assert session.run(tf.assign(w, [0.0, 0.0], name="zero")).tolist() == [0.0, 0.0]
    w.load([3.0, 4.0], session)
    assert w.eval(session).tolist() == [3.0, 4.0]
    assert w.assign([1.0, 1.0], read_value=False).type == "Assign"


def test_reads_come_before_later_updates(session: tf.Session) -> None:
    """What was computed from the old value does not change when the buffer is updated."""
    w = tf.Variable([1.0, 2.0])
    old = tf.identity(w)
    doubled = w * 2.0
    update = w.assign_add([10.0, 10.0])
    session.run(w.initializer)
    results = session.run([w.value(), old, doubled, update, w])
    assert [r.tolist() for r in results] == [[1, 2], [1, 2], [2, 4], [11, 12], [11, 12]]


def test_inside_control_dependencies_the_new_value_is_read(session: tf.Session) -> None:
    """By conversion as well as by read_value."""
    step = tf.Variable(0)
    update = step.assign_add(1)
    with tf.control_dependencies([update]):
        converted = tf.identity(step)
        read = step.read_value()
        sum_ = step + 10
    session.run(step.initializer)
    assert session.run([converted, read, sum_, step.value()]) == [1, 1, 11, 0]


def test_a_variable_can_be_fed(session: tf.Session) -> None:
    """Also its read value."""
    w = tf.Variable(1.0)
    assert session.run(w * 2.0, {w.value(): 3.0}) == 6.0


def test_count_up_to_ends_with_out_of_range(session: tf.Session) -> None:
    """Its value is the one before."""
    counter = tf.Variable(0)
    count = counter.count_up_to(2)
    session.run(counter.initializer)
    assert [session.run(count), session.run(count)] == [0, 1]
    with pytest.raises(tf.errors.OutOfRangeError, match="limit of 2"):
        session.run(count)


def test_a_wrong_shape_or_type_is_refused_at_building() -> None:
    """With both shapes."""
    w = tf.Variable([1.0, 2.0], name="w")
    with pytest.raises(ValueError, match=r"\(3,\).*'w'.*\(2,\)"):
        w.assign([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="float32"):
        w.assign(["a", "b"])
    with pytest.raises(TypeError, match="assign needs a variable"):
        tf.assign(tf.constant(1.0), 2.0)


def test_a_wrong_shape_at_run_time_is_an_invalid_argument(session: tf.Session) -> None:
    """And the variable keeps its value."""
    w = tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32)
    session.run(w.initializer)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\(3,\)"):
        session.run(w.assign(x), {x: [1.0, 2.0, 3.0]})
    assert session.run(w).tolist() == [1.0, 2.0]


def test_a_variable_without_a_fixed_shape_takes_any(session: tf.Session) -> None:
    """If validate_shape is false."""
    w = tf.Variable(tf.placeholder_with_default([1.0], None), validate_shape=False)
    session.run(w.initializer)
    session.run(tf.assign(w, [[1.0, 2.0]], validate_shape=False))
    assert session.run(w).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("value", [None])
def test_a_variable_needs_an_initial_value(value: Any) -> None:
    """None is none."""
    with pytest.raises(ValueError, match="initial_value must be specified"):
        tf.Variable(value)


def test_a_variable_needs_a_known_shape() -> None:
    """Unless it says otherwise."""
    with pytest.raises(ValueError, match="validate_shape=False"):
        tf.Variable(tf.placeholder(tf.float32))


def test_a_variable_keeps_no_memory_of_the_user(session: tf.Session) -> None:
    """Neither of what was fed for it nor of the initial array."""
    start, fed = np.zeros(2, np.float32), np.ones(2, np.float32)
    w = tf.Variable(start)
    x = tf.placeholder(tf.float32, [2])
    assign = w.assign(x)
    session.run(w.initializer)
    start[:] = 5
    assert session.run(w).tolist() == [0, 0]
    session.run(assign, {x: fed})
    fed[:] = 5
    assert session.run(w).tolist() == [1, 1]
    session.run(w.assign_add([1.0, 1.0]))
    session.run(w.initializer)
    assert session.run(w).tolist() == [0, 0]


def test_collections_hold_the_variables() -> None:
    """Global, local and trainable ones."""
    a = tf.Variable(1.0, name="a")
    b = tf.Variable(1.0, name="b", trainable=False)
    c = tf.Variable(1.0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    assert tf.global_variables() == [a, b]
    assert tf.trainable_variables() == [a]
    assert tf.local_variables() == [c]
    assert tf.global_variables("b") == [b]


def test_uninitialized_variables_are_reported_by_name(session: tf.Session) -> None:
    """All, or those of a list."""
    a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b")
    report = tf.report_uninitialized_variables()
    only = tf.report_uninitialized_variables([b])
    assert session.run(report).tolist() == [b"a", b"b"]
    session.run(tf.variables_initializer([a]))
    assert session.run(report).tolist() == [b"b"]
    assert session.run(only).tolist() == [b"b"]
    assert session.run([tf.is_variable_initialized(v) for v in (a, b)]) == [True, False]
    session.run(tf.global_variables_initializer())
    assert session.run(report).shape == (0,)
    session.run([tf.local_variables_initializer(), tf.tables_initializer()])


def test_a_report_needs_no_variables(session: tf.Session) -> None:
    """It is empty, and of strings."""
    report = session.run(tf.report_uninitialized_variables([]))
    assert (report.shape, report.dtype) == ((0,), object)


def test_what_is_fetched_of_a_variable_stays_as_it_was(session: tf.Session) -> None:
    """Later updates in place don't reach it."""
    w = tf.Variable(tf.zeros([3]))
    update = w.assign_add([1.0, 1.0, 1.0])
    session.run(w.initializer)
    seen = [session.run(w)] + [session.run(update) for _ in range(3)]
    assert [s.tolist() for s in seen] == [[float(i)] * 3 for i in range(4)]


_READ, _ASSIGN, _ADD, _SUB, _MIX = range(5)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 9)), max_size=14),
    st.lists(st.integers(0, 20), min_size=1, max_size=6),
    st.integers(1, 3),
)
def test_a_run_is_like_its_operations_one_after_the_other(
    steps: list[tuple[int, int, int]], fetched: list[int], runs: int
) -> None:
    """Reads and updates in the order of creation, as an interpreter without buffers does them.

    The plan updates in place and keeps arrays where it thinks that it may; this compares every
    value with one computed by copying everything.
    """
    with tf.Graph().as_default():
        variables = [tf.Variable([float(i), 1.0]) for i in range(2)]
        tensors: list[Any] = [tf.constant([0.5, 2.0]), *[v.value() for v in variables]]
        program: list[tuple[Any, ...]] = [("const",), ("read", 0), ("read", 1)]
        for kind, which, source in steps:
            operand = source % len(tensors)
            _append(kind, which, operand, variables, tensors, program)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        wanted = sorted({index % len(tensors) for index in fetched})
        state = [np.array([0.0, 1.0], np.float32), np.array([1.0, 1.0], np.float32)]
        for _ in range(runs):
            found = session.run([tensors[index] for index in wanted])
            expected = _interpreted(program, state, wanted)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(session.run(variables), state)


def _append(
    kind: int, which: int, operand: int, variables: Any, tensors: Any, program: Any
) -> None:
    variable, value = variables[which], tensors[operand]
    if kind == _READ:
        tensors.append(variable.read_value())
        program.append(("read", which))
    elif kind == _ASSIGN:
        tensors.append(variable.assign(value))
        program.append(("assign", which, operand))
    elif kind == _MIX:
        tensors.append(tf.reshape(value, [2, 1])[:, 0] * 0.5 + 1.0)
        program.append(("mix", operand))
    else:
        change = variable.assign_add if kind == _ADD else variable.assign_sub
        tensors.append(change(value))
        program.append(("add" if kind == _ADD else "sub", which, operand))


def _interpreted(program: Any, state: list[Any], wanted: list[int]) -> list[Any]:
    needed = set(wanted)
    for index in reversed(range(len(program))):
        if index in needed and program[index][0] not in ("const", "read"):
            needed.add(program[index][-1])
    values: dict[int, Any] = {}
    for index in sorted(needed):
        values[index] = _step(program[index], state, values)
    return [values[index] for index in wanted]


def _step(instruction: Any, state: list[Any], values: dict[int, Any]) -> Any:
    kind = instruction[0]
    if kind == "const":
        return np.array([0.5, 2.0], np.float32)
    if kind == "mix":
        return values[instruction[1]] * np.float32(0.5) + np.float32(1.0)
    which = instruction[1]
    if kind == "assign":
        state[which] = values[instruction[2]].copy()
    elif kind == "add":
        state[which] = state[which] + values[instruction[2]]
    elif kind == "sub":
        state[which] = state[which] - values[instruction[2]]
    return state[which].copy()


def test_a_variable_is_fetched_as_it_is_after_the_run_changed_it() -> None:
    """Whatever the order of the fetches; a tensor that reads it reads it before."""
    count = tf.Variable(0)
    loss = tf.square(tf.Variable(1.0))
    train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=count)
    with tf.control_dependencies([train_op]):
        after = tf.identity(count)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([train_op, count])[1] == 1
        assert session.run([count, train_op])[0] == 2
        assert session.run([train_op, count.value(), count])[1:] == [2, 3]
        assert session.run([train_op, after])[1] == 4
        assert session.run([train_op, count + 0, "Variable:0"])[1:] == [4, 5]


def test_a_variable_that_is_fetched_after_its_change_is_not_shared() -> None:
    """The array is the caller's own: the next run leaves it alone."""
    w = tf.Variable([1.0, 2.0])
    double = w.assign(w * 2)
    with tf.Session() as session:
        session.run(w.initializer)
        first = session.run([double.op, w])[1]
        session.run(double)
        assert first.tolist() == [2, 4]


def test_a_slice_of_a_variable_can_be_assigned_to(session: tf.Session) -> None:
    """As `v[i].assign` of TensorFlow: the result is the whole variable."""
    table = tf.Variable(np.zeros([2, 3], np.float32), name="table")
    row, place = tf.placeholder(tf.int32, []), table[:, 1:]
    by_row = table[row].assign([7.0, 8.0, 9.0])
    assert place.assign([[1.0, 2.0], [3.0, 4.0]], name="put").name == "put:0"
    assert table[0, 0].assign(5.0).name == "strided_slice_2/_assign:0"
    session.run(table.initializer)
    assert session.run("put:0").tolist() == [[0, 1, 2], [0, 3, 4]]
    assert session.run(by_row, {row: 1}).tolist() == [[0, 1, 2], [7, 8, 9]]
    assert session.run("strided_slice_2/_assign:0")[0, 0] == 5
    assert session.run(table).tolist() == [[5, 1, 2], [7, 8, 9]]
    with pytest.raises(ValueError, match=r"shape \(2,\) can't be assigned .* of shape \(3,\)"):
        table[0].assign([1.0, 2.0])
    with pytest.raises(AttributeError, match="no slice of one"):
        (table + 1.0)[0].assign([0.0, 0.0, 0.0])


def test_an_array_that_was_fetched_of_a_slice_assignment_stays_as_it_is(
    session: tf.Session,
) -> None:
    """Later assignments do not show in it."""
    table = tf.Variable(np.zeros([2, 3], np.float32))
    update = table[0].assign(tf.placeholder_with_default([1.0, 1.0, 1.0], [3], name="row"))
    session.run(table.initializer)
    first = session.run(update)
    session.run(update, {"row:0": [2, 2, 2]})
    assert first.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_a_variable_tells_the_names_of_its_operations() -> None:
    """By `to_proto`; `ref` stands for it in dicts; it is true as any object is."""
    weights = tf.Variable(tf.zeros([2]), name="w")
    proto = weights.to_proto()
    assert (proto.variable_name, proto.initializer_name) == ("w:0", "w/Assign")
    assert (proto.snapshot_name, proto.initial_value_name) == ("w/read:0", "zeros:0")
    assert {weights.ref(): 1}[weights.ref()] == 1
    assert weights.ref().deref() is weights
    assert list(filter(None, [weights, None])) == [weights]
    assert weights.read_value().name == "read:0"
