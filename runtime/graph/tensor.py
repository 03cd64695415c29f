"""Symbolic tensors and the Python operators on them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from runtime.graph.definition import Spec
from runtime.graph.dtypes import DType
from runtime.graph.shapes import Dims, TensorShape, as_dims, compatible, described, merged

if TYPE_CHECKING:
    from runtime.graph.graph import Graph
    from runtime.graph.operation import Operation

# Filled by the families of operations: what `+`, `[]` and so on add to the graph.
OVERLOADS: "dict[str, Callable[..., Tensor]]" = {}


class Operators:
    """Python's operators for tensors and for what converts to a tensor.

    Operands may be tensors, variables, numbers or arrays.
    """

    __array_priority__ = 100
    __slots__ = ()

    def __add__(self, other: Any) -> "Tensor":
        return OVERLOADS["add"](self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return OVERLOADS["add"](other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return OVERLOADS["sub"](self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return OVERLOADS["sub"](other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return OVERLOADS["mul"](self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return OVERLOADS["mul"](other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return OVERLOADS["truediv"](self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return OVERLOADS["truediv"](other, self)

    def __floordiv__(self, other: Any) -> "Tensor":
        return OVERLOADS["floordiv"](self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return OVERLOADS["floordiv"](other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return OVERLOADS["mod"](self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return OVERLOADS["mod"](other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return OVERLOADS["pow"](self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return OVERLOADS["pow"](other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return OVERLOADS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return OVERLOADS["matmul"](other, self)

    def __lt__(self, other: Any) -> "Tensor":
        return OVERLOADS["less"](self, other)

    def __le__(self, other: Any) -> "Tensor":
        return OVERLOADS["less_equal"](self, other)

    def __gt__(self, other: Any) -> "Tensor":
        return OVERLOADS["greater"](self, other)

    def __ge__(self, other: Any) -> "Tensor":
        return OVERLOADS["greater_equal"](self, other)

    def __and__(self, other: Any) -> "Tensor":
        return OVERLOADS["and"](self, other)

    def __rand__(self, other: Any) -> "Tensor":
        return OVERLOADS["and"](other, self)

    def __or__(self, other: Any) -> "Tensor":
        return OVERLOADS["or"](self, other)

    def __ror__(self, other: Any) -> "Tensor":
        return OVERLOADS["or"](other, self)

    def __xor__(self, other: Any) -> "Tensor":
        return OVERLOADS["xor"](self, other)

    def __rxor__(self, other: Any) -> "Tensor":
        return OVERLOADS["xor"](other, self)

    def __invert__(self) -> "Tensor":
        return OVERLOADS["invert"](self)

    def __neg__(self) -> "Tensor":
        return OVERLOADS["neg"](self)

    def __abs__(self) -> "Tensor":
        return OVERLOADS["abs"](self)

    def __getitem__(self, key: Any) -> "Tensor":
        return OVERLOADS["getitem"](self, key)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            f"{self!r} can't be iterated over: its elements exist only while the graph runs. "
            "Use tf.unstack, or run it in a session and iterate over the array."
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} can't be used as a Python bool: its value exists only while the graph "
            "runs. Use tf.cond or tf.where, or run it in a session; to ask whether something "
            "was given use `x is not None`."
        )

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f"{self!r} can't be converted to a NumPy array: its value exists only while the "
            "graph runs. Get it by session.run(x) or x.eval()."
        )


class Tensor(Operators):
    """A symbolic handle to one output of an operation.

    Source: the ``tf.compat.v1.Tensor`` documentation.

    Args:
        op: The operation that computes it.
        value_index: Which of the operation's outputs it is.
        spec: What is known of it statically.

    Attributes:
        op: The operation that computes it.
        value_index: Which of the operation's outputs it is.
        spec: What is known of it statically.
    """

    # Programs hang things of their own on tensors, so there is a __dict__ for these.
    __slots__ = ("__dict__", "__weakref__", "_consumers", "op", "spec", "value_index")
    __array_ufunc__ = None  # so that NumPy arrays leave `array + tensor` to the tensor

    def __init__(self, op: "Operation", value_index: int, spec: Spec) -> None:
        self.op = op
        self.value_index = value_index
        self.spec = spec
        self._consumers: list[Operation] = []

    # An array's hash and equality are those of the object: tensors are keys of feeds.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __len__(self) -> int:
        raise TypeError(
            f"{self!r} has no len(): use x.shape for what is known statically, "
            "or tf.shape(x) for a tensor with the sizes."
        )

    @property
    def name(self) -> str:
        """Name of the operation and index of the output: ``"x:0"``."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return self.spec.dtype

    @property
    def graph(self) -> "Graph":
        """The graph that it belongs to."""
        return self.op.graph

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self.op.device

    @property
    def dims(self) -> Dims:
        """The static shape as a tuple of int and None, or None if the rank is unknown."""
        return self.spec.dims

    @property
    def shape(self) -> TensorShape:
        """The static shape."""
        return TensorShape(self.spec.dims)

    _shape = shape  # the name by which programs of the time looked at it, too

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Adds knowledge about the static shape.

        Args:
            shape: Anything that can be made into a shape; it is merged with what is known.

        Raises:
            ValueError: If it contradicts what is known.
        """
        dims = as_dims(shape)
        if not compatible(self.spec.dims, dims):
            raise ValueError(
                f"Tensor {self.name!r} has shape {described(self.spec.dims)}, which is not "
                f"compatible with the shape {described(dims)} that set_shape was given."
            )
        self.spec.dims = merged(self.spec.dims, dims)

    @property
    def assign(self) -> Callable[..., Any]:
        """Assigns to the part of a variable that it is; only slices of variables have it."""
        if self.op.type == "StridedSlice" and self.op.inputs[0].op.type == "ReadVariable":
            assign: Callable[..., Any] = partial(OVERLOADS["assign_slice"], self)
            return assign
        raise AttributeError(
            f"{self!r} has no attribute 'assign': it is no variable, and no slice of one."
        )

    def consumers(self) -> list["Operation"]:
        """The operations that take it as an input."""
        return list(self._consumers)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Computes it in a session.

        Args:
            feed_dict: Values for other tensors, as for ``Session.run``.
            session: The session; the default session if None.

        Returns:
            A NumPy array or scalar.

        Raises:
            ValueError: If there is no session, or it has another graph.
        """
        return _session_for(self.graph, session, "Tensor.eval").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.name!r} shape={self.shape} dtype={self.dtype.name}>"

    def __str__(self) -> str:
        shape = "" if self.shape.ndims is None else f", shape={self.shape}"
        device = f", device={self.device}" if self.device else ""
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name}{device})'


def _session_for(graph: "Graph", session: Any, what: str) -> Any:
    from runtime.graph.graph import get_default_session

    chosen = get_default_session() if session is None else session
    if chosen is None:
        raise ValueError(
            f"{what} needs a session: there is no default session. Use `with session:`, or "
            "give session=."
        )
    if chosen.graph is not graph:
        raise ValueError(
            f"{what} can't use this session: it runs another graph than the one that the "
            "tensor or operation belongs to."
        )
    return chosen
