"""Optimizers change variables as TensorFlow's do: whole variables, and rows that were gathered."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import runtime as tf


@attrs.frozen
class Figures:
    """What TensorFlow gave after four steps, rounded to five digits.

    `whole` changes by a gradient of its shape, `rows` by one of two of its four rows; `kept` is
    the first of `slots`, of `rows`.
    """

    name: str
    make: Callable[[], Any]
    variables: list[str]
    slots: list[str]
    whole: list[float]
    rows: list[float]
    kept: list[float]


FIGURES = [
    Figures(
        "adagrad",
        lambda: tf.train.AdagradOptimizer(0.3),
        ["w/Adagrad"],
        ["accumulator"],
        [
            0.54026,
            0.59901,
            0.59193,
            0.60202,
            0.60437,
            0.68404,
            0.84723,
            1.05017,
        ],
        [
            0.0,
            0.25,
            0.2,
            0.23488,
            1.0,
            1.25,
            0.78155,
            1.00949,
        ],
        [
            0.1,
            0.1,
            1.54157,
            6.3011,
            0.1,
            0.1,
            15.45046,
            23.90675,
        ],
    ),
    Figures(
        "adadelta",
        lambda: tf.train.AdadeltaOptimizer(2.0, epsilon=1e-4),
        ["w/Adadelta", "w/Adadelta_1"],
        ["accum", "accum_update"],
        [
            0.30982,
            0.51685,
            0.60023,
            0.60027,
            0.72009,
            0.93572,
            1.1712,
            1.41328,
        ],
        [
            0.0,
            0.25,
            0.25018,
            0.44535,
            1.0,
            1.25,
            1.16005,
            1.40612,
        ],
        [
            0.0,
            0.0,
            0.11364,
            0.54432,
            0.0,
            0.0,
            1.01011,
            1.48662,
        ],
    ),
    Figures(
        "rms",
        lambda: tf.train.RMSPropOptimizer(0.1, momentum=0.5),
        ["w/RMSProp", "w/RMSProp_1"],
        ["momentum", "rms"],
        [
            0.52574,
            0.57141,
            0.59403,
            0.60934,
            0.63548,
            0.68708,
            0.7714,
            0.88857,
        ],
        [
            0.0,
            0.25,
            0.13589,
            0.115,
            1.0,
            1.25,
            0.57298,
            0.73333,
        ],
        [
            0.0,
            0.0,
            0.02732,
            0.07584,
            0.0,
            0.0,
            0.2085,
            0.23201,
        ],
    ),
    Figures(
        "centered",
        lambda: tf.train.RMSPropOptimizer(0.1, 0.8, 0.5, 1e-3, centered=True),
        ["w/RMSProp", "w/RMSProp_1", "w/RMSProp_2"],
        ["mg", "momentum", "rms"],
        [
            0.55407,
            0.59322,
            0.60111,
            0.59887,
            0.61161,
            0.65861,
            0.74735,
            0.87501,
        ],
        [
            0.0,
            0.25,
            0.13308,
            0.11393,
            1.0,
            1.25,
            0.56718,
            0.74109,
        ],
        [
            0.0,
            0.0,
            0.20801,
            0.5173,
            0.0,
            0.0,
            1.06459,
            1.32671,
        ],
    ),
    Figures(
        "ftrl",
        lambda: tf.train.FtrlOptimizer(
            0.5, l1_regularization_strength=0.05, l2_regularization_strength=0.1
        ),
        ["w/Ftrl", "w/Ftrl_1"],
        ["accum", "linear"],
        [
            0.59622,
            0.60017,
            0.60006,
            0.56426,
            0.58881,
            0.59356,
            0.61094,
            0.68262,
        ],
        [
            0.0,
            0.25,
            0.2001,
            0.19979,
            1.0,
            1.25,
            0.37696,
            0.5334,
        ],
        [
            0.1,
            0.1,
            2.83113,
            5.01731,
            0.1,
            0.1,
            9.08958,
            14.75028,
        ],
    ),
    Figures(
        "ftrl2",
        lambda: tf.train.FtrlOptimizer(0.5, -0.3, 0.2),
        ["w/Ftrl", "w/Ftrl_1"],
        ["accum", "linear"],
        [
            0.59976,
            0.60008,
            0.6,
            0.58912,
            0.58826,
            0.58796,
            0.58581,
            0.58751,
        ],
        [
            0.0,
            0.25,
            0.20388,
            0.20022,
            1.0,
            1.25,
            0.20486,
            0.22797,
        ],
        [
            0.2,
            0.2,
            5.54304,
            7.77397,
            0.2,
            0.2,
            6.97573,
            10.07402,
        ],
    ),
    Figures(
        "mom",
        lambda: tf.train.MomentumOptimizer(0.1, 0.9),
        ["w/Momentum"],
        ["momentum"],
        [
            0.78516,
            0.70801,
            0.63086,
            0.55371,
            0.47656,
            0.39941,
            0.32226,
            0.24511,
        ],
        [
            0.0,
            0.25,
            -0.043,
            -0.2455,
            1.0,
            1.25,
            -0.20118,
            -0.27833,
        ],
        [
            0.0,
            0.0,
            0.81,
            1.485,
            0.0,
            0.0,
            4.8178,
            5.7443,
        ],
    ),
    Figures(
        "adam",
        lambda: tf.train.AdamOptimizer(0.1),
        ["beta1_power", "beta2_power", "w/Adam", "w/Adam_1"],
        ["m", "v"],
        [
            0.39082,
            0.62309,
            0.64902,
            0.50301,
            0.62024,
            0.85796,
            1.10464,
            1.3532,
        ],
        [
            0.0,
            0.25,
            0.13782,
            0.36078,
            1.0,
            1.25,
            1.10268,
            1.3521,
        ],
        [
            0.0,
            0.0,
            0.19466,
            0.53419,
            0.0,
            0.0,
            0.78221,
            0.9541,
        ],
    ),
    Figures(
        "ftrl-shrinkage",
        lambda: tf.train.FtrlOptimizer(
            0.5, l1_regularization_strength=0.1, l2_shrinkage_regularization_strength=0.2, beta=0.3
        ),
        ["w/Ftrl", "w/Ftrl_1"],
        ["accum", "linear"],
        [0.497, 0.49999, 0.49046, 0.42793, 0.46786, 0.4849, 0.49808, 0.5402],
        [0.0, 0.25, 0.18175, 0.18133, 1.0, 1.25, 0.26942, 0.38783],
        [0.1, 0.1, 3.24057, 5.32377, 0.1, 0.1, 7.86262, 12.56582],
    ),
    Figures(
        "adagrad-da",
        lambda: tf.train.AdagradDAOptimizer(
            0.3,
            tf.train.get_or_create_global_step(),
            l1_regularization_strength=0.05,
            l2_regularization_strength=0.1,
        ),
        ["global_step", "w/AdagradDA", "w/AdagradDA_1"],
        ["gradient_accumulator", "gradient_squared_accumulator"],
        [0.4994, 0.51952, 0.48499, 0.39845, 0.32948, 0.26621, 0.2079, 0.15767],
        [0.0, 0.25, 0.17075, 0.10943, 1.0, 1.25, -0.02684, -0.05772],
        [0.0, 0.0, -1.38583, -1.20495, 0.0, 0.0, 0.31627, 0.71314],
    ),
    Figures(
        "proximal",
        lambda: tf.train.ProximalGradientDescentOptimizer(
            0.1, l1_regularization_strength=0.2, l2_regularization_strength=0.1
        ),
        [],
        [],
        [0.28875, 0.38716, 0.48556, 0.58397, 0.68237, 0.78078, 0.87918, 0.97758],
        [0.0, 0.25, 0.19039, 0.22152, 1.0, 1.25, 0.64818, 0.74658],
        [],
    ),
    Figures(
        "proximal-adagrad",
        lambda: tf.train.ProximalAdagradOptimizer(
            0.3, l1_regularization_strength=0.2, l2_regularization_strength=0.1
        ),
        ["w/ProximalAdagrad"],
        ["accumulator"],
        [0.42632, 0.4748, 0.47621, 0.47615, 0.48066, 0.55806, 0.7294, 0.94305],
        [0.0, 0.25, 0.14634, 0.17959, 1.0, 1.25, 0.69231, 0.92651],
        [0.1, 0.1, 1.65987, 5.8253, 0.1, 0.1, 14.39469, 22.63333],
    ),
]


@pytest.mark.parametrize("figures", FIGURES, ids=lambda figures: figures.name)
def test_four_steps_are_those_of_tensorflow(figures: Figures) -> None:
    """The numbers, and the names of slots and of the variables that hold them."""
    begin = tf.constant_initializer(np.arange(8.0).reshape(4, 2) / 4)
    with tf.Graph().as_default(), tf.Session() as session:
        whole = tf.get_variable("w", [4, 2], initializer=begin)
        rows = tf.get_variable("e", [4, 2], initializer=begin)
        gathered = tf.gather(rows, [1, 3, 1])
        loss = tf.reduce_sum(tf.square(whole - 0.6)) + tf.reduce_sum(tf.square(gathered - 0.2))
        optimizer = figures.make()
        train_op = optimizer.minimize(loss)
        assert optimizer.get_slot_names() == figures.slots
        own = [v.op.name for v in tf.global_variables() if v not in (whole, rows)]
        assert [name for name in own if not name.startswith("e/")] == figures.variables
        session.run(tf.global_variables_initializer())
        for _ in range(4):
            session.run(train_op)
        kept = [optimizer.get_slot(rows, slot) for slot in figures.slots[:1]]
        for variable, expected in [
            (whole, figures.whole),
            (rows, figures.rows),
            *[(slot, figures.kept) for slot in kept],
        ]:
            found = session.run(variable).reshape(-1)
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tf.train.AdagradOptimizer(0.1, 0.0), "initial_accumulator_value must be positive"),
        (
            lambda: tf.train.FtrlOptimizer(0.1, 0.5),
            "learning_rate_power 0.5 needs to be negative or zero",
        ),
        (
            lambda: tf.train.FtrlOptimizer(0.1, l1_regularization_strength=-1.0),
            "l1_regularization_strength -1.0 needs to be positive or zero",
        ),
    ],
)
def test_a_number_out_of_its_range_is_refused(make: Callable[[], Any], message: str) -> None:
    """ValueError names the parameter and the number."""
    with pytest.raises(ValueError, match=message):
        make()


def test_a_row_that_does_not_exist_is_an_error_of_the_run() -> None:
    """InvalidArgumentError names the operation; nothing was changed."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", [2, 1], initializer=tf.ones_initializer())
        indices = tf.placeholder(tf.int32, [1])
        gradient = tf.IndexedSlices(tf.ones([1, 1]), indices)
        train_op = tf.train.AdagradOptimizer(0.1).apply_gradients([(gradient, w)])
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="SparseApplyAdagrad"):
            session.run(train_op, {indices: [2]})
        assert session.run(w).tolist() == [[1], [1]]
