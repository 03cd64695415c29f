"""Values, gradients and signatures are TensorFlow's, where TensorFlow is installed.

It is looked for in the interpreter that TENSORFLOW_PYTHON names, else in that of the benchmarks.
"""

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf
from tests.graph.cases import CASES, Case
from tests.graph.cases_distributions import DISTRIBUTION_CASES
from tests.graph.cases_image import IMAGE_CASES
from tests.graph.cases_math import MATH_CASES
from tests.graph.cases_nn import NN_CASES
from tests.graph.cases_spatial import SPATIAL_CASES
from tests.graph.pipelines import PIPELINES, outcome
from tests.graph.signatures import signatures

pytestmark = pytest.mark.deep
ROOT = Path(__file__).parents[2]


def _interpreter() -> str:
    beside = ROOT / os.environ.get("VENV_BENCH", ".venv-bench") / "bin" / "python"
    return os.environ.get("TENSORFLOW_PYTHON") or (str(beside) if beside.exists() else "")


@cache
def _has_tensorflow() -> bool:
    python = _interpreter()
    if not python:
        return False
    check = [python, "-c", "import importlib.util as u; exit(u.find_spec('tensorflow') is None)"]
    return subprocess.run(check, check=False).returncode == 0


def _computed(module: str, file: Path) -> Path:
    if not _has_tensorflow():
        pytest.skip("TensorFlow is not installed; name its interpreter in TENSORFLOW_PYTHON")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [_interpreter(), "-m", f"tests.graph.{module}", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return file


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What TensorFlow computes for the cases, by name and kind."""
    file = _computed("tensorflow_figures", tmp_path_factory.mktemp("figures") / "figures.npz")
    with np.load(file, allow_pickle=False) as content:
        return dict(content)


ALL_CASES = CASES + DISTRIBUTION_CASES + IMAGE_CASES + MATH_CASES + NN_CASES + SPATIAL_CASES


def test_no_two_cases_share_a_name() -> None:
    """By its name a case finds TensorFlow's figures."""
    names = [case.name for case in ALL_CASES]
    assert sorted(set(names)) == sorted(names)


# What TensorFlow does for other element types only, or not on a CPU, or not with a bare number.
BEYOND = (
    *("statistic-student-variance", "statistic-student-undefined", "late-split", "sparse-split"),
    *("clip_by_average_norm", "polyval", "in_top_k", "in_top_k-wrong", "lrn", "max_pool_argmax"),
    *("conv2d-(1, 1)-SAME-(2, 2)-(2, 2, 2, 2)", "conv2d-(2, 1)-VALID-(1, 3)-(2, 2, 2, 2)"),
    *(
        "conv2d-nchw",
        "conv1d-ncw",
        "conv3d-ncdhw",
        "max_pool3d-ncdhw",
        "max_pool-nchw",
        "avg_pool-nchw",
        "fused_batch_norm",
    ),
    *(case.name for case in SPATIAL_CASES if re.search("pool.*3d|conv3d-holes", case.name)),
    *(f"fused_batch_norm-{kind}" for kind in ("nchw", "mean", "variance", "given")),
)


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_an_operation_gives_what_tensorflow_gives(
    case: Case, figures: Any, session: tf.Session
) -> None:
    """The value, its type and shape, and the gradient of a weighted sum."""
    if f"{case.name}|error" in figures:
        assert case.name in BEYOND, str(figures[f"{case.name}|error"])
        return
    tensors = [tf.placeholder(x.dtype, x.shape) for x in case.inputs]
    feeds = dict(zip(tensors, case.inputs, strict=True))
    result = tf.convert_to_tensor(case.make(*tensors))
    value = np.asarray(session.run(result, feeds))
    expected = figures[f"{case.name}|value"]
    assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(value, expected, **case.tolerance)
    if case.smooth:
        weights = np.random.default_rng(1).normal(size=value.shape)
        loss = tf.reduce_sum(result * tf.constant(weights, result.dtype))
        slopes = tf.gradients(loss, [tensors[index] for index in case.smooth])
        for index, slope in zip(case.smooth, slopes, strict=True):
            found = session.run(tf.convert_to_tensor(slope), feeds)
            wanted = figures[f"{case.name}|gradient{index}"]
            np.testing.assert_allclose(found, wanted, **case.tolerance)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What TensorFlow's pipelines give, by name."""
    file = tmp_path_factory.mktemp("pipelines") / "pipelines.json"
    return json.loads(_computed("tensorflow_pipelines", file).read_text())


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_pipeline_gives_what_tensorflow_gives(name: str, pipelines: Any) -> None:
    """All elements in their order, their static shapes, or the class of the error."""
    assert json.loads(json.dumps(outcome(name))) == pipelines[name]


# Objects that only look alike, or take what TensorFlow's have no use for.
OTHERS = {
    "DType": "made by nobody but us",
    "data.Dataset": "made by its functions",
    "data.Dataset.filter_with_legacy_function": "takes what filter takes",
    "data.Dataset.map_with_legacy_function": "takes what map takes",
    "data.Dataset.range": "TensorFlow's says nothing about its keywords",
    "data.Iterator": "made by its functions",
    "QueueBase": "made by its subclasses",
    "sparse_split": "has a mark of its own for what must be left out",
    "queue.QueueBase": "made by its subclasses",
    "Tensor": "made by operations",
    "Variable": "TensorFlow's says nothing about its arguments",
    "train.AdamOptimizer": "has no slots outside of its name scope",
    "train.FtrlOptimizer": "has no slots outside of its name scope",
    "train.MonitoredSession": "takes an event log",
    "train.MonitoredTrainingSession": "takes an event log",
    "train.NewCheckpointReader": "reads other files",
    "train.Optimizer": "has no slots outside of its name scope",
    "train.QueueRunner": "is not made from a protocol buffer",
    "train.SingularMonitoredSession": "takes an event log",
    "enable_eager_execution": "refused, whatever its arguments are",
}


def test_signatures_are_those_of_tensorflow(tmp_path: Path) -> None:
    """Names, order and defaults of the parameters of all that both have."""
    theirs = json.loads(_computed("signatures", tmp_path / "signatures.json").read_text())
    ours = signatures(tf)
    different = {
        name: (theirs[name], found)
        for name, found in ours.items()
        if name in theirs and name not in OTHERS and None not in (theirs[name], found)
        if theirs[name] != found
    }
    assert not different, "\n".join(f"{n}: {t} != {o}" for n, (t, o) in different.items())
