"""What is there, how it is found, and what the table of cases can not say of functions."""

import re
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import runtime as tf

# What programs of TensorFlow 1 use most, of tensors, numbers and control flow.
NAMES = [
    "constant",
    "placeholder",
    "placeholder_with_default",
    "Variable",
    "get_variable",
    "variable_scope",
    "name_scope",
    "convert_to_tensor",
    "identity",
    "stop_gradient",
    "cast",
    "to_float",
    "to_double",
    "to_int32",
    "to_int64",
    "shape",
    "size",
    "rank",
    "reshape",
    "transpose",
    "expand_dims",
    "squeeze",
    "concat",
    "stack",
    "unstack",
    "split",
    "slice",
    "strided_slice",
    "gather",
    "gather_nd",
    "scatter_nd",
    "scatter_update",
    "scatter_add",
    "scatter_sub",
    "scatter_mul",
    "scatter_div",
    "scatter_nd_update",
    "scatter_nd_add",
    "scatter_nd_sub",
    "tile",
    "pad",
    "reverse",
    "reverse_sequence",
    "one_hot",
    "where",
    "boolean_mask",
    "range",
    "linspace",
    "lin_space",
    "fill",
    "zeros",
    "ones",
    "zeros_like",
    "ones_like",
    "sequence_mask",
    "unique",
    "unique_with_counts",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "random_shuffle",
    "multinomial",
    "random_crop",
    "random_gamma",
    "random_poisson",
    "set_random_seed",
    "add",
    "subtract",
    "multiply",
    "divide",
    "div",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "sqrt",
    "rsqrt",
    "square",
    "exp",
    "expm1",
    "log",
    "log1p",
    "abs",
    "sign",
    "floor",
    "ceil",
    "round",
    "maximum",
    "minimum",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "erf",
    "erfc",
    "lgamma",
    "digamma",
    "clip_by_value",
    "clip_by_norm",
    "clip_by_average_norm",
    "clip_by_global_norm",
    "global_norm",
    "reduce_sum",
    "reduce_mean",
    "reduce_max",
    "reduce_min",
    "reduce_prod",
    "reduce_any",
    "reduce_all",
    "reduce_logsumexp",
    "argmax",
    "argmin",
    "arg_max",
    "arg_min",
    "cumsum",
    "cumprod",
    "matmul",
    "tensordot",
    "einsum",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_not",
    "logical_xor",
    "is_nan",
    "is_inf",
    "is_finite",
    "check_numerics",
    "add_n",
    "accumulate_n",
    "segment_sum",
    "segment_mean",
    "segment_max",
    "segment_min",
    "segment_prod",
    "unsorted_segment_sum",
    "unsorted_segment_mean",
    "unsorted_segment_max",
    "diag",
    "diag_part",
    "trace",
    "norm",
    "eye",
    "matrix_inverse",
    "matrix_determinant",
    "matrix_solve",
    "matrix_diag",
    "matrix_band_part",
    "cholesky",
    "group",
    "tuple",
    "no_op",
    "control_dependencies",
    "cond",
    "case",
    "while_loop",
    "map_fn",
    "scan",
    "foldl",
    "foldr",
    "py_func",
    "Print",
    "print",
    "Assert",
    "gradients",
    "hessians",
    "IndexedSlices",
    "TensorArray",
    "RegisterGradient",
    "custom_gradient",
    "device",
    "Graph",
    "Session",
    "InteractiveSession",
    "ConfigProto",
    "RunOptions",
    "RunMetadata",
    "GraphKeys",
    "get_collection",
    "add_to_collection",
    "get_default_graph",
    "reset_default_graph",
    "is_tensor",
    "make_template",
    "assert_equal",
    "assert_less",
    "assert_greater",
    "assert_rank",
    "assert_non_negative",
    "verify_tensor_all_finite",
    "dynamic_partition",
    "dynamic_stitch",
    "invert_permutation",
    "confusion_matrix",
    "bincount",
    "meshgrid",
    "roll",
    "sort",
    "argsort",
    "searchsorted",
    "setdiff1d",
    "complex",
    "real",
    "imag",
    "conj",
    "as_string",
    "string_join",
    "string_to_number",
    "substr",
    "regex_replace",
    "string_strip",
    "broadcast_to",
    "count_nonzero",
    "scalar_mul",
    "squared_difference",
    "floor_div",
    "realdiv",
    "bitwise.bitwise_and",
    "linalg.inv",
    "linalg.det",
    "linalg.norm",
    "math.log",
    "math.reduce_std",
    "nest.flatten",
    "random.normal",
    "dtypes.float32",
    "debugging.assert_equal",
    "manip.roll",
    "strings.join",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_programs_use_is_there(name: str) -> None:
    """By the name that TensorFlow 1 has for it, with a docstring."""
    found: Any = tf
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found) or isinstance(found, tf.DType)
    assert found.__doc__


@pytest.mark.parametrize(
    "name, place",
    [("reduce_std", "tf.math.reduce_std"), ("det", "tf.linalg.det"), ("relu", "tf.nn.relu")],
)
def test_a_missing_name_that_exists_elsewhere_is_told(name: str, place: str) -> None:
    """The error says where."""
    with pytest.raises(AttributeError, match=rf"tf.{name} does not exist here; there is .*{place}"):
        getattr(tf, name)


def test_only_public_names_are_told() -> None:
    """Not those of modules that a program does not import; and what takes the place of a whole."""
    with pytest.raises(AttributeError, match=r"nearest names are: Dataset\.$"):
        tf.data.Datset  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"tf\.compat\.v2 does not exist here.*compat\.v1"):
        tf.compat.v2  # type: ignore[attr-defined]  # noqa: B018


def test_the_nearest_names_are_told(session: tf.Session) -> None:
    """Of the same namespace."""
    with pytest.raises(AttributeError, match=r"tf.whileloop does not.*nearest names are: while_lo"):
        tf.whileloop  # noqa: B018  # asking is the test
    with pytest.raises(AttributeError, match=r"tf.linalg.invs does not exist here.*inv"):
        tf.linalg.invs  # noqa: B018  # asking is the test


shapes = arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)


@settings(max_examples=40)
@given(shapes, st.sampled_from(["float32", "float64"]), st.integers(0, 2**31), st.data())
def test_gradients_have_the_shapes_and_types_of_their_operands(
    pair: Any, dtype: str, seed: int, data: st.DataObject
) -> None:
    """However operands are broadcast; and the gradient of a sum of products is the other factor."""
    function = data.draw(st.sampled_from([tf.multiply, tf.add, tf.maximum, tf.squared_difference]))
    draw = np.random.default_rng(seed).normal
    values = [np.asarray(draw(size=shape), dtype) for shape in pair.input_shapes]
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = (tf.placeholder(dtype, [None] * v.ndim) for v in values)
        slopes = session.run(tf.gradients(function(x, y), [x, y]), {x: values[0], y: values[1]})
    for slope, value in zip(slopes, values, strict=True):
        assert slope.shape == value.shape and slope.dtype == value.dtype
    if function is tf.multiply:
        whole = np.broadcast_to(values[1], pair.result_shape)
        axes = tuple(range(whole.ndim - values[0].ndim))
        kept = whole.sum(axes)
        ones = tuple(i for i, n in enumerate(values[0].shape) if n == 1)
        expected = kept.sum(ones, keepdims=True)
        np.testing.assert_allclose(slopes[0], expected, rtol=1e-4, atol=1e-5)


# Rows.


def test_the_gradient_of_what_was_gathered_is_of_rows(session: tf.Session) -> None:
    """It is fetched as a value of three parts, and becomes a tensor where one is needed."""
    w = tf.get_variable("w", initializer=np.ones((4, 2)))
    y = tf.gather(w, [[1, 3]]) * 2.0 + tf.gather(w, [1])
    (rows,) = tf.gradients(y, w)
    assert isinstance(rows, tf.IndexedSlices) and rows.shape.as_list() == [4, 2]
    session.run(tf.global_variables_initializer())
    value = session.run(rows)
    assert sorted(value.indices.tolist()) == [1, 1, 3]
    assert session.run(tf.convert_to_tensor(rows)).tolist() == [[0, 0], [4, 4], [0, 0], [2, 2]]
    assert session.run(rows.dense_shape).tolist() == [4, 2]
    clipped, norm = tf.clip_by_global_norm([rows], 1.0)
    assert isinstance(clipped[0], tf.IndexedSlices) and session.run(norm) > 1


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tf.train.GradientDescentOptimizer(0.5),
        lambda: tf.train.MomentumOptimizer(0.5, 0.9),
        lambda: tf.train.MomentumOptimizer(0.5, 0.9, use_nesterov=True),
        lambda: tf.train.AdamOptimizer(0.5),
    ],
)
@pytest.mark.parametrize("indices", [[2, 0], [1, 1]])
def test_steps_along_rows_are_steps_along_the_whole(
    optimizer: Any, indices: list[int], session: tf.Session
) -> None:
    """In the first step, when what was kept of gradients is zero, as for rows without gradient."""
    begin = np.arange(6.0).reshape(3, 2)
    sparse, dense = tf.Variable(begin), tf.Variable(begin)
    picked = tf.gather(sparse, indices)
    whole = tf.matmul(tf.one_hot(indices, 3, dtype=tf.float64), dense)
    steps = [
        optimizer().minimize(tf.reduce_sum(t * t), var_list=[v])
        for t, v in ((picked, sparse), (whole, dense))
    ]
    session.run(tf.global_variables_initializer())
    session.run(steps)
    np.testing.assert_allclose(*session.run([sparse, dense]))


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda v: tf.scatter_update(v, [2, 0], [7.0, 8.0]), [8, 1, 7]),
        (lambda v: tf.scatter_add(v, [1, 1], [7.0, 8.0]), [0, 16, 2]),
        (lambda v: tf.scatter_sub(v, [2], [7.0]), [0, 1, -5]),
        (lambda v: tf.scatter_mul(v, [2, 2], [2.0, 3.0]), [0, 1, 12]),
        (lambda v: tf.scatter_div(v, [2], [2.0]), [0, 1, 1]),
        (lambda v: tf.scatter_max(v, [0, 2], [1.0, 1.0]), [1, 1, 2]),
        (lambda v: tf.scatter_min(v, 2, 1.0), [0, 1, 1]),
        (lambda v: tf.scatter_nd_update(v, [[2]], [7.0]), [0, 1, 7]),
        (lambda v: tf.scatter_nd_add(v, [[1], [1]], [7.0, 1.0]), [0, 9, 2]),
        (lambda v: tf.scatter_nd_sub(v, [[1]], [7.0]), [0, -6, 2]),
        (lambda v: v.scatter_sub(tf.IndexedSlices(tf.constant([1.0]), tf.constant([0]))),
         [-1, 1, 2]),
    ],
)  # fmt: skip
def test_rows_of_variables_are_updated(
    make: Any, expected: list[float], session: tf.Session
) -> None:
    """In place or not, the update gives the new contents; old ones that were read stay."""
    v = tf.Variable([0.0, 1.0, 2.0])
    before, update = v.value(), make(v)
    session.run(tf.global_variables_initializer())
    old, new = session.run([before, update])
    assert old.tolist() == [0, 1, 2] and new.tolist() == expected
    assert session.run(v).tolist() == expected
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be in"):
        session.run(tf.scatter_add(v, [3], [1.0]))


# Gradients of one's own.


def test_gradients_can_be_given_by_the_program(session: tf.Session) -> None:
    """By a decorator, or under a name for all operations of a type that are made in a block."""

    @tf.custom_gradient
    def doubled(x: Any) -> Any:
        return x * 2.0, lambda dy: dy * 7.0

    @tf.RegisterGradient("TestGradientOfFive")
    def _(op: Any, dy: Any) -> Any:
        return dy * 5.0

    x = tf.placeholder(tf.float32, [])
    with tf.get_default_graph().gradient_override_map({"Square": "TestGradientOfFive"}):
        y = tf.square(x)
    z = doubled(x)
    assert session.run([z, *tf.gradients(z, x), *tf.gradients(y, x)], {x: 3.0}) == [6, 7, 5]
    with pytest.raises(KeyError, match="two gradients"):
        tf.RegisterGradient("TestGradientOfFive")(lambda op, dy: dy)


def test_second_derivatives_by_all_elements(session: tf.Session) -> None:
    """The Hessian of a cubic form."""
    x = tf.placeholder(tf.float64, [2])
    (found,) = tf.hessians(tf.square(x[0]) * x[1], x)
    assert session.run(found, {x: [3.0, 5.0]}).tolist() == [[10.0, 6.0], [6.0, 0.0]]


# Randomness.


def test_classes_are_drawn_by_their_probabilities(session: tf.Session) -> None:
    """The same seeds give the same draws."""
    logits = np.log([[0.1, 0.0001, 0.8999], [0.5, 0.5, 1e-9]])
    classes = tf.multinomial(logits, 4000, seed=1)
    again = tf.multinomial(logits, 4000, seed=1, output_dtype=tf.int32)
    first, second = session.run([classes, again])
    assert first.shape == (2, 4000) and first.dtype == np.int64 and second.dtype == np.int32
    assert (first == second).all()
    shares = np.stack([np.bincount(row, minlength=3) / 4000 for row in first])
    np.testing.assert_allclose(shares, np.exp(logits), atol=0.03)


def test_numbers_are_drawn_from_distributions_with_parameters(session: tf.Session) -> None:
    """Gamma, Poisson: means as they must be; shapes of the draws, then of the parameters."""
    gamma = tf.random_gamma([5000], [1.0, 4.0], beta=2.0, seed=1)
    poisson = tf.random_poisson([1.0, 6.0], [5000], seed=2)
    first, second = session.run([gamma, poisson])
    assert gamma.shape.as_list() == list(first.shape) == [5000, 2]
    np.testing.assert_allclose(first.mean(0), [0.5, 2.0], rtol=0.1)
    np.testing.assert_allclose(second.mean(0), [1.0, 6.0], rtol=0.1)


def test_a_crop_is_a_part_of_the_tensor(session: tf.Session) -> None:
    """Of the size asked for, at places that differ."""
    x = tf.reshape(tf.range(100), [10, 10])
    crop = tf.random_crop(x, [3, 2])
    parts = [session.run(crop) for _ in range(20)]
    assert crop.shape.as_list() == [3, 2]
    assert all((np.diff(p, axis=0) == 10).all() and (np.diff(p) == 1).all() for p in parts)
    assert len({int(p[0, 0]) for p in parts}) > 3


# Checks and printing.


@pytest.mark.parametrize(
    "make",
    [
        lambda x: tf.assert_equal(x, 2.0), lambda x: tf.assert_none_equal(x, 1.0),
        lambda x: tf.assert_less(x, 1.0), lambda x: tf.assert_less_equal(x, 0.5),
        lambda x: tf.assert_greater(x, 1.0), lambda x: tf.assert_greater_equal(x, 2.0),
        lambda x: tf.assert_near(x, 1.1), lambda x: tf.assert_positive(-x),
        lambda x: tf.assert_negative(x), lambda x: tf.assert_non_negative(-x),
        lambda x: tf.assert_non_positive(x), lambda x: tf.check_numerics(x / 0.0, "Broken"),
        lambda x: tf.assert_rank(x, 2), lambda x: tf.assert_rank_at_least(x, 2),
        lambda x: tf.assert_rank_in(x, [0, 3]),
    ],
)  # fmt: skip
def test_checks_fail_runs(make: Any, session: tf.Session) -> None:
    """With InvalidArgumentError, if what they check is only known then."""
    x = tf.placeholder(tf.float32)
    check = make(x)
    with pytest.raises(tf.errors.InvalidArgumentError):
        session.run(check, {x: [1.0]})


def test_checks_of_what_is_known_fail_at_once() -> None:
    """Values, ranks and types."""
    x = tf.constant([1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="x < y did not hold"):
        tf.assert_less(x, 0.0)
    with pytest.raises(ValueError, match=r"must have rank 2\. Received rank 1"):
        tf.assert_rank(x, 2)
    with pytest.raises(TypeError, match="must be of type"):
        tf.assert_type(x, tf.int32)
    with pytest.raises(TypeError, match="to be integer type"):
        tf.assert_integer(x)
    assert tf.assert_less(x, 5.0).type == "NoOp"


def test_printing_shows_values(session: tf.Session, capsys: pytest.CaptureFixture[str]) -> None:
    """In the run, to the stream that was asked for."""
    x = tf.placeholder(tf.float32, [None])
    to_error = tf.print("x is", x, 7)
    to_out = tf.print(tf.constant("a"), x, sep="|", output_stream=sys.stdout)
    session.run([to_error, to_out], {x: [1.0, 2.5]})
    captured = capsys.readouterr()
    assert re.sub(r"\s+", " ", captured.err) == "x is [1. 2.5] 7 "
    assert re.sub(r"\s+", " ", captured.out) == "a|[1. 2.5] "


# Strings.


def test_strings_are_made_joined_and_cut(session: tf.Session) -> None:
    """Values are bytes."""
    x = tf.constant([" ab1 ", "c22"])
    found = session.run(
        {
            "number": tf.as_string([1, -20]),
            "real": tf.as_string(2.5, precision=2),
            "joined": tf.string_join(["<", tf.string_strip(x), ">"], separator="."),
            "replaced": tf.regex_replace(x, "([a-c])[0-9]+", r"\1#"),
            "part": tf.substr(x, -2, 1),
            "read": tf.string_to_number(["1.5", "-3e2"]),
            "length": tf.strings.length(x),
        }
    )
    assert found["number"].tolist() == [b"1", b"-20"] and found["real"] == b"2.50"
    assert found["joined"].tolist() == [b"<.ab1.>", b"<.c22.>"]
    assert found["replaced"].tolist() == [b" ab# ", b"c#"]
    assert found["part"].tolist() == [b"1", b"2"]
    assert found["read"].tolist() == [1.5, -300.0] and found["length"].tolist() == [5, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="could not correctly convert"):
        session.run(tf.string_to_number("x"))


# Structures and scopes.


def test_templates_share_their_variables() -> None:
    """Between calls of one; another one has its own."""

    def layer(x: Any, size: int) -> Any:
        return x * tf.get_variable("w", [size], initializer=tf.ones_initializer())

    first, second = (tf.make_template("layer", layer, size=2) for _ in range(2))
    eager = tf.make_template("eager", layer, create_scope_now_=True, size=3)
    for template in (first, second, first, eager, eager):
        template(tf.constant(1.0))
    names = [v.name for v in tf.global_variables()]
    assert names == ["layer/w:0", "layer_1/w:0", "eager/w:0"]


def test_structures_are_flattened_and_packed() -> None:
    """Dictionaries in the order of their keys."""
    structure = {"b": [1, (2, 3)], "a": {"x": 4}}
    assert tf.nest.flatten(structure) == [4, 1, 2, 3]
    doubled = tf.nest.map_structure(lambda a, b: a + b, structure, structure)
    assert doubled == {"b": [2, (4, 6)], "a": {"x": 8}} and list(doubled) == ["b", "a"]
    with pytest.raises(ValueError, match="don't have the same nested structure"):
        tf.nest.assert_same_structure([1, 2], [1, [2]])
    with pytest.raises(TypeError, match="don't have the same nested structure"):
        tf.nest.map_structure(lambda a, b: a, [1], (1,))
    with pytest.raises(ValueError, match="has 2 elements"):
        tf.nest.pack_sequence_as([1, 2], [1])


def test_objects_of_other_types_become_tensors(session: tf.Session) -> None:
    """By functions that are registered for their type."""

    class Celsius:
        def __init__(self, degrees: float) -> None:
            self.degrees = degrees

    def kelvin(value: Any, dtype: Any = None, name: Any = None, as_ref: bool = False) -> Any:
        return tf.constant(value.degrees + 273.0, dtype, name=name or "kelvin")

    tf.register_tensor_conversion_function(Celsius, kelvin)
    assert session.run(tf.constant(1.0) + Celsius(2.0)) == 276.0


def test_what_is_known_of_tensors_is_told() -> None:
    """Values that need no run."""
    x = tf.placeholder(tf.float32, [None, 3])
    assert tf.get_static_value(tf.constant(2) * 3) == 6 and tf.get_static_value(x) is None
    assert tf.get_static_value(tf.shape(x), partial=True).tolist() == [None, 3]
    assert tf.is_tensor(x) and not tf.is_tensor(np.ones(2))


def test_the_lengths_of_a_count_may_be_tensors(session: tf.Session) -> None:
    """Whose values only a run knows."""
    least, most = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [])
    counts = tf.bincount([1, 5, 1], [0.5, 1.0, 2.0], minlength=least, maxlength=most)
    assert session.run(counts, {least: 4, most: 9}).tolist() == [0, 2.5, 0, 0, 0, 1]
    assert session.run(counts, {least: 4, most: 3}).tolist() == [0, 2.5, 0]
    with pytest.raises(TypeError, match="minlength of bincount"):
        tf.bincount([1], minlength=1.5)
