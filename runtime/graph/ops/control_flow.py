"""Order and effects: groups, assertions, printing."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.indexed_slices import mapped
from runtime.graph.operation import Operation
from runtime.graph.ops.array import identity
from runtime.graph.ops.rules import no_output
from runtime.graph.tensor import Tensor

NO_OP: Definition = Definition("NoOp", no_output, gradient=not_differentiable)


@export("no_op")
def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing.

    Args:
        name: Name of the operation.

    Returns:
        The operation.
    """
    result: Operation = NO_OP(name=name)
    return result


def _flat(inputs: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for element in inputs:
        if isinstance(element, (list, tuple)):
            flat.extend(_flat(element))
        elif isinstance(element, dict):
            flat.extend(_flat(element.values()))
        else:
            flat.append(element)
    return flat


@export("group")
def group(*inputs: Any, **kwargs: Any) -> Operation:
    """An operation that runs others.

    Args:
        *inputs: Operations, tensors, variables, or lists of these.
        **kwargs: ``name``: name of the operation.

    Returns:
        An operation after which all of them have run.

    Raises:
        TypeError: If something else is given, such as None.
        ValueError: If an unknown keyword is given.
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"Unknown keyword arguments: {', '.join(kwargs)}")
    elements = _flat(inputs)
    for element in elements:
        if not hasattr(element, "graph"):
            raise TypeError(
                f"Expected tf.group() expected Tensor or Operation, but got {element!r} "
                f"of type {type(element).__name__}."
            )
    graph = elements[0].graph if elements else get_default_graph()
    with graph.as_default(), graph.control_dependencies(elements):
        return no_op(name or "group_deps")


@export("tuple")
def tuple_(
    tensors: Any, name: str | None = None, control_inputs: Any = None
) -> list[Tensor | None]:
    """Tensors that are available only when all of them are computed.

    Args:
        tensors: A list of tensors; None is kept.
        name: Name of the scope of the operations.
        control_inputs: Further operations to run before.

    Returns:
        A list of tensors with the same values.

    Raises:
        ValueError: If there is no tensor in the list.
    """
    found = [t for t in tensors if t is not None]
    if not found:
        raise ValueError(f"Must have at least one Tensor: {tensors!r}")
    graph = get_default_graph()
    with (
        graph.name_scope(name or "tuple"),
        graph.control_dependencies([*found, *(control_inputs or ())]),
    ):
        gate = group(*nest.flatten([found], expand_composites=True))
        with graph.control_dependencies([gate]):
            return [None if t is None else _late(t) for t in tensors]


def _late(value: Any) -> Any:
    """A value under the current control dependencies; of rows only the values need it."""
    if hasattr(value, "_of_parts"):
        return mapped(_named, value)
    return _named(value)


def _named(value: Any) -> Tensor:
    return identity(value, "control_dependency")


def _bind_assert(view: View) -> Kernel:
    summarize = view["summarize"]

    def check(condition: Any, *data: Any) -> None:
        if not np.all(condition):
            shown = " ".join(f"[{_summary(value, summarize)}]" for value in data)
            raise errors.InvalidArgumentError(None, None, f"assertion failed: {shown}")

    return check


def _summary(value: Any, summarize: int) -> str:
    """The first elements of an array, in the form that TensorFlow prints: rows in brackets."""
    array = np.asarray(value)
    limit = min(summarize, array.size) if summarize >= 0 else array.size
    items = iter([_text(item) for item in array.ravel()[:limit]])
    written = _rows_text(array.shape, items, limit, [0])
    return written + ("..." if array.size > limit else "")


def _rows_text(
    shape: Sequence[int], items: Iterator[str], limit: int, done: list[int], inner: bool = False
) -> str:
    """The elements of an array, until as many are written as may be."""
    if len(shape) > 1:
        rows = ""
        for _ in range(shape[0]):
            if done[0] < limit:
                rows += f"[{_rows_text(shape[1:], items, limit, done, inner=True)}]"
        return rows
    size = shape[0] if shape else 1
    count = min(size, limit - done[0])
    done[0] += count
    return " ".join([next(items) for _ in range(count)]) + ("..." if inner and count < size else "")


def _text(item: Any) -> str:
    """An element: of a fraction as many digits as tell it from all others, as C++ writes it."""
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    if isinstance(item, (bool, np.bool_)):
        return str(int(item))
    if not isinstance(item, np.floating):
        return str(item)
    few, many = (15, 17) if isinstance(item, np.float64) else (6, 9)
    short = f"{float(item):.{few}g}"
    return short if type(item)(short) == item else f"{float(item):.{many}g}"


ASSERT: Definition = Definition(
    "Assert", no_output, bind=_bind_assert, stateful=True, gradient=not_differentiable
)


@export("Assert", "debugging.Assert")
def assert_(
    condition: TensorLike, data: Any, summarize: int | None = None, name: str | None = None
) -> Operation:
    """Fails a run in which a condition does not hold.

    Args:
        condition: A bool tensor.
        data: Tensors to show in the message.
        summarize: How many elements of each to show; 3 if None.
        name: Name of the operation.

    Returns:
        An operation that raises InvalidArgumentError if an element is false.
    """
    result: Operation = ASSERT(
        convert_to_tensor(condition, "bool"),
        *[convert_to_tensor(item) for item in data],
        summarize=summarize or 3,
        name=name or "Assert",
    )
    return result


class _Count:
    """How often a `Print` has printed in a session."""

    def __init__(self) -> None:
        self.value = 0


def _bind_print(view: View) -> Kernel:
    first_n, summarize, message = view["first_n"], view["summarize"], view["message"]

    def show(count: _Count, value: Any, *data: Any) -> Any:
        if first_n is None or first_n < 0 or count.value < first_n:
            count.value += 1
            shown = "".join(f"[{_summary(item, summarize)}]" for item in data)
            print(f"{message}{shown}", file=sys.stderr)
        return value

    return show


PRINT: Definition = Definition(
    "Print",
    lambda view: Spec(view.first.dtype, view.first.dims),
    bind=_bind_print,
    state=lambda op: _Count(),
    stateful=True,
    aliases=True,
    gradient=lambda op, dy: [dy, *[None] * (len(op.inputs) - 1)],
)


@export("Print")
def print_(
    input_: TensorLike,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Tensor:
    """A tensor of the same value that prints others to standard error when it is computed.

    Args:
        input_: A tensor.
        data: A list of tensors to print.
        message: What to print before them.
        first_n: How often to print in a session; always if None.
        summarize: How many elements of each to print; 3 if None.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    result: Tensor = PRINT(
        convert_to_tensor(input_),
        *[convert_to_tensor(item) for item in data],
        message=message or "",
        first_n=first_n,
        summarize=summarize or 3,
        name=name,
    )
    return result


_STREAMS: Any = {"stdout": lambda: sys.stdout, "stderr": lambda: sys.stderr}


def _bind_print_v2(view: View) -> Kernel:
    parts, stream = view["parts"], _STREAMS[view["stream"]]
    separator, end, summarize = view["sep"], view["end"], view["summarize"]

    def show(*values: Any) -> None:
        tensors = iter(values)
        texts = [_shown(next(tensors), summarize) if p is None else p for p in parts]
        print(*texts, sep=separator, end=end, file=stream())

    return show


def _shown(value: Any, summarize: int) -> str:
    if value.dtype == object:
        value = np.vectorize(_text, otypes=[object])(value)
    if not value.ndim:
        return str(value[()])
    limit = sys.maxsize if summarize < 0 else 2 * summarize
    return np.array2string(
        value, threshold=limit, edgeitems=max(summarize, 1), formatter={"object": '"{}"'.format}
    )


PRINT_V2: Definition = Definition(
    "PrintV2", no_output, bind=_bind_print_v2, stateful=True, gradient=not_differentiable
)


@export("print")
def print_v2(*inputs: Any, **kwargs: Any) -> Operation:
    """An operation that prints tensors and other values when it is run.

    Source: the ``tf.print`` documentation.

    Args:
        *inputs: Tensors, and what Python can print.
        **kwargs: ``output_stream``: `sys.stderr` (the default) or `sys.stdout`. ``summarize``:
            how many elements to show at each end of each axis; 3 by default, all if -1. ``sep``,
            ``end``: as for Python's `print`. ``name``: name of the operation.

    Returns:
        The operation.

    Raises:
        ValueError: If there is another keyword, or another stream.
    """
    streams: dict[Any, str] = {sys.stdout: "stdout", sys.stderr: "stderr"}
    stream = kwargs.pop("output_stream", sys.stderr)
    options = {
        "summarize": kwargs.pop("summarize", 3) or 3,
        "sep": kwargs.pop("sep", " "),
        "end": kwargs.pop("end", None) or os.linesep,
    }
    name = kwargs.pop("name", None)
    if kwargs or stream not in streams:
        raise ValueError(
            f"print: unrecognized keyword arguments {sorted(kwargs)} or stream {stream!r}; streams "
            "are sys.stdout and sys.stderr."
        )
    tensors = [i for i in inputs if isinstance(i, Tensor) or hasattr(i, "_as_tensor")]
    known = [None if any(i is t for t in tensors) else str(i) for i in inputs]
    result: Operation = PRINT_V2(
        *[convert_to_tensor(t) for t in tensors],
        parts=known,
        stream=streams[stream],
        name=name or "PrintV2",
        **options,
    )
    return result
