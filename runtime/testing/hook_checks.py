"""What a hook promises: the checks of `check_hook`, each with the documentation's sentence."""

from typing import Final

import attrs

from statemachine.testing.results import Check

TOLERATES: Final = "tolerates-every-order"
GROWS: Final = "adds-no-operations"
LEGAL: Final = "asks-for-what-can-be-run"
SAME: Final = "asks-for-the-same-again"
OTHERS: Final = "leaves-others-alone"
DEFAULTS: Final = "leaves-defaults-alone"
OWN_SESSION: Final = "uses-open-sessions"
RECOVERS: Final = "survives-recovery"
COUNTS: Final = "counts-do-not-go-back"
INTERRUPTS: Final = "lets-interrupts-out"
LETS_GO: Final = "lets-go-of-sessions"
CLEANS_UP: Final = "leaves-nothing-behind"
REUSED: Final = "can-be-reused"
STATE: Final = "state-comes-back"
BLOCKS: Final = "does-not-block"

RULE: Final = "docs/hooks.md"


@attrs.frozen
class HookCheck(Check):
    """A check of a hook.

    Attributes:
        only_warns: Whether what it finds is no failure.
    """

    only_warns: bool = False


def _check(name: str, sentence: str, only_warns: bool = False) -> HookCheck:
    return HookCheck(name, RULE, sentence, only_warns)


HOOK_CHECKS: Final = (
    _check(
        TOLERATES,
        "A hook may stand anywhere in the list, and any call may be its last: other hooks, runs, "
        "step functions and starts may fail. It raises no error because of that.",
    ),
    _check(
        GROWS,
        "Operations are added in `begin` only; afterwards the graph is final, and stays so.",
    ),
    _check(
        LEGAL,
        "`before_run` returns None or `SessionRunArgs`, with fetches and feeds of the session's "
        "graph.",
    ),
    _check(
        SAME,
        "After the same calls a hook asks for the same: nothing depends on chance, and the time is "
        "read from the module `time`.",
    ),
    _check(
        OTHERS,
        "The caller's fetches, feeds and options, and values that others see, too, are not "
        "changed.",
    ),
    _check(
        DEFAULTS,
        "A hook leaves the default graph, the default session and the name scope as they were.",
    ),
    _check(
        OWN_SESSION,
        "A hook runs nothing on a raw session that is closed.",
    ),
    _check(
        RECOVERS,
        "After a recovery `after_create_session` is called again, with a new session, and `begin` "
        "is not: the hook goes on with the new one.",
    ),
    _check(
        COUNTS,
        "What a hook counts never goes back, but where `after_create_session` gives it a new "
        "session.",
    ),
    _check(
        INTERRUPTS,
        "`KeyboardInterrupt`, `SystemExit`, `AbortedError` and `UnavailableError` out of runs of "
        "the hook's own come out of it.",
    ),
    _check(
        LETS_GO,
        "After `end` a hook holds no raw session, coordinator, run context or run values.",
    ),
    _check(
        CLEANS_UP,
        "After `end` no thread of the hook runs, and no file that it opened is open.",
    ),
    _check(
        REUSED,
        "A hook can be used in another session when one is over; `begin` is called again.",
    ),
    _check(
        STATE,
        "What `state_dict()` gives is plain, and a fresh hook that loads it gives the same.",
    ),
    _check(
        BLOCKS,
        "A hook keeps nobody waiting: each call comes back soon.",
        only_warns=True,
    ),
)
"""Everything that `check_hook` checks."""
