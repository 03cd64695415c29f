"""What a hook is: an object that a monitored session calls around its life and around each run.

A hook is for what goes on beside the training itself: saving checkpoints, logging, deciding when
to stop. A monitored session calls its hooks in list order::

    begin                 once, while operations can still be added to the graph
    after_create_session  when a raw session was made and initialized
    before_run            before each run: the hook may ask for fetches and feeds of its own
    after_run             after each run that succeeded: the hook gets what it asked for
    end                   once, before the raw session is closed; not when an error ends the session

The names and rules are those of the tf.compat.v1.train.SessionRunHook documentation.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from runtime.coordinator import Coordinator
    from runtime.graph.session import Session

__all__ = ["SessionRunArgs", "SessionRunContext", "SessionRunHook", "SessionRunValues"]


class SessionRunArgs(NamedTuple):
    """What is to be run: the arguments of one ``Session.run``, or what a hook adds to them.

    Source of the rule: tf.compat.v1.train.SessionRunArgs documentation.

    Attributes:
        fetches: A tensor, an operation, the name of one, or any structure of these; None for
            nothing.
        feed_dict: Values for tensors, by tensor or by name. A tensor that somebody else feeds in
            the same run is an error.
        options: A ``RunOptions`` that is merged with those of the caller and the other hooks.
    """

    # Any: what Session.run accepts as fetches is an open set of structures.
    fetches: Any
    feed_dict: Mapping[Any, Any] | None = None
    options: Any = None


class SessionRunValues(NamedTuple):
    """What a run gave to one hook.

    Source of the rule: tf.compat.v1.train.SessionRunValues documentation.

    Attributes:
        results: The values of the fetches that the hook asked for, in the structure that it asked
            for; None if it asked for nothing.
        options: The merged ``RunOptions`` of the run.
        run_metadata: The ``RunMetadata`` that the run filled.
    """

    # Any: the structure of the results is that of the hook's own fetches.
    results: Any
    options: Any
    run_metadata: Any


class SessionRunContext:
    """What a hook may know of the run that it is called for, and its way to ask for a stop.

    One context serves all hooks of a run, before it and after it.

    Source of the rule: tf.compat.v1.train.SessionRunContext documentation.

    Args:
        original_args: What the caller of ``run`` asked for, without what hooks add.
        session: The raw session. A run on it calls no hooks.
    """

    __slots__ = ("_original_args", "_session", "_stop_requested")

    def __init__(self, original_args: SessionRunArgs, session: "Session") -> None:
        self._original_args = original_args
        self._session = session
        self._stop_requested = False

    @property
    def original_args(self) -> SessionRunArgs:
        """The fetches, feeds and options that the caller of ``run`` passed."""
        return self._original_args

    @property
    def session(self) -> "Session":
        """The raw session that executes the run; using it calls no hooks."""
        return self._session

    @property
    def stop_requested(self) -> bool:
        """Whether some hook has asked for a stop during this run."""
        return self._stop_requested

    def request_stop(self) -> None:
        """Asks the monitored session to stop after this run.

        The run itself goes on. When it is over, the session's ``should_stop()`` is True.
        """
        self._stop_requested = True


class SessionRunHook:
    """Base class of hooks. Each method does nothing; a hook overrides those that it needs.

    Source of the rules: tf.compat.v1.train.SessionRunHook documentation.

    Example:
        >>> class CountRuns(SessionRunHook):
        ...     def begin(self):
        ...         self.runs = 0
        ...
        ...     def after_run(self, run_context, run_values):
        ...         self.runs += 1
        ...         if self.runs == 3:
        ...             run_context.request_stop()
    """

    def begin(self) -> None:
        """Called once before the session is made: the place to add operations to the graph.

        The graph is finalized between this call and ``after_create_session``. When a session is
        made a second time on the same graph, ``begin`` is called again.
        """

    def after_create_session(self, session: "Session", coord: "Coordinator") -> None:
        """Called when a raw session was made, initialized and restored.

        The graph is finalized by now. After a recovery it is called again, with the new session.

        Args:
            session: The raw session that was made.
            coord: The coordinator of the session's threads. A hook registers its own threads here
                and can ask for a stop.
        """

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Called before each run.

        Args:
            run_context: The run that is about to happen: the caller's arguments, the raw session.

        Returns:
            What this hook wants to fetch and feed in the same run, or None.
        """
        return None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called after each run that succeeded; not when the run raised an error.

        Args:
            run_context: The context that ``before_run`` got.
            run_values: What this hook asked for.
        """

    def end(self, session: "Session") -> None:
        """Called once when the session is closed, while the raw session can still be used.

        Not called when an error other than OutOfRangeError and StopIteration leaves the session's
        ``with`` block.

        Args:
            session: The raw session; it is closed after the last hook's ``end``.
        """
