"""Telling hooks of errors: the method `on_error`, which a hook may have.

TensorFlow has nothing like it. A hook has it if it has a method of that name; the base class has
none.
"""

from collections.abc import Callable
from typing import Any

from runtime import errors
from runtime.attribution import hook_name
from statemachine.block import error_detail
from statemachine.compiled import Place
from statemachine.journal import Journal
from statemachine.table import STOP_ASKED

__all__ = ["CLEAN", "ErrorHooks", "having_on_error"]

CLEAN = (errors.OutOfRangeError, StopIteration)
"""Errors that mean the end of the input."""


def having_on_error(hooks: tuple[object, ...]) -> tuple[int, ...]:
    """The places in a list of the hooks that have an `on_error`."""
    having = (callable(getattr(hook, "on_error", None)) for hook in hooks)
    return tuple(index for index, has in enumerate(having) if has)


class ErrorHooks:
    """Calls `on_error` of the hooks that have it.

    Args:
        hooks: All hooks.
        having: The places of those that have it.
        journal: Where it is written down.
        session: What tells this session from others.
        request_stop: Asks the session to stop, and says why.
    """

    # Any: hooks need no base class, and on_error is on none.
    def __init__(
        self,
        hooks: tuple[Any, ...],
        having: tuple[int, ...],
        journal: Journal,
        session: str,
        request_stop: Callable[[str], None],
    ) -> None:
        self._hooks = [(index, hooks[index]) for index in having]
        self._journal = journal
        self._told = f"_on_error_was_called_in_{session}"
        self._request_stop = request_stop

    def tell(
        self,
        point: str,
        mark: Callable[[], int],
        context: object,
        error: BaseException,
        again: bool = False,
    ) -> None:
        """Call each hook, whatever the others raise; the end of the input is no error.

        Args:
            point: The point of the lifecycle.
            mark: Gives the mark of the events, which may change meanwhile.
            context: The context of the run that failed, or None.
            error: What went wrong.
            again: Whether the hooks are called even if they were told of this very error.
        """
        known = vars(error)
        if not self._hooks or isinstance(error, CLEAN) or (self._told in known and not again):
            return
        known[self._told] = True
        for index, hook in self._hooks:
            detail = {"error": error_detail(error)}
            self._journal.tell(Place(point, index, mark()).code, detail)
            try:
                hook.on_error(context, error)
            except BaseException as another:
                stop_asked = bool(mark() & STOP_ASKED)
                self._journal.tell_raised({"error": error_detail(another)}, stop_asked)
                self._keep(f"on_error of {hook_name(index, hook)}", error, another)

    def _keep(self, where: str, error: BaseException, another: BaseException) -> None:
        """The first error comes out; a note on it says what else went wrong."""
        what = f"{where}, called for this error, raised {type(another).__name__}: {another}"
        error.add_note(what)
        if not isinstance(another, Exception):  # an interrupt is not forgotten
            self._request_stop(what)
