"""Kernels of the softmax and of the cross entropies with it, along the last axis.

Exponentials of moderate numbers are taken as they are, for a quotient of exponentials is as exact
with a shift of the numbers as without. The maximum of each row is subtracted first, which takes
longer than all the rest, only if a sum is so large or small that something could be lost, or is no
number at all. Losses and derivatives are the same, bit by bit, alone and together.
"""

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np

from runtime.graph.definition import Kernel, View
from runtime.graph.ops.sums import is_quick, ones

# Sums of exponentials between which none that counts is lost, by type; and the least probability
# whose exponential was a normal number then.
_MODERATE: Final = {"f": (1e-15, 1e35), "d": (1e-150, 1e300)}
_LEAST: Final = {"f": 1e-22, "d": 1e-150}

# With no more classes than that, a product with a matrix is quicker than spreading a column, and
# adding rows of an identity matrix is quicker than working on single elements.
_FEW: Final = 16


@lru_cache(64)
def _summing(classes: int, dtype: np.dtype[Any]) -> Kernel:
    """Makes the function for the sums of rows: as a column, or spread over the row."""
    if not is_quick(classes, dtype):
        return lambda matrix: np.add.reduce(matrix, 1, keepdims=True)
    square = ones((classes, classes if classes <= _FEW else 1), dtype)
    return lambda matrix: matrix.dot(square)


def _shifted(matrix: Any) -> Any:
    """A matrix less the maximum of each row, which is found sooner by its place."""
    places = matrix.argmax(1) + _counted(*matrix.shape)
    return matrix - matrix.take(places)[:, None]


@lru_cache(64)
def _softmax(classes: int, dtype: np.dtype[Any]) -> Kernel:
    """Makes the function for the softmax of the rows of a matrix."""
    sums = _summing(classes, dtype)

    def safe(matrix: Any) -> Any:
        result = np.exp(_shifted(matrix))
        result /= sums(result)
        return result

    if dtype.char not in _MODERATE:
        return safe
    low, high = _MODERATE[dtype.char]
    exp, divide = np.exp, np.divide

    def quick(matrix: Any) -> Any:
        result = exp(matrix)
        total = sums(result)
        if not total.size:
            return result
        if low < total.item(total.argmin()) and total.item(total.argmax()) < high:
            return divide(result, total, result)
        return safe(matrix)

    return quick


def _logarithms(matrix: Any) -> Any:
    shifted = _shifted(matrix)
    shifted -= np.log(_sums(np.exp(shifted)))[:, None]
    return shifted


def _are_likely(probabilities: Any) -> bool:
    """Whether the logarithms of probabilities are exact."""
    least = _LEAST.get(probabilities.dtype.char, 1)
    return not probabilities.size or probabilities.item(probabilities.argmin()) > least


@lru_cache(64)
def _sparse(classes: int, dtype: np.dtype[Any], loss: bool, slope: bool) -> Kernel:
    """Makes the function for losses and derivatives, where labels are numbers of classes."""
    softmax, subtract = _softmax(classes, dtype), np.subtract
    one = np.ones((), dtype)
    certain = np.eye(classes, dtype=dtype) if classes <= _FEW else None

    def losses(logits: Any, chosen: Any, places: Any) -> Any:
        if _are_likely(chosen):
            return 0 - np.log(chosen)  # not -0.0, which looks odd when it is printed
        return 0 - _logarithms(logits).take(places)

    def compute(logits: Any, labels: Any) -> Any:
        numbers = _checked(labels, classes)
        result = softmax(logits)
        if certain is not None and not loss:
            return None, subtract(result, certain.take(numbers, 0), result)
        places = numbers + _counted(len(numbers), classes)
        chosen = result.take(places)
        found = losses(logits, chosen, places) if loss else None
        if not slope:
            return found, None
        result.put(places, subtract(chosen, one, chosen))
        return found, result

    return compute


def _checked(labels: Any, classes: int) -> Any:
    """Labels as indices."""
    numbers = labels.astype(np.intp, copy=False)
    if numbers.size and not (
        numbers.item(numbers.argmin()) >= 0 and numbers.item(numbers.argmax()) < classes
    ):
        wrong = labels[(numbers < 0) | (numbers >= classes)][0]
        raise ValueError(
            f"Received a label value of {wrong} which is outside the valid range of [0, {classes})."
        )
    return numbers


@lru_cache(64)
def _counted(rows: int, classes: int) -> Any:
    """Where the rows of a matrix begin in its memory."""
    return np.arange(rows) * classes


@lru_cache(64)
def _dense(classes: int, dtype: np.dtype[Any], loss: bool, slope: bool) -> Kernel:
    """Makes the function for losses and derivatives, where labels are probabilities."""
    softmax = _softmax(classes, dtype)

    def compute(logits: Any, labels: Any) -> Any:
        result = softmax(logits)
        found = None
        if loss:
            found = np.log(result) if _are_likely(result) else _logarithms(logits)
            found = 0 - _sums(np.multiply(found, labels, found))
        return found, np.subtract(result, labels, result) if slope else None

    return compute


def _sums(matrix: Any) -> Any:
    classes, dtype = matrix.shape[1], matrix.dtype
    quick = is_quick(classes, dtype)
    return matrix.dot(ones(classes, dtype)) if quick else np.add.reduce(matrix, 1)


def _is_matrix(dims: Any) -> bool:
    """Whether it is known that there are two axes, and how many classes."""
    return dims is not None and len(dims) == 2 and dims[1] is not None


def _as_matrix(x: Any) -> Any:
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def bind_softmax(view: View) -> Kernel:
    """The kernel of a softmax along the last axis.

    Args:
        view: The operation and what is known of its input.

    Returns:
        A function of an array with at least one axis.
    """
    dims: Any = view.first.dims
    dtype = view.first.dtype.numpy
    if _is_matrix(dims):
        return _softmax(dims[1], dtype)
    return lambda x: _softmax(x.shape[-1], dtype)(_as_matrix(x)).reshape(x.shape)


def bind_log_softmax(view: View) -> Kernel:
    """The kernel of the logarithm of a softmax along the last axis.

    Args:
        view: The operation and what is known of its input.

    Returns:
        A function of an array with at least one axis.
    """
    if _is_matrix(view.first.dims):
        return _logarithms
    return lambda x: _logarithms(_as_matrix(x)).reshape(x.shape)


def bind_sparse(view: View) -> Kernel:
    """The kernel of a cross entropy with labels that are numbers of classes.

    Args:
        view: The operation and what is known of its inputs.

    Returns:
        A function of logits and labels that gives losses and their derivatives by the logits;
        None for what nobody uses.
    """
    dims: Any = view.first.dims
    dtype = view.first.dtype.numpy
    needs = view.needs(0), view.needs(1)
    if _is_matrix(dims):
        return _sparse(dims[1], dtype, *needs)

    def compute(logits: Any, labels: Any) -> Any:
        by_rows = _sparse(logits.shape[-1], dtype, *needs)
        return _reshaped(logits, *by_rows(_as_matrix(logits), labels.reshape(-1)))

    return compute


def bind_dense(view: View) -> Kernel:
    """The kernel of a cross entropy with labels that are probabilities of classes.

    Args:
        view: The operation and what is known of its inputs.

    Returns:
        A function of logits and labels that gives losses and their derivatives by the logits;
        None for what nobody uses.
    """
    dims: Any = view.first.dims
    dtype = view.first.dtype.numpy
    needs = view.needs(0), view.needs(1)
    if _is_matrix(dims):
        return _dense(dims[1], dtype, *needs)

    def compute(logits: Any, labels: Any) -> Any:
        by_rows = _dense(logits.shape[-1], dtype, *needs)
        return _reshaped(logits, *by_rows(_as_matrix(logits), _as_matrix(labels)))

    return compute


def _reshaped(logits: Any, loss: Any, slope: Any) -> Any:
    return (
        None if loss is None else loss.reshape(logits.shape[:-1])[()],
        None if slope is None else slope.reshape(logits.shape),
    )
