"""Conformance testing of sessions and hooks: adapters, checks, pytest, stateful exploration.

`parametrize_with_session_checks` and `parametrize_with_hook_checks` need pytest, `session_machine`
hypothesis; both come with the extra ``testing``: ``pip install 'monitored-session[testing]'``.
"""

import importlib
from typing import TYPE_CHECKING

from runtime.testing.adapter import AdapterError, SessionAdapter
from runtime.testing.hook_check import QUICK_HOOK_EXAMPLES, check_hook, check_hook_scenario
from runtime.testing.hook_checks import HOOK_CHECKS
from runtime.testing.hook_model import HookFactoryError, HookModel
from runtime.testing.hook_play import HookAdapter
from runtime.testing.saving import save_counterexamples
from runtime.testing.session_check import (
    QUICK,
    SESSION_CHECKS,
    check_scenario,
    check_session,
)
from runtime.testing.watch import SessionHangs

if TYPE_CHECKING:
    from runtime.testing.pytest_checks import (
        parametrize_with_hook_checks,
        parametrize_with_session_checks,
    )
    from runtime.testing.stateful import SessionMachine, session_machine

__all__ = [
    "HOOK_CHECKS",
    "QUICK",
    "QUICK_HOOK_EXAMPLES",
    "SESSION_CHECKS",
    "AdapterError",
    "HookAdapter",
    "HookFactoryError",
    "HookModel",
    "SessionAdapter",
    "SessionHangs",
    "SessionMachine",
    "check_hook",
    "check_hook_scenario",
    "check_scenario",
    "check_session",
    "parametrize_with_hook_checks",
    "parametrize_with_session_checks",
    "save_counterexamples",
    "session_machine",
]
_HOMES = {
    "parametrize_with_hook_checks": "runtime.testing.pytest_checks",
    "parametrize_with_session_checks": "runtime.testing.pytest_checks",
    "SessionMachine": "runtime.testing.stateful",
    "session_machine": "runtime.testing.stateful",
}


def __getattr__(name: str) -> object:
    """What needs pytest or hypothesis is imported when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
