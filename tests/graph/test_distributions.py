"""tf.distributions and tf.contrib.distributions: samples, their gradients, vectors, mistakes."""

from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.contrib import distributions as ds
from runtime.graph.ops.random import _gamma_slope

COUNT = 20_000
LOGITS = np.array([[0.5, -1.0, 0.0], [1.0, 2.0, 0.0]], np.float32)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
TRIANGLE = np.array([[1.0, 0.0], [0.8, 0.5]], np.float32)

MAKERS: dict[str, Any] = {
    "normal": lambda: ds.Normal([1.0, -2.0], 0.5),
    "laplace": lambda: ds.Laplace(1.0, [0.5, 2.0]),
    "uniform": lambda: ds.Uniform([0.0, -1.0], [1.0, 3.0]),
    "exponential": lambda: ds.Exponential([0.5, 4.0]),
    "gamma": lambda: ds.Gamma([0.7, 5.0], 2.0),
    "beta": lambda: ds.Beta([0.5, 3.0], 2.0),
    "student": lambda: ds.StudentT(9.0, [1.0, -2.0], 0.5),
    "bernoulli": lambda: ds.Bernoulli(probs=[0.2, 0.7], dtype=tf.float32),
    "poisson": lambda: ds.Poisson([0.5, 4.0]),
    "one-hot": lambda: ds.OneHotCategorical(LOGITS, dtype=tf.float32),
    "multinomial": lambda: ds.Multinomial([3.0, 5.0], LOGITS),
    "dirichlet": lambda: ds.Dirichlet([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]]),
    "dirichlet-multinomial": lambda: ds.DirichletMultinomial(4.0, [1.0, 2.0, 3.0]),
    "diagonal": lambda: ds.MultivariateNormalDiag([[0.0, 1.0], [2.0, 3.0]], [0.5, 2.0]),
    "triangle": lambda: ds.MultivariateNormalTriL([1.0, 2.0], TRIANGLE),
    "covariance": lambda: ds.MultivariateNormalFullCovariance([1.0, 2.0], TRIANGLE @ TRIANGLE.T),
}


@pytest.mark.parametrize("name", MAKERS)
def test_samples_have_the_mean_and_variance_of_their_distribution(
    name: str, session: tf.Session
) -> None:
    """The shape asked for, then that of the batch and of an event; the same seed, the same ones."""
    made = MAKERS[name]()
    sample = made.sample([COUNT, 1], seed=3)
    known = [COUNT, 1, *made.batch_shape.as_list(), *made.event_shape.as_list()]
    assert sample.shape.as_list() == known and sample.dtype is made.dtype
    drawn, mean, variance, lead, tail = session.run(
        [sample, made.mean(), made.variance(), made.batch_shape_tensor(), made.event_shape_tensor()]
    )
    assert list(drawn.shape) == known and [*lead, *tail] == known[2:]
    error = 6 * np.sqrt(variance / COUNT)
    assert (np.abs(drawn.mean((0, 1)) - mean) <= error).all()
    np.testing.assert_allclose(drawn.var((0, 1)), variance, rtol=0.15)
    with tf.Session() as again:
        np.testing.assert_array_equal(again.run(sample), drawn)


def test_classes_are_drawn_by_their_probabilities(session: tf.Session) -> None:
    """As numbers of the type asked for, for any shape of a batch."""
    made = ds.Categorical(logits=np.stack([LOGITS] * 2), dtype=tf.int64)
    drawn = session.run(made.sample(COUNT, seed=1))
    assert drawn.shape == (COUNT, 2, 2) and drawn.dtype == np.int64
    found = np.stack([(drawn == k).mean(0) for k in range(3)], -1)
    np.testing.assert_allclose(found, np.stack([SHARES] * 2), atol=0.02)
    action = tf.distributions.Categorical(logits=LOGITS).sample()
    assert action.shape.as_list() == [2] and session.run(action).dtype == np.int32


@pytest.mark.parametrize(
    "make",
    [
        lambda p: ds.Normal(p, 1.0), lambda p: ds.Normal(0.0, p), lambda p: ds.Laplace(1.0, p),
        lambda p: ds.Uniform(0.0, p), lambda p: ds.Exponential(p), lambda p: ds.Gamma(p, 2.0),
        lambda p: ds.Gamma(2.0, p), lambda p: ds.Beta(p, 2.0), lambda p: ds.StudentT(p + 8, p, p),
        lambda p: ds.Dirichlet(tf.stack([p, 1.0, 2.0])),
        lambda p: ds.MultivariateNormalDiag([p, 0.0], scale_identity_multiplier=p),
        lambda p: ds.MultivariateNormalTriL([p, 0.0], TRIANGLE * p),
    ],
)  # fmt: skip
def test_gradients_flow_through_samples(make: Any, session: tf.Session) -> None:
    """The mean slope of a function of samples is that of its mean."""
    p = tf.placeholder(tf.float32, [])
    made = make(p)
    assert made.reparameterization_type is ds.FULLY_REPARAMETERIZED
    sample = made.sample(COUNT, seed=5)
    rest = list(range(1, len(sample.shape)))
    each = tf.reduce_sum(tf.square(sample), rest) if rest else tf.square(sample)
    (slope,) = tf.gradients(tf.reduce_mean(each), p)
    exact = tf.reduce_sum(made.variance() + tf.square(made.mean()))
    (expected,) = tf.gradients(exact, p)
    found, wanted = session.run([slope, expected], {p: 1.7})
    assert found == pytest.approx(wanted, rel=0.06)


def test_the_slope_of_gamma_samples_is_tensorflows() -> None:
    """Figures recorded from its RandomGammaGrad, for small and large parameters."""
    alpha, places = (
        np.array([0.05, 0.8, 3.0, 40.0, 2000.0]),
        np.array([0.001, 1.2, 2.0, 44.0, 1950]),
    )
    recorded = [
        0.12833851283676007,
        1.485004209118115,
        0.856571422097807,
        1.0527903162610948,
        0.9874767965657583,
    ]
    np.testing.assert_allclose(_gamma_slope(alpha, places), recorded, rtol=1e-7)
    assert _gamma_slope(1.0, np.float64(0.0)) == 0


# Vectors.


def test_densities_of_vectors_are_those_of_their_covariance(session: tf.Session) -> None:
    """However that is given; so are entropies and divergences."""
    covariance = TRIANGLE @ TRIANGLE.T
    points = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    mean = np.array([0.3, -0.2], np.float32)
    inverse, size = np.linalg.inv(covariance), np.log(np.linalg.det(covariance))
    away = points - mean
    expected = -0.5 * (np.einsum("ni,ij,nj->n", away, inverse, away) + size) - np.log(2 * np.pi)
    triangle = ds.MultivariateNormalTriL(mean, TRIANGLE)
    full = ds.MultivariateNormalFullCovariance(mean, covariance)
    other = ds.MultivariateNormalDiag(scale_diag=[1.0, 2.0])
    found = session.run(
        {
            "triangle": triangle.log_prob(points),
            "full": full.log_prob(points),
            "entropy": triangle.entropy(),
            "covariance": full.covariance(),
            "diagonal": other.log_prob(points),
            "divergence": triangle.kl_divergence(other),
            "same": full.kl_divergence(triangle),
            "between": other.kl_divergence(ds.MultivariateNormalDiag([1.0, 1.0])),
            "deviation": other.stddev(),
            "mode": triangle.mode(),
        }
    )
    for name in ("triangle", "full"):
        np.testing.assert_allclose(found[name], expected, rtol=1e-4)
    np.testing.assert_allclose(found["entropy"], 1 + np.log(2 * np.pi) + size / 2, rtol=1e-5)
    np.testing.assert_allclose(found["covariance"], covariance, rtol=1e-5)
    plain = -0.5 * (points**2 / [1, 4]).sum(1) - np.log(2 * np.pi) - np.log(2.0)
    np.testing.assert_allclose(found["diagonal"], plain, rtol=1e-4)
    trace = covariance[0, 0] + covariance[1, 1] / 4
    moved = mean[0] ** 2 + mean[1] ** 2 / 4
    wanted = 0.5 * (trace + moved - 2 + np.log(4.0) - size)
    assert found["divergence"] == pytest.approx(wanted, rel=1e-4)
    assert abs(found["same"]) < 1e-5
    assert found["between"] == pytest.approx(0.5 * (5 + 2 - 2 - np.log(4.0)), rel=1e-5)
    assert found["deviation"].tolist() == [1, 2] and (found["mode"] == mean).all()
    assert (triangle.batch_shape.as_list(), triangle.event_shape.as_list()) == ([], [2])
    with pytest.raises(ValueError, match="needs loc or scale_diag"):
        ds.MultivariateNormalDiag()


def test_relaxed_classes_come_near_to_classes(session: tf.Session) -> None:
    """The nearer the lower the temperature; densities and gradients go with them."""
    logits = tf.placeholder(tf.float32, [2, 3])
    warm, cold = (ds.RelaxedOneHotCategorical(t, logits) for t in (2.0, 0.05))
    sample = cold.sample(COUNT, seed=1)
    (slope,) = tf.gradients(tf.reduce_mean(tf.square(warm.sample(100))), logits)
    drawn, mixed, slopes, log_prob = session.run(
        [sample, warm.sample(COUNT, seed=1), slope, warm.log_prob([0.2, 0.3, 0.5])],
        {logits: LOGITS},
    )
    np.testing.assert_allclose(drawn.sum(-1), 1, rtol=1e-4)
    winners = np.eye(3)[drawn.argmax(-1)].mean(0)
    np.testing.assert_allclose(winners, SHARES, atol=0.02)
    assert drawn.max(-1).mean() > 0.95 > mixed.max(-1).mean() and np.abs(slopes).sum() > 0
    x = np.array([0.2, 0.3, 0.5])
    bottom = (SHARES * x**-2.0).sum(1) ** 3
    density = 2 * 2.0**2 * (SHARES * x**-3.0).prod(1) / bottom
    np.testing.assert_allclose(log_prob, np.log(density), rtol=1e-4)


# Surroundings.


def test_distributions_have_tensorflows_names_and_attributes() -> None:
    """Operations are below the distribution's name; a copy has some arguments changed."""
    made = tf.distributions.Normal(loc=0, scale=[1.0, 2.0])
    assert made.name == "Normal/" and made.loc.op.name == "Normal/loc"
    assert made.log_prob(0.5).op.name.startswith("Normal/log_prob/")
    assert made.sample(3).shape.as_list() == [3, 2] == made.sample((3,)).shape.as_list()
    assert tf.distributions.Normal(0.0, 1.0).name == "Normal_1/"
    again = made.copy(scale=3.0)
    assert again.batch_shape.as_list() == [] and again.parameters["loc"] == 0
    assert made.dtype is tf.float32 and made.allow_nan_stats and not made.validate_args
    assert ds.Normal is tf.distributions.Normal and "Normal" in repr(made)
    assert tf.distributions.Beta(2, 3).total_concentration.dtype is tf.float32
    with tf.Session() as session:
        assert session.run([made.is_scalar_batch(), made.is_scalar_event()]) == [False, True]


def test_far_tails_have_logarithms(session: tf.Session) -> None:
    """Where the probability itself is too small."""
    normal = tf.distributions.Normal(0.0, 1.0)
    found = session.run(normal.log_cdf([-10.0, -30.0, 5.5]))
    np.testing.assert_allclose(found, [-53.23128515, -454.32124395, -1.8989562e-08], rtol=1e-5)
    assert session.run(tf.distributions.Exponential(2.0).log_prob(0.0)) == pytest.approx(np.log(2))


def test_parameters_are_checked_if_that_is_asked_for(session: tf.Session) -> None:
    """In runs; statistics that are undefined fail if they must not be NaN."""
    scale = tf.placeholder(tf.float32, [])
    for make in (
        lambda: ds.Normal(0.0, scale, validate_args=True).sample(),
        lambda: ds.Uniform(0.0, scale, validate_args=True).sample(),
        lambda: ds.Gamma(scale + 1.0, 1.0, allow_nan_stats=False).mode(),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(make(), {scale: -0.5})
    for make, message in (
        (lambda: ds.Categorical(), "must pass probs or logits, but not both"),
        (lambda: ds.Bernoulli(0.0, 0.5), "must pass probs or logits, but not both"),
        (lambda: ds.Poisson(), "exactly one of `rate` and `log_rate`"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="must be floating-point numbers, not of int32"):
        ds.Gamma(tf.constant(1), tf.constant(2))
    with pytest.raises(NotImplementedError, match="quantile is not implemented: Normal"):
        ds.Normal(0.0, 1.0).quantile(0.5)


def test_divergences_are_registered(session: tf.Session) -> None:
    """For two classes once; for their subclasses as well."""

    class Mine(tf.distributions.Normal):
        pass

    pair = Mine(0.0, 1.0), tf.distributions.Laplace(0.0, 1.0)
    with pytest.raises(NotImplementedError, match="type Mine and distribution_b type Laplace"):
        tf.distributions.kl_divergence(*pair)
    tf.distributions.RegisterKL(Mine, tf.distributions.Laplace)(
        lambda a, b, name=None: a.scale * 7.0
    )
    assert session.run(pair[0].kl_divergence(pair[1])) == 7
    assert session.run(pair[0].kl_divergence(Mine(0.0, 1.0))) == 0
    with pytest.raises(ValueError, match=r"KL\(Mine, Laplace\) has already been registered"):
        tf.distributions.RegisterKL(Mine, tf.distributions.Laplace)(lambda a, b: None)


def test_programs_can_define_distributions(session: tf.Session) -> None:
    """What they leave out follows from the rest, or says that it is missing."""

    class Dice(tf.distributions.Distribution):
        def __init__(self) -> None:
            kind = tf.distributions.NOT_REPARAMETERIZED
            super().__init__(tf.int32, kind, False, True, {}, name="Dice")

        def _batch_shape(self) -> Any:
            return tf.TensorShape([])

        def _sample_n(self, n: Any, seed: int | None = None) -> Any:
            return tf.random_uniform([n], 1, 7, tf.int32, seed)

        def _prob(self, value: Any) -> Any:
            return tf.ones_like(value, tf.float32) / 6.0

        def _variance(self) -> Any:
            return tf.constant(35 / 12)

    dice = Dice()
    thrown, log_prob, deviation = session.run(
        [dice.sample([2, 5]), dice.log_prob(3), dice.stddev()]
    )
    assert thrown.shape == (2, 5) and set(thrown.ravel()) <= set(range(1, 7))
    assert log_prob == pytest.approx(-np.log(6)) and deviation == pytest.approx(np.sqrt(35 / 12))
    for missing in (dice.mean, dice.mode, dice.entropy, dice.covariance):
        with pytest.raises(NotImplementedError, match="is not implemented: Dice"):
            missing()
