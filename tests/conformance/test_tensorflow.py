"""The adapters of TensorFlow's classes, as far as they can be tested without TensorFlow."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from runtime.testing.tensorflow_sessions import TensorFlowSession, known
from statemachine.testing.expected import DOCUMENTED

DIVERGENCES = Path(__file__).parents[2] / "specs" / "divergences.toml"


def test_the_known_differences_are_those_of_the_contract() -> None:
    """Each divergence that traces show is listed with its reason and its rules, and no other."""
    entries = tomllib.loads(DIVERGENCES.read_text())["divergence"]
    wanted = [(e["name"], e["why"], tuple(e["rules"])) for e in entries if e["rules"]]
    assert [(one.name, one.reason, one.rules) for one in known()] == wanted


def test_the_documented_rules_are_those_of_the_contract() -> None:
    """What the model is asked for is what specs/divergences.toml lists."""
    entries = tomllib.loads(DIVERGENCES.read_text())["divergence"]
    assert {rule for entry in entries for rule in entry["rules"]} == DOCUMENTED


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed"
)
def test_without_tensorflow_the_error_says_what_to_install() -> None:
    """The adapter is refused, not the import of its module."""
    with pytest.raises(ImportError, match="pip install tensorflow"):
        TensorFlowSession()
