"""Conformance testing of sessions: adapters, and `check_session`.

Comes with the extra ``testing``: ``pip install 'monitored-session[testing]'``.
"""

from runtime.testing.adapter import SessionAdapter
from runtime.testing.session_check import (
    QUICK,
    SESSION_CHECKS,
    check_scenario,
    check_session,
)

__all__ = ["QUICK", "SESSION_CHECKS", "SessionAdapter", "check_scenario", "check_session"]
