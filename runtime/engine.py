"""The narrow seam between the monitored session and what computes.

A monitored session needs of an engine only this: the graph that is in force, whether it is
finalized, a raw session on it, and how a fed tensor is named. The embedded engine is the
NumPy graph of `runtime.graph`; another one (TensorFlow itself, JAX, remote workers) takes its
place by offering the same.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runtime.coordinator import Coordinator
from runtime.graph.config import Message, RunMetadata, RunOptions
from runtime.graph.fetches import structure_of
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.session import Session
from runtime.graph.tensor import Tensor
from runtime.queue_runner import start_queue_runners

EventListener = Callable[[str, Mapping[str, object]], None]


class RawSession(Protocol):
    """What a monitored session needs of a raw session."""

    event_listener: EventListener | None
    """Is told of checkpoints that are saved or restored through the session."""
    hook_states: Any
    """What hooks remember: a `HookStates`, for whoever saves or restores checkpoints."""

    # Any: fetches, feeds and results are an open set of structures.
    def run(
        self,
        fetches: Any,
        feed_dict: Any = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Run, without hooks."""

    def close(self) -> None:
        """Release what the session holds."""


class Engine(Protocol):
    """What a monitored session needs of what computes."""

    def current_graph(self) -> Any:
        """The graph that a session made now would run."""

    def as_default(self, graph: Any) -> AbstractContextManager[object]:
        """Makes a graph the current one."""

    def is_finalized(self, graph: Any) -> bool:
        """Whether operations can no longer be added."""

    def unfinalize(self, graph: Any) -> None:
        """Let operations be added again."""

    def open_session(self, graph: Any, master: str, config: Any) -> RawSession:
        """A new raw session."""

    def has_queue_runners(self, graph: Any) -> bool:
        """Whether there are queue runners to start."""

    def start_queue_runners(self, session: Any, coord: Coordinator) -> None:
        """Start the threads that fill the graph's queues."""

    def feed_key(self, graph: Any, key: Any) -> Hashable:
        """The fed tensor itself, where it was given by name."""

    def run_options(self) -> Any:
        """New run options, all at their defaults."""

    def merge_options(self, into: Any, other: Any) -> None:
        """Merge `other` into run options: the larger number, the union of flags."""

    def copy_options(self, options: Any) -> Any:
        """A copy of run options."""

    def run_metadata(self) -> Any:
        """New, empty run metadata."""

    def leads_to(self, graph: Any, fetches: Any, error: BaseException) -> bool:
        """Whether a run of these fetches alone could have raised that error."""


class NumpyEngine:
    """The embedded engine."""

    def current_graph(self) -> Graph:
        """The default graph."""
        return get_default_graph()

    def as_default(self, graph: Graph) -> AbstractContextManager[object]:
        """Makes a graph the default one."""
        return graph.as_default()

    def is_finalized(self, graph: Graph) -> bool:
        """Whether operations can no longer be added."""
        return graph.finalized

    def unfinalize(self, graph: Graph) -> None:
        """Let operations be added again."""
        graph._unsafe_unfinalize()

    def open_session(self, graph: Graph, master: str, config: Any) -> RawSession:
        """A new raw session."""
        return Session(master, graph=graph, config=config)

    def has_queue_runners(self, graph: Graph) -> bool:
        """Whether the collection of queue runners holds any."""
        return bool(graph.get_collection_ref(GraphKeys.QUEUE_RUNNERS))

    def start_queue_runners(self, session: Any, coord: Coordinator) -> None:
        """Start the threads of the queue runners in the collection."""
        with session.graph.as_default():
            start_queue_runners(sess=session, coord=coord)

    def feed_key(self, graph: Graph, key: Any) -> Hashable:
        """The fed tensor itself, where it was given by name; an unknown name stays."""
        try:
            element: Hashable = graph.as_graph_element(key, True, False)
        except (KeyError, ValueError, TypeError):
            return key  # type: ignore[no-any-return]  # a key of a dictionary has a hash
        return element

    def run_options(self) -> RunOptions:
        """New run options, all at their defaults."""
        return RunOptions()

    def merge_options(self, into: RunOptions, other: RunOptions) -> None:
        """Merge `other` into run options: the larger number, the union of flags."""
        _check_options(other)
        for name in RunOptions.FIELDS:
            ours, theirs = getattr(into, name), getattr(other, name)
            if isinstance(ours, int):  # booleans are: their larger one is their union
                setattr(into, name, max(ours, theirs))
            elif isinstance(ours, Message):
                ours.MergeFrom(theirs)
            else:
                vars(ours).update(vars(theirs))

    def copy_options(self, options: RunOptions) -> RunOptions:
        """A copy of run options."""
        _check_options(options)
        copy = RunOptions()
        copy.CopyFrom(options)
        return copy

    def run_metadata(self) -> RunMetadata:
        """New, empty run metadata."""
        return RunMetadata()

    def leads_to(self, graph: Graph, fetches: Any, error: BaseException) -> bool:
        """Whether they need the operation that failed, or are themselves what is refused."""
        try:
            elements = structure_of(fetches, graph).elements
        except (TypeError, ValueError) as refusal:
            return type(refusal) is type(error) and str(refusal) == str(error)
        failed = getattr(error, "op", None)
        return isinstance(failed, Operation) and failed in _needed(elements)


def _needed(elements: Iterable[Tensor | Operation]) -> set[Operation]:
    """The operations of some elements, and all that these need."""
    found: set[Operation] = set()
    waiting = [element.op if isinstance(element, Tensor) else element for element in elements]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs]
            waiting += operation.control_inputs
    return found


def _check_options(options: object) -> None:
    if not isinstance(options, RunOptions):
        raise TypeError(f"the options of a run must be a RunOptions, not {options!r}")
