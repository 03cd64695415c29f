"""Element types, static shapes, conversion of values."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import runtime as tf
from runtime.graph import shapes


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ("float32", tf.float32),
        (np.float64, tf.float64),
        (np.dtype("int8"), tf.int8),
        (float, tf.float32),
        (int, tf.int32),
        (bool, tf.bool),
        (str, tf.string),
        (1, tf.float32),
        (tf.uint8, tf.uint8),
        ("double", tf.float64),
        (np.dtype("S3"), tf.string),
    ],
)
def test_types_are_found_by_what_stands_for_them(value: Any, dtype: tf.DType) -> None:
    """And compare equal to it."""
    assert tf.as_dtype(value) is dtype
    assert dtype == value


@pytest.mark.parametrize("value", ["float31", None, 99, object(), np.dtype("M8[s]")])
def test_what_is_no_type_is_refused(value: Any) -> None:
    """The message lists the types."""
    with pytest.raises(TypeError, match="float32"):
        tf.as_dtype(value)
    assert tf.float32 != value


def test_types_tell_their_properties() -> None:
    """Kind, size, limits; one object each, also after copying."""
    assert tf.float32.is_floating and not tf.float32.is_integer
    assert tf.uint8.is_unsigned and tf.uint8.limits == (0, 255)
    assert tf.complex64.real_dtype is tf.float32
    assert (tf.float64.size, tf.bool.is_bool, tf.int32.max) == (8, True, 2**31 - 1)
    assert tf.float32.as_numpy_dtype is np.float32
    assert repr(tf.int64) == "tf.int64" and str(tf.int64) == "<dtype: 'int64'>"
    assert pickle.loads(pickle.dumps(tf.int8)) is copy.deepcopy(tf.int8) is tf.int8
    with pytest.raises(TypeError, match="string"):
        tf.string.max  # noqa: B018


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, tf.int32),
        (2**40, tf.int64),
        (1.0, tf.float32),
        (True, tf.bool),
        ("a", tf.string),
        (b"a", tf.string),
        ([1, 2.0], tf.float32),
        ([[1], [2]], tf.int32),
        (1j, tf.complex128),
        (np.float64(1), tf.float64),
        (np.array([1], np.uint8), tf.uint8),
        ([], tf.float32),
        (tf.TensorShape([2, 3]), tf.int32),
        ([tf.Dimension(2), 3], tf.int32),
    ],
)
def test_python_values_get_the_types_that_tensorflow_gives_them(value: Any, dtype: Any) -> None:
    """NumPy's keep theirs."""
    assert tf.constant(value).dtype is dtype


@pytest.mark.parametrize(
    ("value", "dtype", "error"),
    [
        (1.5, tf.int32, TypeError),
        (True, tf.float32, TypeError),
        (1, tf.bool, TypeError),
        ("a", tf.float32, TypeError),
        (1.0, tf.string, TypeError),
        (300, tf.int8, TypeError),
        (1j, tf.float32, TypeError),
        (None, None, ValueError),
        ([[1], [1, 2]], None, ValueError),
        (["a", 1], None, TypeError),
        (object(), None, TypeError),
    ],
)
def test_values_that_do_not_fit_are_refused(value: Any, dtype: Any, error: Any) -> None:
    """No fraction is lost, nothing wraps around."""
    with pytest.raises(error):
        tf.constant(value, dtype)


def test_constants_are_filled_up_to_their_shape(session: tf.Session) -> None:
    """With the last element; too many are an error."""
    assert session.run(tf.constant(1.0, shape=[2, 2])).tolist() == [[1, 1], [1, 1]]
    assert session.run(tf.constant([1, 2], shape=[4])).tolist() == [1, 2, 2, 2]
    assert session.run(tf.constant([1, 2, 3, 4], shape=[2, 2])).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match=r"\(1,\).*\(2,\)"):
        tf.constant([1, 2], shape=[1])
    with pytest.raises(ValueError):
        tf.constant([1, 2], shape=[4], verify_shape=True)


def test_lists_that_hold_tensors_become_tensors(session: tf.Session) -> None:
    """Nested, too; numbers in them take the tensors' type."""
    x = tf.constant(1, tf.int64)
    packed = tf.convert_to_tensor([[x, 2], [3, x]])
    assert packed.dtype is tf.int64
    assert session.run(packed).tolist() == [[1, 2], [3, 1]]


def test_a_tensor_is_not_converted_to_another_type() -> None:
    """The message says how to."""
    with pytest.raises(ValueError, match=r"requested dtype int32.*float32.*tf\.cast"):
        tf.convert_to_tensor(tf.constant(1.0), tf.int32)
    assert tf.convert_to_tensor(1, preferred_dtype=tf.float32).dtype is tf.float32
    assert tf.convert_to_tensor("a", preferred_dtype=tf.float32).dtype is tf.string


def test_shapes_tell_what_is_known() -> None:
    """Rank, sizes, number of elements."""
    shape = tf.TensorShape([None, 3])
    assert (shape.ndims, shape.as_list(), shape.num_elements()) == (2, [None, 3], None)
    assert (str(shape), str(tf.TensorShape(None)), str(tf.TensorShape([2]))) == (
        "(?, 3)",
        "<unknown>",
        "(2,)",
    )
    assert shape[1].value == 3 and shape[0].value is None and int(shape[1]) == 3
    assert shape[1:] == [3] and shape == [None, 3] and shape != [2, 3]
    assert shape.concatenate([4]).as_list() == [None, 3, 4]
    assert [d.value for d in shape] == [None, 3] and len(shape) == 2
    assert not shape.is_fully_defined() and tf.TensorShape([]).is_fully_defined()
    assert shape.merge_with([2, None]).as_list() == [2, 3]
    assert shape.with_rank(2) is shape
    with pytest.raises(ValueError, match="incompatible"):
        shape.merge_with([2, 4])
    with pytest.raises(ValueError, match="rank"):
        shape.with_rank(3)
    with pytest.raises(ValueError, match="as_list"):
        tf.TensorShape(None).as_list()
    with pytest.raises(ValueError, match=">= 0"):
        tf.TensorShape([-1])
    with pytest.raises(TypeError):
        tf.TensorShape(["a"])


def test_dimensions_calculate_with_unknown_sizes() -> None:
    """Whatever is unknown makes the result unknown."""
    two, unknown = tf.Dimension(2), tf.Dimension(None)
    assert (two * 3, two + 1, 7 // two, two % 2) == (6, 3, 3, 0)
    assert (unknown * 3).value is None
    assert (two == 2, two == 3, two < 3) == (True, False, True)
    assert (unknown == 2, unknown < 3) == (None, None)
    assert two.merge_with(None) == 2
    with pytest.raises(TypeError, match=r"tf\.shape"):
        int(unknown)


def test_set_shape_adds_knowledge() -> None:
    """It can't contradict what is known."""
    x = tf.placeholder(tf.float32, [None, 3])
    x.set_shape([2, None])
    assert x.shape.as_list() == [2, 3]
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, 3\)"):
        x.set_shape([4, 3])


def test_shapes_known_only_in_part_flow_through_shape_tensors() -> None:
    """tf.shape, slices, stack, concat and reshape keep what is known."""
    x = tf.placeholder(tf.float32, [None, 3, 4])
    rows = tf.shape(x)[0]
    assert tf.reshape(x, tf.stack([rows, 12])).shape.as_list() == [None, 12]
    assert tf.reshape(x, [rows, 12]).shape.as_list() == [None, 12]
    assert tf.reshape(x, tf.concat([tf.shape(x)[:1], [12]], 0)).shape.as_list() == [None, 12]
    assert tf.zeros([rows, tf.shape(x)[2]]).shape.as_list() == [None, 4]
    assert tf.zeros(tf.shape(x)).shape.as_list() == [None, 3, 4]


_DIMS = st.lists(st.one_of(st.none(), st.integers(1, 4)), max_size=4)


@given(_DIMS, _DIMS, st.data())
def test_static_broadcasting_holds_for_every_true_shape(
    a: list[Any], b: list[Any], data: st.DataObject
) -> None:
    """Whatever the unknown sizes turn out to be, the static result fits NumPy's."""
    true_a = tuple(data.draw(st.integers(1, 4)) if d is None else d for d in a)
    true_b = tuple(data.draw(st.integers(1, 4)) if d is None else d for d in b)
    try:
        expected: Any = np.broadcast_shapes(true_a, true_b)
    except ValueError:
        expected = None
    try:
        found = shapes.broadcast(tuple(a), tuple(b))
    except shapes.Incompatible:
        assert expected is None
        return
    assert expected is None or shapes.compatible(found, expected)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_broadcast_gradients_have_the_shapes_of_the_operands(shapes_: Any) -> None:
    """And sum over what was broadcast, with static shapes or without."""
    left, right = shapes_.input_shapes
    with tf.Graph().as_default(), tf.Session() as session:
        for known in (True, False):
            a = tf.placeholder(tf.float64, left if known else None)
            b = tf.placeholder(tf.float64, right if known else None)
            x, y = np.ones(left) * 3, np.ones(right) * 2
            grads = session.run(tf.gradients(a * b, [a, b]), {a: x, b: y})
            size = np.prod(shapes_.result_shape)
            for grad, operand, other in zip(grads, (x, y), (2, 3), strict=True):
                assert grad.shape == operand.shape
                np.testing.assert_allclose(grad.sum(), other * size)
