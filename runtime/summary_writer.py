"""Event files for TensorBoard: `FileWriter`, and the cache that shares one for each directory."""

import os
import threading
import time
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from runtime.graph.graph import Graph
from runtime.graph.graph_def import GraphDef
from runtime.meta_graph import MetaGraphDef
from runtime.rehearsal import SilentWriter, is_rehearsal
from runtime.summary_format import event_file_reader, event_file_writer, messages

if TYPE_CHECKING:
    from runtime.graph.config import RunMetadata

__all__ = ["FileWriter", "FileWriterCache", "summary_iterator"]


class FileWriter:
    """Writes summaries, graphs and marks of checkpoints to an event file that TensorBoard reads.

    A thread of the ``tensorboard`` package writes them; `flush` waits until they are in the file.

    Source of the rules: tf.compat.v1.summary.FileWriter documentation.

    Args:
        logdir: The directory; it is made if it doesn't exist.
        graph: A graph to write at once.
        max_queue: Events that may wait to be written.
        flush_secs: Seconds between two flushes.
        graph_def: A ``GraphDef``, which may be serialized, to write at once.
        filename_suffix: What the file's name ends with.
        session: Must be None.

    Raises:
        ImportError: The extra ``summary`` is not installed.
        ValueError: A session is given.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        graph: "Graph | None" = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        graph_def: GraphDef | bytes | None = None,
        filename_suffix: str | None = None,
        session: None = None,
    ) -> None:
        if session is not None:
            raise ValueError("FileWriter takes no session: add_summary writes at once.")
        self._logdir = os.fspath(logdir)
        # The writer opens the file again and again, wherever the program stands by then.
        self._place = os.path.abspath(self._logdir)
        self._arguments = (max_queue, flush_secs, filename_suffix or "")
        self._seen: set[str] = set()
        self._run_tags: set[str] = set()
        # Any: the writer and the messages are of a package that is imported when it is needed.
        self._writer: Any = self._new_file()
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)

    def get_logdir(self) -> str:
        """The directory of the event file."""
        return self._logdir

    def add_summary(self, summary: Any, global_step: int | None = None) -> None:
        """Writes a summary.

        Args:
            summary: A serialized ``Summary``, as a run gives it, or a ``Summary``.
            global_step: The step that it belongs to.
        """
        kind = messages("summary").Summary
        own = kind.FromString(summary) if isinstance(summary, bytes) else kind()
        if not isinstance(summary, bytes):
            own.CopyFrom(summary)
        for value in own.value:
            self._drop_repeated_metadata(value)
        self._add(global_step, summary=own)

    def _drop_repeated_metadata(self, value: Any) -> None:
        """TensorBoard needs what describes a tag only with its first value."""
        if value.tag in self._seen:
            value.ClearField("metadata")
        elif value.HasField("metadata"):
            self._seen.add(value.tag)

    def add_event(self, event: Any) -> None:
        """Writes an event.

        Args:
            event: An ``Event``.
        """
        if self._writer is None:
            warnings.warn(
                "Attempting to use a closed FileWriter. The operation will be a noop unless the "
                "FileWriter is explicitly reopened.",
                stacklevel=2,
            )
            return
        if not is_rehearsal():
            self._writer.add_event(event)

    def add_graph(
        self,
        graph: "Graph | GraphDef | None",
        global_step: int | None = None,
        graph_def: GraphDef | bytes | None = None,
    ) -> None:
        """Writes a graph, for TensorBoard's page of graphs.

        Args:
            graph: The graph.
            global_step: The step that it belongs to.
            graph_def: Instead of the graph: a ``GraphDef``, which may be serialized.

        Raises:
            ValueError: Not exactly one of both is given.
            TypeError: What is given is no graph.
        """
        if (graph is None) == (graph_def is None):
            raise ValueError(
                "Please pass only graph, or graph_def (deprecated), but not both; and not neither."
            )
        self._add(global_step, graph_def=_bytes_of_graph(graph_def if graph is None else graph))

    def add_meta_graph(self, meta_graph_def: MetaGraphDef, global_step: int | None = None) -> None:
        """Writes the graph of a meta graph; TensorBoard shows it if there is no other.

        Args:
            meta_graph_def: What `export_meta_graph` returns.
            global_step: The step that it belongs to.

        Raises:
            TypeError: It is no ``MetaGraphDef``.
        """
        if not isinstance(meta_graph_def, MetaGraphDef):
            raise TypeError(
                f"meta_graph_def must be type MetaGraphDef, saw type: {type(meta_graph_def)}"
            )
        message = messages("meta_graph").MetaGraphDef()
        message.graph_def.ParseFromString(meta_graph_def.graph_def.SerializeToString())
        self._add(global_step, meta_graph_def=message.SerializeToString())

    def add_session_log(self, session_log: Any, global_step: int | None = None) -> None:
        """Writes a mark of the training's course, for example that a checkpoint was saved.

        Args:
            session_log: A ``SessionLog``.
            global_step: The step that it belongs to.
        """
        self._add(global_step, session_log=session_log)

    def add_run_metadata(
        self, run_metadata: "RunMetadata", tag: str, global_step: int | None = None
    ) -> None:
        """Writes what a run told about itself, for TensorBoard's page of graphs.

        Args:
            run_metadata: The metadata.
            tag: Its name.
            global_step: The step that it belongs to.

        Raises:
            ValueError: There was metadata of that name already.
        """
        if tag in self._run_tags:
            raise ValueError(f"The provided tag was already used for this event type: {tag!r}")
        self._run_tags.add(tag)
        content = _run_metadata_message(run_metadata).SerializeToString()
        tagged = messages("event").TaggedRunMetadata(tag=tag, run_metadata=content)
        self._add(global_step, tagged_run_metadata=tagged)

    def _add(self, global_step: int | None, **what: Any) -> None:
        event = messages("event").Event(wall_time=time.time(), **what)
        if global_step is not None:
            event.step = int(global_step)
        self.add_event(event)

    def flush(self) -> None:
        """Waits until everything is in the file."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the file. What is added afterwards is dropped, with a warning."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def reopen(self) -> None:
        """Begins a new file in the same directory, if the writer is closed."""
        if self._writer is None:
            self._seen.clear()
            self._writer = self._new_file()

    # Any: as above.
    def _new_file(self) -> Any:
        if is_rehearsal():
            return SilentWriter()
        return event_file_writer(self._place, *self._arguments)

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class FileWriterCache:
    """One `FileWriter` for each directory, shared by all hooks that write there.

    Source of the rules: tf.compat.v1.summary.FileWriterCache documentation.
    """

    _cache: ClassVar[dict[str, FileWriter]] = {}
    _lock: ClassVar[threading.RLock] = threading.RLock()

    @staticmethod
    def get(logdir: str | os.PathLike[str]) -> FileWriter:
        """The writer for a directory, made at the first call.

        Args:
            logdir: The directory.

        Returns:
            The writer.
        """
        directory = os.fspath(logdir)
        if is_rehearsal():
            return FileWriter(directory)
        with FileWriterCache._lock:
            if directory not in FileWriterCache._cache:
                FileWriterCache._cache[directory] = FileWriter(directory)
            return FileWriterCache._cache[directory]

    @staticmethod
    def find(logdir: str | os.PathLike[str]) -> FileWriter | None:
        """The writer for a directory, if somebody has made it.

        Args:
            logdir: The directory.

        Returns:
            The writer, or None.
        """
        with FileWriterCache._lock:
            return FileWriterCache._cache.get(os.fspath(logdir))

    @staticmethod
    def clear() -> None:
        """Closes and forgets all writers."""
        with FileWriterCache._lock:
            for writer in FileWriterCache._cache.values():
                writer.close()
            FileWriterCache._cache.clear()


def summary_iterator(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Reads an event file.

    Source of the rule: tf.compat.v1.train.summary_iterator documentation.

    Args:
        path: The file.

    Yields:
        Its ``Event`` messages, in order, as they were written.

    Raises:
        ImportError: The extra ``summary`` is not installed.
    """
    yield from event_file_reader(os.fspath(path)).Load()


def _bytes_of_graph(graph: Any) -> bytes:  # Any: what a caller may have given instead of one
    if isinstance(graph, bytes):
        return graph
    if not isinstance(graph, (Graph, GraphDef)):
        raise TypeError(
            "The passed graph must be an instance of `Graph` or the deprecated `GraphDef`; it is "
            f"{graph!r}."
        )
    found = graph.as_graph_def() if isinstance(graph, Graph) else graph
    return found.SerializeToString()


def _run_metadata_message(run_metadata: "RunMetadata") -> Any:
    """Our run metadata as a message of TensorBoard's package."""
    found = messages("config").RunMetadata()
    for device in run_metadata.step_stats.dev_stats:
        target = found.step_stats.dev_stats.add(device=device.device)
        for node in device.node_stats:
            target.node_stats.add(**{name: getattr(node, name) for name in node.FIELDS})
    return found
