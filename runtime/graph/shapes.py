"""Static shapes: what is known of a tensor's shape before anything runs.

Inside the package a shape is *dims*: a tuple with an int or None (unknown) for each axis, or
None if not even the number of axes is known. `TensorShape` is its public face.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

Dims: TypeAlias = tuple[int | None, ...] | None


class Dimension:
    """The size of one axis, which may be unknown.

    Source: the ``tf.compat.v1.Dimension`` documentation.

    Args:
        value: An int, another Dimension, or None for an unknown size.

    Attributes:
        value: The size, or None.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: int | None = dimension_value(value)
        if self.value is not None and self.value < 0:
            raise ValueError(f"Dimension {self.value} must be >= 0.")

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return self.__index__()

    def __index__(self) -> int:
        if self.value is None:
            raise TypeError(
                "The size of this axis is not known before the graph runs. "
                "Use tf.shape(tensor)[axis] to get it as a tensor."
            )
        return self.value

    def __eq__(self, other: object) -> Any:
        theirs = dimension_value(other)
        if self.value is None or theirs is None:
            return None
        return self.value == theirs

    def __ne__(self, other: object) -> Any:
        equal = self == other
        return None if equal is None else not equal

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, lambda a, b: a < b)

    def __le__(self, other: Any) -> Any:
        return self._compare(other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> Any:
        return self._compare(other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> Any:
        return self._compare(other, lambda a, b: a >= b)

    def _compare(self, other: Any, operator: Any) -> Any:
        theirs = dimension_value(other)
        if self.value is None or theirs is None:
            return None
        return operator(self.value, theirs)

    def _calculate(self, other: Any, operator: Any) -> "Dimension":
        theirs = dimension_value(other)
        if self.value is None or theirs is None:
            return Dimension(None)
        return Dimension(operator(self.value, theirs))

    def __add__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: a // b)

    def __rfloordiv__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: b // a)

    __div__ = __floordiv__

    def __mod__(self, other: Any) -> "Dimension":
        return self._calculate(other, lambda a, b: a % b)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether both could be the same size.

        Args:
            other: A Dimension, an int or None.

        Returns:
            True unless both are known and differ.
        """
        return self._compare(other, lambda a, b: a == b) is not False

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises ValueError unless both could be the same size.

        Args:
            other: A Dimension, an int or None.
        """
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {other} are not compatible.")

    def merge_with(self, other: Any) -> "Dimension":
        """The more precise one of two compatible sizes.

        Args:
            other: A Dimension, an int or None.

        Returns:
            A Dimension, known if one of the two is.
        """
        self.assert_is_compatible_with(other)
        return Dimension(other) if self.value is None else self


class TensorShape:
    """The static shape of a tensor; single sizes, or even the rank, may be unknown.

    Source: the ``tf.compat.v1.TensorShape`` documentation.

    Args:
        dims: A sequence of sizes (int, None or Dimension), another shape, one size for a
            vector, or None for an unknown rank.
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: Any) -> None:
        self._dims = as_dims(dims)

    @property
    def dims(self) -> list[Dimension] | None:
        """A list of `Dimension`, or None if the rank is unknown."""
        return None if self._dims is None else [Dimension(d) for d in self._dims]

    @property
    def ndims(self) -> int | None:
        """The number of axes, or None."""
        return None if self._dims is None else len(self._dims)

    @property
    def rank(self) -> int | None:
        """The number of axes, or None."""
        return self.ndims

    def as_list(self) -> list[int | None]:
        """The sizes as a list of int and None.

        Raises:
            ValueError: If the rank is unknown.
        """
        return list(self._known_rank("as_list()"))

    def as_proto(self) -> "TensorShape":
        """The shape itself, which takes the place of TensorFlow's protocol message."""
        return self

    def _known_rank(self, what: str) -> tuple[int | None, ...]:
        if self._dims is None:
            raise ValueError(f"{what} is not defined on a shape of unknown rank.")
        return self._dims

    def num_elements(self) -> int | None:
        """The number of elements, or None if it isn't known."""
        return element_count(self._dims)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return fully_known(self._dims)

    def assert_is_fully_defined(self) -> None:
        """Raises ValueError unless every size is known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined.")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether one tensor could have both shapes.

        Args:
            other: Anything that can be made into a shape.

        Returns:
            True unless ranks or known sizes differ.
        """
        return compatible(self._dims, as_dims(other))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises ValueError unless one tensor could have both shapes.

        Args:
            other: Anything that can be made into a shape.
        """
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    def assert_has_rank(self, rank: int) -> None:
        """Raises ValueError if the rank is known to be another.

        Args:
            rank: The number of axes that is wanted.
        """
        if self.ndims not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def with_rank(self, rank: int) -> "TensorShape":
        """The same shape with the rank known.

        Args:
            rank: The number of axes.

        Returns:
            The shape, of unknown sizes if its rank was unknown.

        Raises:
            ValueError: If the rank is another.
        """
        self.assert_has_rank(rank)
        return TensorShape([None] * rank) if self._dims is None else self

    def with_rank_at_least(self, rank: int) -> "TensorShape":
        """The shape itself, if it has at least that many axes.

        Args:
            rank: The least number of axes.

        Returns:
            The shape.

        Raises:
            ValueError: If it has fewer axes.
        """
        if self._dims is not None and len(self._dims) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank: int) -> "TensorShape":
        """The shape itself, if it has at most that many axes.

        Args:
            rank: The largest number of axes.

        Returns:
            The shape.

        Raises:
            ValueError: If it has more axes.
        """
        if self._dims is not None and len(self._dims) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def assert_same_rank(self, other: Any) -> None:
        """Raises ValueError if both ranks are known and differ.

        Args:
            other: Anything that can be made into a shape.
        """
        theirs = as_dims(other)
        if self._dims is not None and theirs is not None and len(self._dims) != len(theirs):
            raise ValueError(f"Shapes {self} and {described(theirs)} must have the same rank")

    def most_specific_compatible_shape(self, other: Any) -> "TensorShape":
        """What is known of a tensor that has one of two shapes.

        Args:
            other: Anything that can be made into a shape.

        Returns:
            The sizes that are the same in both; of unknown rank if the ranks differ.
        """
        return TensorShape(generalised(self._dims, as_dims(other)))

    def merge_with(self, other: Any) -> "TensorShape":
        """What is known of a tensor that has both shapes.

        Args:
            other: Anything that can be made into a shape.

        Returns:
            A shape with the sizes that either knows.

        Raises:
            ValueError: If no tensor can have both shapes.
        """
        self.assert_is_compatible_with(other)
        return TensorShape(merged(self._dims, as_dims(other)))

    def concatenate(self, other: Any) -> "TensorShape":
        """The axes of this shape followed by those of another.

        Args:
            other: Anything that can be made into a shape.

        Returns:
            The longer shape; of unknown rank if one of the two is.
        """
        theirs = as_dims(other)
        if self._dims is None or theirs is None:
            return TensorShape(None)
        return TensorShape(self._dims + theirs)

    def __len__(self) -> int:
        return len(self._known_rank("len()"))

    def __bool__(self) -> bool:
        return self._dims is not None

    def __iter__(self) -> Iterator[Dimension]:
        return iter([Dimension(d) for d in self._known_rank("Iteration")])

    def __getitem__(self, key: Any) -> Any:
        if self._dims is None:
            return TensorShape(None) if isinstance(key, slice) else Dimension(None)
        if isinstance(key, slice):
            return TensorShape(self._dims[key])
        return Dimension(self._dims[key])

    def __add__(self, other: Any) -> "TensorShape":
        return self.concatenate(other)

    def __radd__(self, other: Any) -> "TensorShape":
        return TensorShape(other).concatenate(self)

    def __eq__(self, other: object) -> bool:
        try:
            return self._dims == as_dims(other)
        except (TypeError, ValueError):
            return False

    def __hash__(self) -> int:
        return hash(self._dims)

    def __str__(self) -> str:
        return described(self._dims)

    def __repr__(self) -> str:
        if self._dims is None:
            return "TensorShape(None)"
        return f"TensorShape([{', '.join(f'Dimension({d})' for d in self._dims)}])"


def dimension_value(dimension: Any) -> int | None:
    """The size that a value stands for.

    Args:
        dimension: An int, a Dimension or None.

    Returns:
        The int, or None if unknown.
    """
    if dimension is None:
        return None
    if isinstance(dimension, Dimension):
        return dimension.value
    try:
        return int(dimension.__index__())
    except AttributeError:
        message = f"Dimension value must be an integer or None, got {dimension!r}."
        raise TypeError(message) from None


def as_dims(value: Any) -> Dims:
    """The dims that a value stands for.

    Args:
        value: A TensorShape, a sequence of sizes, one size, or None.

    Returns:
        A tuple, or None for an unknown rank.

    Raises:
        TypeError: If it is none of these.
        ValueError: If a size is negative.
    """
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value._dims
    if isinstance(value, Dimension) or (hasattr(value, "__index__") and not _is_vector(value)):
        return _checked((dimension_value(value),), value)
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        return _checked(tuple([dimension_value(v) for v in value]), value)
    raise TypeError(f"Cannot make a shape of {value!r}; give a list of sizes (int or None).")


def _is_vector(value: Any) -> bool:
    """Whether an array has axes: only one without any stands for a single size."""
    return getattr(value, "ndim", 0) > 0


def _checked(dims: tuple[int | None, ...], value: Any) -> Dims:
    for d in dims:
        if d is not None and d < 0:
            raise ValueError(f"Dimension {d} must be >= 0 (in the shape {value!r}).")
    return dims


def described(dims: Dims) -> str:
    """A shape as error messages and `TensorShape` show it.

    Args:
        dims: The shape.

    Returns:
        For example ``(?, 3)``; ``<unknown>`` if the rank is unknown.
    """
    if dims is None:
        return "<unknown>"
    inner = ", ".join("?" if d is None else str(d) for d in dims)
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def fully_known(dims: Dims) -> bool:
    """Whether rank and all sizes are known.

    Args:
        dims: The shape.

    Returns:
        True if nothing in it is None.
    """
    return dims is not None and None not in dims


def element_count(dims: Dims) -> int | None:
    """The number of elements of a tensor of that shape.

    Args:
        dims: The shape.

    Returns:
        The product of the sizes, or None if one is unknown.
    """
    if dims is None:
        return None
    count = 1
    for d in dims:
        if d is None:
            return None
        count *= d
    return count


def compatible(a: Dims, b: Dims) -> bool:
    """Whether one tensor could have both shapes.

    Args:
        a: A shape.
        b: Another shape.

    Returns:
        True unless ranks or known sizes differ.
    """
    if a is None or b is None or a == b:
        return True
    if len(a) != len(b):
        return False
    return all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def merged(a: Dims, b: Dims) -> Dims:
    """What is known of a tensor that has both of two compatible shapes.

    Args:
        a: A shape.
        b: A shape that is compatible with it.

    Returns:
        The sizes that either knows.
    """
    if a is None:
        return b
    if b is None:
        return a
    return tuple([y if x is None else x for x, y in zip(a, b, strict=True)])


def generalised(a: Dims, b: Dims) -> Dims:
    """What is known of a tensor that has one of two shapes.

    Args:
        a: A shape.
        b: Another shape.

    Returns:
        The sizes that are the same in both; of unknown rank if the ranks differ.
    """
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple([x if x == y else None for x, y in zip(a, b, strict=True)])


class Incompatible(ValueError):
    """Two shapes don't fit; the caller knows the operation and adds it to the message."""


def broadcast(a: Dims, b: Dims) -> Dims:
    """The shape of an elementwise operation's result (NumPy's broadcasting rule).

    Args:
        a: Shape of the left operand.
        b: Shape of the right operand.

    Returns:
        The shape of the result as far as it can be known.

    Raises:
        Incompatible: If the shapes can't be broadcast together.
    """
    if a is None or b is None:
        return None
    if a == b:
        return a
    if len(a) < len(b):
        a, b = b, a
    lead = len(a) - len(b)
    return a[:lead] + tuple([_broadcast_one(x, y, a, b) for x, y in zip(a[lead:], b, strict=True)])


def _broadcast_one(x: int | None, y: int | None, a: Dims, b: Dims) -> int | None:
    if x == y or y == 1:
        return x
    if x == 1:
        return y
    if x is None or y is None:
        return y if x is None else x
    raise Incompatible(f"shapes {described(a)} and {described(b)} can't be broadcast together")


def normalized_axis(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Args:
        axis: An axis in [-rank, rank).
        rank: The number of axes.

    Returns:
        The axis in [0, rank).

    Raises:
        Incompatible: If there is no such axis.
    """
    if not -rank <= axis < rank:
        raise Incompatible(f"axis {axis} is out of range for a tensor with {rank} axes")
    return axis + rank if axis < 0 else axis
