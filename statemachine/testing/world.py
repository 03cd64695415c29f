"""What a scenario needs around the class under test.

A scenario is played by `player.Player` in a world. There are two: `adapter.RuntimeWorld`
holds this project's classes, `model.ModelWorld` the small independent model of what is expected.
"""

import abc
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from statemachine.testing.recorder import Recorder

if TYPE_CHECKING:
    from statemachine.testing.player import Player


MOST_RECOVERIES = 8
"""More than any scenario needs; but a step function may be preempted whenever it is called."""


class World(abc.ABC):
    """The graph of section 1 of FORMAT.md, and everything that is opened on it."""

    recorder: Recorder
    hook_base: type
    errors: Mapping[str, type[BaseException]]
    player: "Player"

    def error(self, name: str, message: str) -> BaseException:
        """Makes an error of a named class."""
        return self.errors[name](message)

    @abc.abstractmethod
    def own_graph(self) -> AbstractContextManager[Any]:
        """Makes the scenario's graph the default one."""

    @abc.abstractmethod
    def foreign_graph(self) -> AbstractContextManager[Any]:
        """Makes another graph the default one."""

    @abc.abstractmethod
    def finalized(self) -> bool:
        """Tells whether the scenario's graph is finalized."""

    @abc.abstractmethod
    def add_operation(self) -> None:
        """Tries to add an operation to the scenario's graph."""

    @abc.abstractmethod
    def make_constant(self, name: str, value: float) -> None:
        """Adds a constant that can then be fetched by a symbol."""

    @abc.abstractmethod
    def tensor(self, symbol: str) -> Any:
        """Returns what is fetched for a symbol; unknown symbols stay strings."""

    @abc.abstractmethod
    def tensor_name(self, symbol: str) -> str:
        """Returns the name by which a tensor can be fed."""

    @abc.abstractmethod
    def symbol(self, fetched: Any) -> str:
        """Returns the symbol of something fetched or fed ("@x" for a name)."""

    @abc.abstractmethod
    def open(self, hooks: Any, plain: bool = False) -> Any:
        """Constructs the monitored session; `plain` leaves out scaffold and checkpoints."""

    @abc.abstractmethod
    def run_args(self, fetches: Any, feed: Any, options: Any) -> Any:
        """Makes what before_run returns."""

    @abc.abstractmethod
    def options(self, spec: Mapping[str, Any]) -> Any:
        """Makes run options."""

    @abc.abstractmethod
    def shown_options(self, options: Any) -> dict[str, Any]:
        """Returns the fields of run options that are not at their default."""

    @abc.abstractmethod
    def has_step_stats(self, metadata: Any) -> bool:
        """Tells whether run metadata hold step statistics."""

    @abc.abstractmethod
    def session_number(self, raw: Any) -> int:
        """Returns the number of a raw session in order of creation."""

    @abc.abstractmethod
    def session_open(self, raw: Any) -> bool:
        """Tells whether a raw session is open."""

    @abc.abstractmethod
    def direct(self) -> AbstractContextManager[Any]:
        """Marks raw runs that the scenario makes itself, which the player writes down."""

    @abc.abstractmethod
    def shown_graph(self, graph: Any) -> Any:
        """Returns how a trace shows a graph."""

    @abc.abstractmethod
    def start_thread(self, coordinator: Any, kind: Any, place: str) -> None:
        """Registers a thread with the coordinator and starts it."""

    @abc.abstractmethod
    def wait(self) -> None:
        """Waits till all background threads have done what they can."""

    @abc.abstractmethod
    def final(self) -> dict[str, Any]:
        """Returns the fields of the last event."""

    def called(self, name: str, index: int | None = None) -> None:  # noqa: B027  # may stay empty
        """Is told of each call of a hook; needs nothing, but may look around."""

    def shown_session(self, raw: Any) -> Sequence[Any] | None:
        """Returns how a trace shows a raw session."""
        if raw is None:
            return None
        return [self.session_number(raw), "open" if self.session_open(raw) else "closed"]
