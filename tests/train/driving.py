"""Drives hooks through runs as a monitored session does, and nothing more."""

from collections.abc import Sequence
from typing import Any

from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)


def run_with_hooks(session: Any, hooks: Sequence[SessionRunHook], fetches: Any) -> bool:
    """Makes one run with the hooks around it.

    Returns:
        Whether a hook asked for a stop.
    """
    context = SessionRunContext(SessionRunArgs(fetches), session)
    asked: dict[Any, Any] = {"caller": fetches}
    for index, hook in enumerate(hooks):
        arguments = hook.before_run(context)
        if arguments is not None:
            asked[index] = arguments.fetches
    results = session.run(asked)
    for index, hook in enumerate(hooks):
        hook.after_run(context, SessionRunValues(results.get(index), None, None))
    return context.stop_requested
