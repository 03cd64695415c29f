"""``tf.test``: test cases that know sessions and tensors, and checks of gradients.

With the package ``absl-py`` (extra ``flags``) a test case also has that package's assertions, such
as ``assertLen``.

Source of the names and rules: the ``tf.compat.v1.test`` documentation.
"""

import atexit
import functools
import operator
import random
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from unittest import mock

import numpy as np

from runtime import errors
from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.gradients import gradients
from runtime.graph.graph import get_default_graph, get_default_session, reset_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.array import placeholder
from runtime.graph.ops.random import set_random_seed
from runtime.graph.session import Session
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable

if TYPE_CHECKING:
    from unittest import TestCase as _Base
    from unittest import main as _main
else:
    try:
        from absl.testing.absltest import TestCase as _Base
        from absl.testing.absltest import main as _main
    except ImportError:
        from unittest import TestCase as _Base
        from unittest import main as _main

__all__ = ["TestCase", "compute_gradient", "compute_gradient_error", "get_temp_dir", "main"]

Array: TypeAlias = Any  # of any element type
Values: TypeAlias = Any  # arrays, tensors, numbers, or structures of them

_SEED: Final = 87654321  # what tests of TensorFlow begin with

export("test.mock")(mock)


@export("test.get_temp_dir")
def get_temp_dir() -> str:
    """A directory for the files of this process's tests, which is removed in the end.

    Returns:
        Its path, the same each time.
    """
    return _temp_dir()


@functools.cache
def _temp_dir() -> str:
    path = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@export("test.main")
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the tests of the program.

    Args:
        argv: The command line; that of the program if None.
    """
    _main(argv=None if argv is None else list(argv))


@export("test.TestCase")
class TestCase(_Base):
    """A test case whose graph, seeds and session begin anew with each test.

    Source: the ``tf.compat.v1.test.TestCase`` documentation.
    """

    def __init__(self, methodName: str = "runTest") -> None:  # unittest's name
        super().__init__(methodName)
        self._session: Session | None = None
        self._temp_dir: str | None = None
        self._threads: list[_CheckedThread] = []

    def setUp(self) -> None:
        """Gives each test a graph of its own, and the same seeds."""
        super().setUp()
        self._forget_session()
        random.seed(_SEED)
        np.random.seed(_SEED)  # what tests draw from
        with suppress(AssertionError):  # in a `with` block around the test its graph stays
            reset_default_graph()
        set_random_seed(_SEED)

    def tearDown(self) -> None:
        """Joins the threads of the test, and closes its session."""
        for thread in self._threads:
            thread.check_termination()
        self._forget_session()
        super().tearDown()

    def _forget_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def get_temp_dir(self) -> str:
        """A directory for the files of this test.

        Returns:
            Its path, the same during the test.
        """
        if self._temp_dir is None:
            self._temp_dir = tempfile.mkdtemp(dir=get_temp_dir())
        return self._temp_dir

    # Sessions.

    @contextmanager
    def session(
        self,
        graph: Any = None,
        config: Any = None,
        use_gpu: bool = True,
        force_gpu: bool = False,
    ) -> Iterator[Session]:
        """A session of its own for a block, in which it and its graph are the default ones.

        Args:
            graph: The graph; the default one if None.
            config: Options for the session.
            use_gpu: Without effect.
            force_gpu: Without effect.

        Yields:
            The session.
        """
        with Session(graph=graph, config=config) as session:
            yield session

    @contextmanager
    def cached_session(
        self,
        graph: Any = None,
        config: Any = None,
        use_gpu: bool = True,
        force_gpu: bool = False,
    ) -> Iterator[Session]:
        """The session of the test for a block, in which it and its graph are the default ones.

        Args:
            graph: The graph, when it is asked for the first time; the default one if None.
            config: Options for the session, when it is asked for the first time.
            use_gpu: Without effect.
            force_gpu: Without effect.

        Yields:
            The session.

        Raises:
            ValueError: If the session of the test has another graph.
        """
        if self._session is None:
            self._session = Session(graph=graph, config=config)
        if graph is not None and graph is not self._session.graph:
            raise ValueError("The graph used to get the cached session is different than now.")
        with self._session.graph.as_default(), self._session.as_default():
            yield self._session

    def test_session(
        self,
        graph: Any = None,
        config: Any = None,
        use_gpu: bool = True,
        force_gpu: bool = False,
    ) -> Any:
        """The session of the test; one of its own if a graph is given.

        Args:
            graph: The graph.
            config: Options for the session.
            use_gpu: Without effect.
            force_gpu: Without effect.

        Returns:
            A context manager that gives the session.
        """
        if self.id().endswith(".test_session"):  # its name makes it look like a test
            self.skipTest("Not a test.")
        if graph is None:
            return self.cached_session(None, config)
        return self.session(graph, config)

    def evaluate(self, tensors: Values) -> Any:
        """The values of tensors, in the session of the test.

        Args:
            tensors: A structure of tensors.

        Returns:
            The same structure of values.
        """
        session = self._session or get_default_session()
        if session is not None:
            return session.run(tensors)
        with self.cached_session() as own:
            return own.run(tensors)

    def _array(self, value: Values) -> Array:
        value = self._value(value)
        if isinstance(value, (str, bytes)):
            return np.array(value, object)
        return np.array(value)

    def _value(self, value: Values) -> Any:
        if isinstance(value, (Tensor, Variable, Operation, SparseTensor)):
            return self.evaluate(value)
        if isinstance(value, (list, tuple)) and any(
            isinstance(v, (Tensor, Variable)) for v in value
        ):
            return [self._value(v) for v in value]
        return value

    # Comparing values.

    def assertAllClose(
        self, a: Values, b: Values, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fails unless two structures have nearly the same numbers.

        Args:
            a: The structure that is expected: of arrays, tensors and numbers.
            b: The other.
            rtol: How far apart numbers may be, relative to `b`.
            atol: How far apart they may be beyond that.
            msg: What to say if it fails.
        """
        self._compare(a, b, msg or "", lambda x, y, m: self._close(x, y, rtol, atol, m))

    def _compare(self, a: Values, b: Values, msg: str, leaf: Callable[..., None]) -> None:
        """Compares structures, leaf by leaf."""
        a, b = _plain(a), _plain(b)
        if isinstance(a, Mapping) or isinstance(b, Mapping):
            self.assertTrue(isinstance(a, Mapping) and isinstance(b, Mapping), f"{msg}: {a} {b}")
            self.assertCountEqual(a, b, msg)
            for key in a:
                self._compare(a[key], b[key], f"{msg}[{key!r}]", leaf)
        elif _is_ragged(a) or _is_ragged(b):
            self.assertEqual(len(a), len(b), msg)
            for index, (x, y) in enumerate(zip(a, b, strict=True)):
                self._compare(x, y, f"{msg}[{index}]", leaf)
        else:
            leaf(self._array(a), self._array(b), msg)

    def _close(self, a: Array, b: Array, rtol: float, atol: float, msg: str) -> None:
        self._same_shape(a, b, msg)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=msg)

    def _same_shape(self, a: Array, b: Array, msg: str) -> None:
        self.assertEqual(
            a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg}"
        )

    def assertAllCloseAccordingToType(
        self,
        a: Values,
        b: Values,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        float_rtol: float = 1e-6,
        float_atol: float = 1e-6,
        half_rtol: float = 1e-3,
        half_atol: float = 1e-3,
        bfloat16_rtol: float = 1e-2,
        bfloat16_atol: float = 1e-2,
        msg: str | None = None,
    ) -> None:
        """Like `assertAllClose`, with as much tolerance as the less exact type needs.

        Args:
            a: The array that is expected.
            b: The other.
            rtol: Relative tolerance of float64.
            atol: Absolute tolerance of float64.
            float_rtol: Relative tolerance of float32.
            float_atol: Absolute tolerance of float32.
            half_rtol: Relative tolerance of float16.
            half_atol: Absolute tolerance of float16.
            bfloat16_rtol: Without effect.
            bfloat16_atol: Without effect.
            msg: What to say if it fails.
        """
        kinds = {self._array(a).dtype, self._array(b).dtype}
        if kinds & {np.dtype(np.float32), np.dtype(np.complex64)}:
            rtol, atol = max(rtol, float_rtol), max(atol, float_atol)
        if np.dtype(np.float16) in kinds:
            rtol, atol = max(rtol, half_rtol), max(atol, half_atol)
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertNotAllClose(
        self, a: Values, b: Values, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fails if two structures have nearly the same numbers.

        Args:
            a: A structure.
            b: The other.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            msg: What to say if it fails.
        """
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(f"The two values are close at all elements. {msg or ''}")

    def assertAllEqual(self, a: Values, b: Values, msg: str | None = None) -> None:
        """Fails unless two arrays are equal; NaN equals NaN.

        Args:
            a: The array that is expected.
            b: The other.
            msg: What to say if it fails.
        """
        first, second = self._array(a), self._array(b)
        self._same_shape(first, second, msg or "")
        if {first.dtype.kind, second.dtype.kind} & set("OSU"):
            first, second = _bytes(first), _bytes(second)
        np.testing.assert_array_equal(first, second, err_msg=msg or "")

    def assertNotAllEqual(self, a: Values, b: Values, msg: str | None = None) -> None:
        """Fails if two arrays are equal.

        Args:
            a: An array.
            b: The other.
            msg: What to say if it fails.
        """
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        self.fail(f"The two values are equal at all elements. {msg or ''}")

    def _all(self, test: Callable[[Any, Any], Any], what: str, a: Values, target: Any) -> None:
        array = self._array(a)
        if not np.all(test(array, target)):
            self.fail(f"Not all elements are {what} {target}: {array}")

    def assertAllGreater(self, a: Values, comparison_target: Any) -> None:
        """Fails unless all elements are greater than a number.

        Args:
            a: The elements.
            comparison_target: The number.
        """
        self._all(operator.gt, "greater than", a, comparison_target)

    def assertAllLess(self, a: Values, comparison_target: Any) -> None:
        """Fails unless all elements are less than a number.

        Args:
            a: The elements.
            comparison_target: The number.
        """
        self._all(operator.lt, "less than", a, comparison_target)

    def assertAllGreaterEqual(self, a: Values, comparison_target: Any) -> None:
        """Fails unless all elements are at least a number.

        Args:
            a: The elements.
            comparison_target: The number.
        """
        self._all(operator.ge, "at least", a, comparison_target)

    def assertAllLessEqual(self, a: Values, comparison_target: Any) -> None:
        """Fails unless all elements are at most a number.

        Args:
            a: The elements.
            comparison_target: The number.
        """
        self._all(operator.le, "at most", a, comparison_target)

    def assertAllInRange(
        self,
        target: Values,
        lower_bound: Any,
        upper_bound: Any,
        open_lower_bound: bool = False,
        open_upper_bound: bool = False,
    ) -> None:
        """Fails unless all elements are in a range.

        Args:
            target: The elements.
            lower_bound: The least.
            upper_bound: The greatest.
            open_lower_bound: Whether the least itself is out of the range.
            open_upper_bound: Whether the greatest itself is out of the range.
        """
        lower, upper = (
            (self.assertAllGreater if open_lower_bound else self.assertAllGreaterEqual),
            (self.assertAllLess if open_upper_bound else self.assertAllLessEqual),
        )
        array = self._array(target)
        lower(array, lower_bound)
        upper(array, upper_bound)

    def assertAllInSet(self, target: Values, expected_set: Any) -> None:
        """Fails unless all elements are in a set.

        Args:
            target: The elements.
            expected_set: The set.
        """
        beyond = set(self._array(target).reshape(-1).tolist()) - set(expected_set)
        self.assertFalse(beyond, f"{len(beyond)} unique element(s) are not in the set: {beyond}")

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:
        """Fails unless two numbers are close.

        Args:
            f1: A number.
            f2: The other.
            err: How far apart they may be.
            msg: What to say if it fails.
        """
        near = f1 == f2 or abs(f1 - f2) <= err
        self.assertTrue(near, f"{f1!r} != {f2!r} +/- {err!r}{f' ({msg})' if msg else ''}")

    def assertArrayNear(
        self, farray1: Any, farray2: Any, err: float, msg: str | None = None
    ) -> None:
        """Fails unless two sequences of numbers are close.

        Args:
            farray1: A sequence.
            farray2: The other, as long.
            err: How far apart numbers may be.
            msg: What to say if it fails.
        """
        self.assertEqual(len(farray1), len(farray2), msg)
        for first, second in zip(farray1, farray2, strict=True):
            self.assertNear(float(first), float(second), err, msg)

    def assertNDArrayNear(
        self, ndarray1: Any, ndarray2: Any, err: float, msg: str | None = None
    ) -> None:
        """Fails unless the distance of two arrays is small.

        Args:
            ndarray1: An array.
            ndarray2: The other.
            err: The greatest Euclidean distance.
            msg: What to say if it fails.
        """
        distance = float(np.linalg.norm(self._array(ndarray1) - self._array(ndarray2)))
        self.assertTrue(distance < err, f"the distance is {distance}. {msg or ''}")

    # Comparing what is known of tensors.

    def assertShapeEqual(self, input_a: Any, input_b: Any, msg: str | None = None) -> None:
        """Fails unless an array and a tensor have the same shape.

        Args:
            input_a: An array or tensor.
            input_b: The other.
            msg: What to say if it fails.

        Raises:
            TypeError: If something has no shape.
        """
        self.assertEqual(_dims(input_a), _dims(input_b), msg)

    def assertDTypeEqual(self, target: Values, expected_dtype: Any) -> None:
        """Fails unless something has an element type.

        Args:
            target: An array, tensor or number.
            expected_dtype: The type.
        """
        found = self._array(target).dtype
        self.assertEqual(found, np.dtype(getattr(expected_dtype, "as_numpy_dtype", expected_dtype)))

    def assertDeviceEqual(self, device1: Any, device2: Any, msg: str | None = None) -> None:
        """Fails unless two devices are the same.

        Args:
            device1: The name of a device.
            device2: The other.
            msg: What to say if it fails.
        """
        self.assertEqual(device1 or "", device2 or "", msg)

    def assertProtoEquals(
        self, expected_message_maybe_ascii: Any, message: Any, msg: str | None = None
    ) -> None:
        """Fails unless two messages are equal.

        Args:
            expected_message_maybe_ascii: A message, or its text.
            message: The other.
            msg: What to say if it fails.
        """
        expected = expected_message_maybe_ascii
        if isinstance(expected, str):
            from google.protobuf import text_format

            expected = text_format.Parse(expected, type(message)())
        self.assertEqual(str(expected), str(message), msg)

    def assertStartsWith(self, actual: str, expected_start: str, msg: str | None = None) -> None:
        """Fails unless a text begins with another.

        Args:
            actual: The text.
            expected_start: The other.
            msg: What to say if it fails.
        """
        if not actual.startswith(expected_start):
            self.fail(f"{actual!r} does not start with {expected_start!r}. {msg or ''}")

    # Errors.

    @contextmanager
    def assertRaisesWithPredicateMatch(
        self, exception_type: Any, expected_err_re_or_predicate: Any
    ) -> Iterator[None]:
        """Fails unless a block raises an error of which something is true.

        Args:
            exception_type: The class of the error.
            expected_err_re_or_predicate: A function of the error, or a pattern that its message,
                with the operation that failed, must hold.

        Yields:
            Nothing.
        """
        predicate = expected_err_re_or_predicate
        if not callable(predicate):
            predicate = functools.partial(_message_holds, predicate)
        try:
            yield
        except exception_type as error:
            if not predicate(error):
                raise AssertionError(
                    f"Exception of type {type(error)}: {error} is not what was expected: "
                    f"{expected_err_re_or_predicate!r}"
                ) from error
        else:
            self.fail(f"{exception_type} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate: Any) -> Any:
        """Fails unless a block raises `tf.errors.OpError` with such a message.

        Args:
            expected_err_re_or_predicate: A function of the error, or a pattern.

        Returns:
            A context manager.
        """
        return self.assertRaisesWithPredicateMatch(errors.OpError, expected_err_re_or_predicate)

    def checkedThread(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> "_CheckedThread":
        """A thread whose errors make the test fail.

        Args:
            target: What it does.
            args: Arguments.
            kwargs: Arguments by name.

        Returns:
            The thread; the test must start it, and join it before it ends.
        """
        thread = _CheckedThread(target, args or (), kwargs or {})
        self._threads.append(thread)
        return thread


def _holds_tensors(value: Any) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    return any(isinstance(part, (Tensor, Variable)) for part in value)


def _dims(value: Any) -> list[int | None]:
    if not hasattr(value, "shape"):
        raise TypeError(f"It must be an array or a tensor: {value!r}")
    shape = value.shape
    return list(shape.as_list() if hasattr(shape, "as_list") else shape)


def _plain(value: Any) -> Any:
    """A named tuple as a dictionary."""
    return value._asdict() if hasattr(value, "_asdict") else value


def _is_ragged(value: Any) -> bool:
    """Whether a list or tuple is a structure of arrays, and not one array."""
    if not isinstance(value, (list, tuple)):
        return False
    if any(isinstance(v, (dict, Tensor, Variable)) or hasattr(v, "_asdict") for v in value):
        return True
    if any(_is_ragged(v) for v in value):
        return True
    return len({np.shape(v) for v in value}) > 1


def _bytes(array: Array) -> Array:
    return np.array(
        [v.encode() if isinstance(v, str) else v for v in array.reshape(-1).tolist()], object
    ).reshape(array.shape)


def _message_holds(pattern: str, error: BaseException) -> bool:
    text = f"{getattr(error, 'message', '')}\n{error}"
    op = getattr(error, "op", None)
    return re.search(pattern, f"{text}\n{op.name if op is not None else ''}") is not None


class _CheckedThread:
    """A thread whose error comes out where it is joined."""

    def __init__(
        self, target: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._call = functools.partial(target, *args, **kwargs)
        self._thread = threading.Thread(target=self._protected, daemon=True)
        self._error: BaseException | None = None
        self._joined = True

    def _protected(self) -> None:
        try:
            self._call()
        except BaseException as error:  # comes out of join()
            self._error = error

    def start(self) -> None:
        """Starts the thread."""
        self._joined = False
        self._thread.start()

    def join(self) -> None:
        """Waits for the end of the thread.

        Raises:
            AssertionError: If it failed.
        """
        self._joined = True
        self._thread.join()
        if self._error is not None:
            raise AssertionError(f"Error in checkedThread: {self._error}") from self._error

    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def check_termination(self) -> None:
        """Checks, when the test ends, that it was joined.

        Raises:
            AssertionError: If it was not.
        """
        if not self._joined:
            raise AssertionError("A checked thread was not joined.")


# Gradients.


@export("test.compute_gradient")
def compute_gradient(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
) -> Any:
    """The gradient that the graph computes, and that of differences, in the default session.

    Source: the ``tf.compat.v1.test.compute_gradient`` documentation.

    Args:
        x: A tensor, or a list of them.
        x_shape: Its shape, or a list of shapes.
        y: What depends on it.
        y_shape: The shape of that.
        x_init_value: Where the gradient is taken, or a list; random if None.
        delta: Half of how far apart the points of a difference are.
        init_targets: What is run first.
        extra_feed_dict: What is fed, too.

    Returns:
        Two matrices with a row for each element of `x` and a column for each of `y`; a list of
        such pairs if `x` is a list.

    Raises:
        ValueError: If there is no default session.
    """
    session = get_default_session()
    if session is None:
        raise ValueError("compute_gradient needs a default session: use it in `with session:`.")
    if init_targets is not None:
        session.run(init_targets)
    feeds = dict(extra_feed_dict or {})
    if not isinstance(x, list):
        return _both(session, x, x_shape, y, y_shape, x_init_value, delta, feeds)
    starts = x_init_value or [None] * len(x)
    points = [_point(*of_one) for of_one in zip(x, x_shape, starts, strict=True)]
    feeds |= dict(zip(x, points, strict=True))
    found = zip(x, x_shape, points, strict=True)
    return [_both(session, t, s, y, y_shape, p, delta, feeds) for t, s, p in found]


def _point(x: Tensor, shape: Any, given: Any) -> Array:
    dtype = x.dtype.as_numpy_dtype
    if given is not None:
        return np.array(given, dtype)
    return np.random.default_rng(_SEED).random(tuple(shape)).astype(dtype)


def _both(
    session: Session,
    x: Tensor,
    x_shape: Any,
    y: Tensor,
    y_shape: Any,
    start: Any,
    delta: float,
    feeds: dict[Any, Any],
) -> tuple[Array, Array]:
    point = _point(x, x_shape, start)
    return (
        _computed(session, x, point, y, tuple(y_shape), feeds),
        _by_differences(session, x, point, y, delta, feeds),
    )


def _computed(
    session: Session, x: Tensor, point: Array, y: Tensor, y_shape: Any, feeds: dict[Any, Any]
) -> Array:
    with get_default_graph().as_default():
        along = placeholder(y.dtype, y_shape)
        (found,) = gradients(y, [x], [along])
    columns = []
    if found is None:
        return np.zeros((point.size, int(np.prod(y_shape))), point.dtype)
    slope = convert_to_tensor(found)
    for place in np.ndindex(*y_shape):
        one = np.zeros(y_shape, y.dtype.as_numpy_dtype)
        one[place] = 1
        columns.append(session.run(slope, {**feeds, x: point, along: one}).reshape(-1))
    return np.stack(columns, axis=1) if columns else np.zeros((point.size, 0), point.dtype)


def _by_differences(
    session: Session, x: Tensor, point: Array, y: Tensor, delta: float, feeds: dict[Any, Any]
) -> Array:
    rows = []
    for place in np.ndindex(*point.shape):
        ends = []
        for sign in (1, -1):
            moved = point.copy()
            moved[place] += sign * delta
            ends.append(np.asarray(session.run(y, {**feeds, x: moved})).reshape(-1))
        rows.append((ends[0] - ends[1]) / (2 * delta))
    return np.stack(rows) if rows else np.zeros((0, 0), point.dtype)


@export("test.compute_gradient_error")
def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
) -> float:
    """The greatest difference of what `compute_gradient` returns.

    Source: the ``tf.compat.v1.test.compute_gradient_error`` documentation.

    Args:
        x: As for `compute_gradient`.
        x_shape: As for `compute_gradient`.
        y: As for `compute_gradient`.
        y_shape: As for `compute_gradient`.
        x_init_value: As for `compute_gradient`.
        delta: As for `compute_gradient`.
        init_targets: As for `compute_gradient`.
        extra_feed_dict: As for `compute_gradient`.

    Returns:
        The difference.

    Raises:
        ValueError: If there is no default session.
    """
    found = compute_gradient(
        x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict
    )
    pairs = found if isinstance(found, list) else [found]
    differences = [np.abs(a - b) for a, b in pairs if a.size]
    return float(max((np.max(d) for d in differences), default=0.0))
