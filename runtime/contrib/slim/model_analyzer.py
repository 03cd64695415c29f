"""What a model is made of, in words.

Source: the ``tf.contrib.slim.model_analyzer`` documentation.
"""

from collections.abc import Iterable
from typing import Any

from runtime.graph.export import export
from runtime.graph.graph import Graph


@export("contrib.slim.model_analyzer.tensor_description")
def tensor_description(var: Any) -> str:
    """The element type and shape of a tensor or variable.

    Args:
        var: The tensor.

    Returns:
        Text such as ``(float32_ref 3x4)``.
    """
    reference = "_ref" if hasattr(var, "initializer") else ""
    sizes = "x".join(str(size) for size in var.shape.as_list())
    return f"({var.dtype.name}{reference} {sizes})"


@export("contrib.slim.model_analyzer.analyze_vars")
def analyze_vars(variables: Iterable[Any], print_info: bool = False) -> tuple[int, int]:
    """How large variables are.

    Args:
        variables: The variables.
        print_info: Whether each one is printed.

    Returns:
        The number of elements, and that of bytes.
    """
    total = size = 0
    _printed(print_info, "---------", "Variables: name (type shape) [size]", "---------")
    for var in variables:
        count = var.shape.num_elements()
        used = count * var.dtype.size
        total, size = total + count, size + used
        _printed(print_info, f"{var.name} {tensor_description(var)} [{count}, bytes: {used}]")
    _printed(print_info, f"Total size of variables: {total}")
    _printed(print_info, f"Total bytes of variables: {size}")
    return total, size


@export("contrib.slim.model_analyzer.analyze_ops")
def analyze_ops(graph: Graph, print_info: bool = False) -> int:
    """How large what operations give is.

    Args:
        graph: The graph.
        print_info: Whether each operation is printed.

    Returns:
        The number of elements of all outputs whose shape is known.
    """
    total = 0
    _printed(print_info, "---------", "Operations: name -> (type shapes) [size]", "---------")
    for operation in graph.get_operations():
        shapes = [output.shape for output in operation.outputs]
        count = sum(s.num_elements() or 0 for s in shapes)
        total += count
        found = ", ".join(tensor_description(output) for output in operation.outputs if output.dims)
        _printed(print_info, f"{operation.name}\t->\t{found} [{count}]")
    _printed(print_info, f"Total size: {total}")
    return total


def _printed(wanted: bool, *lines: str) -> None:
    for line in lines if wanted else ():
        print(line)
