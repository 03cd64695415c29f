"""What public programs rely on, though no documentation speaks of it."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf


@pytest.mark.parametrize("make", [tf.constant, tf.Variable, lambda x: tf.constant(x).op])
def test_a_program_hangs_its_own_things_on_what_is_in_the_graph(
    make: Callable[[float], Any],
) -> None:
    """Tensors, variables and operations take attributes that nobody here knows."""
    element = make(1.0)
    element.history = ("a layer", 3)
    assert element.history == ("a layer", 3)


def test_a_variable_is_true_as_an_object() -> None:
    """``if variable:`` asks whether there is one; a tensor refuses the question."""
    assert tf.Variable(0)
    assert (None or tf.Variable(0.0, name="w")).op.name == "w"
    with pytest.raises(TypeError, match="Python bool"):
        bool(tf.constant(0))


def test_a_variable_does_not_look_like_a_list() -> None:
    """Programs tell lists of variables from a variable by `__len__`."""
    assert not hasattr(tf.Variable([1.0, 2.0]), "__len__")
    with pytest.raises(TypeError, match="no len"):
        len(tf.constant([1.0, 2.0]))


def test_a_variable_carries_a_note_about_the_whole_that_it_is_a_slice_of() -> None:
    """Libraries that tell full names look at `_save_slice_info`, which is None here."""
    variable: Any = tf.Variable(1.0)
    assert variable._save_slice_info is None
    variable._set_save_slice_info("a part")
    assert variable._get_save_slice_info() == "a part"


def test_an_array_of_sizes_is_a_shape() -> None:
    """A row of an integer matrix stands for a shape of its length."""
    shapes = np.array([[2, 3], [4, 5]])
    assert tf.TensorShape(shapes[1]).as_list() == [4, 5]
    assert tf.placeholder(tf.float32, shapes[0]).shape.as_list() == [2, 3]


def test_a_shape_tells_whether_it_has_too_many_axes() -> None:
    """`with_rank_at_most` and `assert_same_rank` let unknown ranks pass."""
    shape = tf.TensorShape([2, None])
    assert shape.with_rank_at_most(2) is shape
    assert tf.TensorShape(None).with_rank_at_most(1).ndims is None
    with pytest.raises(ValueError, match=r"\(2, \?\) must have rank at most 1"):
        shape.with_rank_at_most(1)
    shape.assert_same_rank(None)
    shape.assert_same_rank([7, 7])
    with pytest.raises(ValueError, match=r"\(2, \?\) and \(3,\) must have the same rank"):
        shape.assert_same_rank([3])


def test_a_constant_without_elements_is_made_of_any_number() -> None:
    """A shape with a size of 0 needs nothing of the value."""
    assert tf.constant(0.0, shape=[2, 0]).shape.as_list() == [2, 0]


def test_a_list_of_slices_is_a_key(session: tf.Session) -> None:
    """A list between ``[]`` means what a tuple means, as parts of a key are put together."""
    x = tf.constant(np.arange(12).reshape(3, 4))
    key: Any = [slice(None)] * 2
    key[1] = slice(1, 3)
    np.testing.assert_array_equal(session.run(x[key]), [[1, 2], [5, 6], [9, 10]])


def test_a_getter_may_be_called_with_a_name_and_a_shape_alone() -> None:
    """A custom getter passes on what it cares about; the rest takes its defaults."""

    def getter(true_getter: Callable[..., Any], name: str, shape: Any = None, **_: Any) -> Any:
        return true_getter(f"{name}_renamed", shape=shape)

    with tf.variable_scope("scope", custom_getter=getter):
        variable = tf.get_variable("w", [2])
    assert variable.op.name == "scope/w_renamed"
    assert variable in tf.trainable_variables()


def test_a_getter_is_told_everything_that_may_be_asked_for() -> None:
    """A custom getter may name each argument of `get_variable` in its own signature."""
    told: dict[str, Any] = {}

    def getter(true_getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        told.update(kwargs)
        return true_getter(*args, **kwargs)

    tf.get_variable("w", [2], custom_getter=getter, use_resource=True)
    assert {"caching_device", "partitioner", "use_resource"} <= told.keys()
    assert told["use_resource"] is True


def test_a_scope_notes_the_wishes_that_are_without_effect() -> None:
    """Partitioner, caching device and kind of variable are kept for whoever asks."""
    with tf.variable_scope("scope") as scope:
        scope.set_partitioner(len)
        scope.set_caching_device("/cpu:0")
        scope.set_use_resource(True)
        inner = tf.get_variable_scope()
    assert (inner.partitioner, inner.caching_device, inner.use_resource) == (len, "/cpu:0", True)


class _OwnCell:
    """A cell that is no layer: it asks for its variable in each step."""

    state_size = output_size = 3

    def __call__(self, inputs: tf.Tensor, state: tf.Tensor, scope: Any = None) -> Any:
        with tf.variable_scope(scope or "own"):
            kernel = tf.get_variable("kernel", [2, 3])
        after = tf.tanh(tf.matmul(inputs, kernel) + state)
        return after, after


def test_steps_of_a_static_rnn_share_variables() -> None:
    """A cell that calls `get_variable` in each step gets the variable of the first one."""
    inputs = [tf.ones([4, 2]) for _ in range(3)]
    outputs, _ = tf.nn.static_rnn(_OwnCell(), inputs, dtype=tf.float32)
    assert len(outputs) == 3
    assert [v.op.name for v in tf.trainable_variables()] == ["rnn/own/kernel"]


def test_what_passes_a_constant_on_does_not_lend_it_to_be_overwritten(
    session: tf.Session,
) -> None:
    """A checked constant is divided in a place of its own, and is the same in the next run."""
    checked = tf.verify_tensor_all_finite(tf.constant([[1.0, 3.0]]), "not finite")
    halves = checked / tf.reduce_sum(tf.abs(checked), [1], keep_dims=True)
    for _ in range(2):
        np.testing.assert_array_equal(session.run(halves), [[0.25, 0.75]])


def test_matrices_of_unknown_rank_are_transposed(session: tf.Session) -> None:
    """The last two axes are exchanged when the run knows how many there are."""
    x = tf.placeholder(tf.float64)
    turned = tf.matrix_transpose(x)
    for shape in ((2, 3), (4, 2, 3)):
        value = np.random.default_rng(0).random(shape)
        np.testing.assert_array_equal(session.run(turned, {x: value}), np.swapaxes(value, -1, -2))


@pytest.mark.parametrize("axes", [1, [[1], [0]], [[-1, 0], [0, -1]]])
def test_products_of_unknown_rank_have_the_gradients_of_known_rank(
    axes: Any, session: tf.Session
) -> None:
    """`tensordot` of tensors whose ranks only the run knows."""
    values = [np.random.default_rng(seed).random((3, 3, 3)) for seed in (1, 2)]
    found = []
    for shape in (None, (3, 3, 3)):
        tensors = [tf.placeholder(tf.float64, shape) for _ in values]
        product = tf.tensordot(*tensors, axes)
        slopes = tf.gradients(product * tf.cumsum(tf.cumsum(product), -1), tensors)
        found.append(session.run([product, *slopes], dict(zip(tensors, values, strict=True))))
    for late, early in zip(*found, strict=True):
        np.testing.assert_allclose(late, early)


def test_integers_are_drawn_below_a_limit_that_the_run_knows(session: tf.Session) -> None:
    """The bounds of `random_uniform` may be tensors; an empty range is an error of the run."""
    limit = tf.placeholder(tf.int32, [])
    drawn = tf.random_uniform([200], 2, limit, tf.int32, seed=3)
    values = session.run(drawn, {limit: 5})
    assert values.dtype == np.int32
    assert set(values) == {2, 3, 4}
    with pytest.raises(tf.errors.InvalidArgumentError, match="minval < maxval, got 2 >= 2"):
        session.run(drawn, {limit: 2})


def test_marks_of_one_hot_may_be_tensors(session: tf.Session) -> None:
    """`on_value` and `off_value` that only the run knows."""
    on = tf.placeholder(tf.float32, [])
    marked = tf.one_hot([0, 2], 3, on_value=on, off_value=-on)
    np.testing.assert_array_equal(session.run(marked, {on: 4.0}), [[4, -4, -4], [-4, -4, 4]])


def test_a_strided_slice_begins_and_ends_where_the_run_says(session: tf.Session) -> None:
    """Bounds are lists that hold tensors, or vectors of known length."""
    count = tf.placeholder(tf.int32, [])
    x = tf.constant(np.arange(12).reshape(3, 4))
    rows = tf.strided_slice(x, [0, 0], [count, -1], [1, 1])
    columns = tf.strided_slice(x, [0, 0], tf.stack([3, count]))
    values = session.run([rows, columns], {count: 2})
    np.testing.assert_array_equal(values[0], [[0, 1, 2], [4, 5, 6]])
    np.testing.assert_array_equal(values[1], [[0, 1], [4, 5], [8, 9]])


def test_the_results_of_a_mapped_function_may_be_given_as_numpy_types(session: tf.Session) -> None:
    """A NumPy scalar type has a `dtype` attribute that is none."""
    halves = tf.map_fn(lambda x: tf.cast(x, tf.float64) / 2, tf.constant([1, 3]), dtype=np.float64)
    np.testing.assert_array_equal(session.run(halves), [0.5, 1.5])


def test_a_variable_that_is_fed_has_the_fed_value_in_that_run(session: tf.Session) -> None:
    """All that reads it gets what is fed, as for a placeholder; the variable stays as it is."""
    rate = tf.Variable([1.0, 2.0], name="rate")
    reads = [rate * 2.0, rate.value(), rate.read_value(), tf.gradients(rate**2, rate)[0]]
    session.run(rate.initializer)
    found = session.run(reads, {rate: [5.0, 6.0]})
    for value, expected in zip(found, [[10, 12], [5, 6], [5, 6], [10, 12]], strict=True):
        np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(session.run(rate * 2.0), [2, 4])


def test_a_fed_variable_reaches_what_a_loop_and_a_branch_take_of_it(session: tf.Session) -> None:
    """The bodies of `while_loop` and `cond` read what is fed, too."""
    rate = tf.Variable(1.0)
    session.run(rate.initializer)
    total = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x + rate), (0, 0.0))[1]
    chosen = tf.cond(rate > 4.0, lambda: rate * 10.0, lambda: rate)
    assert session.run([total, chosen], {rate: 5.0}) == [15.0, 50.0]
    assert session.run([total, chosen]) == [3.0, 1.0]


def test_a_size_alone_is_the_shape_of_a_vector(session: tf.Session) -> None:
    """``tf.zeros(tf.shape(x)[0])`` is as long as `x`."""
    x = tf.placeholder(tf.float32, [None, 2])
    np.testing.assert_array_equal(session.run(tf.zeros(tf.shape(x)[0]), {x: [[1, 2]] * 3}), [0] * 3)
    assert session.run(tf.random_normal(tf.shape(x)[0]), {x: [[1, 2]] * 3}).shape == (3,)


def test_the_size_of_a_matrix_of_ones_has_no_gradient(session: tf.Session) -> None:
    """What is made of whole numbers alone stops a gradient without an error."""
    x = tf.placeholder(tf.float32, [None])
    loss = tf.reduce_sum(tf.eye(tf.shape(x)[0]) * x)
    np.testing.assert_array_equal(session.run(tf.gradients(loss, x)[0], {x: [1, 2]}), [1, 1])


def test_the_diagonal_of_a_tensor_of_unknown_rank_is_taken(session: tf.Session) -> None:
    """`diag_part` halves the rank that the run finds."""
    x = tf.placeholder(tf.float32)
    part = tf.diag_part(x)
    np.testing.assert_array_equal(session.run(part, {x: np.diag([1, 2])}), [1, 2])
    cube = np.arange(16.0).reshape(2, 2, 2, 2)
    np.testing.assert_array_equal(session.run(part, {x: cube}), [[0, 5], [10, 15]])


def test_a_slice_of_a_variable_is_assigned_by_the_function_too(session: tf.Session) -> None:
    """``tf.assign(memory[1:], values)`` changes that part of the variable."""
    memory = tf.Variable([1.0, 2.0, 3.0])
    change = tf.assign(memory[1:], [5.0, 6.0])
    session.run(memory.initializer)
    np.testing.assert_array_equal(session.run(change), [1, 5, 6])
    with pytest.raises(TypeError, match="assign needs a variable"):
        tf.assign(tf.constant([1.0]), [2.0])


def test_the_check_of_variables_is_a_tensor_that_fails(session: tf.Session) -> None:
    """Programs run `assert_variables_initialized` by the operation of the tensor that it is."""
    variable = tf.Variable([1.0, 2.0])
    check = tf.assert_variables_initialized()
    with pytest.raises(tf.errors.FailedPreconditionError, match="Variable"):
        session.run(check)
    session.run(variable.initializer)
    check.op.run(session=session)
    assert session.run(check).tolist() == [1]


def test_the_slope_of_a_leaky_unit_may_be_learned(session: tf.Session) -> None:
    """`alpha` may be a variable, whose gradient is what the negative parts are."""
    slope = tf.Variable(0.5)
    learned = tf.gradients(tf.nn.leaky_relu(tf.constant([-4.0, 2.0]), slope), slope)[0]
    session.run(slope.initializer)
    assert session.run(learned) == -4.0


def test_a_tensors_shape_is_also_under_its_private_name() -> None:
    """Programs of the time looked at `_shape`."""
    assert tf.zeros([2, 3])._shape.as_list() == [2, 3]


def test_a_getter_learns_whether_a_variable_is_trained() -> None:
    """`trainable` is True or False for a custom getter, also where nothing was said."""
    told: dict[str, bool] = {}

    def getter(true_getter: Callable[..., Any], name: str, **kwargs: Any) -> Any:
        told[name] = kwargs["trainable"]
        return true_getter(name, **kwargs)

    with tf.variable_scope("s", custom_getter=getter):
        tf.get_variable("plain", [])
        tf.get_variable("read", [], synchronization=tf.VariableSynchronization.ON_READ)
        tf.get_variable("frozen", [], trainable=False)
    assert told == {"s/plain": True, "s/read": False, "s/frozen": False}
    assert [v.op.name for v in tf.trainable_variables()] == ["s/plain"]


def test_the_slots_of_an_optimizer_are_found_by_names() -> None:
    """Libraries go through `_slots` in the order of its keys, which are graph and name."""
    variables = [tf.Variable(0.0, name=name) for name in ("b", "a")]
    optimizer: Any = tf.train.MomentumOptimizer(0.1, 0.9)
    optimizer.minimize(variables[0] * variables[1])
    slots = optimizer._slots["momentum"]
    assert [slots[key].op.name for key in sorted(slots)] == ["a/Momentum", "b/Momentum"]
    assert optimizer.get_slot(variables[0], "momentum").op.name == "b/Momentum"


@pytest.mark.parametrize("name", ["test.TestCase", "parse_example", "SparseTensor", "data.Dataset"])
def test_any_name_may_be_the_first_that_a_program_uses(name: str) -> None:
    """Modules are imported when one of their names is used, in whatever order that happens."""
    code = f"import runtime as tf; tf.{name}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_two_constants_that_wait_for_something_keep_their_shape(session: tf.Session) -> None:
    """Arrays of equal numbers are not both replaced by a number, though they can't be folded."""
    late = tf.placeholder(tf.float32, [])
    with tf.control_dependencies([tf.identity(late)]):
        product = tf.multiply(tf.ones([2, 3]), tf.zeros([2, 3]))
    assert session.run(product, {late: 1.0}).shape == (2, 3)
    assert session.run(tf.matmul(tf.ones([4, 2]), product), {late: 1.0}).shape == (4, 3)


def test_a_template_tells_what_the_names_of_its_variables_begin_with() -> None:
    """`variable_scope_name` ends with a slash, so that programs can cut it off."""
    template = tf.make_template("part", lambda: tf.get_variable("w", []))
    assert template.variable_scope_name is None or template.variable_scope_name.endswith("/")
    variable = template()
    assert variable.op.name == f"{template.variable_scope_name}w"


def test_a_constant_that_waits_outside_is_used_in_a_loop_inside_a_branch(
    session: tf.Session,
) -> None:
    """What it waits for is not carried out again in there, where what was fed isn't known."""
    fed = tf.placeholder(tf.float32, [])
    count = tf.Variable(0.0)

    def branch() -> Any:
        with tf.control_dependencies([fed, tf.assign_add(count, fed)]):
            limit = tf.constant(3)
        return tf.while_loop(lambda i: i < limit, lambda i: i + 1, (limit - 3,))

    result = tf.cond(fed > 0.0, branch, lambda: tf.constant(0))
    session.run(count.initializer)
    assert session.run(result, {fed: 2.0}) == 3
    assert session.run(count) == 2.0


def test_a_list_with_one_gradient_becomes_that_gradient(session: tf.Session) -> None:
    """Arithmetic on what `gradients` returns makes a tensor with an axis more in front."""
    x = tf.constant([1.0, 2.0])
    y = x**2
    doubled = tf.gradients(y, x, tf.constant(2.0) * tf.gradients(3.0 * y, y))
    np.testing.assert_array_equal(session.run(doubled[0]), [12, 24])
    with pytest.raises(ValueError, match=r"grad_ys of shape \(2, 2\) does not fit"):
        tf.gradients(y, x, tf.ones([2, 2]))


def test_an_operation_tells_its_type_by_its_definition() -> None:
    """Libraries that walk through graphs ask for ``op.op_def.name``."""
    assert tf.matmul(tf.ones([2, 2]), tf.ones([2, 2])).op.op_def.name == "MatMul"


def test_labels_that_numpy_made_are_cast_to_the_type_of_the_logits(session: tf.Session) -> None:
    """One-hot rows of float64 go with logits of float32, as they come out of a dataset."""
    logits = tf.constant([[0.0, 0.0]])
    for function in (
        tf.nn.softmax_cross_entropy_with_logits,
        tf.nn.softmax_cross_entropy_with_logits_v2,
    ):
        loss = function(labels=tf.constant(np.eye(2)[:1]), logits=logits)
        np.testing.assert_allclose(session.run(loss), [np.log(2)], rtol=1e-6)


def test_parameters_of_a_response_normalization_that_are_none_take_their_defaults(
    session: tf.Session,
) -> None:
    """Layers hand on None for what they were not told."""
    x = tf.reshape(tf.range(8.0), [1, 2, 2, 2])
    named, plain = tf.nn.lrn(x, depth_radius=None, bias=None, alpha=None, beta=None), tf.nn.lrn(x)
    np.testing.assert_array_equal(*session.run([named, plain]))


def test_a_device_function_may_ask_whether_it_was_given_a_description() -> None:
    """Programs for several devices check for `tf.NodeDef` before they look at the type."""
    described = tf.zeros([]).op.node_def
    assert isinstance(described, tf.NodeDef)
    assert described.op == "Const"


def test_a_sparse_placeholder_has_the_shape_of_a_constant(session: tf.Session) -> None:
    """``tf.sparse_placeholder(tf.float32, shape=tf.constant(shape))``, as graph networks say."""
    features = tf.sparse_placeholder(tf.float32, shape=tf.constant((2, 3), dtype=tf.int64))
    product = tf.sparse_tensor_dense_matmul(features, tf.ones([3, 1]))
    assert features.get_shape().as_list() == [2, 3]
    parts = ([[0, 0], [1, 2]], [1.0, 5.0], [2, 3])
    np.testing.assert_array_equal(session.run(product, {features: parts}), [[1], [5]])


def test_a_template_tells_whether_its_variables_are_made() -> None:
    """Under the name that libraries of layers look for."""
    template = tf.make_template("layer", lambda: tf.get_variable("w", [2]))
    assert not template._variables_created
    template()
    assert template._variables_created


def test_a_layer_tells_the_shape_of_its_output() -> None:
    """`compute_output_shape` adds nothing to the graph, before the first call and after it."""
    layer = tf.layers.Dense(5, activation=tf.nn.relu)
    assert layer.compute_output_shape([None, 7, 3]).as_list() == [None, 7, 5]
    layer(tf.ones([2, 3]))
    before = len(tf.get_default_graph().get_operations())
    assert layer.compute_output_shape(tf.TensorShape([4, 3])).as_list() == [4, 5]
    convolution = tf.layers.Conv2D(6, 3, strides=2, padding="same")
    assert convolution.compute_output_shape([1, 9, 9, 2]).as_list() == [1, 5, 5, 6]
    assert len(tf.get_default_graph().get_operations()) == before


def test_a_saver_takes_the_number_of_the_old_format() -> None:
    """``write_version=tf.train.SaverDef.V1`` is accepted, as there is one format here."""
    variable = tf.Variable(1.0)
    assert tf.train.Saver([variable], write_version=tf.train.SaverDef.V1)


def test_classes_to_be_confused_may_be_floating_point_numbers(session: tf.Session) -> None:
    """`confusion_matrix` takes the numbers of classes in any type."""
    matrix = tf.confusion_matrix(tf.constant([0.0, 1.0]), tf.constant([1.0, 1.0]))
    np.testing.assert_array_equal(session.run(matrix), [[0, 1], [0, 1]])
