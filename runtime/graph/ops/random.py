"""Random numbers, repeatable by seeds.

The state of a random operation is a generator of its own in each session: a new session starts
the sequence anew. A seed of the graph, of the operation, or both make it the same sequence in
each session.

Source of the rule: the ``tf.compat.v1.set_random_seed`` documentation.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import (
    Definition,
    Gradient,
    Kernel,
    Spec,
    View,
    not_differentiable,
)
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import _as_tuple, _target, shape_argument, slice_
from runtime.graph.ops.math import add, cast, multiply, unbroadcast
from runtime.graph.ops.rules import checked_kind, unchanged
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

# NumPy imports its random numbers when they are first used; an evaluated annotation is a use.
Generator: TypeAlias = "np.random.Generator"
# What draws numbers of a shape, as the operation's attributes say.
Draw: TypeAlias = Callable[[Any, Any, Mapping[str, Any]], Any]

# The seed of a graph that has none, when an operation has one: any fixed number.
_DEFAULT_GRAPH_SEED = 87654321


@export("set_random_seed", "random.set_random_seed")
def set_random_seed(seed: int | None) -> None:
    """Sets the seed of the default graph.

    Args:
        seed: The seed; it holds for random operations that are made from now on.
    """
    get_default_graph().seed = seed


@export("get_seed", "random.get_seed")
def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds that a random operation made now would have.

    Args:
        op_seed: The operation's own seed, or None.

    Returns:
        The graph's and the operation's seed; both None if neither has one. With only a seed of
        the graph, the operation's is its number in the graph.
    """
    graph = get_default_graph()
    if op_seed is None and graph.seed is None:
        return None, None
    if op_seed is None:
        return graph.seed, graph.version
    return _DEFAULT_GRAPH_SEED if graph.seed is None else graph.seed, op_seed


def _generator(op: Any) -> Generator:
    seeds = op.attributes["seeds"]
    if seeds == (None, None):
        return np.random.default_rng()
    return np.random.Generator(np.random.PCG64([int(seed) & (2**64 - 1) for seed in seeds]))


def _random_spec(view: View) -> Spec:
    return Spec(view["dtype"], _target(view, 0))


def _bind_random(view: View, draw: Draw) -> Kernel:
    dtype, attributes = view["dtype"].numpy, view.op.attributes
    if not view.inputs:
        dims = view["dims"]
        return lambda generator: _typed(draw(generator, dims, attributes), dtype)
    return lambda generator, sizes: _typed(draw(generator, _as_tuple(sizes), attributes), dtype)


def _typed(values: Any, dtype: np.dtype[Any]) -> Any:
    return np.asarray(values).astype(dtype, copy=False)[()]


def _kind(attributes: Mapping[str, Any]) -> Any:
    """The element type that is drawn, before it is made into the one that was asked for."""
    return np.float64 if attributes["dtype"] is dtypes.float64 else np.float32


def _truncated(generator: Generator, dims: Any, attributes: Mapping[str, Any]) -> Any:
    """Draws again what is more than two standard deviations away."""
    kind = _kind(attributes)
    values = np.asarray(generator.standard_normal(dims, kind))
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        flat[outside] = generator.standard_normal(outside.size, kind)
        outside = outside[np.abs(flat[outside]) > 2]
    return flat.reshape(values.shape)


def _orthogonal(generator: Generator, dims: Any, attributes: Mapping[str, Any]) -> Any:
    rows, columns = int(np.prod(dims[:-1])), dims[-1]
    flat = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(flat)
    q = q * np.sign(np.diag(r))
    return (attributes["gain"] * (q if rows >= columns else q.T)).reshape(dims)


def _define(name: str, draw: Draw) -> Definition:
    return Definition(
        name,
        _random_spec,
        bind=lambda view: _bind_random(view, draw),
        state=_generator,
        stateful=True,
        gradient=not_differentiable,
    )


NORMAL: Definition = _define(
    "RandomStandardNormal", lambda generator, dims, a: generator.standard_normal(dims, _kind(a))
)
UNIFORM: Definition = _define(
    "RandomUniform", lambda generator, dims, a: generator.random(dims, _kind(a))
)
UNIFORM_INTEGERS: Definition = _define(
    "RandomUniformInt",
    lambda generator, dims, a: generator.integers(a["low"], a["high"], dims, a["dtype"].numpy),
)


def _bind_between(view: View) -> Kernel:
    dtype, dims = view["dtype"].numpy, view["dims"]

    def draw(generator: Generator, *arguments: Any) -> Any:
        *sizes, low, high = arguments
        if low >= high:
            raise ValueError(f"Need minval < maxval, got {low} >= {high}")
        return generator.integers(low, high, _as_tuple(sizes[0]) if sizes else dims, dtype)[()]

    return draw


UNIFORM_BETWEEN = Definition(
    "RandomUniformIntBetween",
    lambda view: Spec(view["dtype"], _target(view, 0) if len(view.inputs) > 2 else view["dims"]),
    bind=_bind_between,
    state=_generator,
    stateful=True,
    gradient=not_differentiable,
)
TRUNCATED: Definition = _define("TruncatedNormal", _truncated)
ORTHOGONAL: Definition = _define("RandomOrthogonal", _orthogonal)


def _drawn(
    definition: Definition,
    shape: TensorLike,
    dtype: Any,
    seed: int | None,
    name: str,
    **attributes: Any,
) -> Tensor:
    dims, inputs = shape_argument(shape)
    result: Tensor = definition(
        *inputs, dims=dims, dtype=as_dtype(dtype), seeds=get_seed(seed), name=name, **attributes
    )
    return result


def _scaled(standard: Tensor, spread: TensorLike, shift: TensorLike, scope: str) -> Tensor:
    scaled = multiply(standard, convert_to_tensor(spread, standard.dtype), name="mul")
    return add(scaled, convert_to_tensor(shift, standard.dtype), name=scope)


@export("random_normal", "random.normal")
def random_normal(
    shape: TensorLike,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Numbers from a normal distribution.

    Args:
        shape: The shape.
        mean: The mean.
        stddev: The standard deviation.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with new numbers in each run.
    """
    with get_default_graph().name_scope(name or "random_normal") as scope:
        standard = _drawn(NORMAL, shape, dtype, seed, "RandomStandardNormal")
        return _scaled(standard, stddev, mean, scope)


@export("truncated_normal", "random.truncated_normal")
def truncated_normal(
    shape: TensorLike,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Numbers from a normal distribution, none further than two standard deviations away.

    Args:
        shape: The shape.
        mean: The mean.
        stddev: The standard deviation before cutting.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with new numbers in each run.
    """
    with get_default_graph().name_scope(name or "truncated_normal") as scope:
        standard = _drawn(TRUNCATED, shape, dtype, seed, "TruncatedNormal")
        return _scaled(standard, stddev, mean, scope)


@export("random_uniform", "random.uniform")
def random_uniform(
    shape: TensorLike,
    minval: TensorLike = 0,
    maxval: TensorLike = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Numbers that are equally likely in a range.

    Args:
        shape: The shape.
        minval: The least number.
        maxval: The limit, which is not reached; 1 for floating-point numbers if None.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with new numbers in each run.

    Raises:
        ValueError: If integers are asked for without a limit.
    """
    target = as_dtype(dtype)
    if target.is_integer:
        return _uniform_integers(shape, minval, maxval, target, seed, name)
    with get_default_graph().name_scope(name or "random_uniform") as scope:
        standard = _drawn(UNIFORM, shape, dtype, seed, "RandomUniform")
        low = convert_to_tensor(minval, target)
        high = convert_to_tensor(1.0 if maxval is None else maxval, target)
        return _scaled(standard, high - low, low, scope)


def _uniform_integers(
    shape: TensorLike, minval: Any, maxval: Any, target: Any, seed: int | None, name: str | None
) -> Tensor:
    from runtime.graph.ops.rules import static_int

    if maxval is None:
        raise ValueError(f"Must specify maxval for integer dtype {target.name}.")
    bounds = [convert_to_tensor(bound, target) for bound in (minval, maxval)]
    if any(bound.spec.value is None for bound in bounds):
        dims, sizes = shape_argument(shape)
        chosen: Tensor = UNIFORM_BETWEEN(
            *sizes, *bounds, dims=dims, dtype=target, seeds=get_seed(seed), name=name
        )
        return chosen
    low, high = (static_int(bound, "random_uniform") for bound in bounds)
    name = name or "random_uniform"
    return _drawn(UNIFORM_INTEGERS, shape, target, seed, name, low=low, high=high)


SHUFFLE: Definition = Definition(
    "RandomShuffle",
    unchanged,
    lambda generator, value: generator.permutation(value, 0) if value.ndim else value,
    state=_generator,
    stateful=True,
)


@export("random_shuffle", "random.shuffle")
def random_shuffle(value: TensorLike, seed: int | None = None, name: str | None = None) -> Tensor:
    """A tensor with its first axis in random order.

    Args:
        value: A tensor.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with the same elements, in a new order in each run.
    """
    result: Tensor = SHUFFLE(convert_to_tensor(value), seeds=get_seed(seed), name=name)
    return result


def random_orthogonal(shape: TensorLike, gain: float, dtype: Any, seed: int | None) -> Tensor:
    """A random orthogonal matrix, in any shape with as many rows and columns.

    Args:
        shape: The shape; the last axis is that of the columns.
        gain: The factor of all numbers.
        dtype: The element type.
        seed: The operation's seed.

    Returns:
        A tensor with new numbers in each run.
    """
    return _drawn(ORTHOGONAL, shape, dtype, seed, "RandomOrthogonal", gain=gain)


# Draws whose distribution is an input.


def _drawing(
    type_name: str,
    infer: Callable[[View], Spec],
    bind: Callable[[View], Kernel],
    gradient: Gradient = not_differentiable,
) -> Definition:
    return Definition(
        type_name,
        infer,
        bind=bind,
        state=_generator,
        stateful=True,
        gradient=gradient,
    )


def _multinomial_spec(view: View) -> Spec:
    dims, count = view.first.dims, view.inputs[1].value
    if dims is not None and len(dims) != 2:
        raise Incompatible(f"logits must be a matrix, not of shape {described(dims)}")
    rows = None if dims is None else dims[0]
    return Spec(view["dtype"], (rows, None if count is None else int(count)))


def _bind_multinomial(view: View) -> Kernel:
    dtype = view["dtype"].numpy

    def draw(generator: Generator, logits: Any, count: Any) -> Any:
        """By the largest of the logits with Gumbel noise added, which needs no normalization."""
        noise = generator.gumbel(size=(len(logits), int(count), logits.shape[1]))
        return np.argmax(logits[:, None, :] + noise, -1).astype(dtype)

    return draw


MULTINOMIAL: Definition = _drawing("Multinomial", _multinomial_spec, _bind_multinomial)


def _categories(
    logits: TensorLike, count: TensorLike, seed: int | None, dtype: Any, name: str | None
) -> Tensor:
    result: Tensor = MULTINOMIAL(
        checked_kind(convert_to_tensor(logits), "f", "multinomial"),
        checked_kind(convert_to_tensor(count), "iu", "multinomial"),
        dtype=as_dtype(dtype or dtypes.int64),
        seeds=get_seed(seed),
        name=name,
    )
    return result


@export("multinomial", "random.multinomial")
def multinomial(
    logits: TensorLike,
    num_samples: TensorLike,
    seed: int | None = None,
    name: str | None = None,
    output_dtype: Any = None,
) -> Tensor:
    """Random classes.

    Args:
        logits: A matrix with the unnormalized log-probabilities of the classes in each row.
        num_samples: How many to draw for each row.
        seed: The operation's seed.
        name: Name of the operation.
        output_dtype: The type of the classes; int64 if None.

    Returns:
        A matrix with a row of classes for each row of `logits`.
    """
    return _categories(logits, num_samples, seed, output_dtype, name)


@export("random.categorical")
def categorical(
    logits: TensorLike,
    num_samples: TensorLike,
    dtype: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """The same as `multinomial`.

    Args:
        logits: A matrix with the unnormalized log-probabilities of the classes in each row.
        num_samples: How many to draw for each row.
        dtype: The type of the classes; int64 if None.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A matrix with a row of classes for each row of `logits`.
    """
    return _categories(logits, num_samples, seed, dtype, name)


def _prefixed_spec(view: View) -> Spec:
    lead, rest = _target(view, 1), view.first.dims
    return Spec(view["dtype"], None if lead is None or rest is None else (*lead, *rest))


def _bind_gamma(view: View) -> Kernel:
    dtype = view["dtype"].numpy

    def draw(generator: Generator, alpha: Any, sizes: Any) -> Any:
        return generator.standard_gamma(alpha, (*sizes.tolist(), *alpha.shape)).astype(dtype)

    return draw


def _bind_poisson(view: View) -> Kernel:
    dtype = view["dtype"].numpy

    def draw(generator: Generator, rate: Any, sizes: Any) -> Any:
        return generator.poisson(rate, (*sizes.tolist(), *rate.shape)).astype(dtype)

    return draw


def _gamma_slope(alpha: Any, sample: Any) -> Any:
    """How a number drawn from a gamma distribution moves with the parameter.

    That is -(dP/da) / p, where P is the distribution function, as a power series, and p the
    density.

    Source: Figurnov et al., "Implicit Reparameterization Gradients" (2018).
    """
    from runtime.graph.ops.special import _digamma

    a, x = (v.astype(np.float64) for v in np.broadcast_arrays(alpha, sample))
    known = x > 0
    x = np.where(known, x, 1.0)
    term, total, moved, change = (np.full_like(x, start) for start in (1, 1, 0, 0))
    number = 0
    while np.any(term > 1e-17 * total) and number < 100_000:
        number += 1
        term = term * x / (a + number)
        change = change + 1 / (a + number)
        total = total + term
        moved = moved - term * change
    slope = -x / a * (total * (np.log(x) - _digamma(a + 1)) + moved)
    return np.where(known, slope, 0).astype(sample.dtype)


GAMMA_SLOPE: Definition = Definition(
    "RandomGammaGrad",
    lambda view: Spec(view.inputs[1].dtype, view.inputs[1].dims),
    _gamma_slope,
)


def _gamma_gradient(op: Any, dy: Tensor) -> list[Any]:
    alpha, sample = op.inputs[0], op.outputs[0]
    slopes = cast(dy * GAMMA_SLOPE(cast(alpha, sample.dtype), sample), alpha.dtype)
    return [unbroadcast(slopes, alpha), None]


GAMMA: Definition = _drawing("RandomGamma", _prefixed_spec, _bind_gamma, _gamma_gradient)
POISSON: Definition = _drawing("RandomPoissonV2", _prefixed_spec, _bind_poisson)


def _sizes(shape: TensorLike) -> Tensor:
    value = convert_to_tensor(shape)
    return value if value.dims != (0,) else convert_to_tensor(np.zeros(0, np.int32))


@export("random_gamma", "random.gamma")
def random_gamma(
    shape: TensorLike,
    alpha: TensorLike,
    beta: TensorLike = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Random numbers of the gamma distribution; gradients flow to its parameters.

    Args:
        shape: How many to draw for each parameter.
        alpha: The shape parameters.
        beta: The inverse scales; 1 if None.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with the axes of `shape`, then those of the parameters.
    """
    target = as_dtype(dtype)
    form = convert_to_tensor(alpha, target)
    scale = convert_to_tensor(1 if beta is None else beta, target)
    wide = form + scale * 0
    numbers: Tensor = GAMMA(wide, _sizes(shape), dtype=target, seeds=get_seed(seed), name=name)
    result: Tensor = numbers / scale
    return result


@export("random_poisson")
def random_poisson(
    lam: TensorLike,
    shape: TensorLike,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Random numbers of the Poisson distribution.

    Args:
        lam: The rates.
        shape: How many to draw for each rate.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with the axes of `shape`, then those of the rates.
    """
    rate = convert_to_tensor(lam)
    result: Tensor = POISSON(
        rate, _sizes(shape), dtype=as_dtype(dtype), seeds=get_seed(seed), name=name
    )
    return result


@export("random.poisson")
def poisson(
    lam: TensorLike,
    shape: TensorLike,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """The same as `random_poisson`.

    Args:
        lam: The rates.
        shape: How many to draw for each rate.
        dtype: The element type.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        A tensor with the axes of `shape`, then those of the rates.
    """
    return random_poisson(lam, shape, dtype, seed, name)


@export("random_crop")
def random_crop(
    value: TensorLike, size: TensorLike, seed: int | None = None, name: str | None = None
) -> Tensor:
    """A part of a tensor at a random place.

    Args:
        value: A tensor.
        size: The size of the part on each axis.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        The part.
    """
    tensor = convert_to_tensor(value)
    dims, inputs = shape_argument(size)
    sizes = inputs[0] if inputs else convert_to_tensor(np.array(dims, np.int32))
    begin: Tensor = CROP_PLACE(tensor, sizes, seeds=get_seed(seed))
    result = slice_(tensor, begin, sizes, name or "random_crop")
    result.set_shape(dims)
    return result


def _bind_crop(view: View) -> Kernel:
    def draw(generator: Generator, value: Any, sizes: Any) -> Any:
        room = np.array(value.shape) - sizes
        if (room < 0).any():
            raise ValueError(f"Need value.shape >= size, got {value.shape} and {sizes.tolist()}")
        return generator.integers(0, room + 1).astype(sizes.dtype)

    return draw


CROP_PLACE: Definition = _drawing(
    "RandomCropPlace", lambda view: Spec(view.inputs[1].dtype, view.inputs[1].dims), _bind_crop
)
