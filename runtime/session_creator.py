"""Session creators: how a `MonitoredSession` gets the raw session that it runs.

Source of the names and rules: the documentation of tf.compat.v1.train.SessionCreator,
ChiefSessionCreator and WorkerSessionCreator.
"""

import abc
import os
from typing import Any

import attrs

from runtime.scaffold import Scaffold
from runtime.session_manager import SessionManager

__all__ = ["ChiefSessionCreator", "SessionCreator", "WorkerSessionCreator", "start_arguments"]

Path = str | os.PathLike[str]


class SessionCreator(abc.ABC):
    """Creates raw sessions, for a `MonitoredSession` that is constructed or recovers.

    Its graph must be finalized, and its session ready to be used, when `create_session` returns.
    """

    # Any: a session of any kind that can run and close.
    @abc.abstractmethod
    def create_session(self) -> Any:
        """Creates a session.

        Returns:
            A session with `run` and `close`.
        """


class ChiefSessionCreator(SessionCreator):
    """Creates sessions for a chief: it initializes and restores the model.

    Args:
        scaffold: Gives the supportive operations; None for the default one.
        master: Of the embedded engine only `''` is known.
        config: A `ConfigProto` for the raw session.
        checkpoint_dir: Directory whose latest checkpoint is restored, if it has one.
        checkpoint_filename_with_path: The checkpoint that is restored.
    """

    # Any: the configuration is the engine's.
    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        checkpoint_dir: Path | None = None,
        checkpoint_filename_with_path: Path | None = None,
    ) -> None:
        self._scaffold = scaffold or Scaffold()
        self._master = master
        self._config = config
        self._checkpoint_dir = checkpoint_dir
        self._checkpoint_filename_with_path = checkpoint_filename_with_path

    def create_session(self) -> Any:
        """Creates a session that is initialized, restored and ready.

        Returns:
            The raw session.

        Raises:
            RuntimeError: If the model is not ready.
        """
        self._scaffold.finalize()
        return _manager(self._scaffold).prepare_session(
            self._master,
            saver=self._scaffold.saver,
            checkpoint_dir=self._checkpoint_dir,
            checkpoint_filename_with_path=self._checkpoint_filename_with_path,
            config=self._config,
            init_op=self._scaffold.init_op,
            init_feed_dict=self._scaffold.init_feed_dict,
            init_fn=self._scaffold.init_fn,
        )


class WorkerSessionCreator(SessionCreator):
    """Creates sessions for a worker: it waits until the chief has made the model ready.

    Args:
        scaffold: Gives the supportive operations; None for the default one.
        master: Of the embedded engine only `''` is known.
        config: A `ConfigProto` for the raw session.
        max_wait_secs: How many seconds it waits at most.
    """

    # Any: the configuration is the engine's.
    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        max_wait_secs: float = 30 * 60,
    ) -> None:
        self._scaffold = scaffold or Scaffold()
        self._master = master
        self._config = config
        self._max_wait_secs = max_wait_secs

    def create_session(self) -> Any:
        """Waits for the chief, and creates a session.

        Returns:
            The raw session, with its local variables initialized.

        Raises:
            DeadlineExceededError: If the model is not ready in time.
        """
        self._scaffold.finalize()
        return _manager(self._scaffold).wait_for_session(
            self._master, config=self._config, max_wait_secs=self._max_wait_secs
        )


def _manager(scaffold: Scaffold) -> SessionManager:
    return SessionManager(
        local_init_op=scaffold.local_init_op,
        local_init_feed_dict=scaffold.local_init_feed_dict,
        ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op,
    )


@attrs.frozen
class Opaque:
    """A creator whose session comes ready to be used; what it does stays its own affair.

    Attributes:
        creator: The creator.
    """

    creator: Any
    scaffold: None = None

    @property
    def name(self) -> str:
        """The name of its class."""
        return type(self.creator).__qualname__

    def create_session(self) -> Any:
        """What it creates."""
        return self.creator.create_session()


# Any: the arguments of the construction, in the order in which it takes them.
def start_arguments(creator: Any) -> tuple[Any, ...]:
    """How a session is to be constructed with a creator.

    Args:
        creator: Any object with a method `create_session`.

    Returns:
        Scaffold, master, configuration, directory and name of a checkpoint, all of a chief; and
        the creator itself, if it is to create the session in its own way.

    Raises:
        TypeError: If it has no such method.
    """
    method = getattr(creator, "create_session", None)
    if not callable(method) or isinstance(creator, type):
        raise TypeError(
            f"session_creator must be a SessionCreator, an object with create_session(), "
            f"not {creator!r}"
        )
    if getattr(method, "__func__", None) is not ChiefSessionCreator.create_session:
        return None, "", None, None, None, Opaque(creator)
    directory, file = creator._checkpoint_dir, creator._checkpoint_filename_with_path
    return creator._scaffold, creator._master, creator._config, directory, file, None
