"""Optimizers of a program's own, and where in a graph the variables of optimizers are."""

from typing import Any

import numpy as np
import pytest

import runtime as tf


class _Kept(tf.train.Optimizer):
    """Momentum for whole variables, plain descent for rows, and a number of its own."""

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__(False, "My")
        self._rate = rate

    def _create_slots(self, var_list: Any) -> None:
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._get_or_make_slot(variable, tf.ones_like(variable) * 2, "k", "Twos")
            fives = tf.constant_initializer(5.0)
            self._get_or_make_slot_with_initializer(
                variable, fives, variable.shape, variable.dtype, "q", "Q"
            )
        self._create_non_slot_variable(0.5, "extra", var_list[0])

    def _prepare(self) -> None:
        self._rate_tensor = tf.convert_to_tensor(self._call_if_callable(self._rate))

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        moved = self.get_slot(var, "m").assign(0.9 * self.get_slot(var, "m") + grad)
        return tf.group(tf.assign_sub(var, self._rate_tensor * moved), moved)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return tf.scatter_sub(var, grad.indices, grad.values * 0.5)

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        extra = self._get_non_slot_variable("extra", tf.get_default_graph())
        with tf.control_dependencies(update_ops):
            halved = extra.assign(extra * 0.5)
        return tf.group(*update_ops, halved, name=name_scope)


def test_an_optimizer_of_ones_own_is_called_as_in_tensorflow(session: tf.Session) -> None:
    """Its slots, its own variables, what it does for variables and for rows, and at the end."""
    w = tf.Variable([1.0, 2.0], name="w")
    e = tf.Variable(np.ones([4, 2], np.float32), name="e")
    optimizer = _Kept()
    loss = tf.reduce_sum(w * w) + tf.reduce_sum(tf.gather(e, [1, 1, 3]))
    train_op = optimizer.minimize(loss, tf.train.get_or_create_global_step())
    session.run(tf.global_variables_initializer())
    session.run(train_op)
    session.run(train_op)
    np.testing.assert_allclose(session.run(w), [0.46, 0.92], rtol=1e-6)
    np.testing.assert_array_equal(session.run(e)[:, 0], [1.0, -1.0, 1.0, 0.0])
    assert [v.op.name for v in optimizer.variables()] == [
        *("e/My", "e/Q", "e/Twos", "extra", "w/My", "w/Q", "w/Twos"),
    ]
    assert optimizer.get_slot_names() == ["k", "m", "q"]
    assert session.run([optimizer.get_slot(w, "k"), optimizer.get_slot(w, "q")])[1].tolist() == [
        5.0,
        5.0,
    ]
    assert session.run("extra:0") == 0.125
    assert session.run(tf.train.get_global_step()) == 2


class _LazyAdam(tf.train.AdamOptimizer):
    """Adam that forgets nothing of rows that it does not see."""

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        power1, power2 = self._get_beta_accumulators()
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        rows = grad.indices
        new_m = self._beta1_t * tf.gather(m, rows) + (1 - self._beta1_t) * grad.values
        new_v = self._beta2_t * tf.gather(v, rows) + (1 - self._beta2_t) * grad.values**2
        rate = self._lr_t * tf.sqrt(1 - power2) / (1 - power1)
        step = rate * new_m / (tf.sqrt(new_v) + self._epsilon_t)
        kept = tf.scatter_update(m, rows, new_m), tf.scatter_update(v, rows, new_v)
        return tf.group(tf.scatter_sub(var, rows, step), *kept)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return super()._apply_dense(grad * 2, var)


def test_a_method_of_adam_can_be_replaced(session: tf.Session) -> None:
    """Rows with one index are added up before the method gets them."""
    w = tf.Variable([1.0, 2.0])
    e = tf.Variable(np.ones([4, 2], np.float32))
    loss = tf.reduce_sum(w * w) + tf.reduce_sum(tf.gather(e, [1, 1, 3]) ** 2)
    train_op = _LazyAdam(0.1).minimize(loss)
    session.run(tf.global_variables_initializer())
    session.run(train_op)
    session.run(train_op)
    np.testing.assert_allclose(session.run(w), [0.8004, 1.8002], atol=5e-5)
    np.testing.assert_allclose(session.run(e)[:, 0], [1.0, 0.8004, 1.0, 0.8004], atol=5e-5)


class _ForResources(tf.train.Optimizer):
    def __init__(self) -> None:
        super().__init__(False, "R")

    def _resource_apply_dense(self, grad: Any, handle: Any) -> Any:
        return tf.assign_sub(handle, grad).op

    def _resource_apply_sparse(self, grad: Any, handle: Any, indices: Any) -> Any:
        return tf.scatter_sub(handle, indices, grad).op


def test_an_optimizer_for_resources_alone_works(session: tf.Session) -> None:
    """The methods for resources are called where there are no others."""
    w = tf.get_variable("w", [2], initializer=tf.ones_initializer(), use_resource=True)
    e = tf.get_variable("e", [3], initializer=tf.ones_initializer(), use_resource=True)
    train_op = _ForResources().minimize(tf.reduce_sum(w * w) + tf.reduce_sum(tf.gather(e, [0, 0])))
    session.run(tf.global_variables_initializer())
    session.run(train_op)
    assert session.run(w).tolist() == [-1.0, -1.0]
    assert session.run(e).tolist() == [-1.0, 1.0, 1.0]


class _Whole(tf.train.Optimizer):
    def __init__(self) -> None:
        super().__init__(False, "Whole")

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return tf.assign_sub(var, grad)  # a tensor, not an operation


def test_rows_are_made_whole_for_an_optimizer_that_knows_no_rows(session: tf.Session) -> None:
    """Its method may give a tensor, too."""
    e = tf.get_variable("e", [3, 1], initializer=tf.ones_initializer())
    train_op = _Whole().minimize(tf.reduce_sum(tf.gather(e, [0, 0, 2])))
    session.run(tf.global_variables_initializer())
    session.run(train_op)
    assert session.run(e).tolist() == [[-1.0], [1.0], [0.0]]


def test_an_optimizer_without_a_method_says_what_it_needs() -> None:
    """NotImplementedError names the method."""
    w = tf.Variable(1.0)
    with pytest.raises(NotImplementedError, match=r"Optimizer.*_apply_dense\(grad, var\)"):
        tf.train.Optimizer(False, "none").minimize(w * w)


def test_slots_are_in_the_variable_scope_of_the_optimizer() -> None:
    """So that those of a scope can be initialized alone; a name scope has only Adam's numbers."""
    with tf.variable_scope("model"):
        w = tf.get_variable("w", [2])
    with tf.variable_scope("train", reuse=tf.AUTO_REUSE):
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(w * w))
    assert [v.op.name for v in tf.global_variables("train")] == [
        *("train/beta1_power", "train/beta2_power"),
        *("train/model/w/Adam", "train/model/w/Adam_1"),
    ]
    with tf.name_scope("more"):
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(w * w))
    assert [v.op.name for v in tf.global_variables()][-4:] == [
        *("more/beta1_power", "more/beta2_power"),
        *("model/w/Adam", "model/w/Adam_1"),
    ]


def test_gradients_by_tensors_are_computed_and_only_variables_changed(session: tf.Session) -> None:
    """A tensor in the list of variables gets its gradient; applying that is an error."""
    x = tf.constant([1.0, 2.0])
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    (pair,) = optimizer.compute_gradients(tf.reduce_sum(x * x), [x])
    assert session.run(pair[0]).tolist() == [2.0, 4.0]
    with pytest.raises(TypeError, match=r"Only a tf\.Variable can be changed"):
        optimizer.apply_gradients([pair])


def test_unfit_arguments_are_refused() -> None:
    """Gradients that are none, a loss of integers, another gate."""
    w = tf.Variable([1.0])
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(TypeError, match="Gradient must be convertible to a Tensor"):
        optimizer.apply_gradients([("x", w)])
    with pytest.raises(ValueError, match=r"Invalid type tf\.int32.*expected: float16"):
        optimizer.minimize(tf.cast(w, tf.int32))
    with pytest.raises(ValueError, match=r"GATE_GRAPH\. Not 7"):
        optimizer.minimize(tf.reduce_sum(w), gate_gradients=7)


def test_a_second_step_in_one_run_goes_on_from_the_first(session: tf.Session) -> None:
    """Adam's powers of beta are those that the step before left."""
    w = tf.Variable(1.0)
    optimizer = tf.train.AdamOptimizer(0.1)
    first = optimizer.apply_gradients([(1.0, w)])
    with tf.control_dependencies([first]):
        second = optimizer.apply_gradients([(1.0, w)])
    session.run(tf.global_variables_initializer())
    session.run(second)
    np.testing.assert_allclose(session.run("beta1_power:0"), 0.9**3, rtol=1e-6)
    np.testing.assert_allclose(session.run(w), 0.8, rtol=1e-5)
