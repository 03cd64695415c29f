"""specs/divergences.toml: every entry is used, and its scenario shows it."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row
from tests.oracle.divergences import Divergence, wanted
from tests.oracle.explain import Verdict, derive, explain

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "statemachine" / "testing" / "model"
VISIBLE = [divergence for divergence in wanted() if divergence.rules]
UNSEEN = [divergence for divergence in wanted() if not divergence.rules]


def rules_of_the_model() -> set[str]:
    """Every name that the model asks about with `wants`."""
    return {
        argument.value
        for path in MODEL.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"wants", "_wants"}
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_numbers_and_names_are_distinct() -> None:
    """An entry can be spoken of by its number or its name."""
    assert sorted({d.number for d in wanted()}) == list(range(1, len(wanted()) + 1))
    assert len({d.name for d in wanted()}) == len(wanted())


def test_every_rule_of_the_model_belongs_to_one_entry() -> None:
    """The model has no switch that no entry answers for, and no entry names an unknown one."""
    named = [rule for divergence in wanted() for rule in divergence.rules]
    assert sorted(named) == sorted(rules_of_the_model())


@pytest.mark.parametrize("divergence", VISIBLE, ids=str)
def test_the_named_scenario_shows_the_divergence(
    by_id: Mapping[str, Row], divergence: Divergence
) -> None:
    """On our classes that scenario differs from TensorFlow, and this entry is what explains it."""
    row = by_id[divergence.scenario]
    explanation = explain(row, play_on_runtime(row.scenario))
    assert explanation.verdict is Verdict.EXPLAINED
    assert divergence in explanation.by
    assert not explanation.by_ordering


@pytest.mark.parametrize("divergence", UNSEEN, ids=str)
def test_an_unseen_divergence_names_a_scenario_and_a_test(
    by_id: Mapping[str, Row], divergence: Divergence
) -> None:
    """Its scenario's trace is TensorFlow's; the test that shows it exists."""
    row = by_id[divergence.scenario]
    assert explain(row, play_on_runtime(row.scenario)).verdict is Verdict.EQUAL
    assert divergence.shown_by is not None
    file, _, test = divergence.shown_by.partition("::")
    assert f"def {test}(" in (HERE / file).read_text()


@pytest.mark.parametrize("divergence", VISIBLE, ids=str)
def test_without_the_entry_its_scenario_would_be_unexplained(
    by_id: Mapping[str, Row], divergence: Divergence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other entry explains the difference."""
    row = by_id[divergence.scenario]
    found = derive(row, wanted())
    others = tuple(d for d in wanted() if d is not divergence)
    monkeypatch.setattr("tests.oracle.explain.wanted", lambda: others)
    assert explain(row, found).verdict is Verdict.UNEXPLAINED
