"""The supporting operations of a training graph: initializing, checking readiness, saving.

The names and rules are those of the tf.compat.v1.train.Scaffold documentation.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runtime import logging
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.control_flow import group
from runtime.graph.variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
    tables_initializer,
)
from runtime.saver import Saver
from runtime.summary_ops import merge_all

if TYPE_CHECKING:
    from runtime.graph.operation import Operation
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor

__all__ = ["Scaffold"]

_PIECES = (
    "_init_op",
    "_init_feed_dict",
    "_user_init_fn",
    "_ready_op",
    "_ready_for_local_init_op",
    "_local_init_op",
    "_local_init_feed_dict",
    "_summary_op",
    "_saver",
)


class Scaffold:
    """Holds the operations that a monitored session needs beside those of the model.

    What is not given is looked up in the graph's collections when the scaffold is finalized, and
    made if it isn't there. What was made is put into the collection; so two scaffolds on one graph
    share it.

    Source of the rules: tf.compat.v1.train.Scaffold documentation.

    Args:
        init_op: Initializes the global variables.
        init_feed_dict: What is fed when ``init_op`` is run.
        init_fn: Called after ``init_op`` with the scaffold and the raw session.
        ready_op: Gives the names of what is not initialized: a vector of strings, empty if the
            model is ready.
        ready_for_local_init_op: The same for what ``local_init_op`` needs.
        local_init_op: Initializes the local variables.
        summary_op: Gives the merged summaries.
        saver: The saver.
        copy_from_scaffold: Another scaffold, whose pieces are taken where none is given here.
        local_init_feed_dict: What is fed when ``local_init_op`` is run.

    Raises:
        TypeError: ``copy_from_scaffold`` is no Scaffold.
    """

    def __init__(
        self,
        init_op: "Operation | None" = None,
        # Any: keys of feeds are tensors or names, values are of any type.
        init_feed_dict: Mapping[Any, Any] | None = None,
        init_fn: "Callable[[Scaffold, Session], object] | None" = None,
        ready_op: "Tensor | None" = None,
        ready_for_local_init_op: "Tensor | None" = None,
        local_init_op: "Operation | None" = None,
        summary_op: "Tensor | None" = None,
        saver: Saver | None = None,
        copy_from_scaffold: "Scaffold | None" = None,
        local_init_feed_dict: Mapping[Any, Any] | None = None,
    ) -> None:
        self._init_op = init_op
        self._init_feed_dict = init_feed_dict
        self._user_init_fn = init_fn
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._local_init_op = local_init_op
        self._local_init_feed_dict = local_init_feed_dict
        self._summary_op = summary_op
        self._saver = saver
        if copy_from_scaffold is not None:
            self._take_missing_pieces(copy_from_scaffold)

    def _take_missing_pieces(self, other: "Scaffold") -> None:
        if not isinstance(other, Scaffold):
            raise TypeError(
                f"copy_from_scaffold is not a Scaffold instance: it is a {type(other).__name__}"
            )
        for piece in _PIECES:
            if getattr(self, piece) is None:
                setattr(self, piece, getattr(other, piece))

    def finalize(self) -> "Scaffold":
        """Looks up or makes the pieces that are missing, then finalizes the default graph.

        Returns:
            The scaffold itself.

        Raises:
            RuntimeError: A collection that a piece is looked up in holds more than one; or a piece
                must be made but the graph is finalized already.
        """
        self._init_op = self._piece("init_op", GraphKeys.INIT_OP, _default_init_op)
        self._ready_op = self._piece("ready_op", GraphKeys.READY_OP, _default_ready_op)
        self._ready_for_local_init_op = self._piece(
            "ready_for_local_init_op",
            GraphKeys.READY_FOR_LOCAL_INIT_OP,
            _default_ready_for_local_init_op,
        )
        self._local_init_op = self._piece(
            "local_init_op", GraphKeys.LOCAL_INIT_OP, Scaffold.default_local_init_op
        )
        self._summary_op = self._piece("summary_op", GraphKeys.SUMMARY_OP, _default_summary_op)
        self._saver = self._piece("saver", GraphKeys.SAVERS, _default_saver)
        self._saver.build()
        get_default_graph().finalize()
        logging.info("Graph was finalized.")
        return self

    # Any: pieces are operations, tensors, a saver.
    def _piece(self, name: str, key: str, default: Callable[[], Any]) -> Any:
        given = getattr(self, f"_{name}")
        return Scaffold.get_or_default(name, key, default) if given is None else given

    @property
    def init_fn(self) -> "Callable[[Session], object] | None":
        """Calls the user's ``init_fn`` with this scaffold and a session; None if there is none."""
        user_init_fn = self._user_init_fn
        return None if user_init_fn is None else lambda session: user_init_fn(self, session)

    @property
    def init_op(self) -> "Operation | None":
        """Initializes the global variables."""
        return self._init_op

    @property
    def ready_op(self) -> "Tensor | None":
        """Gives the names of what is not initialized."""
        return self._ready_op

    @property
    def ready_for_local_init_op(self) -> "Tensor | None":
        """Gives the names of what ``local_init_op`` needs and is not initialized."""
        return self._ready_for_local_init_op

    @property
    def local_init_op(self) -> "Operation | None":
        """Initializes the local variables."""
        return self._local_init_op

    @property
    def local_init_feed_dict(self) -> Mapping[Any, Any] | None:
        """What is fed when ``local_init_op`` is run."""
        return self._local_init_feed_dict

    @property
    def summary_op(self) -> "Tensor | None":
        """Gives the merged summaries; None if the graph has none."""
        return self._summary_op

    @property
    def saver(self) -> Saver | None:
        """The saver."""
        return self._saver

    @property
    def init_feed_dict(self) -> Mapping[Any, Any] | None:
        """What is fed when ``init_op`` is run."""
        return self._init_feed_dict

    @staticmethod
    # Any: pieces are operations, tensors, a saver.
    def get_or_default(
        arg_name: str, collection_key: str, default_constructor: Callable[[], Any]
    ) -> Any:
        """Gives the only element of a collection of the default graph, or makes it.

        Source of the rule: tf.compat.v1.train.Scaffold documentation.

        Args:
            arg_name: The argument of Scaffold that the element could be passed by.
            collection_key: Name of the collection.
            default_constructor: Makes the element. What it returns is put into the collection,
                unless it is None.

        Returns:
            The element.

        Raises:
            RuntimeError: The collection holds more than one element.
        """
        graph = get_default_graph()
        elements = graph.get_collection(collection_key)
        if len(elements) > 1:
            raise RuntimeError(
                f'More than one item in the collection "{collection_key}". Please indicate which '
                "one to use by passing it to the tf.Scaffold constructor as: "
                f"tf.Scaffold({arg_name}=item to use)"
            )
        if elements:
            return elements[0]
        made = default_constructor()
        if made is not None:
            graph.add_to_collection(collection_key, made)
        return made

    @staticmethod
    def default_local_init_op() -> "Operation":
        """Makes the operation that initializes the local variables and the tables.

        Source of the rule: tf.compat.v1.train.Scaffold documentation.

        Returns:
            The operation, for use in an own ``local_init_op``.
        """
        return group(local_variables_initializer(), tables_initializer())


def _default_init_op() -> "Operation":
    return group(global_variables_initializer())


def _default_ready_op() -> "Tensor":
    return report_uninitialized_variables()


def _default_ready_for_local_init_op() -> "Tensor":
    return report_uninitialized_variables(global_variables())


def _default_summary_op() -> "Tensor | None":
    return merge_all()


def _default_saver() -> Saver:
    return Saver(sharded=True, allow_empty=True)
