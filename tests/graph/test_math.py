"""Numbers and matrices in corners: complex gradients, zeros, integers, rows of gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf

Array = np.ndarray[Any, Any]
DRAW = np.random.default_rng(5)


def complex_numbers(*shape: int) -> Array:
    found: Array = DRAW.normal(size=shape) + 1j * DRAW.normal(size=shape)
    return found


A, B = complex_numbers(3, 3) + 2 * np.eye(3), complex_numbers(3, 3)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda a, b: tf.abs(a * b),
    "sign": lambda a, b: tf.sign(a + b),
    "angle": lambda a, b: tf.angle(a + b),
    "squared_difference": lambda a, b: tf.real(a - b) ** 2 + tf.imag(a - b) ** 2,
    "matmul": tf.matmul,
    "matmul-adjoint": lambda a, b: tf.matmul(a, b, adjoint_a=True, transpose_b=True),
    "einsum": lambda a, b: tf.einsum("ij,kj->ik", a, b),
    "inverse": lambda a, b: tf.matrix_inverse(a, adjoint=True) * b,
    "solve": lambda a, b: tf.matrix_solve(a, b),
    "solve-adjoint": lambda a, b: tf.matrix_solve(a, b, adjoint=True),
    "triangular": lambda a, b: tf.matrix_triangular_solve(a, b, adjoint=True),
    "cholesky": lambda a, b: (
        tf.cholesky(tf.matmul(a, a, adjoint_b=True) + np.eye(3, dtype=np.complex128)) * b
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_gradient_of_complex_numbers_points_where_the_result_grows(
    name: str, session: tf.Session
) -> None:
    """Its real and imaginary parts are the slopes in these two directions."""
    a, b = tf.placeholder(tf.complex128, [3, 3]), tf.placeholder(tf.complex128, [3, 3])
    result = FUNCTIONS[name](a, b)
    weights = complex_numbers(3, 3)
    loss = tf.reduce_sum(tf.real(tf.cast(result, tf.complex128) * weights))
    slopes = [s for s in tf.gradients(loss, [a, b]) if s is not None]
    found = session.run(slopes, {a: A, b: B})
    for index, slope in enumerate(found):
        for place in ((0, 0), (1, 0), (2, 1)):
            for unit in (1.0, 1j):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [A.copy(), B.copy()]
                    moved[index][place] += step * unit
                    ends.append(session.run(loss, {a: moved[0], b: moved[1]}))
                expected = (ends[0] - ends[1]) / 2e-6
                along = slope[place].real if unit == 1.0 else slope[place].imag
                np.testing.assert_allclose(along, expected, rtol=1e-5, atol=1e-7)


def test_a_complex_tensor_needs_grad_ys() -> None:
    """A gradient that begins with one would be that of the real part only."""
    x = tf.placeholder(tf.complex64, [2])
    with pytest.raises(TypeError, match="must set grad_ys"):
        tf.gradients(x * x, x)


@pytest.mark.parametrize("function", [tf.sqrt, tf.rsqrt, tf.reciprocal], ids=["sqrt", "r", "1/x"])
def test_what_is_masked_has_no_gradient_even_at_a_pole(
    function: Callable[..., Any], session: tf.Session
) -> None:
    """So `where` protects a root at zero, as it does in TensorFlow."""
    x = tf.constant([0.0, 4.0])
    y = tf.where(x > 0, function(x), tf.zeros_like(x))
    (slope,) = session.run(tf.gradients(y, x))
    assert slope[0] == 0
    assert np.isfinite(slope[1])


@pytest.mark.parametrize("function", [tf.sqrt, tf.rsqrt, tf.reciprocal], ids=["sqrt", "r", "1/x"])
def test_roots_and_reciprocals_have_third_derivatives(
    function: Callable[..., Any], session: tf.Session
) -> None:
    """By the power rule."""
    power = {tf.sqrt: 0.5, tf.rsqrt: -0.5, tf.reciprocal: -1.0}[function]
    x = tf.constant(1.7, tf.float64)
    y, expected = function(x), 1.0
    for order in range(3):
        (y,) = tf.gradients(y, x)
        expected *= power - order
    assert session.run(y) == pytest.approx(expected * 1.7 ** (power - 3))


def test_rows_of_a_gradient_stay_rows_when_they_are_cast_or_clipped(session: tf.Session) -> None:
    """On the way back through a cast, and in the user's hands."""
    v = tf.Variable([[3.0, 4.0], [1.0, 2.0]])
    session.run(v.initializer)
    (slope,) = tf.gradients(tf.gather(tf.cast(v, tf.float64), [1, 1]), v)
    assert isinstance(slope, tf.IndexedSlices)
    assert slope.dtype is tf.float32
    clipped = tf.clip_by_value(tf.cast(slope, tf.float64), -0.5, 0.5)
    rows = session.run(clipped)
    assert rows.values.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert rows.indices.tolist() == [1, 1]


def test_the_product_has_a_second_derivative(session: tf.Session) -> None:
    """Of three numbers, it is the one that is left."""
    x = tf.constant([2.0, 3.0, 5.0])
    (hessian,) = session.run(tf.hessians(tf.reduce_prod(x), x))
    assert hessian.tolist() == [[0, 5, 3], [5, 0, 2], [3, 2, 0]]
    rows = tf.placeholder(tf.float64, [2, 3])
    (slope,) = tf.gradients(tf.reduce_prod(rows, 1), rows)
    (second,) = tf.gradients(slope, rows)
    found = session.run(second, {rows: [[2, 3, 5], [1, 1, 1]]})
    assert found.tolist() == [[8, 7, 5], [2, 2, 2]]


def test_decompositions_say_where_they_have_no_gradient() -> None:
    """What is not determined by the matrix can't be differentiated."""
    x = tf.placeholder(tf.float32, [4, 3])
    _, u, _ = tf.svd(x, full_matrices=True)
    with pytest.raises(NotImplementedError, match="full_matrices=False"):
        tf.gradients(u, x)
    q, _ = tf.qr(tf.transpose(x))
    with pytest.raises(NotImplementedError, match="at least as many rows"):
        tf.gradients(q, x)


def test_strings_are_joined_by_addition_also_one_by_one(session: tf.Session) -> None:
    """A single string, alone and in a sum."""
    assert session.run(tf.constant("a") + "b" + tf.constant("c")) == b"abc"


def test_poles_of_the_gamma_function(session: tf.Session) -> None:
    """Its logarithm is infinite there, the derivative of that is none."""
    x = tf.constant([0.0, -1.0, -np.inf], tf.float64)
    assert session.run(tf.lgamma(x)).tolist() == [np.inf] * 3
    assert np.isnan(session.run(tf.digamma(x))).all()


def test_what_a_loop_takes_from_outside_has_a_gradient_though_it_is_a_constant(
    session: tf.Session,
) -> None:
    """In nested loops and branches, as many times as it is used."""
    x = tf.constant(1.5)

    def outer(i: tf.Tensor, a: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inner = tf.while_loop(lambda j, _: j < 2, lambda j, b: (j + 1, b * x), [0, a])[1]
        return i + 1, inner + a

    y = tf.while_loop(lambda i, _: i < 3, outer, [0, x])[1]
    (slope,) = session.run(tf.gradients(y, x))
    assert slope == pytest.approx(176.921875)  # of x * (1 + x ** 2) ** 3
    taken = tf.cond(x > 1.0, lambda: x * x, lambda: x)
    assert session.run(tf.gradients(taken, x)) == [3.0]


def test_a_gradient_may_be_that_of_another_type(session: tf.Session) -> None:
    """As programs with hard thresholds have it: what comes in goes through."""
    x = tf.constant([0.3, -2.0])
    with tf.get_default_graph().gradient_override_map({"Sign": "Identity", "Mul": "Identity"}):
        y = tf.sign(x)
        wrong = x * 2.0
    assert session.run(tf.gradients(y, x))[0].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="do not match num inputs 2"):
        tf.gradients(wrong, x)


def test_a_custom_gradient_may_be_by_variables_too(session: tf.Session) -> None:
    """Those that the function uses; then it must say so."""
    w = tf.get_variable("w", initializer=2.0)

    @tf.custom_gradient
    def scaled(x: tf.Tensor) -> Any:
        def slopes(dy: tf.Tensor, variables: Any = None) -> Any:
            return dy * 10.0, [dy * 100.0 for _ in variables]

        return x * tf.get_default_graph().get_collection("trainable_variables")[0], slopes

    x = tf.constant(3.0)
    y = scaled(x)
    session.run(w.initializer)
    assert session.run([y, *tf.gradients(y, [x, w])]) == [6.0, 10.0, 100.0]

    @tf.custom_gradient
    def silent(x: tf.Tensor) -> Any:
        return x * w, lambda dy: dy

    with pytest.raises(TypeError, match=r"\(w:0\), then grad_fn must accept a 'variables'"):
        silent(x)


def test_second_derivatives_by_as_many_numbers_as_are_fed(session: tf.Session) -> None:
    """The size of the Hessian is that of the run."""
    x = tf.placeholder(tf.float64, [None])
    (hessian,) = tf.hessians(tf.reduce_sum(x**3) * x[0], x)
    found = session.run(hessian, {x: [1.0, 2.0]})
    assert found.tolist() == [[12.0, 12.0], [12.0, 12.0]]


def test_an_array_of_known_size_gives_a_tensor_of_known_size() -> None:
    """Unless it may grow."""
    made = tf.TensorArray(tf.float32, 3).unstack(tf.ones([3, 2]))
    assert made.stack().shape.as_list() == [3, 2]
    grows = tf.TensorArray(tf.float32, 3, dynamic_size=True, element_shape=[2])
    assert grows.stack().shape.as_list() == [None, 2]


def test_what_unconnected_gradients_may_be_is_checked() -> None:
    """And what a condition may be."""
    x = tf.constant(2.0)
    with pytest.raises(ValueError, match="'no' is not a valid"):
        tf.gradients(x, x, unconnected_gradients="no")
    with pytest.raises(ValueError, match="must be a scalar"):
        tf.cond(tf.constant([True, False]), lambda: x, lambda: x)


def test_a_signal_comes_back_from_its_short_transforms(session: tf.Session) -> None:
    """With the window that undoes the first one, but for the ends."""
    signal = tf.constant(np.random.default_rng(0).normal(size=40))
    pieces = tf.signal.stft(signal, 8, 4)
    back = tf.signal.inverse_stft(
        pieces, 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4)
    )  # fmt: skip
    found, expected = session.run([back, signal])
    np.testing.assert_allclose(found[4:-4], expected[4:-4])


def test_transforms_say_which_numbers_they_take() -> None:
    """Complex ones for `fft`, real ones for `rfft`; lengths of images are left to the user."""
    with pytest.raises(TypeError, match="fft can't work with"):
        tf.fft(tf.ones([4]))
    with pytest.raises(TypeError, match="rfft can't work with"):
        tf.signal.rfft(tf.ones([4], tf.complex64))
    with pytest.raises(ValueError, match="crop or pad"):
        tf.signal.rfft2d(tf.ones([4, 4]), [2, 2])


def test_what_is_printed_has_the_form_of_tensorflow(
    session: tf.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    """As few digits as tell a number, rows in brackets, truth as 0 and 1; cut off by dots."""
    data = [
        tf.constant([1.0, 2.5, 1e-10, 123456789.0, 1 / 3]),
        tf.constant(1 / 3, tf.float64),
        tf.constant([True, False]),
        tf.constant([[1, 2], [3, 4]]),
        tf.constant([], tf.float32),
        tf.constant(["a", "b"]),
    ]
    one = tf.constant(1.0)
    session.run([tf.Print(one, data, "all ", summarize=9)])
    session.run([tf.Print(one, data, "some ")])
    assert capfd.readouterr().err == (
        "all [1 2.5 1e-10 123456792 0.333333343][0.33333333333333331][1 0][[1 2][3 4]][][a b]\n"
        "some [1 2.5 1e-10...][0.33333333333333331][1 0][[1 2][3...]...][][a b]\n"
    )
    wrong = tf.Assert(tf.placeholder_with_default(False, []), [[1.0, 0.5], "text"])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"failed: \[1 0.5\] \[text\]"):
        session.run(wrong)
