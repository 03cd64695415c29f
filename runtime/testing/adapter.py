"""The adapter of a session class: what an author writes to have it checked."""

import abc
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from statemachine.testing.features import Feature, Sees
from statemachine.testing.live import LiveStage
from statemachine.testing.model import errors
from statemachine.testing.player import Player
from statemachine.testing.results import this_python
from statemachine.testing.scenario import Scenario
from statemachine.testing.trace import Observation


class AdapterError(TypeError):
    """A session is not as its adapter says, so nothing can be checked; the message says how."""


class SessionAdapter(abc.ABC):
    """Has a session class played with: `construct` is all that must be written.

    Attributes:
        name: The name of the session class, for reports.
        features: What the session can do. Scenarios make use of nothing else.
        sees: What the adapter reports. Checks that need more are skipped.
        errors: A namespace with the error classes that operations raise (OutOfRangeError,
            AbortedError, UnavailableError, InvalidArgumentError, ...).
        hook_base: The base class of hooks.
    """

    name: str = "a session"
    features: frozenset[Feature] = frozenset()
    sees: frozenset[Sees] = frozenset()
    errors: Any = errors  # Any: a module, or any other namespace
    hook_base: type = object

    # Any: the session is of the author's own class.
    @abc.abstractmethod
    def construct(self, stage: LiveStage, hooks: Any) -> Any:
        """Construct the session under test.

        Args:
            stage: What it is used with: `stage.open_raw()` gives something that can `run`
                fetches and `close`, and that sees what is done with it; `stage.context()`
                and `stage.values()` are what hooks are given, if the session has no such classes.
            hooks: The hooks. They have the methods of `SessionRunHook`.

        Returns:
            An object with `run(fetches)`, to be used in ``with``; and as `features` say with
            `should_stop`, `close`, `run_step_fn`.
        """

    def versions(self) -> Mapping[str, str]:
        """The versions of what takes part, for reports."""
        return this_python()

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        """What must be in force as long as scenarios are played."""
        yield

    def make_error(self, error: type[BaseException], message: str) -> BaseException:
        """An error with a message, of one of the classes of `errors` or a built-in one."""
        return error(message)

    def stage(self, scenario: Scenario) -> LiveStage:
        """The stage on which a scenario is played."""
        return LiveStage(scenario.spec, self)

    def called(self, stage: LiveStage, name: str, index: int | None) -> None:  # noqa: B027  # may stay empty
        """Is told of each call of a hook and of each run, when it happens."""

    def observe(self, scenario: Scenario, log_path: Path | None = None) -> Observation:
        """Play a scenario, and say what was seen.

        Args:
            scenario: The scenario.
            log_path: A file for the event log, for an adapter that has one; None for memory.

        Raises:
            AdapterError: If the session lacks what the adapter's features promise.
        """
        stage = self.stage(scenario)
        stage.log_path = log_path
        try:
            seen = Player(stage.scenario, stage).play()
        finally:
            stage.tear_down()
        if stage.lacking:
            raise AdapterError(f"{self.name}: {stage.lacking}")
        return Observation(seen.trace, seen.background, stage.logs, stage.noted)


Adapter = SessionAdapter | type[SessionAdapter]
"""An adapter, or its class, if that needs no arguments."""


def made(adapter: Adapter) -> SessionAdapter:
    """The adapter that is meant: a class is called."""
    return adapter() if isinstance(adapter, type) else adapter
