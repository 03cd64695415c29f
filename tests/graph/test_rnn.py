"""Recurrent cells and the functions that run them, beside the figures."""

from typing import Any

import numpy as np
import pytest

import runtime as tf

STEPS = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)


class Counter(tf.nn.rnn_cell.RNNCell):  # type: ignore[misc]  # the base is found at run time
    """A cell of a user's own: its state counts the steps."""

    state_size = 1
    output_size = 2

    def call(self, inputs: Any, state: Any) -> Any:
        scale = tf.get_variable("scale", [], initializer=tf.ones_initializer())
        return inputs * scale + state, state + 1.0


def run(session: tf.Session, fetches: Any, feeds: Any = None) -> Any:
    session.run(tf.global_variables_initializer())
    return session.run(fetches, feeds)


@pytest.mark.parametrize("shape", [[3, 5, 2], [None, None, 2]])
def test_a_cell_of_ones_own_runs_in_a_loop(shape: Any, session: tf.Session) -> None:
    """With its variables below the network's and its own name; gradients flow."""
    x = tf.placeholder(tf.float32, shape)
    outputs, state = tf.nn.dynamic_rnn(Counter(), x, [5, 0, 2], dtype=tf.float32)
    (slope,) = tf.gradients(outputs, tf.global_variables())
    found, last, by_scale = run(session, [outputs, state, slope], {x: STEPS})
    running = np.arange(5) < np.array([[5], [0], [2]])
    np.testing.assert_allclose(found, (STEPS + np.arange(5)[:, None]) * running[..., None])
    assert last.ravel().tolist() == [5, 0, 2]
    np.testing.assert_allclose(by_scale, (STEPS * running[..., None]).sum(), rtol=1e-4)
    assert [v.name for v in tf.global_variables()] == ["rnn/counter/scale:0"]
    assert outputs.shape.as_list() == [3, shape[1], 2]


def test_the_length_and_the_batch_may_be_known_only_in_a_run(session: tf.Session) -> None:
    """For cells that work through a sequence in one operation."""
    x = tf.placeholder(tf.float32, [None, None, 2])
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(4) for _ in range(2)])
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    gradient = tf.gradients(outputs, x)[0]
    session.run(tf.global_variables_initializer())
    for batch, time in ((3, 5), (1, 2), (2, 0)):
        found = session.run([outputs, state, gradient], {x: STEPS[:batch, :time]})
        assert found[0].shape == (batch, time, 4) and found[1][1].h.shape == (batch, 4)
        assert found[2].shape == (batch, time, 2)
    kinds = {op.type for op in tf.get_default_graph().get_operations()}
    assert "LSTMSequence" in kinds and "While" not in kinds


def test_a_subclass_of_a_known_cell_runs_step_by_step(session: tf.Session) -> None:
    """Whatever it changes."""

    class Halved(tf.nn.rnn_cell.BasicRNNCell):  # type: ignore[misc]  # found at run time
        def call(self, inputs: Any, state: Any) -> Any:
            output, state = super().call(inputs, state)
            return output * 0.5, state

    with tf.variable_scope("a"):
        plain, _ = tf.nn.static_rnn(tf.nn.rnn_cell.BasicRNNCell(3, name="c"),
                                    tf.unstack(STEPS, 5, 1), dtype=tf.float32)  # fmt: skip
    with tf.variable_scope("a", reuse=True):
        halved, _ = tf.nn.dynamic_rnn(Halved(3, name="c"), STEPS, dtype=tf.float32)
    first, second = run(session, [tf.stack(plain, 1), halved])
    np.testing.assert_allclose(second, first / 2, rtol=1e-5, atol=1e-6)


def test_states_fed_back_continue_a_sequence(session: tf.Session) -> None:
    """Two halves give what the whole gives."""
    cell = tf.nn.rnn_cell.LSTMCell(4)
    whole, last = tf.nn.dynamic_rnn(cell, STEPS, dtype=tf.float32)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        first, state = tf.nn.dynamic_rnn(cell, STEPS[:, :2].copy(), dtype=tf.float32)
        second, end = tf.nn.dynamic_rnn(cell, STEPS[:, 2:].copy(), initial_state=state)
    found = run(session, [whole, last, tf.concat([first, second], 1), end])
    np.testing.assert_allclose(found[0], found[2], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], found[3], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variational", [False, True])
def test_dropout_drops_inputs_outputs_and_states(variational: bool, session: tf.Session) -> None:
    """An LSTM's memory stays; the variational kind drops the same in all steps."""
    cell = tf.nn.rnn_cell.DropoutWrapper(
        tf.nn.rnn_cell.BasicLSTMCell(50), 0.9, 0.5, 0.5, variational, 2, tf.float32, seed=3
    )
    outputs, state = tf.nn.dynamic_rnn(cell, STEPS, dtype=tf.float32)
    found, last = run(session, [outputs, state])
    dropped = found == 0
    assert 0.3 < dropped.mean() < 0.7
    assert bool((dropped == dropped[:1, :1]).all()) == variational
    assert 0.2 < (last.h == 0).mean() < 0.8 and (last.c != 0).all()


def test_dropout_of_a_sequence_draws_for_each_step(session: tf.Session) -> None:
    """In one operation for all steps, if the state is kept."""
    wrapped = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(50), output_keep_prob=0.5)
    outputs, _ = tf.nn.dynamic_rnn(wrapped, STEPS, dtype=tf.float32)
    dropped = run(session, outputs) == 0
    assert 0.4 < dropped.mean() < 0.6 and not (dropped[:, 0] == dropped[:, 1]).all()
    assert wrapped.wrapped_cell.trainable_variables == wrapped.trainable_variables


def test_what_a_cell_says_of_itself() -> None:
    """Sizes, zero states, variables."""
    cell = tf.nn.rnn_cell
    lstm = cell.LSTMCell(4, num_proj=3)
    many = cell.MultiRNNCell([lstm, cell.GRUCell(5)])
    assert lstm.state_size == cell.LSTMStateTuple(4, 3) and lstm.output_size == 3
    assert many.state_size == ((4, 3), 5) and many.output_size == 5 and many.cells[0] is lstm
    state = many.zero_state(7, tf.float32)
    assert state[0].c.shape.as_list() == [7, 4] and state[0].dtype is tf.float32
    assert many.zero_state(tf.placeholder(tf.int32, []), tf.float64)[1].shape.as_list() == [None, 5]
    assert lstm.get_initial_state(tf.zeros([2, 9])).h.shape.as_list() == [2, 3]
    many(tf.zeros([7, 2]), state)
    assert [v.name for v in many.trainable_variables] == [
        f"multi_rnn_cell/cell_{n}" for n in (
            "0/lstm_cell/kernel:0", "0/lstm_cell/bias:0", "0/lstm_cell/projection/kernel:0",
            "1/gru_cell/gates/kernel:0", "1/gru_cell/gates/bias:0",
            "1/gru_cell/candidate/kernel:0", "1/gru_cell/candidate/bias:0")
    ]  # fmt: skip


LSTM = tf.nn.rnn_cell.BasicLSTMCell


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf.nn.dynamic_rnn("cell", STEPS), TypeError, "is not an RNNCell"),
        (lambda: tf.nn.dynamic_rnn(LSTM(2), STEPS), ValueError, "you must give a dtype"),
        (lambda: tf.nn.dynamic_rnn(LSTM(2), STEPS, [1, 2], dtype=tf.float32), ValueError,
         r"vector of length batch_size, 3, but has shape \(2,\)"),
        (lambda: tf.nn.dynamic_rnn(LSTM(2), STEPS[0, 0], dtype=tf.float32), ValueError,
         r"at least two axes.*\(2,\)"),
        (lambda: tf.nn.dynamic_rnn(LSTM(2), tf.placeholder(tf.float32, [3, 5, None]),
                                   dtype=tf.float32), ValueError, "last dimension"),
        (lambda: tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(2), STEPS,
                                   initial_state=tf.zeros([3, 4])), ValueError,
         r"\(5, 3, 2\) and a state of shape \(3, 4\) need a kernel of shape \(6, 8\).*GRUSequence"),
        (lambda: tf.nn.static_rnn(LSTM(2), STEPS, dtype=tf.float32), TypeError, "list of tensors"),
        (lambda: tf.nn.static_rnn(LSTM(2), [], dtype=tf.float32), ValueError, "not be empty"),
        (lambda: tf.nn.rnn_cell.MultiRNNCell([]), ValueError, "at least one cell"),
        (lambda: tf.nn.rnn_cell.MultiRNNCell(LSTM(2)), TypeError, "list or tuple"),
        (lambda: tf.nn.rnn_cell.MultiRNNCell([LSTM(2)], False), ValueError, "state_is_tuple"),
        (lambda: tf.nn.rnn_cell.DropoutWrapper(LSTM(2), 0.0), ValueError, "range"),
        (lambda: tf.nn.rnn_cell.DropoutWrapper(LSTM(2), 0.5, variational_recurrent=True),
         ValueError, "dtype must be provided"),
        (lambda: tf.nn.rnn_cell.NoCell, AttributeError, "tf.nn.rnn_cell.NoCell does not exist"),
    ],
)  # fmt: skip
def test_mistakes_are_told_when_the_graph_is_built(make: Any, error: Any, message: str) -> None:
    """With shapes and names."""
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda cell: cell.DropoutWrapper(3), TypeError, r"'cell' \(3\) is not an RNNCell"),
        (lambda cell: cell.MultiRNNCell([cell.GRUCell(2), None]), TypeError, r"'cells\[1\]'"),
        (lambda cell: tf.nn.dynamic_rnn(cell.GRUCell(2), STEPS, dtype=tf.int32), ValueError,
         "works with floating-point numbers"),
        (lambda cell: tf.nn.dynamic_rnn(cell.GRUCell(2), STEPS, dtype=tf.float64), TypeError,
         "of type float32, but the state .* is of type float64"),
        (lambda cell: tf.nn.raw_rnn(cell.GRUCell(2), 5), TypeError, "loop_fn must be a function"),
    ],
)  # fmt: skip
def test_what_no_network_can_be_made_of_is_said_at_once(
    make: Any, error: type[Exception], message: str
) -> None:
    """Before anything runs."""
    with pytest.raises(error, match=message):
        make(tf.nn.rnn_cell)


def test_wrappers_leave_marks_in_the_names_of_zero_states() -> None:
    """As TensorFlow's do."""
    cell = tf.nn.rnn_cell
    state = cell.DropoutWrapper(cell.GRUCell(2)).zero_state(3, tf.float32)
    assert state.name == "DropoutWrapperZeroState/GRUCellZeroState/zeros:0"


def test_lengths_say_how_many_examples_there_are() -> None:
    """In both directions."""
    x = tf.placeholder(tf.float32, [None, 5, 2])
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(
        tf.nn.rnn_cell.GRUCell(2), tf.nn.rnn_cell.GRUCell(3), x, [5, 0, 2], dtype=tf.float32
    )
    assert outputs[1].shape.as_list() == [3, 5, 3]


@pytest.mark.parametrize("wrong", [[1], [1, 2, 3, 4]])
def test_lengths_that_are_not_one_for_each_example_are_refused(
    wrong: list[int], session: tf.Session
) -> None:
    """In the run that tells, whether a cell works in one operation or in a loop."""
    x, lengths = tf.placeholder(tf.float32, [None, 5, 2]), tf.placeholder(tf.int32, [None])
    fused, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(2), x, lengths, dtype=tf.float32)
    looped, _ = tf.nn.dynamic_rnn(Counter(), x, lengths, dtype=tf.float32, scope="own")
    session.run(tf.global_variables_initializer())
    assert session.run(fused, {x: STEPS, lengths: [1, 2, 3]}).shape == (3, 5, 2)
    for outputs in (fused, looped):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"batch_size, 3, but has shape"):
            session.run(outputs, {x: STEPS, lengths: wrong})


@pytest.mark.parametrize("lengths", [None, [5, 1, 3]])
@pytest.mark.parametrize("kind", ["BasicRNNCell", "GRUCell", "BasicLSTMCell"])
def test_a_gradient_penalty_goes_through_a_known_cell(
    kind: str, lengths: Any, session: tf.Session
) -> None:
    """The derivative of a gradient, by inputs and weights, is the limit of its differences."""
    x = tf.placeholder(tf.float64, [3, 5, 2])
    start = tf.random_normal_initializer(stddev=0.7, seed=1)
    with tf.variable_scope("net", initializer=start, dtype=tf.float64):
        cell = getattr(tf.nn.rnn_cell, kind)(2)
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, 5, 1), None, tf.float64, lengths)
    loss = tf.add_n([tf.reduce_sum(y**3) for y in outputs])
    weights = tf.trainable_variables()
    penalty = tf.add_n([tf.reduce_sum(g**2) for g in tf.gradients(loss, [x, *weights])])
    slopes = tf.gradients(penalty, [x, *weights])
    session.run(tf.global_variables_initializer())
    rng = np.random.default_rng(0)
    values = [rng.normal(size=STEPS.shape), *[w + 0.1 for w in session.run(weights)]]
    moves = [rng.normal(size=np.shape(v)) for v in values]

    def computed(size: float, fetch: Any) -> Any:
        moved = [v + size * m for v, m in zip(values, moves, strict=True)]
        for weight, value in zip(weights, moved[1:], strict=True):
            weight.load(value, session)
        return session.run(fetch, {x: moved[0]})

    expected = (computed(1e-5, penalty) - computed(-1e-5, penalty)) / 2e-5
    found = sum(np.sum(s * m) for s, m in zip(computed(0.0, slopes), moves, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_second_derivatives_need_the_number_of_steps() -> None:
    """What is known only in a run has none, as in TensorFlow, and says so."""
    x = tf.placeholder(tf.float32, [3, None, 2])
    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(2), x, dtype=tf.float32)
    (slope,) = tf.gradients(outputs, x)
    with pytest.raises(NotImplementedError, match=r"number of steps.*tf\.nn\.static_rnn"):
        tf.gradients(slope**2, x)
