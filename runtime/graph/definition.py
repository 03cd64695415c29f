"""What an operation type is: one declarative definition, from which everything else derives.

A definition says how to compute (kernel), what comes out (infer) and how to differentiate
(gradient). Graph building, constant folding, the plan compiler and gradients read it; none of
them knows a single operation by name.
"""

import sys
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from runtime.graph.buffers import Buffers
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.shapes import Dims

if TYPE_CHECKING:
    from runtime.graph.bodies import Body
    from runtime.graph.operation import Operation
    from runtime.graph.tensor import Tensor

# Kernels take and give NumPy arrays and scalars of any element type.
Kernel: TypeAlias = Callable[..., Any]


class Spec:
    """What is known of a value before it is computed.

    Attributes:
        dtype: Its element type.
        dims: Its static shape.
        value: The value itself, if it is known already; else None.
        partial: For an integer vector: its elements, None where unknown; else None.
        owned: The array belongs to the running plan alone and nobody reads it after the
            operation in question, which may therefore overwrite or keep it.
        element: For values that a loop saves, one for each time: what is known of one; else None.
        exclusive: For a variable: nobody who has read it needs the old contents any more, so
            that its buffer may be updated in place.
        fed: The caller of the run gave the value.
    """

    __slots__ = ("dims", "dtype", "element", "exclusive", "fed", "owned", "partial", "value")

    def __init__(
        self,
        dtype: DType,
        dims: Dims,
        value: Any = None,  # an array or scalar of any element type
        partial: tuple[int | None, ...] | None = None,
    ) -> None:
        self.dtype = dtype
        self.dims = dims
        self.value = value
        self.partial = partial
        self.element: Spec | None = None
        self.owned = False
        self.exclusive = False
        self.fed = False


class View:
    """An operation as its definition sees it: attributes, and what is known of its inputs.

    While a graph is built the inputs carry what is known statically. When a plan is compiled
    they carry what is known then, such as shapes of fed arrays.

    Attributes:
        op: The operation.
        inputs: One `Spec` for each input.
        used: Which outputs somebody uses, if that is known; else None. A kernel may give None for
            an output that nobody uses.
    """

    __slots__ = ("_buffers", "inputs", "op", "used")

    def __init__(
        self,
        op: "Operation",
        inputs: Sequence[Spec],
        used: Sequence[bool] | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.used = used
        self._buffers = buffers

    @property
    def buffers(self) -> Buffers:
        """Large arrays that the operations of a plan share, for shapes that are known."""
        if self._buffers is None:
            self._buffers = Buffers()
        return self._buffers

    def needs(self, output: int) -> bool:
        """Whether somebody may use an output.

        Args:
            output: Its index.

        Returns:
            False if it is known that nobody does.
        """
        return self.used is None or self.used[output]

    def __getitem__(self, attribute: str) -> Any:
        return self.op.attributes[attribute]

    @property
    def first(self) -> Spec:
        """The first input."""
        return self.inputs[0]


EVERY_INPUT: Final = range(sys.maxsize)  # for operations that work on nothing but variables

_KNOWN: dict[str, "Definition"] = {}

Infer: TypeAlias = Callable[[View], Spec | tuple[Spec, ...]]
Gradient: TypeAlias = Callable[..., Any]


def not_differentiable(op: "Operation", *_: Any) -> list[None]:
    """The gradient rule of operations through which no gradient flows.

    Args:
        op: The operation.
        *_: Gradients of its outputs, which are dropped.

    Returns:
        None for each input.
    """
    return [None] * len(op.inputs)


@attrs.frozen(eq=False)
class Nested:
    """How an operation carries out others.

    Attributes:
        requests: What to compile: a `plan.Request` for each body.
        make: Makes the kernel from the functions of the compiled plans.
    """

    requests: Sequence[Any]  # the module of plans is above this one
    make: Callable[..., Kernel]


@attrs.frozen(eq=False)
class Definition:
    """An operation type.

    Attributes:
        type: Its name, for example ``"MatMul"``; also the default name of its operations.
        infer: Gives the `Spec` of the output (a tuple of them if there are more or fewer than
            one) from a `View`. Raises `shapes.Incompatible` if the inputs don't fit.
        kernel: Computes the output (a tuple, if there are several) from the inputs. If the
            type has a state, that comes first; referenced variables come as their cells.
        bind: Instead of `kernel`: makes it from a `View`, once for each plan.
        template: Python expression, or what makes one from a `View`, over ``{0}``, ``{1}``, …
            that does the same as `kernel`, faster. ``{0}`` alone means that the value passes
            through unchanged.
        ufunc: The NumPy ufunc that `kernel` is; so it can write into a buffer that is free.
        passes: Says from a `View` which input the output equals, if it does; else None. Such an
            operation costs nothing in a run.
        gradient: Gives a list with the gradient for each input (or None) from the operation
            and the gradients of its outputs. If None, asking for it is an error.
        state: Makes the state that an operation of this type has in each session.
        references: Indices of the inputs that are variables or queues to work on; or what tells
            them from an operation.
        stateful: Whether two calls with the same inputs may differ or have an effect.
        reading: Whether it is stateful only in that it reads something, so that leaving it out of
            a run that does not need its value changes nothing.
        aliases: Whether an output may share memory with an input or a variable; or what tells
            it from a `View`.
        floating: Whether the kernel may meet floating-point exceptions.
        nested: Instead of `kernel`, for an operation that carries out others: gives the requests
            for their plans, and makes the kernel from these plans' functions.
        save: For an operation that carries out others: adds an output for one of their tensors.
    """

    type: str
    infer: Infer
    kernel: Kernel | None = None
    bind: Callable[[View], Kernel] | None = None
    template: str | Callable[[View], str | None] | None = None
    ufunc: Kernel | None = None
    passes: Callable[[View], int | None] | None = None
    gradient: Gradient | None = None
    state: Callable[["Operation"], Any] | None = None
    references: Container[int] | Callable[["Operation"], Container[int]] = ()
    stateful: bool = False
    reading: bool = False
    aliases: bool | Callable[[View], bool] = False
    floating: bool = False
    nested: Callable[[View, Sequence[bool]], "Nested"] | None = None
    save: Callable[["Operation", "Body", "Tensor"], "Tensor"] | None = None

    def __attrs_post_init__(self) -> None:
        if self.type in _KNOWN:
            raise ValueError(
                f"Operations of type {self.type!r} are defined already: a type has one definition."
            )
        _KNOWN[self.type] = self

    def __call__(self, *inputs: "Tensor", name: str | None = None, **attributes: Any) -> Any:
        """Adds an operation of this type to the default graph (or to that of its inputs).

        Args:
            *inputs: The input tensors.
            name: Name of the operation; by default the type.
            **attributes: What else the kernel needs.

        Returns:
            The output; a tuple if there are several; the operation if there is none.
        """
        return self.create(inputs, attributes, name).result()

    def create(
        self, inputs: Sequence["Tensor"], attributes: dict[str, Any], name: str | None
    ) -> "Operation":
        """Adds an operation of this type to the graph.

        Args:
            inputs: The input tensors.
            attributes: What else the kernel needs.
            name: Name of the operation; by default the type.

        Returns:
            The operation.
        """
        from runtime.graph.graph import graph_of

        return graph_of(inputs).create(self, inputs, attributes, name or self.type)

    def may_alias(self, view: View) -> bool:
        """Whether an output may share memory with an input or a variable.

        Args:
            view: The operation and what is known of its inputs.

        Returns:
            True if it isn't known that it does not.
        """
        return self.aliases(view) if callable(self.aliases) else self.aliases

    def expression(self, view: View) -> str | None:
        """The template for an operation of this type.

        Args:
            view: The operation and what is known of its inputs.

        Returns:
            The template, or None if there is only a kernel.
        """
        return self.template(view) if callable(self.template) else self.template

    def kernel_for(self, view: View) -> Kernel:
        """The function that computes an operation of this type.

        Args:
            view: The operation and what is known of its inputs.

        Returns:
            A function of the (state and) inputs.
        """
        if self.bind is not None:
            return self.bind(view)
        return self.kernel if self.kernel is not None else self._from_template(view)

    def _from_template(self, view: View) -> Kernel:
        template = self.expression(view)
        if template is None:
            raise LookupError(f"No kernel is defined for operations of type {self.type}.")
        names = [f"x{index}" for index in range(len(view.inputs))]
        source = f"lambda {', '.join(names)}: {template.format(*names)}"
        return eval(source, {"__builtins__": {}})  # type: ignore[no-any-return]  # our own template


def definition_of(type_name: str) -> Definition | None:
    """The definition of a type of operations.

    Args:
        type_name: The type, for example ``"MatMul"``.

    Returns:
        The definition; None if no module that is loaded has one.
    """
    return _KNOWN.get(type_name)


@export("NodeDef")
@attrs.define
class NodeDef:
    """A description of an operation that holds no live objects.

    Attributes:
        name: The operation's name.
        op: Its type.
        input: Names of what it takes; control inputs start with ``^``.
        device: The device that was asked for.
        attr: What its kernel needs beside the inputs.
        output_shapes: The static shapes of what it gives.
    """

    name: str
    op: str
    input: list[str]
    device: str = ""
    attr: dict[str, Any] = attrs.field(factory=dict)
    output_shapes: list[Dims] = attrs.field(factory=list)

    def __str__(self) -> str:
        from runtime.graph.graph_def import node_text

        return node_text(self)
