"""Looking into checkpoints, waiting for them, and starting a model from another one's values."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from runtime import errors, logging
from runtime.checkpoint_file import CheckpointReader, StoredVariable
from runtime.checkpoint_state import checkpoint_exists, checkpoint_file_name, latest_checkpoint
from runtime.graph.definition import Definition, Kernel, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops import state
from runtime.graph.ops.rules import as_attributes
from runtime.graph.variables import Variable

__all__ = [
    "LoadedCheckpoint",
    "checkpoints_iterator",
    "init_from_checkpoint",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "wait_for_new_checkpoint",
    "warm_start",
]

Path = str | os.PathLike[str]
Array = np.ndarray[Any, np.dtype[Any]]

_POLLING_SECS = 1.0


class LoadedCheckpoint:
    """What a checkpoint holds; values are read when they are asked for.

    Source of the methods: tf.compat.v1.train.NewCheckpointReader documentation.

    Args:
        path: Prefix of the checkpoint, or its file.

    Raises:
        NotFoundError: There is no such checkpoint.
        DataLossError: The file is no checkpoint, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = checkpoint_file_name(path)
        with CheckpointReader(self._path) as reader:
            self._contents: dict[str, StoredVariable] = reader.contents()

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shape of each variable, by name."""
        return {name: list(stored.shape) for name, stored in self._contents.items()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """The element type of each variable, by name."""
        return {name: as_dtype(stored.dtype) for name, stored in self._contents.items()}

    def has_tensor(self, tensor_str: str) -> bool:
        """Whether there is a variable of a name.

        Args:
            tensor_str: The name.

        Returns:
            True if there is.
        """
        return tensor_str in self._contents

    def get_tensor(self, tensor_str: str) -> Array:
        """Reads a value.

        Args:
            tensor_str: Name of the variable.

        Returns:
            The value; an array that nobody else uses.

        Raises:
            NotFoundError: There is no such variable.
            DataLossError: The file is damaged.
        """
        if tensor_str not in self._contents:
            raise errors.NotFoundError(
                None,
                None,
                f"Key {tensor_str} not found in checkpoint {self._path!r}. It holds: "
                f"{', '.join(self._contents) or 'nothing'}.",
            )
        with CheckpointReader(self._path) as reader:
            return reader.read([tensor_str])[tensor_str]

    def debug_string(self) -> bytes:
        """Name, type and shape of each variable, one a line."""
        return "\n".join(f"{name} {stored}" for name, stored in self._contents.items()).encode()


def load_checkpoint(ckpt_dir_or_file: Path) -> LoadedCheckpoint:
    """Opens a checkpoint to look into it.

    Source of the rule: tf.train.load_checkpoint documentation.

    Args:
        ckpt_dir_or_file: A checkpoint, or a directory, whose newest checkpoint is meant.

    Returns:
        What it holds.

    Raises:
        ValueError: The directory has no checkpoint.
        NotFoundError: There is no such checkpoint.
    """
    return LoadedCheckpoint(_found(ckpt_dir_or_file))


def load_variable(ckpt_dir_or_file: Path, name: str) -> Array:
    """Reads one variable of a checkpoint.

    Source of the rule: tf.train.load_variable documentation.

    Args:
        ckpt_dir_or_file: A checkpoint, or a directory, whose newest checkpoint is meant.
        name: Name of the variable; ``:0`` at its end makes no difference.

    Returns:
        Its value.

    Raises:
        ValueError: The directory has no checkpoint.
        NotFoundError: There is no such checkpoint, or no such variable in it.
    """
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


def list_variables(ckpt_dir_or_file: Path) -> list[tuple[str, list[int]]]:
    """Lists what a checkpoint holds.

    Source of the rule: tf.train.list_variables documentation.

    Args:
        ckpt_dir_or_file: A checkpoint, or a directory, whose newest checkpoint is meant.

    Returns:
        Name and shape of each variable, sorted by name.

    Raises:
        ValueError: The directory has no checkpoint.
        NotFoundError: There is no such checkpoint.
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def checkpoints_iterator(
    checkpoint_dir: Path,
    min_interval_secs: float = 0,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """Gives each new checkpoint of a directory, as another process saves it.

    Of checkpoints that come faster than they are taken, only the newest is given.

    Source of the rules: tf.train.checkpoints_iterator documentation.

    Args:
        checkpoint_dir: The directory.
        min_interval_secs: Seconds between two checkpoints at least.
        timeout: Seconds to wait for a new one; None to wait without end.
        timeout_fn: Called when the time is over; True ends the iteration, else it goes on. If
            None, the iteration ends.

    Yields:
        Prefixes of checkpoints.
    """
    newest: str | None = None
    while True:
        found = wait_for_new_checkpoint(checkpoint_dir, newest, timeout=timeout)
        if found is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        newest, given_at = found, time.time()
        yield found
        time.sleep(max(0.0, given_at + min_interval_secs - time.time()))


def wait_for_new_checkpoint(
    checkpoint_dir: Path,
    last_checkpoint: str | None = None,
    seconds_to_sleep: float = _POLLING_SECS,
    timeout: float | None = None,
) -> str | None:
    """Waits until the newest checkpoint of a directory is another one.

    Args:
        checkpoint_dir: The directory; it need not exist yet.
        last_checkpoint: The prefix of the checkpoint that is known.
        seconds_to_sleep: Seconds between two looks.
        timeout: Seconds to wait; None to wait without end.

    Returns:
        The prefix of the newest checkpoint; None if the time is over.
    """
    logging.info(f"Waiting for new checkpoint at {os.fspath(checkpoint_dir)}")
    end = None if timeout is None else time.time() + timeout
    while (found := latest_checkpoint(checkpoint_dir)) in (None, last_checkpoint):
        if end is not None and time.time() + seconds_to_sleep > end:
            return None
        time.sleep(seconds_to_sleep)
    logging.info(f"Found new checkpoint at {found}")
    return found


def _found(ckpt_dir_or_file: Path) -> str:
    path = os.fspath(ckpt_dir_or_file)
    if checkpoint_exists(path):
        return path
    if not os.path.isdir(path):
        return path  # opening it says what is wrong
    newest = latest_checkpoint(path)
    if newest is None:
        raise ValueError(
            f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}"
        )
    return newest


# -- starting from another model's values ----------------------------------------------------------


def init_from_checkpoint(
    ckpt_dir_or_file: Path,
    assignment_map: Mapping[str, Any] | Sequence[tuple[str, Any]],
) -> None:
    """Makes variables of the default graph start with the values of a checkpoint.

    Their initializers are replaced; nothing is read before they run. Call it before the
    operation that initializes all variables is made (a monitored session makes it last).

    Source of the rules: tf.compat.v1.train.init_from_checkpoint documentation.

    Args:
        ckpt_dir_or_file: A checkpoint, or a directory, whose newest checkpoint is meant.
        assignment_map: What to take for what, a dict or a list of pairs: a name in the
            checkpoint for a variable or the name of one; or a scope in the checkpoint
            (``"old/"``, or ``"/"`` for all) for a scope of the graph (``"new/"``), whose
            variables take the values of the same names.

    Raises:
        ValueError: The checkpoint lacks a value, one has another type or shape than its variable,
            or there is no such variable or scope.
    """
    path = _found(ckpt_dir_or_file)
    contents = LoadedCheckpoint(path)
    pairs = assignment_map.items() if isinstance(assignment_map, Mapping) else assignment_map
    for source, target in pairs:
        for name, variable in _assignments(source, target):
            _start_from(variable, name, contents, path)


def _assignments(source: str, target: Any) -> list[tuple[str, Variable]]:
    """Names in the checkpoint, and the variables that get their values."""
    if isinstance(target, (list, tuple)) and len(target) == 1:
        target = target[0]
    if isinstance(target, Variable):
        return [(source, target)]
    if not isinstance(target, str):
        raise ValueError(
            f"The assignment map gives {target!r} for {source!r}; it must be a variable, the name "
            "of one, or a scope with a / at its end."
        )
    found = get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)
    by_name = {variable.op.name: variable for variable in found}
    if target in by_name:
        return [(source, by_name[target])]
    return _scope_assignments(source, target, by_name)


def _scope_assignments(
    source: str, target: str, by_name: Mapping[str, Variable]
) -> list[tuple[str, Variable]]:
    scope = "" if target == "/" else target
    inside = {name: found for name, found in by_name.items() if name.startswith(scope)}
    if not target.endswith("/") or not inside:
        raise ValueError(
            f"Assignment map with {target!r} in it: there is no such variable in the graph, and "
            f"no variable in such a scope. The variables are: {', '.join(by_name) or 'none'}."
        )
    prefix = source.lstrip("/") if source.endswith("/") else f"{source}/"
    return [(prefix + name.removeprefix(scope), variable) for name, variable in inside.items()]


def _start_from(variable: Variable, name: str, contents: LoadedCheckpoint, path: str) -> None:
    stored = contents._contents.get(name)
    if stored is None:
        raise ValueError(
            f"Tensor {name} is not found in {path} checkpoint "
            f"{contents.get_variable_to_shape_map()}; it was to initialize {variable.op.name!r}."
        )
    fits = variable.shape.is_compatible_with(stored.shape)
    if not fits or variable.dtype.name != stored.dtype:
        raise ValueError(
            f"Shape and type of variable {variable.name} ({variable.dtype.name}{variable.shape}) "
            f"don't match those of tensor {name} in {path} checkpoint ({stored})."
        )
    graph = variable.graph
    with graph.as_default(), graph.control_dependencies(None), graph.name_scope("checkpoint"):
        value = _RESTORE(
            path=path, tensor=name, dtype=variable.dtype, dims=tuple(stored.shape), name="Restore"
        )
        variable.set_initial_value(value, state.ASSIGN(variable._ref(), value, name="Assign").op)


def _bind_restore(view: View) -> Kernel:
    path, name = view["path"], view["tensor"]
    return lambda: LoadedCheckpoint(path).get_tensor(name)


_RESTORE: Definition = Definition(
    "RestoreV2", as_attributes, bind=_bind_restore, stateful=True, gradient=not_differentiable
)


def warm_start(
    ckpt_to_initialize_from: Path,
    vars_to_warm_start: Any = ".*",
    var_name_to_vocab_info: Mapping[str, Any] | None = None,
    var_name_to_prev_var_name: Mapping[str, str] | None = None,
) -> None:
    """Makes variables of the default graph start with the values of a checkpoint.

    Source of the rules: tf.compat.v1.train.warm_start documentation.

    Args:
        ckpt_to_initialize_from: A checkpoint, or a directory, whose newest checkpoint is meant.
        vars_to_warm_start: A regular expression that names of trainable variables begin with; a
            list of them, for names of all variables; or a list of variables.
        var_name_to_vocab_info: Must be None.
        var_name_to_prev_var_name: Names in the checkpoint, by the variable's name, where they
            differ.

    Raises:
        NotImplementedError: If vocabularies are given.
        ValueError: If the checkpoint lacks a value, or one has another type or shape than its
            variable; or a name is given for a variable that is not started.
    """
    if var_name_to_vocab_info:
        raise NotImplementedError(
            "warm_start takes no vocabularies here: load the old rows with tf.train.load_variable, "
            "and give them as initial value."
        )
    chosen = {variable.op.name: variable for variable in _to_warm_start(vars_to_warm_start)}
    old_names = dict(var_name_to_prev_var_name or {})
    if unknown := sorted(old_names.keys() - chosen.keys()):
        raise ValueError(
            "You provided the following vars in var_name_to_prev_var_name, but they were not "
            f"used: {unknown}. Perhaps you misspelled them? There are {sorted(chosen)}."
        )
    pairs = [(old_names.get(name, name), variable) for name, variable in chosen.items()]
    init_from_checkpoint(ckpt_to_initialize_from, pairs)


def _to_warm_start(wanted: Any) -> list[Any]:
    graph = get_default_graph()
    if isinstance(wanted, str) or wanted is None:
        return graph.get_collection(GraphKeys.TRAINABLE_VARIABLES, wanted) if wanted else []
    found: list[Any] = []
    for item in wanted:
        if isinstance(item, str):
            found += graph.get_collection(GraphKeys.GLOBAL_VARIABLES, item)
        else:
            found.append(item)
    return found
