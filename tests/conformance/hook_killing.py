"""Which check finds which bad hook, as the table in the documentation has it."""

from pathlib import Path

from runtime.testing import HOOK_CHECKS, QUICK_HOOK_EXAMPLES, check_hook
from runtime.testing.hook_checks import BLOCKS, HookCheck
from statemachine.testing import Result
from tests.conformance.bad_hooks import BAD_HOOKS, BadHook

DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS / "hook-mutants.md"
CHECKS = {check.name: check for check in HOOK_CHECKS}
HEAD = """# What the checks of hooks are able to find

Each of these hooks breaks one promise of hooks, and is found out by the check that is meant for
it, within the examples of the quick profile. `python -m tests.conformance.hook_killing` wrote this
table; a test holds that it is fresh.

| fault of the hook | found by |
|---|---|
"""
BEGIN = "<!-- begin: python -m tests.conformance.hook_killing -->"
END = "<!-- end: python -m tests.conformance.hook_killing -->"


def meant_result(hook: BadHook) -> Result:
    """The result of the check that is meant for a bad hook."""
    most = 10 if hook.check == BLOCKS else QUICK_HOOK_EXAMPLES  # a warning doesn't stop the play
    meant = CHECKS[hook.check]
    (result,) = check_hook(
        hook.adapter, checks=[meant], max_examples=most, stop_at_first=True
    ).results
    return result


def row(hook: BadHook) -> str:
    """A bad hook's line in the table."""
    return f"| {hook.name} | `{hook.check}` |\n"


def promises() -> str:
    """The table of what hooks promise."""
    rows = [f"| {check.sentence} | `{check.name}`{_note(check)} |" for check in HOOK_CHECKS]
    return "\n".join([BEGIN, "", "| promise | check |", "|---|---|", *rows, "", END])


def _note(check: HookCheck) -> str:
    return " (only warns)" if check.only_warns else ""


if __name__ == "__main__":
    TABLE.write_text(HEAD + "".join(row(hook) for hook in BAD_HOOKS))
    guide = DOCS / "hooks.md"
    before, _, rest = guide.read_text().partition(BEGIN)
    guide.write_text(before + promises() + rest.partition(END)[2])
