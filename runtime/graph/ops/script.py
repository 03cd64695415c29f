"""Python functions as operations."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import dtypes
from runtime.graph.arrays import array_of
from runtime.graph.convert import convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export

# Which error a Python exception becomes. A py_func's own tf.errors are no exception: whatever
# else it raises is an UnknownError.
_ERRORS: tuple[tuple[type[BaseException], type[errors.OpError]], ...] = (
    (ValueError, errors.InvalidArgumentError),
    (TypeError, errors.InvalidArgumentError),
    (StopIteration, errors.OutOfRangeError),
    (MemoryError, errors.ResourceExhaustedError),
    (NotImplementedError, errors.UnimplementedError),
)


def _spec(view: View) -> tuple[Spec, ...]:
    return tuple([Spec(dtype, None) for dtype in view["types"]])


def error_for(error: Exception) -> errors.OpError:
    """What an error of a user's function becomes in a run.

    Args:
        error: What it raised.

    Returns:
        An error of the class that fits.
    """
    kind = next((made for cause, made in _ERRORS if isinstance(error, cause)), errors.UnknownError)
    made: errors.OpError = kind(None, None, f"{type(error).__name__}: {error}")  # type: ignore[call-arg]  # subclasses know the code
    return made


def _bind(view: View) -> Kernel:
    function, types = view["function"], view["types"]

    def call(*inputs: Any) -> Any:
        try:
            result = function(*[value.copy() if value.ndim else value[()] for value in inputs])
        except Exception as error:
            raise error_for(error) from error
        return _results(result, types, function)

    return call


def _results(result: Any, types: Sequence[DType], function: Any) -> Any:
    if not types:
        return None
    listed = isinstance(result, (list, tuple)) and (len(types) > 1 or len(result) == 1)
    values = result if listed else [result]
    if len(values) != len(types):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"{_name(function)} returns {len(values)} values, but expects to see {len(types)} "
            "values.",
        )
    arrays = [_array(v, t, i, function) for i, (v, t) in enumerate(zip(values, types, strict=True))]
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def _array(value: Any, dtype: DType, index: int, function: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        array = np.asarray(array_of(value, None))
    elif not isinstance(value, (np.ndarray, np.generic)) and array.dtype.kind == dtype.numpy.kind:
        array = array.astype(dtype.numpy)
    if dtypes.of_array(array) is not dtype:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"The {index}-th value returned by {_name(function)} is "
            f"{dtypes.of_array(array).name}, but expects {dtype.name}",
        )
    copy = np.array(array, order="C")
    return copy if dtype is dtypes.string else copy[()]


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _definition(stateful: bool) -> Definition:
    return Definition(
        "PyFunc" if stateful else "PyFuncStateless",
        _spec,
        bind=_bind,
        stateful=True,
        gradient=not_differentiable,
    )


PY_FUNC = _definition(True)
PY_FUNC_STATELESS = _definition(False)


@export("py_func")
def py_func(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Makes an operation of a Python function.

    Args:
        func: Takes one NumPy array or scalar for each input, returns one for each output.
        inp: The inputs.
        Tout: The element type of the output; a list of types if there are several outputs.
        stateful: Whether it may give different results for the same inputs. It runs in every
            run that needs it in both cases.
        name: Name of the operation.

    Returns:
        A tensor; a list of tensors if `Tout` is a list; the operation if that is empty.

    In a run ValueError and TypeError become InvalidArgumentError, StopIteration becomes
    OutOfRangeError, NotImplementedError UnimplementedError, MemoryError ResourceExhaustedError,
    and everything else UnknownError.
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable, got {func!r}.")
    several = isinstance(Tout, (list, tuple))
    types = [as_dtype(t) for t in Tout] if several else [as_dtype(Tout)]
    definition = PY_FUNC if stateful else PY_FUNC_STATELESS
    inputs = [convert_to_tensor(value) for value in inp]
    op = definition.create(inputs, {"function": func, "types": types}, name or definition.type)
    if not several:
        return op.outputs[0]
    return list(op.outputs) or op


@export("numpy_function")
def numpy_function(
    func: Callable[..., Any] | None = None,
    inp: Sequence[Any] | None = None,
    Tout: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """The same as `py_func`.

    Args:
        func: Takes one NumPy array or scalar for each input, returns one for each output.
        inp: The inputs.
        Tout: The element type of the output, or a list of them.
        stateful: Whether it may give different results for the same inputs.
        name: Name of the operation.

    Returns:
        A tensor, or a list of tensors.
    """
    if func is None or inp is None:
        raise TypeError("numpy_function needs func and inp.")
    types = [] if Tout is None else Tout
    return py_func(func, inp, types, stateful, name or "numpy_function")
