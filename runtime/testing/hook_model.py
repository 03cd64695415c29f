"""The model of the sessions in which a hook is checked, and the making of the hook."""

import inspect
import tempfile
from collections.abc import Callable
from typing import Any, Final

import attrs

import runtime as tf
from runtime.graph.graph import Graph
from runtime.scaffold import Scaffold
from runtime.summary_writer import FileWriterCache
from statemachine.testing.hook import METHODS


# Any, here: hooks are of any class, and a model's parts of any that can be fetched.
@attrs.define(kw_only=True)
class HookModel:
    """What a hook's factory may use. The graph is the default one.

    Attributes:
        graph: The graph.
        scaffold: The scaffold of the sessions.
        train_op: What the user runs in each step.
        loss: A scalar, also named ``loss:0``; None with a model of the user's own.
        x: A scalar that may be fed, also named ``x:0``; None with a model of the user's own.
        global_step: The global step; None if the model has none.
    """

    graph: Graph
    scaffold: Scaffold
    train_op: Any
    loss: Any = None
    x: Any = None
    global_step: Any = None
    _directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def directory(self) -> str:
        """A directory for what a hook writes, empty at first."""
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        return self._directory.name

    def clean_up(self) -> None:
        """Close the writer of summaries in the directory, if there is one, and remove it."""
        if self._directory is None:
            return
        writer = FileWriterCache.find(self._directory.name)
        if writer is not None:
            writer.close()
        self._directory.cleanup()

    def make_hook(self, factory: Callable[..., Any]) -> Any:
        """A new hook; the factory is given the model if it needs an argument.

        Raises:
            HookFactoryError: If the factory makes none.
        """
        try:
            hook = factory(self) if _needs_argument(factory) else factory()
        except Exception as error:
            raise HookFactoryError(
                f"the hook's factory raised {type(error).__name__}: {error}. It is called in the "
                "default graph; if it needs an argument it is given a HookModel"
            ) from error
        missing = [name for name in METHODS if not callable(getattr(hook, name, None))]
        if missing:
            raise HookFactoryError(
                f"the hook's factory made {hook!r:.80}, which is no hook: it has no method "
                f"{', '.join(missing)}. SessionRunHook has them all"
            )
        return hook


class HookFactoryError(TypeError):
    """A hook's factory makes no hook; the message says what it did instead."""


def _needs_argument(factory: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.default is p.empty and p.kind in _POSITIONAL for p in parameters)


_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


def build_model(prepare: Callable[[], Any] | None, graph: Graph, scaffold: Scaffold) -> HookModel:
    """Build the model in the default graph.

    Args:
        prepare: Builds the user's own, and returns what is run in each step; None for a scalar
            loss that becomes smaller, and a global step.
        graph: The default graph.
        scaffold: The scaffold.
    """
    if prepare is not None:
        train_op = prepare()
        step = tf.train.get_global_step()
        return HookModel(graph=graph, scaffold=scaffold, train_op=train_op, global_step=step)
    step = tf.train.get_or_create_global_step()
    x = tf.placeholder_with_default(1.0, [], name="x")
    weight = tf.get_variable("weight", [], initializer=tf.constant_initializer(3.0))
    loss = tf.multiply(weight, x, name="loss")
    train_op = tf.group(tf.assign_add(step, 1), tf.assign(weight, weight * 0.75), name="train")
    return HookModel(
        graph=graph, scaffold=scaffold, train_op=train_op, loss=loss, x=x, global_step=step
    )
