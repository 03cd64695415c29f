"""The distributions: what densities, entropies and other numbers of theirs must be."""

import math
from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import Array, Case, integers, numbers

X = numbers(3, 4, low=0.2, high=2.5, seed=5)
ROW = numbers(4, low=0.55, high=2.0, seed=6)
COLUMN = numbers(3, 1, low=1.2, high=3.0, seed=7)
UNIT = numbers(3, 4, low=0.1, high=0.9, seed=8)
LOGITS = numbers(3, 4, seed=9)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
ONE, TWO, FOUR = (np.float64(number) for number in (1, 2, 4))
CLASSES = integers(3, high=4)
COUNTS = np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 0.0, 4.0, 0.0], [1.0, 1.0, 1.0, 1.0]])

lgamma = np.vectorize(math.lgamma)
erfc = np.vectorize(math.erfc)


def digamma(x: Any) -> Any:
    """As a difference."""
    return (lgamma(x + 1e-5) - lgamma(x - 1e-5)) / 2e-5


def _log_beta(a: Any, b: Any) -> Any:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log_beta_of(a: Array) -> Any:
    return lgamma(a).sum(-1) - lgamma(a.sum(-1))


def _gamma_log_prob(x: Any, a: Any, b: Any) -> Any:
    return a * np.log(b) + (a - 1) * np.log(x) - b * x - lgamma(a)


def _student(x: Any, n: Any) -> Any:
    constant = lgamma((n + 1) / 2) - lgamma(n / 2) - np.log(n * np.pi) / 2
    return constant - (n + 1) / 2 * np.log1p(x**2 / n)


def _densities() -> list[Case]:
    d, three = tf.distributions, (X, ROW, COLUMN)
    table: list[tuple[str, Any, Any, Any, tuple[int, ...]]] = [
        ("normal", lambda x, m, s: d.Normal(m, s).log_prob(x),
         lambda x, m, s: -((x - m) ** 2) / (2 * s**2) - np.log(s * np.sqrt(2 * np.pi)), three,
         (0, 1, 2)),
        ("normal-prob", lambda x, m, s: d.Normal(m, s).prob(x),
         lambda x, m, s: np.exp(-((x - m) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi)), three,
         (0, 1, 2)),
        ("normal-cdf", lambda x, m, s: d.Normal(m, s).cdf(x),
         lambda x, m, s: erfc((m - x) / s / math.sqrt(2)) / 2, three, (0, 1, 2)),
        ("normal-survival", lambda x, m, s: d.Normal(m, s).survival_function(x),
         lambda x, m, s: erfc((x - m) / s / math.sqrt(2)) / 2, three, (0, 1, 2)),
        ("normal-log_cdf", lambda x, m, s: d.Normal(m, s).log_cdf(-x),
         lambda x, m, s: np.log(erfc((m + x) / s / math.sqrt(2)) / 2), three, (0, 1, 2)),
        ("laplace", lambda x, m, s: d.Laplace(m, s).log_prob(x),
         lambda x, m, s: -np.abs(x - m) / s - np.log(2 * s), three, (0, 1, 2)),
        ("laplace-cdf", lambda x, m, s: d.Laplace(m, s).cdf(x),
         lambda x, m, s: np.where(x < m, np.exp((x - m) / s) / 2, 1 - np.exp((m - x) / s) / 2),
         three, (0, 1, 2)),
        ("uniform", lambda x, a, b: d.Uniform(a, a + b).prob(x),
         lambda x, a, b: ((x >= a) & (x < a + b)) / b, three, ()),
        ("uniform-cdf", lambda x, a, b: d.Uniform(a, a + b).cdf(x),
         lambda x, a, b: np.clip((x - a) / b, 0, 1), three, ()),
        ("exponential", lambda x, r: d.Exponential(r).log_prob(x),
         lambda x, r: np.log(r) - r * x, (X, ROW), (0, 1)),
        ("exponential-cdf", lambda x, r: d.Exponential(r).cdf(x),
         lambda x, r: 1 - np.exp(-r * x), (X, ROW), (0, 1)),
        ("gamma", lambda x, a, b: d.Gamma(a, b).log_prob(x), _gamma_log_prob, three, (0, 1, 2)),
        ("beta", lambda x, a, b: d.Beta(a, b).log_prob(x),
         lambda x, a, b: (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - _log_beta(a, b),
         (UNIT, ROW, COLUMN), (0, 1, 2)),
        ("student", lambda x, n, m: d.StudentT(n, m, TWO).log_prob(x),
         lambda x, n, m: _student((x - m) / 2, n) - np.log(2), three, (0, 1, 2)),
        ("bernoulli", lambda x, z: d.Bernoulli(logits=z).log_prob(x),
         lambda x, z: -np.log1p(np.exp(np.where(x == 1, -z, z))),
         (integers(3, 4, high=2), LOGITS), (1,)),
        ("bernoulli-probs", lambda x, p: d.Bernoulli(probs=p).prob(x),
         lambda x, p: np.where(x == 1, p, 1 - p), (integers(3, 4, high=2), UNIT), (1,)),
        ("categorical", lambda k, z: d.Categorical(z).log_prob(k),
         lambda k, z: np.log(np.exp(z) / np.exp(z).sum(-1, keepdims=True))[np.arange(3), k],
         (CLASSES, LOGITS), (1,)),
        ("categorical-wide", lambda k, z: d.Categorical(z).prob(tf.stack([k, 3 - k])),
         lambda k, z: (np.exp(z) / np.exp(z).sum(-1, keepdims=True))[
             np.arange(3), np.stack([k, 3 - k])], (CLASSES, LOGITS), (1,)),
        ("categorical-cdf", lambda k, z: d.Categorical(z).cdf(k),
         lambda k, z: np.where(np.arange(4) < k[:, None], np.exp(z), 0).sum(-1)
         / np.exp(z).sum(-1), (CLASSES, LOGITS), ()),
        ("multinomial", lambda x, z: d.Multinomial(FOUR, z).log_prob(x),
         lambda x, z: lgamma(5.0) - lgamma(x + 1).sum(-1)
         + (x * np.log(np.exp(z) / np.exp(z).sum(-1, keepdims=True))).sum(-1),
         (COUNTS, LOGITS), (1,)),
        ("dirichlet", lambda x, a: d.Dirichlet(a).log_prob(x),
         lambda x, a: ((a - 1) * np.log(x)).sum(-1) - _log_beta_of(a), (SHARES, ROW), (0, 1)),
        ("dirichlet-multinomial", lambda x, a: d.DirichletMultinomial(FOUR, a).log_prob(x),
         lambda x, a: lgamma(5.0) - lgamma(x + 1).sum(-1) + _log_beta_of(a + x)
         - _log_beta_of(a), (COUNTS, ROW), (1,)),
    ]  # fmt: skip
    return [Case(f"density-{n}", f, g, inputs, smooth) for n, f, g, inputs, smooth in table]


def _statistics() -> list[Case]:
    d = tf.distributions
    two, more = (ROW + 0.6, COLUMN), (ROW + 2, COLUMN)
    table: list[tuple[str, Any, Any, Any, tuple[int, ...]]] = [
        ("normal-entropy", lambda m, s: d.Normal(m, s).entropy(),
         lambda m, s: np.log(s) + 0 * m + 0.5 * np.log(2 * np.pi * np.e), two, (1,)),
        ("normal-mean", lambda m, s: d.Normal(m, s).mean(), lambda m, s: m + 0 * s, two, (0,)),
        ("normal-mode", lambda m, s: d.Normal(m, s).mode(), lambda m, s: m + 0 * s, two, (0,)),
        ("normal-stddev", lambda m, s: d.Normal(m, s).stddev(), lambda m, s: s + 0 * m, two, (1,)),
        ("normal-variance", lambda m, s: d.Normal(m, s).variance(), lambda m, s: s**2 + 0 * m,
         two, (1,)),
        ("laplace-entropy", lambda m, s: d.Laplace(m, s).entropy(),
         lambda m, s: np.log(2 * s * np.e) + 0 * m, two, (1,)),
        ("laplace-variance", lambda m, s: d.Laplace(m, s).variance(),
         lambda m, s: 2 * s**2 + 0 * m, two, (1,)),
        ("uniform-entropy", lambda a, b: d.Uniform(a, a + b).entropy(),
         lambda a, b: np.log(a + b - a), two, (1,)),
        ("uniform-mean", lambda a, b: d.Uniform(a, b).mean(), lambda a, b: (a + b) / 2, two,
         (0, 1)),
        ("uniform-stddev", lambda a, b: d.Uniform(a, a + b).stddev(),
         lambda a, b: (a + b - a) / np.sqrt(12), two, (1,)),
        ("gamma-entropy", lambda a, b: d.Gamma(a, b).entropy(),
         lambda a, b: a - np.log(b) + lgamma(a) + (1 - a) * digamma(a), two, ()),
        ("gamma-mode", lambda a, b: d.Gamma(a, b).mode(), lambda a, b: (a - 1) / b, two, (0, 1)),
        ("gamma-stddev", lambda a, b: d.Gamma(a, b).stddev(), lambda a, b: np.sqrt(a) / b, two,
         (0, 1)),
        ("gamma-undefined", lambda a: d.Gamma(a, ONE).mode(),
         lambda a: np.full_like(a, np.nan), (ROW / 4,), ()),
        ("exponential-mean", lambda r: d.Exponential(r).mean(), lambda r: 1 / r, (ROW,), (0,)),
        ("exponential-entropy", lambda r: d.Exponential(r).entropy(), lambda r: 1 - np.log(r),
         (ROW,), (0,)),
        ("exponential-mode", lambda r: d.Exponential(r).mode(),
         lambda r: np.full_like(r, np.nan), (ROW,), ()),
        ("beta-mean", lambda a, b: d.Beta(a, b).mean(), lambda a, b: a / (a + b), two, (0, 1)),
        ("beta-variance", lambda a, b: d.Beta(a, b).variance(),
         lambda a, b: a * b / (a + b) ** 2 / (a + b + 1), two, (0, 1)),
        ("beta-mode", lambda a, b: d.Beta(a, b).mode(), lambda a, b: (a - 1) / (a + b - 2), more,
         (0, 1)),
        ("beta-entropy", lambda a, b: d.Beta(a, b).entropy(),
         lambda a, b: _log_beta(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b)
         + (a + b - 2) * digamma(a + b), two, ()),
        ("student-mean", lambda n, m: d.StudentT(n, m, TWO).mean(), lambda n, m: m + 0 * n, two,
         (1,)),
        ("student-variance", lambda n, m: d.StudentT(n, m, TWO).variance(),
         lambda n, m: 4 * n / (n - 2) + 0 * m, more, (0,)),
        ("student-undefined", lambda n, m: d.StudentT(n / 2, m, TWO).variance(),
         lambda n, m: np.where(n / 2 > 1, np.inf, np.nan) + 0 * m, (ROW + 1, COLUMN), ()),
        ("student-entropy", lambda n, m: d.StudentT(n, m, TWO).entropy(),
         lambda n, m: (n + 1) / 2 * (digamma((n + 1) / 2) - digamma(n / 2)) + np.log(n) / 2
         + _log_beta(n / 2, np.float64(0.5)) + np.log(2) + 0 * m, two, ()),
        ("bernoulli-entropy", lambda p: d.Bernoulli(probs=p).entropy(),
         lambda p: -p * np.log(p) - (1 - p) * np.log(1 - p), (UNIT,), (0,)),
        ("bernoulli-variance", lambda p: d.Bernoulli(probs=p).variance(), lambda p: p * (1 - p),
         (UNIT,), (0,)),
        ("bernoulli-mode", lambda p: d.Bernoulli(probs=p).mode(),
         lambda p: (p > 0.5).astype(np.int32), (UNIT,), ()),
        ("categorical-entropy", lambda p: d.Categorical(probs=p).entropy(),
         lambda p: -(p * np.log(p)).sum(-1), (SHARES,), ()),
        ("categorical-mode", lambda z: d.Categorical(z).mode(),
         lambda z: z.argmax(-1).astype(np.int32), (LOGITS,), ()),
        ("multinomial-mean", lambda p: d.Multinomial(FOUR, probs=p).mean(), lambda p: 4 * p,
         (SHARES,), (0,)),
        ("multinomial-covariance", lambda p: d.Multinomial(FOUR, probs=p).covariance(),
         lambda p: 4 * (p[..., None] * np.eye(4) - p[..., None] * p[..., None, :]), (SHARES,),
         (0,)),
        ("dirichlet-mean", lambda a: d.Dirichlet(a).mean(), lambda a: a / a.sum(-1, keepdims=True),
         (X,), (0,)),
        ("dirichlet-variance", lambda a: d.Dirichlet(a).variance(),
         lambda a: a * (a.sum(-1, keepdims=True) - a) / a.sum(-1, keepdims=True) ** 2
         / (a.sum(-1, keepdims=True) + 1), (X,), (0,)),
        ("dirichlet-mode", lambda a: d.Dirichlet(a).mode(),
         lambda a: (a - 1) / (a.sum(-1, keepdims=True) - 4), (ROW + 1,), (0,)),
        ("dirichlet-entropy", lambda a: d.Dirichlet(a).entropy(),
         lambda a: _log_beta_of(a) + (a.sum(-1) - 4) * digamma(a.sum(-1))
         - ((a - 1) * digamma(a)).sum(-1), (X,), ()),
        ("dirichlet-multinomial-mean", lambda a: d.DirichletMultinomial(FOUR, a).mean(),
         lambda a: 4 * a / a.sum(-1, keepdims=True), (X,), (0,)),
    ]  # fmt: skip
    return [Case(f"statistic-{n}", f, g, inputs, smooth) for n, f, g, inputs, smooth in table]


def _divergences() -> list[Case]:
    d, four = tf.distributions, (ROW, COLUMN, ROW[::-1].copy() + 0.3, COLUMN + 0.5)
    table: list[tuple[str, Any, Any, Any, tuple[int, ...]]] = [
        ("normal", lambda m, s, n, t: d.kl_divergence(d.Normal(m, s), d.Normal(n, t)),
         lambda m, s, n, t: np.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5, four,
         (0, 1, 2, 3)),
        ("normal-cross", lambda m, s: d.Normal(m, s).cross_entropy(
            d.Normal(m * 0, s * 0 + 1)),
         lambda m, s: (s**2 + m**2 + np.log(2 * np.pi)) / 2, (ROW, COLUMN), (0, 1)),
        ("gamma", lambda a, b, p, q: d.Gamma(a, b).kl_divergence(d.Gamma(p, q)),
         lambda a, b, p, q: (a - p) * digamma(a) - lgamma(a) + lgamma(p)
         + p * np.log(b / q) + a * (q - b) / b, four, ()),
        ("beta", lambda a, b, p, q: d.kl_divergence(d.Beta(a, b), d.Beta(p, q)),
         lambda a, b, p, q: _log_beta(p, q) - _log_beta(a, b) + (a - p) * digamma(a)
         + (b - q) * digamma(b) + (p - a + q - b) * digamma(a + b), four, ()),
        ("bernoulli", lambda p: d.kl_divergence(
            d.Bernoulli(probs=p), d.Bernoulli(probs=p[::-1])),
         lambda p: p * np.log(p / p[::-1]) + (1 - p) * np.log((1 - p) / (1 - p[::-1])), (UNIT,),
         (0,)),
        ("categorical", lambda y, z: d.kl_divergence(d.Categorical(y), d.Categorical(z)),
         lambda y, z: (np.exp(y) / np.exp(y).sum(-1, keepdims=True) * (
             y - z - np.log(np.exp(y).sum(-1, keepdims=True) / np.exp(z).sum(-1, keepdims=True))
         )).sum(-1), (LOGITS, LOGITS[::-1].copy()), (0, 1)),
        ("dirichlet", lambda a, b: d.kl_divergence(d.Dirichlet(a), d.Dirichlet(b)),
         lambda a, b: _log_beta_of(b) - _log_beta_of(a)
         + ((a - b) * (digamma(a) - digamma(a.sum(-1, keepdims=True)))).sum(-1),
         (X, X[::-1].copy()), ()),
    ]  # fmt: skip
    return [Case(f"divergence-{n}", f, g, inputs, smooth) for n, f, g, inputs, smooth in table]


DISTRIBUTION_CASES = _densities() + _statistics() + _divergences()
