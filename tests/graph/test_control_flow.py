"""Conditions and loops: what runs, what comes out, gradients, errors."""

import threading
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runtime as tf


def differences(
    session: tf.Session, y: tf.Tensor, x: tf.Tensor, value: Any, feeds: dict[Any, Any] | None = None
) -> Any:
    """The derivative of a scalar by finite differences."""
    result = np.zeros(value.shape)
    for place in np.ndindex(value.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = value.copy()
            moved[place] += step
            ends.append(session.run(y, {x: moved, **(feeds or {})}))
        result[place] = (ends[0] - ends[1]) / 2e-6
    return result


# Conditions.


def test_only_the_branch_that_is_taken_runs(session: tf.Session) -> None:
    """Operations that a branch makes have no effect if the other one is taken."""
    counts = [tf.Variable(0), tf.Variable(0)]
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, *[lambda v=v: tf.assign_add(v, 1) for v in counts])
    session.run(tf.global_variables_initializer())
    assert session.run(y, {x: True}) == 1
    assert session.run(y, {x: True}) == 2
    assert session.run(y, {x: False}) == 1
    assert session.run(counts) == [2, 1]


def test_what_a_branch_uses_from_outside_runs_in_any_case(session: tf.Session) -> None:
    """Tensors and control dependencies outside are computed before the choice."""
    first, second = tf.Variable(0), tf.Variable(0)
    x = tf.placeholder(tf.bool, [])
    outside, before = tf.assign_add(first, 1), tf.assign_add(second, 1)

    def branch() -> Any:
        with tf.control_dependencies([before]):
            return tf.identity(outside)

    y = tf.cond(x, branch, lambda: tf.constant(-1))
    session.run(tf.global_variables_initializer())
    assert session.run(y, {x: False}) == -1
    assert session.run([first, second]) == [1, 1]


def test_a_condition_waits_for_the_control_dependencies_around_it(session: tf.Session) -> None:
    """A variable that is read in a branch has the value after them."""
    v = tf.Variable(1)
    x = tf.placeholder(tf.bool, [])
    with tf.control_dependencies([tf.assign(v, 5)]):
        y = tf.cond(x, lambda: v + 1, lambda: v.read_value() + 2)
    session.run(tf.global_variables_initializer())
    assert (session.run(y, {x: True}), session.run(y, {x: False})) == (6, 7)


def test_operations_are_run_by_a_branch(session: tf.Session) -> None:
    """A branch may give an operation; a bool stands for it."""
    v = tf.Variable(1)
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, lambda: v.assign(5).op, tf.no_op)
    session.run(tf.global_variables_initializer())
    session.run(y, {x: False})
    assert session.run(v) == 1
    assert session.run(y, {x: True}) and session.run(v) == 5


def test_structures_come_out_of_a_condition(session: tf.Session) -> None:
    """Nested lists, tuples, dictionaries; single elements are unpacked unless strict."""
    x = tf.placeholder(tf.bool, [])
    pair = namedtuple("pair", "a b")
    y = tf.cond(
        x,
        lambda: {"p": pair(tf.constant(1), [tf.constant(2.0)]), "q": (3,)},
        lambda: {"p": pair(tf.constant(4), [tf.constant(5.0)]), "q": (6,)},
    )
    assert session.run(y, {x: True}) == {"p": pair(1, [2.0]), "q": (3,)}
    assert session.run(y, {x: False}) == {"p": pair(4, [5.0]), "q": (6,)}
    assert session.run(tf.cond(x, lambda: [1], lambda: [2]), {x: True}) == 1
    assert session.run(tf.cond(x, lambda: [1], lambda: [2], strict=True), {x: True}) == [1]


def test_names_and_shapes_of_a_condition() -> None:
    """Names are TensorFlow's; a size is known if both branches agree on it."""
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, lambda: tf.ones([2, 3]), lambda: tf.zeros([5, 3]), name="choice")
    assert y.name == "choice/Merge:0"
    assert y.shape.as_list() == [None, 3]
    z = tf.cond(x, fn1=lambda: tf.ones([2]), fn2=lambda: tf.zeros([2]))
    assert (z.name, z.shape.as_list()) == ("cond/Merge:0", [2])


def test_variables_can_be_made_in_a_branch(session: tf.Session) -> None:
    """They belong to the graph, and their initializers don't depend on the branch."""
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, lambda: tf.get_variable("w", [], initializer=tf.ones_initializer()) * 2.0,
                lambda: tf.constant(0.0))  # fmt: skip
    assert [v.name for v in tf.global_variables()] == ["w:0"]
    session.run(tf.global_variables_initializer())
    assert session.run(y, {x: True}) == 2.0


@pytest.mark.parametrize("value", [1.5, -1.5])
def test_gradients_flow_through_the_branch_that_was_taken(
    value: float, session: tf.Session
) -> None:
    """First and second derivatives, also of what only one branch uses."""
    x, w = tf.placeholder(tf.float64, []), tf.placeholder(tf.float64, [])
    y = tf.cond(x > 0, lambda: tf.exp(x * w) * x, lambda: tf.square(x))
    dx, dw = tf.gradients(y, [x, w])
    (ddx,) = tf.gradients(dx, x)
    feeds = {x: value, w: 0.5}
    e = np.exp(0.5 * value)
    expected = (
        (e * (1 + 0.5 * value), value**2 * e, e * (1 + 0.25 * value))
        if value > 0
        else (2 * value, 0.0, 2.0)
    )
    np.testing.assert_allclose(session.run([dx, dw, ddx], feeds), expected)


def test_a_variable_is_not_overwritten_while_a_branch_uses_its_old_value(
    session: tf.Session,
) -> None:
    """A value read before and used after an update in the branch is the old one."""
    v = tf.Variable(np.ones(4))
    x = tf.placeholder(tf.bool, [])
    before = v.value()

    def update() -> Any:
        with tf.control_dependencies([tf.assign_add(v, np.ones(4))]):
            return before * 10.0

    y = tf.cond(x, update, lambda: before * 1.0)
    session.run(tf.global_variables_initializer())
    assert session.run(y, {x: True}).tolist() == [10.0] * 4
    assert session.run(v).tolist() == [2.0] * 4


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda p: tf.cond(True, lambda: 1, lambda: 2), TypeError, "Python bool"),
        (lambda p: tf.cond(p, 1, lambda: 2), TypeError, "true_fn must be callable"),
        (lambda p: tf.cond(p, lambda: 1), TypeError, "false_fn is needed"),
        (lambda p: tf.cond(p, lambda: 1, lambda: 1.0), ValueError, "same type: int32, float32"),
        (lambda p: tf.cond(p, lambda: 1, lambda: [1, 2]), TypeError, "Incompatible return types"),
        (lambda p: tf.cond(p, lambda: None, lambda: None), ValueError, "have a return value"),
    ],
)
def test_a_wrong_condition_is_refused(make: Any, error: type[Exception], message: str) -> None:
    """When the graph is built, with what is wrong."""
    with pytest.raises(error, match=message):
        make(tf.placeholder(tf.bool, []))


def test_what_is_inside_of_a_branch_can_not_be_used_outside(session: tf.Session) -> None:
    """Not as an input, not as a control input, not as a fetch, not as a feed."""
    found = []
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, lambda: found.append(tf.identity(x)) or found[0], lambda: x)
    with pytest.raises(ValueError, match=r"'cond/Identity'.*inside of a branch \(true_fn\)"):
        tf.logical_not(found[0])
    with pytest.raises(ValueError, match="inside of a branch"), tf.control_dependencies(found):
        tf.no_op()
    with pytest.raises(ValueError, match=r"may not be fetched: it is inside of a branch"):
        session.run(found[0], {x: True})
    with pytest.raises(ValueError, match=r"may not be fed: it is inside of a branch"):
        session.run(y, {x: True, found[0]: False})


# Loops.


def test_a_loop_repeats_while_its_condition_holds(session: tf.Session) -> None:
    """Also not at all; the names are TensorFlow's."""
    n = tf.placeholder(tf.int32, [])
    i, total = tf.while_loop(lambda i, t: i < n, lambda i, t: (i + 1, t + i), [0, 0])
    assert (i.name, total.name) == ("while/Exit:0", "while/Exit_1:0")
    assert session.run([i, total], {n: 5}) == [5, 10]
    assert session.run([i, total], {n: 0}) == [0, 0]


def test_structures_of_loop_variables(session: tf.Session) -> None:
    """Nested structures and single variables."""
    state = namedtuple("state", "c h")
    _, s = tf.while_loop(
        lambda i, s: i < 3,
        lambda i, s: [i + 1, state(s.c * 2.0, {"x": s.h["x"] + s.c})],
        (tf.constant(0), state(tf.constant(1.0), {"x": tf.constant(0.0)})),
    )
    assert session.run(s) == state(8.0, {"x": 7.0})
    one = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
    assert isinstance(one, tf.Tensor) and session.run(one) == 3
    same = tf.while_loop(lambda i: i < 3, lambda i: [i + 1], [0], return_same_structure=True)
    assert session.run(same) == [3]


def test_a_loop_ends_after_its_most_iterations(session: tf.Session) -> None:
    """A number, or a tensor."""
    n = tf.placeholder(tf.int32, [])
    x = tf.while_loop(lambda x: True, lambda x: x * 2.0, [1.0], maximum_iterations=4)
    i, y = tf.while_loop(lambda i, y: i < 9, lambda i, y: (i + 1, y * 2.0), (0, 1.0),
                         maximum_iterations=n)  # fmt: skip
    assert session.run([x, i, y], {n: 3}) == [16.0, 3, 8.0]


def test_shapes_may_change_only_as_announced(session: tf.Session) -> None:
    """By shape_invariants; else the error says what to do."""
    x = tf.ones([1, 2])
    with pytest.raises(ValueError, match=r"shape \(1, 2\), but has shape \(2, 2\).*shape_invar"):
        tf.while_loop(lambda x: True, lambda x: tf.concat([x, x], 0), [x])
    with pytest.raises(ValueError, match=r"shape invariant specified .* is not compatible"):
        tf.while_loop(lambda x: True, lambda x: x, [x], [tf.TensorShape([3, 2])])
    y = tf.while_loop(
        lambda x: tf.shape(x)[0] < 5,
        lambda x: tf.concat([x, x], 0),
        [x],
        [tf.TensorShape([None, 2])],
    )
    assert y.shape.as_list() == [None, 2]
    assert session.run(y).shape == (8, 2)


def test_effects_happen_in_each_iteration_in_order(session: tf.Session) -> None:
    """Assignments and random numbers are made anew each time."""
    v = tf.Variable(np.zeros(2))

    def body(i: Any, total: Any) -> Any:
        with tf.control_dependencies([tf.assign_add(v, np.ones(2))]):
            return i + 1, total + v.read_value()

    _, total = tf.while_loop(lambda i, t: i < 3, body, [0, np.zeros(2)])
    _, draws = tf.while_loop(
        lambda i, d: i < 4,
        lambda i, d: (i + 1, tf.concat([d, tf.random_uniform([1])], 0)),
        [0, tf.zeros([0])],
        [tf.TensorShape([]), tf.TensorShape([None])],
    )
    session.run(tf.global_variables_initializer())
    assert session.run(total).tolist() == [6.0, 6.0]
    assert session.run(v).tolist() == [3.0, 3.0]
    assert len(set(session.run(draws).tolist())) == 4


def test_gradients_flow_through_loops_in_loops_and_conditions(session: tf.Session) -> None:
    """The number of iterations and the branches depend on data."""
    x, n = tf.placeholder(tf.float64, [3]), tf.placeholder(tf.int32, [])

    def outer(i: Any, a: Any) -> Any:
        _, b = tf.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * tf.sin(a) + x), [0, a])
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: b + x, lambda: tf.tanh(b) * a)

    _, z = tf.while_loop(lambda i, a: i < n, outer, [0, x])
    y = tf.reduce_sum(z)
    (gradient,) = tf.gradients(y, x)
    value = np.array([0.3, -0.7, 1.1])
    for count in (0, 1, 4):
        found = session.run(gradient, {x: value, n: count})
        expected = differences(session, y, x, value, {n: count})
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.integers(0, 2**31))
def test_the_gradient_of_a_recurrent_network_is_the_limit_of_finite_differences(
    batch: int, width: int, length: int, seed: int
) -> None:
    """Over shapes and lengths, for weights outside of the loop, inputs in an array, the state."""
    draw = np.random.default_rng(seed).normal
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.placeholder(tf.float64, [None, width])
        xs = tf.placeholder(tf.float64, [None, None, width])
        inputs = tf.TensorArray(tf.float64, tf.shape(xs)[0]).unstack(xs)
        outputs = tf.TensorArray(tf.float64, tf.shape(xs)[0])

        def step(t: Any, h: Any, out: Any) -> Any:
            h = tf.tanh(tf.matmul(h, w) + inputs.read(t))
            return t + 1, h, out.write(t, h * h)

        begin = tf.zeros([tf.shape(xs)[1], width], tf.float64)
        _, last, out = tf.while_loop(
            lambda t, *_: t < tf.shape(xs)[0],
            step,
            [0, begin, outputs],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, width]), None],
        )
        y = tf.reduce_sum(last) + tf.reduce_sum(out.stack())
        gradients = tf.gradients(y, [w, xs])
        values = {w: draw(size=(width, width)), xs: draw(size=(length, batch, width))}
        found = session.run(gradients, values)
        for x, gradient in zip((w, xs), found, strict=True):
            others = {k: v for k, v in values.items() if k is not x}
            expected = differences(session, y, x, values[x], others)
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_no_gradient_flows_through_a_loop_without_back_prop(session: tf.Session) -> None:
    """As if what it gives were constant."""
    x = tf.placeholder(tf.float32, [])
    _, y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [0, x], back_prop=False)
    assert tf.gradients(y, x) == [None]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: tf.while_loop(1, lambda x: x, [0]), TypeError, "callable"),
        (lambda: tf.while_loop(lambda: True, lambda: [], []), ValueError, "No loop variables"),
        (lambda: tf.while_loop(lambda x: True, lambda x: tf.cast(x, "int64"), [1]), TypeError,
         "enters it with type int32, but has type int64"),
        (lambda: tf.while_loop(lambda x, y: True, lambda x, y: x, [1, 2]), ValueError,
         "structure of loop_vars"),
        (lambda: tf.while_loop(lambda x: [True], lambda x: x, [1]), ValueError, "give a scalar"),
        (lambda: tf.while_loop(lambda x: True, lambda x: x, [1], parallel_iterations=0), TypeError,
         "positive integer"),
    ],
)  # fmt: skip
def test_a_wrong_loop_is_refused(make: Any, error: type[Exception], message: str) -> None:
    """When the graph is built, with what is wrong."""
    with pytest.raises(error, match=message):
        make()


def test_an_error_in_a_loop_names_the_operation_and_the_user_s_line(session: tf.Session) -> None:
    """The one inside that failed, not the loop."""
    x = tf.while_loop(
        lambda i: i < 3, lambda i: tf.cond(i > 1, lambda: i // (i - 2), lambda: i + 1), [0]
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=__file__) as caught:
        session.run(x)
    assert caught.value.op is not None and caught.value.op.name == "while/cond/floordiv"


def test_shapes_that_do_not_fit_are_named_when_a_plan_is_made(session: tf.Session) -> None:
    """With the operation inside that can't work with what is fed."""
    x = tf.placeholder(tf.float32, None)
    _, y = tf.while_loop(
        lambda i, y: i < 2,
        lambda i, y: (i + 1, tf.matmul(y, x)),
        [0, tf.ones([2, 2])],
        [tf.TensorShape([]), tf.TensorShape(None)],
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"can't be multiplied.*\n.*while/Mat"):
        session.run(y, {x: np.ones((3, 3))})


def test_a_loop_heeds_the_time_limit_of_a_run(session: tf.Session) -> None:
    """A loop without end is left by DeadlineExceededError."""
    x = tf.while_loop(lambda i: i >= 0, lambda i: tf.minimum(i + 1, 5), [0])
    with pytest.raises(tf.errors.DeadlineExceededError, match="in a loop"):
        session.run(x, options=tf.RunOptions(timeout_in_ms=50))


def test_the_operations_of_a_loop_are_traced(session: tf.Session) -> None:
    """Each with its time, once for each iteration."""
    x = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
    metadata = tf.RunMetadata()
    session.run(x, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE),
                run_metadata=metadata)  # fmt: skip
    names = [node.node_name for node in metadata.step_stats.dev_stats[0].node_stats]
    assert names.count("while/add") == 3 and names.count("while/While") == 1


def test_loops_run_in_several_threads_at_once(session: tf.Session) -> None:
    """Each run has values of its own."""
    n = tf.placeholder(tf.int32, [])
    _, total = tf.while_loop(lambda i, t: i < n, lambda i, t: (i + 1, t + i), [0, 0])
    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda k=k: results.update({k: session.run(total, {n: k})}))
        for k in range(50, 58)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: k * (k - 1) // 2 for k in range(50, 58)}


def test_a_finalized_graph_takes_no_condition(graph: tf.Graph) -> None:
    """Nothing can be added, and running needs nothing to be added."""
    x = tf.placeholder(tf.bool, [])
    y = tf.cond(x, lambda: 1, lambda: 2)
    graph.finalize()
    with tf.Session(graph=graph) as session:
        assert session.run(y, {x: True}) == 1
    with pytest.raises(RuntimeError, match="finalized"):
        tf.cond(x, lambda: 1, lambda: 2)


# Arrays of tensors.


def test_an_array_is_written_and_read(session: tf.Session) -> None:
    """By index, as a whole, in parts."""
    array = tf.TensorArray(tf.float32, 3).write(0, [1.0, 2.0]).write(2, [5.0, 6.0])
    assert session.run(array.read(2)).tolist() == [5.0, 6.0]
    assert session.run(array.stack()).tolist() == [[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]
    assert array.stack().shape.as_list() == [3, 2]
    assert array.stack().name == "TensorArrayStack_2/TensorArrayGatherV3:0"
    assert session.run(array.gather([2, 0])).tolist() == [[5.0, 6.0], [1.0, 2.0]]
    parts = tf.TensorArray(tf.float32, 2).split([1.0, 2.0, 3.0], [1, 2])
    assert session.run([parts.read(1), parts.concat(), parts.size()])[1].tolist() == [1, 2, 3]
    whole = tf.TensorArray(tf.int32, dynamic_size=True).unstack([[1], [2]]).write(2, [3])
    assert session.run(whole.stack()).tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda a: a.write(5, 1.0).stack(), "index 5 but array is not resizeable and size is: 2"),
        (lambda a: a.write(0, 1.0).write(0, 2.0).stack(), "already been written to"),
        (lambda a: a.read(7), "read from index 7 but array size is: 2"),
        (lambda a: a.read(1), "element shape is not fully defined"),
    ],
)
def test_a_wrong_use_of_an_array_fails(make: Any, message: str, session: tf.Session) -> None:
    """In the run, with the index."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(make(tf.TensorArray(tf.float32, 2)))


def test_gradients_flow_through_arrays(session: tf.Session) -> None:
    """Through each way to write and to read."""
    x = tf.placeholder(tf.float64, [4])
    square = tf.TensorArray(tf.float64, 4).unstack(x * x)
    split = tf.TensorArray(tf.float64, 2).split(x, [1, 3])
    picked = square.gather([2, 0, 2]) * [1.0, 2.0, 3.0]
    single = tf.TensorArray(tf.float64, 1).write(0, square.read(1))
    y = tf.reduce_sum(picked) + tf.reduce_sum(split.concat() ** 3) + tf.reduce_sum(single.stack())
    value = np.array([0.5, -1.0, 2.0, 3.0])
    (gradient,) = tf.gradients(y, x)
    expected = differences(session, y, x, value)
    np.testing.assert_allclose(session.run(gradient, {x: value}), expected, rtol=1e-6)


# Together with the rest.


def test_a_loop_can_follow_a_gradient(session: tf.Session) -> None:
    """Gradients are taken inside of the body, and gradients flow through these."""
    x = tf.placeholder(tf.float64, [])

    def body(i: Any, v: Any) -> Any:
        (slope,) = tf.gradients(tf.square(v - 3.0), v)
        return i + 1, v - 0.1 * slope

    _, v = tf.while_loop(lambda i, v: i < 3, body, [0, x])
    value, slope = session.run([v, tf.gradients(v, x)[0]], {x: 1.0})
    np.testing.assert_allclose([value, slope], [3 - 2 * 0.8**3, 0.8**3])


def test_the_gradient_knows_the_random_numbers_of_each_iteration(session: tf.Session) -> None:
    """They are kept, not drawn again."""
    x = tf.placeholder(tf.float64, [50])
    _, y = tf.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, tf.nn.dropout(y, keep_prob=0.8)), [0, x]
    )
    value = np.arange(1.0, 51.0)
    found, slope = session.run([y, tf.gradients(y, x)[0]], {x: value})
    assert 0 < np.count_nonzero(found) < 50
    np.testing.assert_allclose(found, slope * value)


def test_rows_that_a_loop_gathers_have_a_gradient(session: tf.Session) -> None:
    """As a whole tensor."""
    w = tf.Variable(np.arange(6.0).reshape(3, 2))
    _, y = tf.while_loop(
        lambda i, y: i < 3,
        lambda i, y: (i + 1, y + tf.reduce_sum(tf.gather(w, [i, 0]) ** 2)),
        [0, tf.constant(0.0, tf.float64)],
    )
    session.run(w.initializer)
    assert session.run(tf.gradients(y, w)[0]).tolist() == [[0, 8], [4, 6], [8, 10]]


def test_a_branch_can_train_and_take_from_queues(session: tf.Session) -> None:
    """Only if it is taken."""
    w, p = tf.Variable(2.0), tf.placeholder(tf.bool, [])
    descent = tf.train.GradientDescentOptimizer(0.1)
    step = tf.cond(p, lambda: tf.group(descent.minimize(tf.square(w))), tf.no_op)
    queue = tf.FIFOQueue(10, [tf.int32], [[]])
    element = tf.cond(p, queue.dequeue, lambda: tf.constant(0))
    session.run([tf.global_variables_initializer(), queue.enqueue_many([[7, 8]])])
    assert session.run([step, element], {p: False})[1] == 0
    assert session.run([step, element], {p: True})[1] == 7
    np.testing.assert_allclose(session.run(w), 1.6)
    assert session.run(queue.size()) == 1


def test_losses_of_either_branch_are_trained(session: tf.Session) -> None:
    """The gradient is that of the branch that was taken."""
    w, p = tf.Variable(2.0), tf.placeholder(tf.bool, [])
    loss = tf.cond(p, lambda: tf.square(w), lambda: tf.abs(w))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    session.run(tf.global_variables_initializer())
    session.run(step, {p: True})
    session.run(step, {p: False})
    np.testing.assert_allclose(session.run(w), 1.6 - 0.1)


def test_the_first_condition_that_holds_decides(session: tf.Session) -> None:
    """If none holds and there is no default the run fails; if two hold, too, if they may not."""
    x = tf.placeholder(tf.int32, [])
    pairs = [(x < 1, lambda: tf.constant(1)), (x < 5, lambda: tf.constant(2))]
    y, z = tf.case(pairs), tf.case(pairs, lambda: tf.constant(3), exclusive=True)
    assert session.run([y, z], {x: 3}) == [2, 2] and session.run(z, {x: 9}) == 3
    assert session.run(y, {x: 0}) == 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="None of the conditions"):
        session.run(y, {x: 9})
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 1 conditions"):
        session.run(z, {x: 0})


def test_structures_are_mapped_row_by_row(session: tf.Session) -> None:
    """With a structure of element types for the results."""
    result = tf.map_fn(
        lambda d: {"next": d["x"] + 1, "real": tf.cast(d["x"], tf.float32)},
        {"x": tf.range(3)},
        dtype={"next": tf.int32, "real": tf.float32},
    )
    value = session.run(result)
    assert value["next"].tolist() == [1, 2, 3] and value["real"].tolist() == [0.0, 1.0, 2.0]
    assert result["next"].shape.as_list() == [3]


def test_effects_of_a_condition_happen_also_if_nobody_reads_what_it_gives() -> None:
    """By a control dependency, in a group, or as an operation that is run."""
    counter = tf.Variable(0)
    both = tf.placeholder_with_default(True, [])
    done = tf.cond(both, lambda: tf.group(counter.assign_add(1)), tf.no_op)
    value = tf.cond(both, lambda: counter.assign_add(10), lambda: counter.read_value())
    with tf.control_dependencies([done]):
        after = tf.identity(tf.constant(5))
    with tf.Session() as session:
        session.run(counter.initializer)
        for waiting, expected in ((after, 1), (tf.group(done), 2), (done.op, 3), (value.op, 13)):
            session.run(waiting)
            assert session.run(counter) == expected
        session.run(tf.group(done), {both: False})
        assert session.run(counter) == 13


def test_an_error_names_the_operation_of_the_branch_that_was_taken() -> None:
    """Also if both branches do the same."""
    first, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    checked = tf.cond(
        first,
        lambda: tf.check_numerics(x, "bad", name="one"),
        lambda: tf.check_numerics(x, "bad", name="other"),
    )
    with tf.Session() as session:
        for taken, name in ((True, "one"), (False, "other")):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"'cond/{name}'"):
                session.run(checked, {first: taken, x: np.inf})
