"""The package's rules, its sentences and the hand-written specification name the same things."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from runtime.testing.session_check import SESSION_CHECKS
from statemachine.events import EventKind
from statemachine.ordering import sentence, sentences
from statemachine.table import MOVES
from tests.oracle.corpora import shipped

ROOT = Path(__file__).parents[2]
SPEC = tomllib.loads((ROOT / "specs" / "documented_ordering.toml").read_text("utf-8"))
RULES: list[dict[str, Any]] = SPEC["rule"]
IDS = {rule["id"] for rule in RULES}
ORIGINS = ("sentence", "observed", "own")


def _quoted_in_the_package() -> set[str]:
    """Rule ids that the code names: everything hyphenated and quoted in what finds faults."""
    found: set[str] = {move.rule for move in MOVES} | {check.rule for check in SESSION_CHECKS}
    for name in ("compiled", "machine", "rules", "audit", "head", "verification"):
        source = (ROOT / "statemachine" / f"{name}.py").read_text("utf-8")
        found |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source))
    return found - {"utf-8", "monitored-session"}


def test_each_rule_of_the_specification_has_one_id() -> None:
    """No id stands twice."""
    assert len(IDS) == len(RULES)


def test_the_package_and_the_specification_have_the_same_rules() -> None:
    """Each rule that a finding may name is specified, and each specified one is named."""
    assert _quoted_in_the_package() == IDS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_the_sentence_that_findings_quote_is_the_specified_one(rule: dict[str, Any]) -> None:
    """Package data and specification agree, word for word."""
    (origin,) = [rule[name] for name in ORIGINS if name in rule]
    assert sentence(rule["id"]) == origin


def test_no_sentence_is_kept_for_a_rule_that_is_not_specified() -> None:
    """The package data holds nothing else."""
    assert sentences().keys() == IDS


def test_what_was_observed_is_shown_by_a_recorded_scenario() -> None:
    """Each observed rule names a trace that TensorFlow left, and it is in the corpus."""
    named = {rule["scenario"] for rule in RULES if "scenario" in rule}
    assert {rule["id"] for rule in RULES if "observed" in rule and "scenario" not in rule} == set()
    assert named <= {row.id for row in shipped()}


def test_a_rule_that_differs_from_tensorflow_names_the_recorded_divergence() -> None:
    """Each divergence that a rule names stands in divergences.toml."""
    listed = tomllib.loads((ROOT / "specs" / "divergences.toml").read_text("utf-8"))
    numbers = {entry["number"] for entry in listed["divergence"]}
    assert {rule["divergence"] for rule in RULES if "divergence" in rule} <= numbers


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_each_rule_has_conditions_and_tests_that_exist(rule: dict[str, Any]) -> None:
    """The tests that a rule names can be found."""
    assert rule["conditions"]
    assert rule["tests"]
    for test in rule["tests"]:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8")


KEPT_LOGS = {
    "nothing-lost",
    "restored-was-saved",
    "chain-unbroken",
    "sealed-blocks-only",
    "head-in-chain",
    "head-signed",
    "heads-cover-log",
    "log-reaches-heads",
    "order-in-force",
}
"""Rules about files and other logs, which a session that is played in a check doesn't have."""


def test_each_rule_is_covered_by_a_check_of_the_kit() -> None:
    """Each names checks that there are, but for rules about logs that are kept."""
    known = {check.name for check in SESSION_CHECKS}
    assert {rule["id"] for rule in RULES if not rule.get("checks")} == KEPT_LOGS
    assert {name for rule in RULES for name in rule.get("checks", ())} <= known


def test_each_check_of_the_kit_cites_a_rule() -> None:
    """What a check tests is specified, and the rule names the check."""
    named = {rule["id"]: rule.get("checks", ()) for rule in RULES}
    assert [c.name for c in SESSION_CHECKS if c.name not in named.get(c.rule, ())] == []


def test_the_specification_knows_the_vocabulary_of_the_log() -> None:
    """Its ordered events and those beside are the kinds of events that there are, each once."""
    ordered, beside = (SPEC["events"][name][0]["kind"] for name in ("ordered", "beside"))
    assert sorted(ordered) == sorted(k.value for k in EventKind if not k.in_second_lane)
    assert sorted(beside) == sorted(k.value for k in EventKind if k.in_second_lane)
