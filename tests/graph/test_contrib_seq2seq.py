"""tf.contrib.seq2seq: losses, helpers, decoders, attention, beam search."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.contrib import rnn, seq2seq

START, END = 1, 0


class Chain(tf.nn.rnn_cell.RNNCell):
    """Gives logits that depend on the input alone: each row of a table."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self.table = tf.constant(table, tf.float32)

    @property
    def state_size(self) -> Any:
        return 2

    @property
    def output_size(self) -> Any:
        return self.table.shape.as_list()[1]

    def call(self, inputs: Any, state: Any) -> Any:
        return tf.matmul(inputs, self.table), state + 1.0


TABLE = np.random.default_rng(0).normal(size=(4, 4)) * 2
LOGS = TABLE - np.log(np.exp(TABLE).sum(1, keepdims=True))
VECTORS = np.eye(4, dtype=np.float32)


# Sequences.


def test_losses_are_averaged_as_asked(session: tf.Session) -> None:
    """Over time, examples, both or neither; by weights or by counts."""
    logits = np.random.default_rng(1).normal(size=(2, 3, 4))
    targets, weights = np.array([[0, 1, 2], [3, 3, 0]]), np.array([[1, 1, 0.5], [1, 0, 0]])
    picked = np.take_along_axis(logits, targets[..., None], 2)[..., 0]
    each = (np.log(np.exp(logits).sum(2)) - picked) * weights
    for options, expected in (
        ((), each.sum() / weights.sum()),
        ((True, False), each.sum(1) / weights.sum(1)),
        ((False, True), each.sum(0) / (weights.sum(0) + 1e-12)),
        ((False, False), each),
        ((False, False, True, True), each.sum() / 6),
        ((False, False, False, True), each.sum(0) / 2),
    ):
        loss = seq2seq.sequence_loss(tf.constant(logits), targets, tf.constant(weights), *options)
        np.testing.assert_allclose(session.run(loss), expected, rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="Targets must be of rank 2"):
        seq2seq.sequence_loss(logits, targets[0], weights)
    with pytest.raises(ValueError, match="average_across_batch and sum_over_batch"):
        seq2seq.sequence_loss(logits, targets, weights, sum_over_batch=True)


def test_examples_are_repeated_for_beams(session: tf.Session) -> None:
    """One after the other, in whatever structure."""
    x = tf.placeholder(tf.float32, [None, 2])
    found = seq2seq.tile_batch((x, [tf.constant([1, 2])]), multiplier=2)
    assert found[0].shape.as_list() == [None, 2] and found[1][0].shape.as_list() == [4]
    first, (second,) = session.run(found, {x: [[1, 2], [3, 4]]})
    assert first.tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]] and second.tolist() == [1, 1, 2, 2]


def test_beams_are_traced_back(session: tf.Session) -> None:
    """To where each came from; after the end there are only ends."""
    steps = [[[1, 2, 3]], [[4, 5, 6]], [[7, 9, 8]], [[2, 9, 2]]]
    parents = [[[0, 0, 0]], [[0, 1, 1]], [[2, 1, 2]], [[0, 1, 0]]]
    traced = seq2seq.gather_tree(steps, parents, [3], 9)
    assert session.run(traced)[:, 0].tolist() == [[2, 2, 2], [6, 5, 6], [7, 9, 8], [9, 9, 9]]


# Decoding.


def _decoded(helper: Any, **options: Any) -> Any:
    cell = Chain(TABLE)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(helper.batch_size, tf.float32))
    return seq2seq.dynamic_decode(decoder, **options)


def test_a_decoder_is_trained_on_given_sequences(session: tf.Session) -> None:
    """To the longest of them; what is beyond an end is zero if that is asked for."""
    inputs, lengths = np.random.default_rng(0).normal(size=(3, 5, 4)), [4, 0, 2]
    x = tf.placeholder(tf.float32, [None, None, 4])
    helper = seq2seq.TrainingHelper(x, lengths)
    outputs, state, steps = _decoded(helper, impute_finished=True)
    found, last, counts = session.run((outputs, state, steps), {x: inputs})
    expected = inputs[:, :4] @ TABLE * (np.arange(4)[:, None] < np.array(lengths)[:, None, None])
    np.testing.assert_allclose(found.rnn_output, expected, rtol=1e-4, atol=1e-5)
    assert counts.tolist() == lengths and last[:, 0].tolist() == lengths
    assert (found.sample_id[0] == expected[0].argmax(-1)).all()
    (slope,) = tf.gradients(outputs.rnn_output, x)
    slopes = session.run(slope, {x: inputs})
    assert np.abs(slopes[0, :4]).sum() > 0 and not slopes[0, 4:].any() and not slopes[1].any()
    major = seq2seq.TrainingHelper(x, lengths, time_major=True)
    turned, _, _ = _decoded(major, output_time_major=True)
    again = session.run(turned, {x: inputs.swapaxes(0, 1)})
    np.testing.assert_allclose(again.rnn_output[:, 0], expected[0], rtol=1e-4, atol=1e-5)


def test_a_decoder_is_fed_the_most_likely_symbols(session: tf.Session) -> None:
    """Until each has ended, or for so many steps."""
    helper = seq2seq.GreedyEmbeddingHelper(VECTORS, [START, 2, 3], END)
    outputs, _, steps = _decoded(helper, maximum_iterations=6)
    ids, counts = session.run([outputs.sample_id, steps])
    for row, count, symbol in zip(ids, counts, [START, 2, 3], strict=True):
        expected = []
        for _ in range(6):
            symbol = int(TABLE[symbol].argmax())
            expected.append(symbol)
            if symbol == END:
                break
        assert row[: len(expected)].tolist() == expected and count == len(expected)
    drawing = seq2seq.SampleEmbeddingHelper(VECTORS, [2] * 3000, END, 0.5, seed=1)
    first = session.run(_decoded(drawing, maximum_iterations=1)[0].sample_id)[:, 0]
    shares = np.exp(TABLE[2] / 0.5) / np.exp(TABLE[2] / 0.5).sum()
    np.testing.assert_allclose(np.bincount(first, minlength=4) / 3000, shares, atol=0.04)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_samples_are_fed_in_training_at_random(probability: float, session: tf.Session) -> None:
    """With probability 0 the given sequences, with 1 the decoder's own symbols or outputs."""
    inputs = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    vectors = seq2seq.ScheduledEmbeddingTrainingHelper(inputs, [3, 3], VECTORS, probability, seed=1)
    own = seq2seq.ScheduledOutputTrainingHelper(inputs, [3, 3], probability)
    first, second = session.run([_decoded(vectors)[0], _decoded(own)[0]])
    plain = inputs @ TABLE
    if probability == 0.0:
        np.testing.assert_allclose(first.rnn_output, plain, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(second.rnn_output, plain, rtol=1e-4, atol=1e-5)
        assert (first.sample_id == -1).all() and not second.sample_id.any()
    else:
        np.testing.assert_allclose(first.rnn_output[:, 1], TABLE[first.sample_id[:, 0]], rtol=1e-5)
        np.testing.assert_allclose(second.rnn_output[:, 1], plain[:, 0] @ TABLE, rtol=1e-4)


def test_programs_can_feed_what_they_like(session: tf.Session) -> None:
    """By functions; a layer may be above the cell."""
    helper = seq2seq.CustomHelper(
        lambda: (tf.zeros([2], tf.bool), tf.ones([2, 4])),
        lambda time, outputs, state: tf.zeros([2], tf.int32) + time,
        lambda time, outputs, state, sample_ids: (sample_ids >= 2, tf.ones([2, 4]), state),
    )
    cell = Chain(TABLE)
    layer = tf.layers.Dense(3, name="top")
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32), layer)
    outputs, _, steps = seq2seq.dynamic_decode(decoder)
    assert [v.op.name for v in tf.global_variables()] == ["decoder/top/kernel", "decoder/top/bias"]
    session.run(tf.global_variables_initializer())
    assert session.run(outputs.sample_id).tolist() == [[0, 1, 2]] * 2
    assert session.run(outputs.rnn_output).shape == (2, 3, 3) and session.run(steps)[0] == 3


# Attention.


@pytest.mark.parametrize("kind", ["luong", "scaled", "bahdanau", "normalized"])
def test_attention_is_what_its_authors_say(kind: str, session: tf.Session) -> None:
    """Probabilities of places before the end; the mean of the memory by them."""
    memory = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    query = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    lengths = np.array([5, 2])
    if kind in ("luong", "scaled"):
        made: Any = seq2seq.LuongAttention(4, memory, lengths, scale=kind == "scaled")
    else:
        made = seq2seq.BahdanauAttention(4, memory, lengths, normalize=kind == "normalized")
    found, _ = made(tf.constant(query), None)
    session.run(tf.global_variables_initializer())
    values = {v.op.name.rpartition("/")[2]: v for v in tf.global_variables()}
    layers = {v.op.name.split("/")[-2]: v for v in tf.global_variables()}
    keys = np.where(np.arange(5)[:, None] < lengths[:, None, None], memory, 0) @ session.run(
        layers["memory_layer"]
    )
    if kind in ("luong", "scaled"):
        scores = np.einsum("bd,btd->bt", query, keys)
    else:
        weights = session.run(values["attention_v"])
        added = keys + (query @ session.run(layers["query_layer"]))[:, None]
        if kind == "normalized":
            weights = 0.5 * weights / np.linalg.norm(weights)
        scores = np.tanh(added) @ weights
    scores = np.where(np.arange(5) < lengths[:, None], scores, -np.inf)
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(session.run(found), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"inner dimensions .* 4 and 6"):
        seq2seq.LuongAttention(6, memory)(tf.constant(query), None)


def _model(beams: int = 1, history: bool = False, batch: int = 2) -> tuple[Any, Any]:
    """A cell with two attentions, and its state."""
    memory, lengths = tf.random_normal([batch, 4, 6], seed=1), tf.constant([4, 2][:batch])
    inner = tf.ones([batch, 5])
    if beams > 1:
        memory, lengths, inner = seq2seq.tile_batch((memory, lengths, inner), beams)
    mechanisms = [
        seq2seq.LuongAttention(5, memory, lengths),
        seq2seq.BahdanauAttention(3, memory, lengths),
    ]
    cell = seq2seq.AttentionWrapper(rnn.GRUCell(5), mechanisms, [4, 4], alignment_history=history)
    return cell, cell.zero_state(batch * beams, tf.float32).clone(cell_state=inner)


def test_a_cell_attends_at_each_step(session: tf.Session) -> None:
    """It keeps what it attended to; the next input stands beside it; names are TensorFlow's."""
    cell, state = _model(history=True)
    helper = seq2seq.TrainingHelper(tf.ones([2, 3, 2]), [3, 3])
    outputs, last, _ = seq2seq.dynamic_decode(seq2seq.BasicDecoder(cell, helper, state))
    assert cell.output_size == 8 and isinstance(last, seq2seq.AttentionWrapperState)
    session.run(tf.global_variables_initializer())
    history, final, made = session.run(
        [last.alignment_history[1].stack(), last.alignments[1], outputs.rnn_output]
    )
    assert history.shape == (3, 2, 4) and made.shape == (2, 3, 8)
    np.testing.assert_array_equal(history[-1], final)
    np.testing.assert_allclose(history.sum(-1), 1, rtol=1e-5)
    assert not history[:, 1, 2:].any() and session.run(last.time) == 3
    names = [v.op.name for v in tf.trainable_variables()]
    assert "decoder/attention_wrapper/bahdanau_attention/query_layer/kernel" in names
    assert "decoder/attention_wrapper/attention_layer/kernel" in names
    assert names[0] == "memory_layer/kernel"


def test_mistakes_with_attention_are_told(session: tf.Session) -> None:
    """What does not fit, and tiling that was forgotten."""
    cell, _ = _model()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"tile_batch\(…, multiplier=beam_wid"):
        cell.zero_state(6, tf.float32)
    with pytest.raises(TypeError, match=r"AttentionWrapperState.*zero_state\(…\)\.clone"):
        cell(tf.ones([2, 2]), tf.ones([2, 5]))
    mechanism = seq2seq.LuongAttention(5, tf.ones([2, 4, 6]))
    for arguments, kind, message in (
        (("cell", mechanism), TypeError, "is not an RNNCell"),
        ((rnn.GRUCell(5), "luong"), TypeError, "must be an AttentionMechanism"),
        ((rnn.GRUCell(5), [mechanism], [1, 2]), ValueError, "exactly one integer per .* 2 vs 1"),
    ):
        with pytest.raises(kind, match=message):
            seq2seq.AttentionWrapper(*arguments)
    with pytest.raises(TypeError, match="helper must be a Helper"):
        seq2seq.BasicDecoder(cell, "helper", None)
    with pytest.raises(TypeError, match="to be type Decoder"):
        seq2seq.dynamic_decode(cell)
    with pytest.raises(ValueError, match="start_tokens must be a vector"):
        seq2seq.GreedyEmbeddingHelper(VECTORS, START, END)
    with pytest.raises(NotImplementedError, match="reorder_tensor_arrays=False"):
        other, state = _model(beams=2, history=True)
        seq2seq.BeamSearchDecoder(other, VECTORS, [START, START], END, state, 2)


# Beam search.


def _all_sequences(steps: int) -> dict[tuple[int, ...], float]:
    """The log-probabilities of all that begin with START."""
    found = {}
    for symbols in product(range(4), repeat=steps):
        total, before, kept = 0.0, START, []
        for symbol in symbols:
            total += LOGS[before][symbol]
            before = symbol
            kept.append(symbol)
            if symbol == END:
                break
        found[(*kept, *[END] * (steps - len(kept)))] = total
    return found


def test_wide_beams_find_the_most_likely_sequences(session: tf.Session) -> None:
    """As wide as there are sequences, the search finds them all in order."""
    cell, width = Chain(TABLE), 40
    starts = tf.placeholder(tf.int32, [None])
    state = cell.zero_state(tf.size(starts) * width, tf.float32)
    decoder = seq2seq.BeamSearchDecoder(cell, VECTORS, starts, END, state, width)
    outputs, last, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
    ids, logs, lengths = session.run(
        [outputs.predicted_ids, last.log_probs, last.lengths], {starts: [START, START]}
    )
    assert (ids[0] == ids[1]).all() and ids.shape == (2, 3, width)
    sequences = _all_sequences(3)
    best = [tuple(int(symbol) for symbol in beam) for beam in ids[0].T]
    assert len(set(best)) == width == len(sequences)
    np.testing.assert_allclose(logs[0], sorted(sequences.values(), reverse=True), rtol=1e-4)
    for beam, symbols in enumerate(best):
        assert logs[0, beam] == pytest.approx(sequences[symbols], rel=1e-4)
        assert lengths[0, beam] == (symbols.index(END) + 1 if END in symbols else 3)


def test_a_beam_of_one_is_a_greedy_search_and_lengths_can_be_made_up_for(
    session: tf.Session,
) -> None:
    """Scores are divided by ((5 + length) / 6) ** weight."""
    cell = Chain(TABLE)

    def searched(width: int, weight: float) -> Any:
        state = cell.zero_state(width, tf.float32)
        decoder = seq2seq.BeamSearchDecoder(
            cell, VECTORS, [START], END, state, width, length_penalty_weight=weight
        )
        outputs, last, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
        scores = outputs.beam_search_decoder_output.scores
        return session.run([outputs.predicted_ids, scores, last.log_probs, last.lengths])

    greedy = seq2seq.GreedyEmbeddingHelper(VECTORS, [START], END)
    plain = session.run(_decoded(greedy, maximum_iterations=3)[0].sample_id)
    assert searched(1, 0.0)[0][0, :, 0].tolist()[: plain.shape[1]] == plain[0].tolist()
    _, scores, logs, lengths = searched(5, 0.7)
    np.testing.assert_allclose(scores[:, -1], logs / ((5.0 + lengths) / 6) ** 0.7, rtol=1e-4)


def test_beams_work_with_attention(session: tf.Session) -> None:
    """States, attentions and symbols go along with the beams."""
    cell, state = _model(beams=3)
    layer = tf.layers.Dense(4, use_bias=False)
    vectors = tf.get_variable("vectors", [4, 2])
    decoder = seq2seq.BeamSearchDecoder(cell, vectors, [START, START], END, state, 3, layer)
    outputs, last, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=5)
    session.run(tf.global_variables_initializer())
    ids, logs, inner = session.run([outputs.predicted_ids, last.log_probs, last.cell_state])
    assert ids.shape[0] == 2 and ids.shape[2] == 3 and inner.cell_state.shape == (2, 3, 5)
    assert (np.diff(logs, axis=1) <= 0).all()
