"""The power of `check_hook`: hooks that break a promise are found out."""

import pytest

from runtime.testing import HOOK_CHECKS
from statemachine.testing import Outcome
from tests.conformance.bad_hooks import BAD_HOOKS
from tests.conformance.hook_killing import CHECKS, DOCS, HEAD, TABLE, meant_result, promises, row

CHUNKS = 4


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_bad_hook_is_found_by_the_check_meant_for_it(chunk: int) -> None:
    """The quick profile finds each of them; a check that only warns, warns."""
    for hook in BAD_HOOKS[chunk::CHUNKS]:
        result = meant_result(hook)
        only_warns = CHECKS[hook.check].only_warns
        wanted = Outcome.EXPECTED_FAILURE if only_warns else Outcome.FAILED
        assert result.outcome is wanted, f"nothing finds that {hook.name}"


def test_each_check_has_a_hook_that_it_finds() -> None:
    """No check is there for nothing, and there are at least fifteen hooks."""
    assert len(BAD_HOOKS) >= 15
    assert {hook.check for hook in BAD_HOOKS} == {check.name for check in HOOK_CHECKS}


def test_the_tables_in_the_documentation_are_fresh() -> None:
    """docs/hook-mutants.md lists these hooks, docs/hooks.md the promises."""
    words = "run python -m tests.conformance.hook_killing"
    assert HEAD + "".join(map(row, BAD_HOOKS)) == TABLE.read_text(), words
    assert promises() in (DOCS / "hooks.md").read_text(), words
