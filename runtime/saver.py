"""Saving the variables of a session to checkpoints, and restoring them.

A checkpoint is one safetensors file (`runtime.checkpoint_file`); the file ``checkpoint`` beside it
says which one is the newest (`runtime.checkpoint_state`). A save goes through these steps, and may
die between any two of them:

1. what killed saves have left is removed,
2. the values, pinned but not copied, are written to a temporary file, which is synced and then
   renamed,
3. the save is told to the session's event listener,
4. the file ``checkpoint`` is replaced in the same manner: now the new checkpoint is the newest,
5. checkpoints that are no longer kept are deleted,
6. the graph is written beside the checkpoint, which does not depend on it.

Saver does not add operations to the graph: it reads and writes the variables of the raw session
directly. So it also works on a graph that is finalized.
"""

import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np
from attrs.validators import instance_of

from runtime import errors, logging
from runtime.checkpoint_file import CheckpointReader, StoredVariable, write_checkpoint
from runtime.checkpoint_state import (
    CheckpointState,
    checkpoint_exists,
    checkpoint_file_name,
    checkpoint_prefix,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    remove_checkpoint,
    update_checkpoint_state,
)
from runtime.durable_file import FileDigest, remove_leftovers, replace_file
from runtime.global_step import get_global_step
from runtime.global_step import global_step as read_global_step
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.variables import Variable
from runtime.hook_state import decoded_states, encoded_states
from runtime.meta_graph import MetaGraphDef, export_meta_graph
from runtime.rehearsal import is_rehearsal

if TYPE_CHECKING:
    from runtime.graph.graph import Graph
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor

__all__ = [
    "CheckpointState",
    "Saver",
    "SaverDef",
    "checkpoint_exists",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "latest_checkpoint",
    "remove_checkpoint",
    "update_checkpoint_state",
]

Array = np.ndarray[Any, np.dtype[Any]]

_FORMAT = "safetensors"
_HOOKS = "hooks"  # the name of the hooks' states in the metadata of a checkpoint
_STEP_OF_PREFIX = re.compile(r"-(\d{1,18})\Z")
_LISTED_AT_MOST = 50


@attrs.frozen
class SaverDef:
    """What a saver saves and keeps.

    Source of the name: the ``tf.compat.v1.train.SaverDef`` documentation.

    Attributes:
        variables: The variables by their names in checkpoints; None for those that there are when
            the saver is built.
        reshape: As for `Saver`.
        max_to_keep: As for `Saver`.
        keep_checkpoint_every_n_hours: As for `Saver`.
        allow_empty: As for `Saver`.
        pad_step_number: As for `Saver`.
        LEGACY: TensorFlow's number of a format of checkpoints that is not written here.
        V1: Another one; a `Saver` takes it, and writes ours.
        V2: The number that stands for ours: a `Saver` takes it as `write_version`.
    """

    LEGACY: ClassVar[int] = 0
    V1: ClassVar[int] = 1
    V2: ClassVar[int] = 2

    variables: Mapping[str, Variable] | None
    reshape: bool = attrs.field(validator=instance_of(bool))
    max_to_keep: int = attrs.field(validator=instance_of(int))
    keep_checkpoint_every_n_hours: float = attrs.field(validator=instance_of((int, float)))
    allow_empty: bool = attrs.field(validator=instance_of(bool))
    pad_step_number: bool = attrs.field(validator=instance_of(bool))


@attrs.frozen
class _Saved:
    """A checkpoint that this saver answers for: its prefix, and when it was saved."""

    path: str
    time: float


class Saver:
    """Saves variables to checkpoints, restores them, and deletes old checkpoints.

    Source of the rules: tf.compat.v1.train.Saver documentation. ``sharded``,
    ``restore_sequentially``, ``name``, ``filename`` and ``save_relative_paths`` are accepted and
    make no difference: a checkpoint is one file, and paths beside the file ``checkpoint`` are
    always relative.

    Args:
        var_list: The variables: a list, or a dict from the name in the checkpoint; by default all
            global variables of the default graph.
        reshape: Whether a variable may be restored from a value of another shape with as many
            elements.
        sharded: No difference.
        max_to_keep: How many of the newest checkpoints are kept; None or 0 for all (then the file
            ``checkpoint`` lists only the newest).
        keep_checkpoint_every_n_hours: Beside these, one checkpoint is kept for every so many hours
            of training.
        name: No difference.
        restore_sequentially: No difference.
        saver_def: Takes the place of all arguments but ``defer_build`` and ``builder``.
        builder: Must be None.
        defer_build: Whether ``build()`` is called later, when the graph is complete.
        allow_empty: Whether there may be no variables at all. Then nothing is saved or restored.
        write_version: 2 or 1 (TensorFlow's numbers of its formats) or None; makes no difference
            here.
        pad_step_number: Whether the step in a path has at least eight digits.
        save_relative_paths: No difference.
        filename: No difference.

    Raises:
        ValueError: There are no variables; two have one name; ``var_list`` is given and the build
            is deferred; an argument that TensorFlow uses internally is given.
        TypeError: Something in ``var_list`` is no variable.
    """

    def __init__(
        self,
        var_list: Iterable[Variable] | Mapping[str, Variable] | None = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        saver_def: SaverDef | None = None,
        builder: None = None,
        defer_build: bool = False,
        allow_empty: bool = False,
        write_version: int | None = SaverDef.V2,
        pad_step_number: bool = False,
        save_relative_paths: bool = False,
        filename: str | None = None,
    ) -> None:
        if defer_build and var_list is not None:
            raise ValueError(
                "If `var_list` is provided then build cannot be deferred. Either set "
                "defer_build=False or var_list=None."
            )
        _refuse_internal(saver_def, builder, write_version)
        given = SaverDef(
            None,
            reshape,
            max_to_keep or 0,
            keep_checkpoint_every_n_hours,
            allow_empty,
            pad_step_number,
        )
        self._def = given if saver_def is None else saver_def
        self._var_list = var_list if saver_def is None else saver_def.variables
        self._keep_secs = self._def.keep_checkpoint_every_n_hours * 3600
        self._variables: dict[str, Variable] | None = None
        self._kept: tuple[_Saved, ...] = ()
        # The graph that was written last, and its text: a finalized graph is described once.
        self._graph: tuple[Graph, bytes | None] | None = None
        self._saving = threading.RLock()
        self._next_preserved_time = time.time() + self._keep_secs
        if not defer_build:
            self.build()

    def build(self) -> None:
        """Looks up the variables; does nothing the second time.

        Raises:
            ValueError: There are no variables, or two have one name.
            TypeError: Something in ``var_list`` is no variable.
        """
        if self._variables is not None:
            return
        var_list = _all_saveable() if self._var_list is None else self._var_list
        variables = _by_name(var_list)
        if not variables and not self._def.allow_empty:
            raise ValueError(
                "No variables to save. Make the variables before the Saver, or pass "
                "allow_empty=True."
            )
        self._variables = variables

    @property
    def saver_def(self) -> SaverDef:
        """What it saves and keeps, for `export_meta_graph`."""
        return attrs.evolve(self._def, variables=self._variables)

    def as_saver_def(self) -> SaverDef:
        """What it saves and keeps, for `export_meta_graph`."""
        return self.saver_def

    def export_meta_graph(
        self,
        filename: str | os.PathLike[str] | None = None,
        collection_list: Iterable[str] | None = None,
        as_text: bool = False,
        export_scope: str | None = None,
        clear_devices: bool = False,
        clear_extraneous_savers: bool = False,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> MetaGraphDef:
        """Writes the default graph to a file, with what this saver saves.

        Source of the rules: tf.compat.v1.train.Saver documentation.

        Args:
            filename: The file; None to write none.
            collection_list: Names of the collections; all if None.
            as_text: No difference: the file is text in any case.
            export_scope: If given, only the operations below this name scope.
            clear_devices: Whether devices are left out.
            clear_extraneous_savers: Whether savers in collections are left out.
            strip_default_attrs: No difference.
            save_debug_info: No difference.

        Returns:
            The description.

        Raises:
            ValueError: The graph holds what no file can hold.
            OpError: The file cannot be written; a subclass says why.
        """
        return export_meta_graph(
            filename=filename,
            saver_def=self.saver_def,
            collection_list=collection_list,
            export_scope=export_scope,
            clear_devices=clear_devices,
            clear_extraneous_savers=clear_extraneous_savers,
        )

    # -- which checkpoints are kept ----------------------------------------------------------------

    @property
    def last_checkpoints(self) -> list[str]:
        """Prefixes of the checkpoints that have not been deleted yet, oldest first."""
        return [saved.path for saved in self._kept]

    def set_last_checkpoints(self, last_checkpoints: Sequence[str]) -> None:
        """Sets the checkpoints to answer for, as ones that are never deleted by age.

        Source of the rule: tf.compat.v1.train.Saver documentation, where it is deprecated in
        favour of `set_last_checkpoints_with_time`.

        Args:
            last_checkpoints: Prefixes, oldest first.
        """
        self.set_last_checkpoints_with_time([(path, float("inf")) for path in last_checkpoints])

    def set_last_checkpoints_with_time(
        self, last_checkpoints_with_time: Iterable[tuple[str, float]]
    ) -> None:
        """Sets the checkpoints to answer for.

        Args:
            last_checkpoints_with_time: Prefix, and seconds since 1970 when it was saved; oldest
                first.
        """
        self._kept = tuple(_Saved(path, at) for path, at in last_checkpoints_with_time)

    def recover_last_checkpoints(self, checkpoint_paths: Iterable[str]) -> None:
        """Takes over the checkpoints of an earlier process.

        Args:
            checkpoint_paths: Prefixes, oldest first; those that are gone are left out.
        """
        found = [(path, get_checkpoint_mtimes([path])) for path in checkpoint_paths]
        self.set_last_checkpoints_with_time([(path, at[0]) for path, at in found if at])

    # -- saving ------------------------------------------------------------------------------------

    def save(
        self,
        sess: "Session",
        save_path: str | os.PathLike[str],
        global_step: "int | Tensor | Variable | None" = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True,
        write_state: bool = True,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> str | None:
        """Saves the variables to a checkpoint.

        Once this returns, the checkpoint is on the disk. If the process dies before, the newest
        checkpoint is still the one before. Threads that share a saver save one after the other, so
        the newest checkpoint never holds an earlier step than the one before.

        Beside it the graph is written, as by `export_meta_graph`; the checkpoint does not depend
        on that file. A graph that no file can hold is left out, with a warning.

        Source of the rules: tf.compat.v1.train.Saver documentation.

        Args:
            sess: The raw session.
            save_path: Prefix of the checkpoint.
            global_step: A number, or a tensor or variable to read it from; it is appended to the
                prefix (``model.ckpt-100``).
            latest_filename: Name of the state file, ``checkpoint`` if not given.
            meta_graph_suffix: What the name of the graph's file ends with, after a dot.
            write_meta_graph: Whether the graph is written.
            write_state: Whether the checkpoint becomes the newest one in the state file. If not,
                this saver doesn't delete it either.
            strip_default_attrs: No difference.
            save_debug_info: No difference.

        Returns:
            The prefix of the checkpoint, with the step; its file is the prefix followed by
            ``.safetensors``. None if there are no variables.

        Raises:
            RuntimeError: ``build()`` has not been called.
            TypeError: ``sess`` is no raw session.
            ValueError: The directory above that of the checkpoint doesn't exist, or the path or
                ``latest_filename`` is no good.
            FailedPreconditionError: A variable has not been initialized.
            OpError: The file cannot be written; a subclass says why.
        """
        if is_rehearsal():
            return os.fspath(save_path)
        variables = self._built("save")
        _check_session(sess)
        with self._saving:
            step = _as_step(sess, global_step)
            prefix = self._prefix(os.fspath(save_path), step, latest_filename or "checkpoint")
            if not variables:
                return None
            directory = os.path.dirname(prefix)
            _make_last(directory, prefix)
            remove_leftovers(directory)
            digest = _write_pinned(sess, variables, checkpoint_file_name(prefix), step)
            _tell_saved(sess, prefix, step, digest)
            if write_state:
                self._make_newest(directory, prefix, latest_filename, meta_graph_suffix)
            if write_meta_graph:
                self._write_graph(sess.graph, f"{prefix}.{meta_graph_suffix}")
            return prefix

    def _write_graph(self, graph: "Graph", path: str) -> None:
        """Writes the graph beside a checkpoint; a graph that no file can hold is no failure."""
        if self._graph is None or self._graph[0] is not graph or not graph.finalized:
            self._graph = graph, self._graph_text(graph)
        text = self._graph[1]
        if text is not None:
            replace_file(path, [text])

    def _graph_text(self, graph: "Graph") -> bytes | None:
        try:
            return export_meta_graph(saver_def=self.saver_def, graph=graph).to_text().encode()
        except ValueError as error:
            logging.warning(f"The graph is not saved beside the checkpoint: {error}")
            return None

    def _prefix(self, save_path: str, step: int | None, latest_filename: str) -> str:
        if os.path.split(latest_filename)[0]:
            raise ValueError(
                f"'latest_filename' must not contain path components: {latest_filename!r}"
            )
        prefix = checkpoint_prefix(save_path)
        if step is not None:
            return f"{prefix}-{step:08d}" if self._def.pad_step_number else f"{prefix}-{step}"
        if os.path.basename(prefix) == latest_filename:
            raise ValueError(
                f"'latest_filename' collides with 'save_path': '{latest_filename}' and "
                f"'{save_path}'. Choose another name for one of them, or pass global_step."
            )
        if not os.path.basename(prefix):
            raise ValueError(f"save_path {save_path!r} is a directory; add a name to it")
        return prefix

    def _make_newest(
        self, directory: str, prefix: str, latest_filename: str | None, suffix: str
    ) -> None:
        """Writes the state file, then deletes what is no longer kept."""
        newest = _Saved(prefix, time.time())
        kept, dropped = _with_newest(self._kept, newest, self._def.max_to_keep)
        listed = kept or (newest,)
        update_checkpoint_state(
            directory,
            prefix,
            [saved.path for saved in listed],
            latest_filename,
            [saved.time for saved in listed],
        )
        self._kept = kept
        for saved in dropped:
            self._delete_unless_preserved(saved, suffix)

    def _delete_unless_preserved(self, saved: _Saved, suffix: str) -> None:
        if saved.time > self._next_preserved_time:
            self._next_preserved_time += self._keep_secs
            return
        try:
            remove_checkpoint(saved.path, meta_graph_suffix=suffix)
        except errors.OpError as error:
            logging.warning(f"Ignoring: {error}")

    # -- restoring ---------------------------------------------------------------------------------

    def restore(self, sess: "Session", save_path: str | os.PathLike[str] | None) -> None:
        """Sets the variables to the values of a checkpoint: all of them, or none after an error.

        The variables need not be initialized. The file is hashed, and the session's event
        listener is told, before anything in it is decoded.

        Source of the rules: tf.compat.v1.train.Saver documentation.

        Args:
            sess: The raw session.
            save_path: Prefix of the checkpoint, or its file.

        Raises:
            RuntimeError: ``build()`` has not been called.
            TypeError: ``sess`` is no raw session.
            ValueError: The path is None, or there is no such checkpoint.
            NotFoundError: The checkpoint lacks variables.
            InvalidArgumentError: A variable has another type or shape in the checkpoint.
            DataLossError: The file is no checkpoint, or it is damaged.
        """
        variables = self._built("restore")
        if not variables:
            return
        _check_session(sess)
        if save_path is None:
            raise ValueError(
                "Can't load save_path when it is None. latest_checkpoint() returns None if there "
                "is no checkpoint."
            )
        if not checkpoint_exists(save_path):
            raise ValueError(_no_checkpoint(os.fspath(save_path)))
        logging.info(f"Restoring parameters from {os.fspath(save_path)}")
        path = checkpoint_file_name(save_path)
        with CheckpointReader(path) as reader:
            _tell_restored(sess, path, reader.digest(keep=variables))
            values = self._checked_values(reader, variables, path)
            states = _states_to_load(sess, variables, reader, path)
        _write(sess, variables, values)
        if states is not None:
            sess.hook_states.load(states)

    def _checked_values(
        self, reader: CheckpointReader, variables: Mapping[str, Variable], path: str
    ) -> dict[str, Array]:
        contents = reader.contents()
        _check_names(variables, contents, path)
        for name, variable in variables.items():
            _check_fits(variable, name, contents[name], path, self._def.reshape)
        return reader.read(variables)

    def _built(self, method: str) -> dict[str, Variable]:
        if self._variables is None:
            raise RuntimeError(f"`build()` should be called before {method} if defer_build==True")
        return self._variables


def _refuse_internal(saver_def: object, builder: object, write_version: int | None) -> None:
    """Raises an error for arguments that make sense only inside TensorFlow."""
    if saver_def is not None and not isinstance(saver_def, SaverDef):
        raise ValueError(
            f"saver_def must be a SaverDef, not {type(saver_def).__name__}: checkpoints are "
            "safetensors files. Take that of another Saver: saver.saver_def."
        )
    if builder is not None:
        raise ValueError(
            "Saver takes no builder: checkpoints are safetensors files. Say what is to be saved "
            "by var_list."
        )
    if write_version not in (None, SaverDef.V1, SaverDef.V2):
        raise ValueError(
            f"write_version={write_version} is not known: checkpoints are safetensors files. "
            "Leave it out."
        )


# Any: what untyped code passes can be anything.
def _make_last(directory: str, prefix: str) -> None:
    """Makes the directory of a checkpoint, as TensorFlow does, if the one above it is there."""
    if os.path.isdir(directory or "."):
        return
    try:
        os.mkdir(directory)
    except FileExistsError:
        if os.path.isdir(directory):  # another thread was quicker
            return
        raise ValueError(f"{directory!r} is no directory, can't save {prefix}.") from None
    except OSError as error:
        raise ValueError(
            f"Parent directory of {prefix} doesn't exist, can't save: {error.strerror}. Make "
            f"{directory!r} first."
        ) from error


def _check_session(sess: Any) -> None:
    if not hasattr(sess, "write_variables"):
        raise TypeError(
            f"'sess' must be a Session; it is a {type(sess).__name__}. Of a monitored session, "
            "pass its raw_session(); in a hook, the session that its method is given."
        )


# Any: the elements are checked by _by_name.
def _all_saveable() -> list[Any]:
    graph = get_default_graph()
    return graph.get_collection(GraphKeys.GLOBAL_VARIABLES) + graph.get_collection(
        GraphKeys.SAVEABLE_OBJECTS
    )


def _by_name(var_list: Iterable[Variable] | Mapping[str, Variable]) -> dict[str, Variable]:
    pairs: list[tuple[str | None, Variable]] = (
        list(var_list.items())
        if isinstance(var_list, Mapping)
        else [(None, variable) for variable in var_list]
    )
    variables: dict[str, Variable] = {}
    seen: set[Variable] = set()
    for given_name, variable in pairs:
        if not isinstance(variable, Variable):
            raise TypeError(
                f"Variable to save is not a Variable: {variable!r} is a {type(variable).__name__}"
            )
        name = variable.op.name if given_name is None else given_name
        if name in variables:
            raise ValueError(f"At least two variables have the same name: {name}")
        if variable in seen:
            raise ValueError(f"The same saveable will be restored with two names: {name}")
        variables[name] = variable
        seen.add(variable)
    return dict(sorted(variables.items()))


def _as_step(sess: "Session", global_step: "int | Tensor | Variable | None") -> int | None:
    if global_step is None or isinstance(global_step, (int, np.integer)):
        return None if global_step is None else int(global_step)
    return read_global_step(sess, global_step)


def _with_newest(
    kept: Sequence[_Saved], newest: _Saved, max_to_keep: int
) -> tuple[tuple[_Saved, ...], tuple[_Saved, ...]]:
    """The checkpoints that are kept once there is a new one, and those that are not any more."""
    if max_to_keep <= 0:
        return (), ()
    others = [saved for saved in kept if saved.path != newest.path]
    surplus = max(0, len(others) + 1 - max_to_keep)
    return (*others[surplus:], newest), tuple(others[:surplus])


def _tell_saved(sess: "Session", prefix: str, step: int | None, digest: FileDigest) -> None:
    if sess.event_listener is not None:
        sess.event_listener(
            "checkpoint.saved",
            {
                "path": checkpoint_file_name(prefix),
                "step": step,
                "size": digest.size,
                "sha256": digest.sha256,
                "format": _FORMAT,
            },
        )


def _tell_restored(sess: "Session", path: str, digest: FileDigest) -> None:
    if sess.event_listener is not None:
        step = _STEP_OF_PREFIX.search(checkpoint_prefix(path))
        sess.event_listener(
            "checkpoint.restored",
            {
                "path": path,
                "step": int(step.group(1)) if step else None,
                "size": digest.size,
                "sha256": digest.sha256,
            },
        )


def _no_checkpoint(save_path: str) -> str:
    return (
        f"The passed save_path is not a valid checkpoint: {save_path}. There is no file "
        f"{checkpoint_file_name(save_path)!r}; latest_checkpoint(directory) gives the newest "
        "checkpoint of a directory."
    )


def _check_names(
    variables: Mapping[str, Variable], contents: Mapping[str, StoredVariable], path: str
) -> None:
    missing = [name for name in variables if name not in contents]
    if missing:
        raise errors.NotFoundError(
            None,
            None,
            f"Key {_listed(missing)} not found in checkpoint {path!r}. It holds: "
            f"{_listed([f'{name} {stored}' for name, stored in contents.items()])}. Either the "
            "graph was changed since the checkpoint was saved, or it is another model's. A "
            "Saver(var_list=...) of the variables that are there restores these alone.",
        )


def _check_fits(
    variable: Variable, name: str, stored: StoredVariable, path: str, reshape: bool
) -> None:
    wanted = f"{variable.dtype.name}{variable.shape}"
    if stored.dtype != variable.dtype.name:
        raise _misfit(variable, name, wanted, stored, path, "cast the variable in the graph")
    if variable.shape.is_compatible_with(stored.shape):
        return
    count = variable.shape.num_elements()
    if not reshape or count != int(np.prod(stored.shape, dtype=np.int64)):
        raise _misfit(
            variable,
            name,
            wanted,
            stored,
            path,
            "Saver(reshape=True) allows another shape with as many elements",
        )


def _misfit(
    variable: Variable, name: str, wanted: str, stored: StoredVariable, path: str, advice: str
) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(
        None,
        variable.op,
        f"Variable {name!r} is {wanted} in the graph, but checkpoint {path!r} holds {stored} "
        f"for it. Nothing was restored. Make the graph as it was when the checkpoint was saved; "
        f"{advice}.",
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED_AT_MOST
    listed = ", ".join(names[:_LISTED_AT_MOST]) or "nothing"
    return listed if more <= 0 else f"{listed} and {more} more"


def _write_pinned(
    sess: "Session", variables: Mapping[str, Variable], path: str, step: int | None
) -> FileDigest:
    """Writes the variables' own arrays; whoever trains on them meanwhile goes on with copies."""
    states = {} if sess.hook_states is None else sess.hook_states.collect()
    extra = {_HOOKS: encoded_states(states)} if states else {}
    with sess.pinned_variables(variables.values()) as values:
        by_name = {name: values[variable] for name, variable in variables.items()}
        return write_checkpoint(path, by_name, step, extra)


def _states_to_load(
    sess: "Session", variables: Mapping[str, Variable], reader: CheckpointReader, path: str
) -> dict[str, Any] | None:
    """What hooks remember, if this restore resumes a training; else None.

    The states go with the global step: who restores other variables alone, such as those of a
    model that was trained before, does not go back to where that training was.
    """
    step = get_global_step(sess.graph)
    if sess.hook_states is None or (step is not None and step not in variables.values()):
        return None
    text = reader.metadata(_HOOKS)
    try:
        return {} if text is None else decoded_states(text)
    except ValueError as error:
        raise errors.DataLossError(None, None, f"Checkpoint {path!r} is damaged: {error}") from None


def _write(sess: "Session", variables: Mapping[str, Variable], values: Mapping[str, Array]) -> None:
    """Sets the variables, in the shapes that they have in the graph."""
    sess.write_variables(
        {variables[name]: _in_shape_of(variables[name], value) for name, value in values.items()}
    )


def _in_shape_of(variable: Variable, value: Array) -> Array:
    if variable.shape.is_compatible_with(value.shape):
        return value
    return value.reshape([-1 if size is None else size for size in variable.shape.as_list()])
