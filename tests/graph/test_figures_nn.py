"""Layers, losses, metrics and networks give the figures, and the names, that TensorFlow gives."""

import json
from typing import Any

import numpy as np
import pytest

import runtime as tf
from tests.graph.figures_nn import FIGURES, FILE, computed

RECORDED = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_tensorflow(name: str) -> None:
    """Values, gradients, names of variables and collections."""
    found, expected = computed(tf, [name])[name], RECORDED[name]
    assert len(found) == len(expected)
    for number, (value, wanted) in enumerate(zip(found, expected, strict=True)):
        _compare(value, wanted, f"{name}, result {number}")


def _compare(value: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], str):
        assert value == wanted, where
        return
    np.testing.assert_allclose(value, wanted, rtol=2e-4, atol=2e-5, err_msg=where)
