"""Checks of values: what is known is checked when the graph is built, the rest in the run."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.array import rank
from runtime.graph.ops.control_flow import assert_, group, no_op
from runtime.graph.ops.math import equal, greater, greater_equal, less, less_equal, not_equal
from runtime.graph.ops.reduction import reduce_all
from runtime.graph.tensor import Tensor

# Numbers.


def _bind_numerics(view: View) -> Kernel:
    message = view["message"]

    def check(x: Any) -> Any:
        if not np.isfinite(x).all():
            kinds = [k for k, bad in (("Inf", np.isinf(x)), ("NaN", np.isnan(x))) if bad.any()]
            raise errors.InvalidArgumentError(
                None, None, f"{message} : Tensor had {' and '.join(kinds)} values"
            )
        return x

    return check


CHECK_NUMERICS: Definition = Definition(
    "CheckNumerics",
    lambda view: Spec(view.first.dtype, view.first.dims),
    bind=_bind_numerics,
    stateful=True,
    aliases=True,
    gradient=lambda op, dy: [
        CHECK_NUMERICS(
            dy, message="Not a number (NaN) or infinity (Inf) values detected in gradient."
        )
    ],
)


@export("check_numerics", "debugging.check_numerics")
def check_numerics(tensor: TensorLike, message: str, name: str | None = None) -> Tensor:
    """A tensor whose elements are checked in the run: they must be finite.

    Args:
        tensor: A tensor.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        A tensor of the same value. The run fails with InvalidArgumentError if an element, or
        one of its gradient, is infinite or not a number.
    """
    result: Tensor = CHECK_NUMERICS(convert_to_tensor(tensor), message=message, name=name)
    return result


@export("verify_tensor_all_finite", "debugging.assert_all_finite")
def verify_tensor_all_finite(
    t: TensorLike = None,
    msg: str | None = None,
    name: str | None = None,
    x: TensorLike = None,
    message: str | None = None,
) -> Tensor:
    """The same as `check_numerics`.

    Args:
        t: A tensor.
        msg: What the error begins with.
        name: Name of the operation.
        x: The new name of `t`.
        message: The new name of `msg`.

    Returns:
        A tensor of the same value.
    """
    return check_numerics(t if x is None else x, (msg if message is None else message) or "", name)


@export("add_check_numerics_ops")
def add_check_numerics_ops() -> Operation:
    """An operation that checks all floating-point tensors of the graph.

    Returns:
        An operation that fails, in the run, if one has an element that isn't finite.
    """
    checks: list[Any] = []
    for op in get_default_graph().get_operations():
        for output in op.outputs if op.body is None else ():
            if output.dtype.is_floating:
                with get_default_graph().control_dependencies(checks[-1:]):
                    checks.append(check_numerics(output, f"{output.name}"))
    return group(*checks)


# Comparisons.


def _stated(
    what: str,
    truth: Tensor,
    shown: list[Any],
    message: str | None,
    summarize: int | None,
    name: str | None,
) -> Operation:
    """An assertion, unless it is known by now that it holds or does not."""
    known = truth.spec.value
    text = f"{message or ''} {what}".strip()
    if known is not None and bool(np.all(known)):
        return no_op(name)
    if known is not None:
        values = [x.spec.value for x in shown if isinstance(x, Tensor)]
        raise errors.InvalidArgumentError(None, None, f"{text} : {values}")
    data = [d for x in shown for d in ([f"{x.name} = ", x] if isinstance(x, Tensor) else [x])]
    return assert_(reduce_all(truth), [text, *data], summarize, name)


def _binary_check(name_of: str, compare: Callable[[Any, Any], Tensor], words: str) -> None:
    @export(name_of, f"debugging.{name_of}")
    def function(
        x: TensorLike,
        y: TensorLike,
        data: Any = None,
        summarize: int | None = None,
        message: str | None = None,
        name: str | None = None,
    ) -> Operation:
        first, second = same_type(x, y)
        shown = [first, second] if data is None else list(data)
        what = f"Condition x {words} y did not hold element-wise"
        return _stated(what, compare(first, second), shown, message, summarize, name or name_of)

    function.__name__ = function.__qualname__ = name_of
    function.__doc__ = f"""Fails a run unless x {words} y for all elements.

    Args:
        x: A tensor.
        y: Another.
        data: What to show in the message; both if None.
        summarize: How many elements of each to show; 3 if None.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        The operation. It raises InvalidArgumentError; this function itself does if it is known
        by now that the condition does not hold.
    """


for _name, _compare, _words in (
    ("assert_equal", equal, "=="),
    ("assert_none_equal", not_equal, "!="),
    ("assert_less", less, "<"),
    ("assert_less_equal", less_equal, "<="),
    ("assert_greater", greater, ">"),
    ("assert_greater_equal", greater_equal, ">="),
):
    _binary_check(_name, _compare, _words)


@export("assert_near", "debugging.assert_near")
def assert_near(
    x: TensorLike,
    y: TensorLike,
    rtol: TensorLike = None,
    atol: TensorLike = None,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Fails a run unless two tensors are close to each other.

    Args:
        x: A tensor.
        y: Another.
        rtol: The relative tolerance; ten times the precision of the type if None.
        atol: The absolute tolerance; the same if None.
        data: What to show in the message; both if None.
        summarize: How many elements of each to show; 3 if None.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        The operation.
    """
    first, second = same_type(x, y)
    eps = 10 * float(np.finfo(first.dtype.numpy).eps)
    relative = convert_to_tensor(eps if rtol is None else rtol, first.dtype)
    absolute = convert_to_tensor(eps if atol is None else atol, first.dtype)
    near = less_equal(abs(first - second), absolute + relative * abs(second))
    shown = [first, second] if data is None else list(data)
    return _stated("x and y not equal to tolerance", near, shown, message, summarize, name)


def _sign_check(name_of: str, compare: Callable[[Any, Any], Tensor], words: str) -> None:
    @export(name_of, f"debugging.{name_of}")
    def function(
        x: TensorLike,
        data: Any = None,
        summarize: int | None = None,
        message: str | None = None,
        name: str | None = None,
    ) -> Operation:
        tensor = convert_to_tensor(x)
        truth = compare(tensor, convert_to_tensor(0, tensor.dtype))
        shown = [tensor] if data is None else list(data)
        what = f"Condition x {words} 0 did not hold element-wise"
        return _stated(what, truth, shown, message, summarize, name or name_of)

    function.__name__ = function.__qualname__ = name_of
    function.__doc__ = f"""Fails a run unless x {words} 0 for all elements.

    Args:
        x: A tensor.
        data: What to show in the message; the tensor if None.
        summarize: How many elements to show; 3 if None.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        The operation.
    """


for _name, _compare, _words in (
    ("assert_negative", less, "<"),
    ("assert_non_positive", less_equal, "<="),
    ("assert_positive", greater, ">"),
    ("assert_non_negative", greater_equal, ">="),
):
    _sign_check(_name, _compare, _words)

# Ranks and types.


def _ranked(
    tensor: Tensor,
    wanted: Any,
    holds: Callable[[int], bool],
    truth: Callable[[Tensor], Tensor],
    message: str | None,
    name: str | None,
    words: str,
) -> Operation:
    text = f"{message or ''} Tensor {tensor.name} must have rank {words}{wanted}".strip()
    if tensor.dims is None:
        return assert_(truth(rank(tensor)), [text, rank(tensor)], name=name)
    if not holds(len(tensor.dims)):
        raise ValueError(f"{text}. Received rank {len(tensor.dims)}, shape {tensor.shape}.")
    return no_op(name)


@export("assert_rank", "debugging.assert_rank")
def assert_rank(
    x: TensorLike,
    rank: int,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Fails unless a tensor has a rank.

    Args:
        x: A tensor.
        rank: The rank.
        data: Without effect.
        summarize: Without effect.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        An operation that fails in the run if the rank is only known then.

    Raises:
        ValueError: If it is known by now that the rank is another.
    """
    return _ranked(
        convert_to_tensor(x), rank, lambda n: n == rank, lambda n: equal(n, rank), message, name, ""
    )


@export("assert_rank_at_least", "debugging.assert_rank_at_least")
def assert_rank_at_least(
    x: TensorLike,
    rank: int,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Fails unless a tensor has at least some rank.

    Args:
        x: A tensor.
        rank: The least rank.
        data: Without effect.
        summarize: Without effect.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        An operation that fails in the run if the rank is only known then.

    Raises:
        ValueError: If it is known by now that the rank is less.
    """
    return _ranked(
        convert_to_tensor(x),
        rank,
        lambda n: n >= rank,
        lambda n: greater_equal(n, rank),
        message,
        name,
        "at least ",
    )


@export("assert_rank_in", "debugging.assert_rank_in")
def assert_rank_in(
    x: TensorLike,
    ranks: Iterable[int],
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Fails unless a tensor has one of some ranks.

    Args:
        x: A tensor.
        ranks: The ranks.
        data: Without effect.
        summarize: Without effect.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        An operation that fails in the run if the rank is only known then.

    Raises:
        ValueError: If it is known by now that the rank is another.
    """
    from runtime.graph.ops.reduction import reduce_any

    wanted = list(ranks)

    def truth(n: Tensor) -> Tensor:
        result: Tensor = reduce_any(equal(n, wanted))
        return result

    tensor = convert_to_tensor(x)
    return _ranked(tensor, wanted, wanted.__contains__, truth, message, name, "in ")


@export("assert_scalar", "debugging.assert_scalar")
def assert_scalar(
    tensor: TensorLike, name: str | None = None, message: str | None = None
) -> Tensor:
    """Checks that a tensor is a scalar.

    Args:
        tensor: A tensor.
        name: Name of the operation.
        message: What the error begins with.

    Returns:
        The tensor.

    Raises:
        ValueError: If it is known that it isn't.
    """
    result = convert_to_tensor(tensor)
    if result.dims not in (None, ()):
        raise ValueError(
            f"{message or ''} Expected scalar shape for {result.name}, saw shape: {result.shape}."
        )
    return result


@export("assert_type", "debugging.assert_type")
def assert_type(
    tensor: TensorLike, tf_type: Any, message: str | None = None, name: str | None = None
) -> Operation:
    """Checks the element type of a tensor.

    Args:
        tensor: A tensor.
        tf_type: The type.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        An operation that does nothing.

    Raises:
        TypeError: If it has another type.
    """
    found = convert_to_tensor(tensor)
    if found.dtype is not dtypes.as_dtype(tf_type):
        raise TypeError(
            f"{message or ''} {found.name} must be of type {tf_type!r}, but is {found.dtype!r}."
        )
    return no_op(name or "statically_determined_correct_type")


@export("assert_integer", "debugging.assert_integer")
def assert_integer(x: TensorLike, message: str | None = None, name: str | None = None) -> Operation:
    """Checks that a tensor is of integers.

    Args:
        x: A tensor.
        message: What the error begins with.
        name: Name of the operation.

    Returns:
        An operation that does nothing.

    Raises:
        TypeError: If it isn't.
    """
    found = convert_to_tensor(x)
    if not found.dtype.is_integer:
        raise TypeError(
            f"{message or ''} Expected 'x' to be integer type. Found: {found.dtype.name} "
            f"({found.name})."
        )
    return no_op(name or "statically_determined_was_integer")


@export("assert_same_float_dtype", "debugging.assert_same_float_dtype")
def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> dtypes.DType:
    """Checks that tensors have one floating-point type.

    Args:
        tensors: A list of tensors.
        dtype: The type; that of the first tensor if None.

    Returns:
        The type; float32 if nothing is given.

    Raises:
        ValueError: If types differ, or are no floating-point types.
    """
    found = None if dtype is None else dtypes.as_dtype(dtype)
    for tensor in tensors or ():
        found = tensor.dtype if found is None else found
        if tensor.dtype is not found:
            raise ValueError(
                f"Tensor {tensor.name} has type {tensor.dtype.name}, but {found.name} is expected."
            )
    found = found or dtypes.float32
    if not found.is_floating:
        raise ValueError(f"Expected floating point type, got {found.name}.")
    return found


@export("assert_proper_iterable", "debugging.assert_proper_iterable")
def assert_proper_iterable(values: Any) -> None:
    """Checks that something can be gone through, and is no tensor, array or string.

    Args:
        values: Anything.

    Raises:
        TypeError: If it can't.
    """
    wrong = (Tensor, np.ndarray, bytes, str)
    if isinstance(values, wrong) or not hasattr(values, "__iter__"):
        raise TypeError(f"Expected argument 'values' to be iterable. Found: {type(values)}.")


@export("is_numeric_tensor", "debugging.is_numeric_tensor")
def is_numeric_tensor(tensor: Any) -> bool:
    """Whether something is a tensor of numbers.

    Args:
        tensor: Anything.

    Returns:
        True for tensors of integers, floating-point and complex numbers.
    """
    return isinstance(tensor, Tensor) and tensor.dtype.numpy.kind in "iufc"
