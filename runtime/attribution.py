"""Notes on errors that say which hook they come from, and what to do.

The errors themselves stay as they are: type and message are those that TensorFlow's users know.
"""

from collections.abc import Iterable
from typing import Any, Final

from runtime.engine import Engine

__all__ = ["hook_name", "name_adder", "name_asker"]

_FINALIZED: Final = "Graph is finalized and cannot be modified."


def hook_name(index: int, hook: object) -> str:
    """A hook as messages name it: its place in the list and its class."""
    return f"hook {index} ({type(hook).__name__})"


def name_adder(error: BaseException, where: str) -> None:
    """Says who tried to add an operation to a finalized graph, and where it belongs.

    Args:
        error: Any error; one of another kind is left alone.
        where: The call that raised it, for example ``"before_run of hook 0 (MyHook)"``.
    """
    if not isinstance(error, RuntimeError) or str(error) != _FINALIZED:
        return
    if where.startswith("begin of "):
        advice = (
            "The graph was finalized before the session was made: make the session first, or "
            "add the operation before graph.finalize()."
        )
    else:
        advice = (
            "The graph is finalized as long as a session runs it. Add the operation in the hook's "
            "begin(), keep it in an attribute, and only run it later."
        )
    _note(error, f"{where} tried to add an operation to the graph. {advice}")


def name_asker(
    error: BaseException,
    engine: Engine,
    graph: Any,
    fetches: Any,
    hooks: Iterable[tuple[str, Any]],
) -> None:
    """Says which hooks asked for what made a run fail, if the caller did not ask for it.

    Args:
        error: What came out of the raw run.
        engine: The engine of the raw session.
        graph: The graph of the raw session.
        fetches: What the caller asked for.
        hooks: Name and fetches of each hook that asked for something.
    """
    if engine.leads_to(graph, fetches, error):
        return
    names = [name for name, asked in hooks if engine.leads_to(graph, asked, error)]
    if names:
        _note(
            error,
            f"{' and '.join(names)} asked for this in before_run, not the caller of run. Fix or "
            "remove the hook, or catch this error around the run.",
        )


def _note(error: BaseException, text: str) -> None:
    if text not in getattr(error, "__notes__", ()):
        error.add_note(text)
