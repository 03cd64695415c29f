"""Connectionist temporal classification: loss and decoders; distances of sequences.

Source: A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence
data with recurrent neural networks" (2006); the tf.compat.v1.nn documentation for the rules.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.array import expand_dims, transpose
from runtime.graph.ops.math import cast
from runtime.graph.ops.rules import checked_kind, renamed
from runtime.graph.shapes import Incompatible, described
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor

_NEVER = -np.inf


def _log_softmax(x: Any) -> Any:
    moved = x.astype(np.float64) - x.max(-1, keepdims=True)
    return moved - np.log(np.exp(moved).sum(-1, keepdims=True))


def _log_sum(*terms: Any) -> Any:
    """The logarithm of the sum of exponentials, also of nothing at all."""
    largest = np.maximum.reduce(terms)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        return safe + np.log(sum(np.exp(term - safe) for term in terms))


# Loss.


@attrs.frozen(eq=False)
class _Lattice:
    """The states that the labels of a batch allow: blanks around and between the labels.

    Attributes:
        states: ``[batch, states]``: the class of each state; blanks behind the last one.
        ends: ``[batch]``: the number of the last state.
        stays: ``[batch, states]``: zero where a state may follow itself, else minus infinity.
        skips: ``[batch, states]``: zero where the blank before a state may be left out.
        steps: ``[batch]``: the least number of steps through all the states.
    """

    states: Any
    ends: Any
    stays: Any
    skips: Any
    steps: Any


def _lattice(labels: Sequence[Sequence[int]], blank: int, merged: bool) -> _Lattice:
    longest = max(map(len, labels), default=0)
    states = np.full((len(labels), 2 * longest + 1), blank)
    for row, sequence in zip(states, labels, strict=True):
        row[1 : 2 * len(sequence) : 2] = sequence
    before = np.full_like(states, blank)
    before[:, 2:] = states[:, :-2]
    is_label = states != blank
    repeats = is_label & (states == before)
    stays = np.where(is_label, 0.0 if merged else _NEVER, 0.0)
    skips = np.where(is_label & ~(repeats if merged else False), 0.0, _NEVER)
    skips[:, :2] = _NEVER
    steps = np.array([len(sequence) for sequence in labels])
    return _Lattice(states, 2 * steps, stays, skips, steps + (repeats.sum(1) if merged else 0))


def _moved(values: Any, by: int) -> Any:
    """The values of the states before (or after, if negative)."""
    result = np.full_like(values, _NEVER)
    if by > 0:
        result[:, by:] = values[:, :-by]
    else:
        result[:, :by] = values[:, -by:]
    return result


def _forward(emitted: Any, lattice: _Lattice, lengths: Any) -> Any:
    """The logarithms of the probabilities of all ways to each state, with what it emits."""
    alpha = np.full(emitted.shape, _NEVER)
    alpha[0, :, :2] = emitted[0, :, :2]
    alpha[0, lattice.ends == 0, 1:] = _NEVER
    for t in range(1, len(emitted)):
        last = alpha[t - 1]
        ways = _log_sum(last + lattice.stays, _moved(last, 1), _moved(last, 2) + lattice.skips)
        alpha[t] = np.where((t < lengths)[:, None], ways + emitted[t], last)
    return alpha


def _backward(emitted: Any, lattice: _Lattice, lengths: Any) -> Any:
    """The logarithms of the probabilities of all ways on from each state."""
    places = np.arange(lattice.states.shape[1])
    final = (places == lattice.ends[:, None]) | (places == lattice.ends[:, None] - 1)
    beta = np.full(emitted.shape, _NEVER)
    start = np.where(final, 0.0, _NEVER)
    beta[-1] = start
    for t in range(len(emitted) - 2, -1, -1):
        on = beta[t + 1] + emitted[t + 1]
        ways = _log_sum(on + lattice.stays, _moved(on, -1), _moved(on + lattice.skips, -2))
        beta[t] = np.where((t + 1 < lengths)[:, None], ways, start)
    return beta


def _posterior(alpha: Any, beta: Any, loss: Any, lattice: _Lattice, shape: Any) -> Any:
    """The probability of each class at each step, given the labels."""
    possible = np.exp(alpha + beta + loss[None, :, None])
    result = np.zeros(shape)
    for state in range(lattice.states.shape[1]):
        column = lattice.states[:, state]
        result[:, np.arange(shape[1]), column] += possible[:, :, state]
    return result


def _bind_loss(view: View) -> Kernel:
    merged, collapsed, lenient = view["merged"], view["collapsed"], view["lenient"]
    with_slope = view.needs(1)

    def loss(logits: Any, indices: Any, values: Any, lengths: Any) -> tuple[Any, Any]:
        steps, batch, classes = logits.shape
        labels = _labels_of(indices, values, batch, classes, collapsed)
        _check_lengths(lengths, steps, batch)
        lattice = _lattice(labels, classes - 1, merged)
        fits = lattice.steps <= lengths
        if not lenient and not fits.all():
            first = int(fits.argmin())
            raise ValueError(
                f"Not enough time for target transition sequence (required: "
                f"{lattice.steps[first]}, available: {lengths[first]}) of element {first}. "
                "ignore_longer_outputs_than_inputs=True gives such elements no loss."
            )
        log_p = _log_softmax(logits)
        emitted = np.take_along_axis(
            log_p, np.broadcast_to(lattice.states, (steps, *lattice.states.shape)), 2
        )
        alpha = _forward(emitted, lattice, lengths)
        rows, ends = np.arange(batch), lattice.ends
        before_end = np.where(ends > 0, alpha[-1, rows, ends - 1], _NEVER)
        found = np.where(fits, -_log_sum(alpha[-1, rows, ends], before_end), 0.0)
        if not with_slope:
            return found.astype(logits.dtype), None
        beta = _backward(emitted, lattice, lengths)
        likely = _posterior(alpha, beta, found, lattice, logits.shape)
        within = (np.arange(steps)[:, None] < lengths) & fits
        slope = np.where(within[:, :, None], np.exp(log_p) - likely, 0.0)
        return found.astype(logits.dtype), slope.astype(logits.dtype)

    return loss


def _labels_of(
    indices: Any, values: Any, batch: int, classes: int, collapsed: bool
) -> list[list[int]]:
    labels: list[list[int]] = [[] for _ in range(batch)]
    for (row, _), label in zip(indices.tolist(), values.tolist(), strict=True):
        if not 0 <= row < batch:
            raise ValueError(f"labels has a row {row}, but there are {batch} sequences.")
        if not 0 <= label < classes - 1:
            raise ValueError(
                f"Label {label} of element {row} is none of the {classes - 1} classes before the "
                "last one, which is the blank."
            )
        if not (collapsed and labels[row][-1:] == [label]):
            labels[row].append(label)
    return labels


def _check_lengths(lengths: Any, steps: int, batch: int) -> None:
    if len(lengths) != batch:
        raise ValueError(f"len(sequence_length) != batch_size. {len(lengths)} vs. {batch}")
    if (lengths > steps).any() or (lengths < 0).any():
        raise ValueError(f"sequence_length must be from 0 to {steps}: {lengths.tolist()}")


def _loss_gradient(op: Any, dy: Tensor, second: Tensor | None) -> list[Tensor | None]:
    if second is not None:
        raise LookupError(f"ctc_loss has no second derivative (operation {op.name!r}).")
    return [expand_dims(expand_dims(dy, 0), -1) * op.outputs[1], None, None, None]


def _loss_spec(view: View) -> tuple[Spec, Spec]:
    dims = view.first.dims
    if dims is not None and len(dims) != 3:
        raise Incompatible(f"inputs must have three axes, not shape {described(dims)}")
    rows = None if dims is None else dims[1]
    return Spec(view.first.dtype, (rows,)), Spec(view.first.dtype, dims)


_LOSS: Definition = Definition(
    "CTCLoss", _loss_spec, bind=_bind_loss, gradient=_loss_gradient, floating=True
)


@export("nn.ctc_loss")
def ctc_loss(
    labels: Any,
    inputs: TensorLike = None,
    sequence_length: TensorLike = None,
    preprocess_collapse_repeated: bool = False,
    ctc_merge_repeated: bool = True,
    ignore_longer_outputs_than_inputs: bool = False,
    time_major: bool = True,
    logits: TensorLike = None,
) -> Tensor:
    """The negative logarithms of the probabilities of labels, whatever their times.

    The last class is the blank.

    Args:
        labels: A `SparseTensor` of int32: a row of labels for each sequence.
        inputs: ``[steps, batch, classes]``: unscaled logarithms of probabilities.
        sequence_length: ``[batch]``: the number of steps of each sequence.
        preprocess_collapse_repeated: Whether labels that come twice in a row count once.
        ctc_merge_repeated: Whether a label may last for several steps.
        ignore_longer_outputs_than_inputs: Whether labels that don't fit in the steps have no loss;
            else they are an error in the run.
        time_major: Whether the steps are the first axis; else the batch is.
        logits: Another name of `inputs`.

    Returns:
        ``[batch]``: the losses.

    Raises:
        TypeError: If the labels are no `SparseTensor`.
    """
    if not isinstance(labels, SparseTensor):
        raise TypeError("Expected labels (first argument) to be a SparseTensor")
    given = convert_to_tensor(renamed(inputs, logits, "inputs", "logits"))
    steps = given if time_major else transpose(given, [1, 0, 2])
    lengths = cast(convert_to_tensor(sequence_length), dtypes.int32)
    found: Tensor = _LOSS(
        checked_kind(steps, "f", "ctc_loss"),
        labels.indices,
        checked_kind(labels.values, "iu", "ctc_loss"),
        lengths,
        collapsed=preprocess_collapse_repeated,
        merged=ctc_merge_repeated,
        lenient=ignore_longer_outputs_than_inputs,
    )[0]
    return found


# Decoders.


def _parts(paths: Sequence[Sequence[int]]) -> tuple[Any, Any, Any]:
    """The parts of a sparse tensor with a row for each path."""
    places = [(row, place) for row, path in enumerate(paths) for place in range(len(path))]
    longest = max(map(len, paths), default=0)
    return (
        np.array(places, np.int64).reshape(-1, 2),
        np.array([label for path in paths for label in path], np.int64),
        np.array([len(paths), longest], np.int64),
    )


def _sparse_specs(count: int) -> list[Spec]:
    shapes: Any = ((None, 2), (None,), (2,))
    return [Spec(dtypes.int64, dims) for _ in range(count) for dims in shapes]


def _bind_greedy(view: View) -> Kernel:
    merged, blank = view["merged"], view["blank"]

    def decode(logits: Any, lengths: Any) -> tuple[Any, ...]:
        _check_lengths(lengths, *logits.shape[:2])
        best = logits.argmax(2)
        none = blank % logits.shape[2]
        paths = []
        for column, length in zip(best.T.tolist(), lengths.tolist(), strict=True):
            kept = zip(column[:length], [None, *column[: max(length - 1, 0)]], strict=True)
            paths.append([c for c, last in kept if c != none and not (merged and c == last)])
        within = np.arange(len(logits))[:, None] < lengths
        total = -np.where(within, logits.max(2), 0).sum(0, dtype=logits.dtype)
        return (*_parts(paths), total[:, None])

    return decode


def _decoded_specs(view: View) -> tuple[Spec, ...]:
    rows = None if view.first.dims is None else view.first.dims[1]
    count = view["paths"]
    return (*_sparse_specs(count), Spec(view.first.dtype, (rows, count)))


_GREEDY: Definition = Definition(
    "CTCGreedyDecoder", _decoded_specs, bind=_bind_greedy, gradient=not_differentiable
)


def _decoded(definition: Definition, inputs: Any, lengths: Any, **how: Any) -> Any:
    steps = checked_kind(convert_to_tensor(inputs), "f", definition.type)
    outputs = definition(steps, cast(convert_to_tensor(lengths), dtypes.int32), **how)
    paths = [SparseTensor(*outputs[3 * i : 3 * i + 3]) for i in range(how["paths"])]
    return paths, outputs[-1]


@export("nn.ctc_greedy_decoder")
def ctc_greedy_decoder(
    inputs: TensorLike,
    sequence_length: TensorLike,
    merge_repeated: bool = True,
    blank_index: int | None = None,
) -> tuple[list[SparseTensor], Tensor]:
    """The labels of the most likely class of each step.

    Args:
        inputs: ``[steps, batch, classes]``: unscaled logarithms of probabilities.
        sequence_length: ``[batch]``: the number of steps of each sequence.
        merge_repeated: Whether a class that lasts for several steps is one label.
        blank_index: The class of the blank; the last one if None.

    Returns:
        A list of one `SparseTensor` with a row for each sequence, and ``[batch, 1]``: the negative
        sums of the inputs that were chosen.
    """
    blank = -1 if blank_index is None else blank_index
    found: tuple[list[SparseTensor], Tensor] = _decoded(
        _GREEDY, inputs, sequence_length, merged=merge_repeated, blank=blank, paths=1
    )
    return found


def _search(log_p: Any, width: int) -> list[tuple[tuple[int, ...], float]]:
    """The most likely prefixes and the logarithms of their probabilities, the best first.

    For each prefix the probabilities that it ends in a blank and in its label are kept apart.
    """
    blank = log_p.shape[1] - 1
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, _NEVER)}
    add: Any = np.logaddexp
    for row in log_p:
        found: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_label) in beams.items():
            total = add(in_blank, in_label)
            same = found.setdefault(prefix, [_NEVER, _NEVER])
            same[0] = add(same[0], total + row[blank])
            last = prefix[-1] if prefix else None
            if last is not None:
                same[1] = add(same[1], in_label + row[last])
            for label in range(blank):
                start = in_blank if label == last else total
                if start == _NEVER:
                    continue
                longer = found.setdefault((*prefix, label), [_NEVER, _NEVER])
                longer[1] = add(longer[1], start + row[label])
        ranked = sorted(found.items(), key=lambda item: -add(*item[1]))[:width]
        beams = {prefix: (ends[0], ends[1]) for prefix, ends in ranked}
    ranked_at_last = [(prefix, float(add(*ends))) for prefix, ends in beams.items()]
    return sorted(ranked_at_last, key=lambda item: -item[1])


def _bind_search(view: View) -> Kernel:
    width, count, merged = view["width"], view["paths"], view["merged"]

    def decode(logits: Any, lengths: Any) -> tuple[Any, ...]:
        _check_lengths(lengths, *logits.shape[:2])
        log_p = _log_softmax(logits)
        best = [_search(log_p[:n, row], width) for row, n in enumerate(lengths.tolist())]
        if any(len(paths) < count for paths in best):
            raise ValueError(f"Less leaves in the beam search than the {count} paths asked for.")
        outputs: list[Any] = []
        for place in range(count):
            paths = [paths[place][0] for paths in best]
            outputs += _parts([_merged(path) for path in paths] if merged else paths)
        scores = [[score for _, score in paths[:count]] for paths in best]
        return (*outputs, np.array(scores, logits.dtype))

    return decode


def _merged(path: Sequence[int]) -> list[int]:
    return [label for i, label in enumerate(path) if not i or label != path[i - 1]]


_SEARCH: Definition = Definition(
    "CTCBeamSearchDecoder", _decoded_specs, bind=_bind_search, gradient=not_differentiable
)


@export("nn.ctc_beam_search_decoder")
def ctc_beam_search_decoder(
    inputs: TensorLike,
    sequence_length: TensorLike,
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
) -> tuple[list[SparseTensor], Tensor]:
    """The most likely labels, found among the best prefixes.

    Args:
        inputs: ``[steps, batch, classes]``: unscaled logarithms of probabilities; the last class is
            the blank.
        sequence_length: ``[batch]``: the number of steps of each sequence.
        beam_width: How many prefixes are kept.
        top_paths: How many results to give.
        merge_repeated: Whether labels that come twice in a row in a result are made one.

    Returns:
        A list of `SparseTensor`, the best first, each with a row for each sequence; and
        ``[batch, top_paths]``: the logarithms of their probabilities.
    """
    found: tuple[list[SparseTensor], Tensor] = _decoded(
        _SEARCH,
        inputs,
        sequence_length,
        merged=merge_repeated,
        width=beam_width,
        paths=top_paths,
    )
    return found


@export("nn.ctc_beam_search_decoder_v2")
def ctc_beam_search_decoder_v2(
    inputs: TensorLike,
    sequence_length: TensorLike,
    beam_width: int = 100,
    top_paths: int = 1,
) -> tuple[list[SparseTensor], Tensor]:
    """The same as `ctc_beam_search_decoder`, with labels as they are found.

    Args:
        inputs: ``[steps, batch, classes]``: unscaled logarithms of probabilities.
        sequence_length: ``[batch]``: the number of steps of each sequence.
        beam_width: How many prefixes are kept.
        top_paths: How many results to give.

    Returns:
        A list of `SparseTensor`, and the logarithms of their probabilities.
    """
    return ctc_beam_search_decoder(inputs, sequence_length, beam_width, top_paths, False)


# Distances.


def _distance(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many elements have to be inserted, deleted or replaced."""
    row = list(range(len(other) + 1))
    for i, item in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, goal in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (item != goal))
    return row[-1]


def _sequences(indices: Any, values: Any) -> dict[tuple[int, ...], list[Any]]:
    found: dict[tuple[int, ...], list[Any]] = {}
    for place, value in zip(indices.tolist(), values.tolist(), strict=True):
        found.setdefault(tuple(place[:-1]), []).append(value)
    return found


def _bind_distances(view: View) -> Kernel:
    normalize = view["normalize"]

    def distances(a: Any, x: Any, sizes_a: Any, b: Any, y: Any, sizes_b: Any) -> Any:
        result = np.zeros(tuple(np.maximum(sizes_a, sizes_b)[:-1]), np.float32)
        ours, theirs = _sequences(a, x), _sequences(b, y)
        for place in {**ours, **theirs}:
            one, other = ours.get(place, []), theirs.get(place, [])
            steps = _distance(one, other)
            if normalize:
                result[place] = steps / len(other) if other else np.inf
            else:
                result[place] = steps
        return result[()]

    return distances


def _distances_spec(view: View) -> Spec:
    rank = view.inputs[2].dims
    known = [view.inputs[i].value for i in (2, 5)]
    if None not in [None if k is None else 0 for k in known]:
        return Spec(dtypes.float32, tuple(np.maximum(*known)[:-1].tolist()))
    if rank is None or rank[0] is None:
        return Spec(dtypes.float32, None)
    return Spec(dtypes.float32, (None,) * (rank[0] - 1))


_DISTANCES: Definition = Definition(
    "EditDistance", _distances_spec, bind=_bind_distances, gradient=not_differentiable
)


@export("edit_distance")
def edit_distance(
    hypothesis: Any, truth: Any, normalize: bool = True, name: str = "edit_distance"
) -> Tensor:
    """How many elements of sequences have to be inserted, deleted or replaced.

    Args:
        hypothesis: A `SparseTensor` with sequences along its last axis.
        truth: A `SparseTensor` with what they should be.
        normalize: Whether to divide by the length of the truth; infinity for an empty truth.
        name: Name of the operation.

    Returns:
        A tensor of float32 without the last axis.

    Raises:
        TypeError: If one is no `SparseTensor`.
    """
    from runtime.graph.ops.sparse import convert_to_tensor_or_sparse_tensor

    parts: list[Tensor] = []
    for label, value in (("Hypothesis", hypothesis), ("Truth", truth)):
        sparse = convert_to_tensor_or_sparse_tensor(value)
        if not isinstance(sparse, SparseTensor):
            raise TypeError(f"{label} must be a SparseTensor, not {value!r}.")
        parts += [sparse.indices, sparse.values, sparse.dense_shape]
    result: Tensor = _DISTANCES(*parts, normalize=normalize, name=name)
    return result
