"""tf.contrib.rnn and tf.contrib.legacy_seq2seq: cells around cells, decoders, whole models."""

from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.contrib import legacy_seq2seq, rnn


def variables(scope: str | None = None) -> dict[str, list[int]]:
    return {v.op.name: v.shape.as_list() for v in tf.get_collection("variables", scope)}


def value(session: tf.Session, tensor: Any, feeds: Any = None) -> Any:
    session.run(tf.global_variables_initializer())
    return session.run(tensor, feeds)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# Cells.


def test_cells_have_their_old_names() -> None:
    """They are the classes of tf.nn.rnn_cell."""
    assert rnn.BasicLSTMCell is tf.nn.rnn_cell.BasicLSTMCell
    assert rnn.LSTMStateTuple is tf.nn.rnn_cell.LSTMStateTuple
    assert rnn.static_bidirectional_rnn is tf.nn.static_bidirectional_rnn


def test_cells_project_what_goes_in_and_comes_out(session: tf.Session) -> None:
    """With a kernel and a bias below the wrapper's name."""
    x = np.array([[1.0, 2.0, 3.0]], np.float32)
    inner = rnn.InputProjectionWrapper(rnn.BasicRNNCell(4), 2, activation=tf.nn.relu)
    cell = rnn.OutputProjectionWrapper(inner, 5)
    assert (cell.output_size, cell.state_size) == (5, 4)
    start = np.ones([1, 4], np.float32)
    output, state = cell(tf.constant(x), tf.constant(start))
    outer, middle = (
        "output_projection_wrapper",
        "output_projection_wrapper/input_projection_wrapper",
    )
    assert variables() == {
        f"{middle}/kernel": [3, 2], f"{middle}/bias": [2],
        f"{middle}/basic_rnn_cell/kernel": [6, 4], f"{middle}/basic_rnn_cell/bias": [4],
        f"{outer}/kernel": [4, 5], f"{outer}/bias": [5],
    }  # fmt: skip
    (w1, _, w2, _, w3, _), found, last = value(session, (tf.global_variables(), output, state))
    expected = np.tanh(np.concatenate([np.maximum(x @ w1, 0), start], 1) @ w2)
    np.testing.assert_allclose(last, expected, rtol=1e-5)
    np.testing.assert_allclose(found, expected @ w3, rtol=1e-5)
    with pytest.raises(ValueError, match="output_size must be > 0: 0"):
        rnn.OutputProjectionWrapper(rnn.BasicRNNCell(4), 0)
    with pytest.raises(TypeError, match="is not an RNNCell"):
        rnn.InputProjectionWrapper(5, 2)


def test_a_cell_can_be_given_symbols() -> None:
    """Their vectors are uniform with variance 1, unless told otherwise."""
    cell = rnn.EmbeddingWrapper(rnn.GRUCell(3), embedding_classes=50, embedding_size=40)
    outputs, _ = tf.nn.static_rnn(cell, [tf.constant([1, 2])] * 2, dtype=tf.float32)
    assert variables("rnn/embedding") == {
        "rnn/embedding_wrapper/embedding": [50, 40],
        "rnn/embedding_wrapper/gru_cell/gates/kernel": [43, 6],
        "rnn/embedding_wrapper/gru_cell/gates/bias": [6],
        "rnn/embedding_wrapper/gru_cell/candidate/kernel": [43, 3],
        "rnn/embedding_wrapper/gru_cell/candidate/bias": [3],
    }
    with tf.Session() as session:
        numbers = value(session, tf.global_variables()[0])
        assert session.run(outputs[1]).shape == (2, 3)
    assert numbers.var() == pytest.approx(1.0, rel=0.1) and abs(numbers).max() < 3**0.5


@pytest.mark.parametrize("normalized", [True, False])
def test_gates_are_normalized(normalized: bool, session: tf.Session) -> None:
    """Each gate and the memory by a layer_norm of its own, in place of biases."""
    cell = rnn.LayerNormBasicLSTMCell(3, layer_norm=normalized)
    x, c, h = (np.random.default_rng(i).normal(size=[2, 3]).astype(np.float32) for i in range(3))
    output, state = cell(tf.constant(x), rnn.LSTMStateTuple(tf.constant(c), tf.constant(h)))
    names = [name.removeprefix("layer_norm_basic_lstm_cell/") for name in variables()]
    gates = ("input", "transform", "forget", "output", "state")
    scaled = [f"{gate}/{name}" for gate in gates for name in ("gamma", "beta")]
    assert names == ["kernel", *(scaled if normalized else ["bias"])]
    kernel, found, last = value(session, (tf.global_variables()[0], output, state))

    def norm(t: Any) -> Any:
        if not normalized:
            return t
        return (t - t.mean(1, keepdims=True)) / t.std(1, keepdims=True)

    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel, 4, 1)
    c = norm(c * sigmoid(norm(f) + 1) + sigmoid(norm(i)) * np.tanh(norm(j)))
    np.testing.assert_allclose(last.c, c, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found, np.tanh(c) * sigmoid(norm(o)), rtol=1e-4, atol=1e-5)


def test_a_cell_attends_to_its_last_outputs(session: tf.Session) -> None:
    """The state keeps as many as it sees; it learns through all steps."""
    cell = rnn.AttentionCellWrapper(rnn.BasicLSTMCell(4), attn_length=3)
    outputs, (_, _, seen) = tf.nn.dynamic_rnn(cell, tf.ones([2, 5, 6]), dtype=tf.float32)
    assert outputs.shape.as_list() == [2, 5, 4]
    found, kept = value(session, (outputs, seen))
    np.testing.assert_allclose(kept.reshape(2, 3, 4), found[:, -3:], rtol=1e-6)
    slopes = tf.gradients(outputs[:, -1], tf.trainable_variables())
    assert all(np.abs(slope).sum() > 0 for slope in session.run(slopes))
    assert variables("rnn/attention_cell_wrapper/attention/attn") == {
        "rnn/attention_cell_wrapper/attention/attn_w": [1, 1, 4, 4],
        "rnn/attention_cell_wrapper/attention/attn_v": [4],
    }


@pytest.mark.parametrize(
    "block, plain",
    [(rnn.LSTMBlockCell, rnn.LSTMCell), (rnn.GRUBlockCell, rnn.GRUCell)],
)
def test_block_cells_are_like_plain_ones(block: Any, plain: Any, session: tf.Session) -> None:
    """With the same variables."""
    x = tf.random_normal([2, 3, 4], seed=1)
    first, _ = tf.nn.dynamic_rnn(block(5), x, dtype=tf.float32)
    with tf.variable_scope("", reuse=True):
        second, _ = tf.nn.dynamic_rnn(plain(5), x, dtype=tf.float32)
    np.testing.assert_allclose(*value(session, [first, second]), rtol=1e-5, atol=1e-6)


def test_a_copy_of_a_cell_has_variables_of_its_own() -> None:
    """So that an encoder can take a copy of the decoder's cell, used or not."""
    import copy

    cell = rnn.MultiRNNCell([rnn.GRUCell(2), rnn.DropoutWrapper(rnn.BasicRNNCell(3), 0.5)])
    for scope in ("one", "two"):
        with tf.variable_scope(scope):
            copy.deepcopy(cell)(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
    with tf.variable_scope("three"):
        cell(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
    assert [len(variables(scope)) for scope in ("one", "two", "three")] == [6, 6, 6]


@pytest.mark.parametrize("dynamic", [True, False])
def test_bidirectional_layers_are_stacked(dynamic: bool, session: tf.Session) -> None:
    """Each has the outputs of both directions below it."""
    forwards, backwards = ([rnn.GRUCell(3), rnn.GRUCell(2)] for _ in range(2))
    x = tf.ones([4, 5, 6])
    if dynamic:
        function, steps, scope = rnn.stack_bidirectional_dynamic_rnn, x, "bidirectional_rnn/"
    else:
        function, steps, scope = rnn.stack_bidirectional_rnn, tf.unstack(x, 5, 1), ""
    outputs, last, first = function(forwards, backwards, steps, dtype=tf.float32)
    found = value(session, outputs if dynamic else tf.stack(outputs, 1))
    assert found.shape == (4, 5, 4) and [s.shape[1] for s in session.run(last)] == [3, 2]
    np.testing.assert_allclose(found[:, -1, :2], session.run(last[1]), rtol=1e-6)
    np.testing.assert_allclose(found[:, 0, 2:], session.run(first[1]), rtol=1e-6)
    base = "stack_bidirectional_rnn/cell_1"
    assert variables()[f"{base}/{scope}fw/gru_cell/gates/kernel"] == [8, 4]
    with pytest.raises(ValueError, match="same depth, at least 1: 2 and 1"):
        function(forwards, backwards[:1], steps, dtype=tf.float32)
    with pytest.raises(ValueError, match="one per layer"):
        function(forwards, backwards, steps, initial_states_fw=[], dtype=tf.float32)


# Decoders and models.


def test_a_decoder_is_fed_what_it_gave(session: tf.Session) -> None:
    """By the loop function, from the second step on; with one set of variables."""
    asked = []

    def loop(before: Any, number: int) -> Any:
        asked.append(number)
        return before * 2.0

    cell = rnn.BasicRNNCell(3)
    inputs = [tf.ones([1, 3])] * 3
    outputs, last = legacy_seq2seq.rnn_decoder(inputs, tf.zeros([1, 3]), cell, loop)
    assert asked == [1, 2] and list(variables()) == [
        "rnn_decoder/basic_rnn_cell/kernel", "rnn_decoder/basic_rnn_cell/bias",
    ]  # fmt: skip
    kernel, found, state = value(session, (tf.global_variables()[0], outputs, last))
    x, h = np.ones([1, 3]), np.zeros([1, 3])
    for step in found:
        h = np.tanh(np.concatenate([x, h], 1) @ kernel)
        np.testing.assert_allclose(step, h, rtol=1e-5, atol=1e-6)
        x = h * 2
    assert (state == found[-1]).all()


def test_losses_of_sequences_are_averages(session: tf.Session) -> None:
    """Over the steps by their weights, then over the examples."""
    logits = [np.random.default_rng(i).normal(size=[2, 4]) for i in range(3)]
    targets = [np.array([0, 3]), np.array([1, 2]), np.array([2, 2])]
    weights = [np.array([1.0, 1.0]), np.array([1.0, 0.0]), np.array([0.5, 0.0])]

    def entropy(x: Any, labels: Any) -> Any:
        return np.log(np.exp(x).sum(1)) - x[np.arange(2), labels]

    each = sum(w * entropy(x, t) for x, t, w in zip(logits, targets, weights, strict=True))
    given = [tf.constant(x) for x in logits], targets, weights
    by_example = legacy_seq2seq.sequence_loss_by_example(*given)
    np.testing.assert_allclose(session.run(by_example), each / sum(weights), rtol=1e-6)
    loss = legacy_seq2seq.sequence_loss(*given)
    assert session.run(loss) == pytest.approx((each / sum(weights)).mean())
    whole = legacy_seq2seq.sequence_loss(*given, False, False)
    assert session.run(whole) == pytest.approx(each.sum())
    squares = legacy_seq2seq.sequence_loss_by_example(
        *given, False, lambda labels, logits: tf.reduce_sum(tf.square(logits), 1)
    )
    total = sum(w * (x**2).sum(1) for x, w in zip(logits, weights, strict=True))
    np.testing.assert_allclose(session.run(squares), total, rtol=1e-6)
    with pytest.raises(ValueError, match="must be the same 3, 3, 2"):
        legacy_seq2seq.sequence_loss(given[0], targets[:2], weights)


@pytest.mark.parametrize("make", ["basic_rnn_seq2seq", "tied_rnn_seq2seq"])
def test_a_decoder_begins_where_the_encoder_ended(make: str, session: tf.Session) -> None:
    """With variables of its own, or the same."""
    inputs = [tf.random_normal([2, 3], seed=i) for i in range(4)]
    function = getattr(legacy_seq2seq, make)
    outputs, state = function(inputs, inputs[:2], rnn.GRUCell(3))
    assert len(outputs) == 2 and len(variables()) == (8 if make.startswith("basic") else 4)
    slopes = tf.gradients(outputs[0], inputs)
    assert all(np.abs(s).sum() > 0 for s in value(session, [slopes[0], slopes[3]]))
    assert session.run(state).shape == (2, 3)


@pytest.mark.parametrize("fed", [False, True, "as the run says"])
@pytest.mark.parametrize("kind", ["rnn", "tied_rnn", "attention"])
def test_models_for_several_lengths_share_their_variables(
    kind: str, fed: Any, session: tf.Session
) -> None:
    """Each of them is trained by the loss of any length."""
    inputs = [tf.placeholder(tf.int32, [None]) for _ in range(5)]
    feed_previous = tf.placeholder(tf.bool, []) if isinstance(fed, str) else fed
    cell = rnn.MultiRNNCell([rnn.GRUCell(4)])
    symbols = (7,) if kind == "tied_rnn" else (6, 7)

    def model(encoder: Any, decoder: Any) -> Any:
        function = getattr(legacy_seq2seq, f"embedding_{kind}_seq2seq")
        return function(encoder, decoder, cell, *symbols, 5, feed_previous=feed_previous)

    weights = [tf.ones([2])] * 5
    outputs, losses = legacy_seq2seq.model_with_buckets(
        inputs[:3], inputs, inputs, weights, [(2, 3), (3, 5)], model
    )
    assert [len(made) for made in outputs] == [3, 5]
    trained = tf.trainable_variables()
    assert len(trained) == {"rnn": 12, "tied_rnn": 7, "attention": 20}[kind]
    feeds: dict[Any, Any] = {x: [i, 5 - i] for i, x in enumerate(inputs)}
    if isinstance(fed, str):
        feeds[feed_previous] = True
    session.run(tf.global_variables_initializer())
    assert all(0 < loss < 3 for loss in session.run(losses, feeds))
    slopes = [tf.convert_to_tensor(g) for g in tf.gradients(losses, trained)]
    assert all(np.isfinite(slope).all() for slope in session.run(slopes, feeds))
    with pytest.raises(ValueError, match=r"encoder_inputs \(2\) must be .* last bucket \(3\)"):
        legacy_seq2seq.model_with_buckets(
            inputs[:2], inputs, inputs, weights, [(2, 3), (3, 5)], model
        )


def test_a_decoder_is_fed_its_own_symbols_only_if_the_run_says_so(session: tf.Session) -> None:
    """Then only the first symbol that is given counts."""
    encoder, first, second = (tf.placeholder(tf.int32, [None]) for _ in range(3))
    fed = tf.placeholder(tf.bool, [])
    outputs, _ = legacy_seq2seq.embedding_attention_seq2seq(
        [encoder], [first, second], rnn.GRUCell(4), 6, 6, 5, num_heads=2, feed_previous=fed,
        initial_state_attention=True,
    )  # fmt: skip
    session.run(tf.global_variables_initializer())

    def last(own: bool, symbol: int) -> Any:
        return session.run(outputs[1], {encoder: [1], first: [2], second: [symbol], fed: own})

    assert not np.allclose(last(False, 1), last(False, 3))
    assert (last(True, 1) == last(True, 3)).all()


def test_what_decoders_need_is_told() -> None:
    """And outputs that are projected elsewhere have the size of the cell."""
    inputs, cell = [tf.constant([1])] * 2, rnn.GRUCell(4)
    projection = tf.get_variable("w", [4, 6]), tf.get_variable("b", [6])
    outputs, _ = legacy_seq2seq.embedding_rnn_seq2seq(
        inputs, inputs, cell, 6, 6, 5, projection, feed_previous=True
    )
    assert outputs[-1].shape.as_list() == [1, 4]
    with pytest.raises(ValueError, match="at least 1 input"):
        legacy_seq2seq.attention_decoder([], None, tf.ones([1, 2, 3]), cell)
    with pytest.raises(ValueError, match="less than 1 heads"):
        legacy_seq2seq.attention_decoder(inputs, None, tf.ones([1, 2, 3]), cell, num_heads=0)
    with pytest.raises(ValueError, match="incompatible"):
        legacy_seq2seq.embedding_rnn_decoder(inputs, None, cell, 7, 5, projection)
