"""Graphs in files: what `export_meta_graph` writes, `import_meta_graph` makes a graph of again.

The file is JSON. It holds the operations with their attributes, the variables, the collections and
what a saver is to save; it holds no values of variables (those are in checkpoints) and no code: a
Python function, as of `py_func`, is left behind, and an operation that needs it fails when it is
run. The form is our own: TensorFlow's kernels need other attributes than ours.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime import errors, logging
from runtime.durable_file import replace_file
from runtime.graph.bodies import Body
from runtime.graph.definition import Definition, definition_of
from runtime.graph.export import load_all
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.graph_def import GraphDef
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops.data_flow import QueueBase
from runtime.graph.portable import Unportable, portable, restored
from runtime.graph.shapes import as_dims
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable
from runtime.queue_runner import QueueRunner

if TYPE_CHECKING:
    from runtime.saver import Saver, SaverDef

__all__ = ["MetaGraphDef", "export_meta_graph", "import_meta_graph"]

_FORMAT: Final = "monitored-session graph"
_VERSION: Final = 1
# Any, here and below: what JSON holds.
Content = dict[str, Any]


@attrs.frozen
class MetaGraphDef:
    """A graph in the form in which files hold it.

    Attributes:
        content: The whole content, as JSON can hold it.
        graph_def: A description of the operations.
    """

    content: Content = attrs.field(repr=False)
    graph_def: GraphDef = attrs.field(repr=False)

    @property
    def collection_def(self) -> Mapping[str, list[Any]]:
        """The collections, as the file holds them."""
        return self.content["collections"]  # type: ignore[no-any-return]

    def to_text(self) -> str:
        """The text of the file."""
        return json.dumps(self.content, allow_nan=False, separators=(",", ":"))


def export_meta_graph(
    filename: str | os.PathLike[str] | None = None,
    meta_info_def: None = None,
    graph_def: None = None,
    saver_def: "SaverDef | None" = None,
    collection_list: Iterable[str] | None = None,
    as_text: bool = False,
    graph: Graph | None = None,
    export_scope: str | None = None,
    clear_devices: bool = False,
    clear_extraneous_savers: bool = False,
    strip_default_attrs: bool = False,
    save_debug_info: bool = False,
    **kwargs: Any,
) -> MetaGraphDef:
    """Writes a graph to a file, or describes it as a file would.

    Source of the rules: tf.compat.v1.train.export_meta_graph documentation.

    Args:
        filename: The file; None to write none. What it held before is replaced.
        meta_info_def: Must be None.
        graph_def: Must be None: the graph itself is described.
        saver_def: What a saver saves (``saver.saver_def``).
        collection_list: Names of the collections; all if None.
        as_text: No difference: the file is text in any case.
        graph: The graph; the default graph if None.
        export_scope: If given, only the operations below this name scope, without its name.
        clear_devices: Whether devices are left out.
        clear_extraneous_savers: Whether savers in collections are left out.
        strip_default_attrs: No difference.
        save_debug_info: No difference.
        **kwargs: No difference.

    Returns:
        The description.

    Raises:
        ValueError: The graph holds what no file can hold, or an operation in the scope needs one
            outside.
        OpError: The file cannot be written; a subclass says why.
    """
    if meta_info_def is not None or graph_def is not None:
        raise ValueError(
            "export_meta_graph takes neither meta_info_def nor graph_def: it describes a graph. "
            "Give graph= to choose it."
        )
    chosen = get_default_graph() if graph is None else graph
    writer = _Writer(chosen, export_scope, clear_devices)
    skipped = {GraphKeys.SAVERS} if clear_extraneous_savers else set()
    names = chosen.get_all_collection_keys() if collection_list is None else list(collection_list)
    described = writer.meta_graph([name for name in names if name not in skipped], saver_def)
    if filename is not None:
        replace_file(os.fspath(filename), [described.to_text().encode()])
    return described


def import_meta_graph(
    meta_graph_or_file: MetaGraphDef | str | os.PathLike[str],
    clear_devices: bool = False,
    import_scope: str | None = None,
    **kwargs: Any,
) -> "Saver | None":
    """Adds the graph of a file to the default graph.

    Nothing in the file is evaluated. It may come from anywhere, but then the graph may do
    anything that a graph can do, such as reading checkpoints.

    Source of the rules: tf.compat.v1.train.import_meta_graph documentation.

    Args:
        meta_graph_or_file: What `export_meta_graph` returned, or the file that it wrote.
        clear_devices: Whether devices are forgotten.
        import_scope: A name scope to put the operations under.
        **kwargs: No difference.

    Returns:
        A saver of the graph's variables, under the names that they had; None if it has none.

    Raises:
        OSError: There is no such file.
        DataLossError: The file is damaged, or no file of a graph.
        RuntimeError: The default graph is finalized.
    """
    if isinstance(meta_graph_or_file, MetaGraphDef):
        return _imported(meta_graph_or_file.content, "the meta graph", clear_devices, import_scope)
    path = os.fspath(meta_graph_or_file)
    return _imported(_read(path), f"the file {path!r}", clear_devices, import_scope)


# -- writing ---------------------------------------------------------------------------------------


class _Writer:
    """Describes a graph, or what is below one of its name scopes."""

    def __init__(self, graph: Graph, scope: str | None, clear_devices: bool) -> None:
        self._graph = graph
        self._prefix = f"{scope.rstrip('/')}/" if scope else ""
        self._clear_devices = clear_devices
        self._variables: dict[str, Content] = {}
        self._bodies: dict[Body, int] = {}

    def meta_graph(self, collections: list[str], saver_def: "SaverDef | None") -> MetaGraphDef:
        """Describes it.

        Args:
            collections: The collections to describe.
            saver_def: What a saver saves, or None.

        Returns:
            The description.
        """
        operations = [op for op in self._graph.get_operations() if self._has(op)]
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "operations": [self._operation(op) for op in operations],
            "collections": {name: self._collection(name) for name in collections},
            "saver": None if saver_def is None else self._saver(saver_def),
        }
        content["variables"] = list(self._variables.values())
        content["bodies"] = list(self._described_bodies())
        return MetaGraphDef(content, GraphDef([op.node_def for op in operations]))

    def _has(self, op: Operation) -> bool:
        return op.name.startswith(self._prefix)

    def _operation(self, op: Operation) -> Content:
        return {
            "name": self._name(op),
            "type": op.type,
            "inputs": [self._tensor(tensor, op) for tensor in op.inputs],
            "controls": [self._name(control, op) for control in op.control_inputs],
            "device": "" if self._clear_devices else op.device,
            "body": self._body(op.body),
            "attributes": self._attributes(op),
            "shapes": [None if t.dims is None else list(t.dims) for t in op.outputs],
        }

    def _attributes(self, op: Operation) -> Content:
        try:
            return {key: portable(value, self._part) for key, value in op.attributes.items()}
        except Unportable as error:
            raise ValueError(
                f"Operation {op.name!r} ({op.type}) has an attribute that no file can hold: "
                f"{error}."
            ) from None

    def _part(self, value: Any) -> Content:
        """An attribute that is a part of the graph."""
        if isinstance(value, Tensor):
            return {"tensor": self._tensor(value)}
        if isinstance(value, Body):
            return {"body": self._body(value)}
        raise Unportable(f"a value of type {type(value).__name__} cannot be written to a file")

    def _body(self, body: Body | None) -> int | None:
        return None if body is None else self._bodies.setdefault(body, len(self._bodies))

    def _described_bodies(self) -> Iterator[Content]:
        """The bodies; each may lead to others, which follow."""
        described = 0
        while described < len(self._bodies):
            for body in list(self._bodies)[described:]:
                described += 1
                yield self._body_content(body)

    def _body_content(self, body: Body) -> Content:
        owner = body.owner
        return {
            "what": body.what,
            "parent": self._body(body.parent),
            "forward": self._body(body.forward),
            "owner": None if owner is None else self._name(owner),
            "arguments": [self._tensor(tensor) for tensor in body.arguments],
            "results": [None if t is None else self._tensor(t) for t in body.results],
            "feeds": [[self._tensor(t), self._tensor(source)] for t, source in body.feeds.items()],
            "handles": [self._tensor(tensor) for tensor in body.handles],
            "controls": [self._name(op) for op in body.controls],
            "saved": [[self._tensor(t), self._tensor(out)] for t, out in body.outputs.items()],
        }

    def _name(self, op: Operation, needed_by: Operation | None = None) -> str:
        if not self._has(op):
            needs = "a collection" if needed_by is None else f"operation {needed_by.name!r}"
            raise ValueError(
                f"Operation {op.name!r} is not in the scope {self._prefix[:-1]!r} that is to be "
                f"exported, but {needs} needs it. Export a scope that holds both."
            )
        return op.name[len(self._prefix) :]

    def _tensor(self, tensor: Tensor, needed_by: Operation | None = None) -> str:
        return f"{self._name(tensor.op, needed_by)}:{tensor.value_index}"

    def _collection(self, name: str) -> list[Content]:
        return [
            item for value in self._graph.get_collection(name) for item in self._item(name, value)
        ]

    def _item(self, collection: str, value: Any) -> Iterator[Content]:
        """The description of an element of a collection; nothing for what has none."""
        if not self._in_scope(value):
            return
        try:
            yield self._described(value)
        except Unportable as error:
            logging.warning(
                f"An element of the collection {collection!r} is not written to the file: {error}."
            )

    def _in_scope(self, value: Any) -> bool:
        op = value if isinstance(value, Operation) else getattr(value, "op", None)
        return not isinstance(op, Operation) or self._has(op)

    def _described(self, value: Any) -> Content:
        from runtime.saver import Saver

        if isinstance(value, Variable):
            return {"variable": self._variable(value)}
        if isinstance(value, Tensor):
            return {"tensor": self._tensor(value)}
        if isinstance(value, Operation):
            return {"operation": self._name(value)}
        if isinstance(value, QueueRunner):
            return {"queue_runner": self._queue_runner(value)}
        if isinstance(value, Saver):
            return {"saver": self._saver(value.as_saver_def())}
        return {"value": portable(value)}

    def _variable(self, variable: Variable) -> str:
        name = self._name(variable.op)
        self._variables[name] = {
            "name": name,
            "initial_value": self._tensor(variable.initial_value),
            "initializer": self._name(variable.initializer),
            "snapshot": self._tensor(variable.value()),
            "trainable": bool(variable.trainable),
        }
        return name

    def _queue_runner(self, runner: QueueRunner) -> Content:
        queue = runner.queue
        return {
            "queue": {
                "reference": self._tensor(queue.queue_ref),
                "types": [portable(dtype) for dtype in queue.dtypes],
                "shapes": [portable(shape) for shape in queue.shapes],
                "names": queue.names,
            },
            "enqueue": [self._name(getattr(op, "op", op)) for op in runner.enqueue_ops],
            "close": self._name(runner.close_op),
            "cancel": self._name(runner.cancel_op),
            "closed_by": [error.__name__ for error in runner.queue_closed_exception_types],
        }

    def _saver(self, saver_def: "SaverDef") -> Content:
        found: Content = attrs.asdict(saver_def, recurse=False)
        variables = saver_def.variables
        if variables is not None:
            found["variables"] = {name: self._variable(v) for name, v in variables.items()}
        return found


# -- reading ---------------------------------------------------------------------------------------


def _read(path: str) -> Content:
    try:
        with open(path, "rb") as file:
            content = json.load(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, f"File {path} does not exist", path) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(f"the file {path!r}", f"it is not JSON ({error})") from error
    return content  # type: ignore[no-any-return]  # checked by _imported


def _damaged(source: str, why: str) -> errors.DataLossError:
    return errors.DataLossError(
        None,
        None,
        f"No graph can be made of {source}: {why}. It must be a file that export_meta_graph or a "
        "Saver wrote; write it again.",
    )


# Any: content may be anything until it is checked.
def _load_definitions() -> None:
    """Imports every module that defines types of operations."""
    import runtime.checkpoint_utils
    import runtime.data
    import runtime.summary_ops  # noqa: F401  # these two and what the graph itself has

    load_all()


def _imported(content: Any, source: str, clear_devices: bool, scope: str | None) -> "Saver | None":
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _damaged(source, f"its format is not {_FORMAT!r}")
    if content.get("version") != _VERSION:
        found = content.get("version")
        raise _damaged(source, f"it has version {found!r}, and only {_VERSION} can be read")
    graph = get_default_graph()
    if graph.finalized:
        raise RuntimeError("Graph is finalized and cannot be modified.")
    _load_definitions()
    try:
        _Reader(Graph(), clear_devices, scope).add(content)  # what fails, fails here
    except Exception as error:  # of any class: attributes of a damaged file reach definitions
        raise _damaged(source, f"{type(error).__name__}: {error}") from error
    return _Reader(graph, clear_devices, scope).add(content)


class _Reader:
    """Adds a described graph to another one."""

    def __init__(self, graph: Graph, clear_devices: bool, scope: str | None) -> None:
        self._graph = graph
        self._clear_devices = clear_devices
        self._scope = f"{scope.rstrip('/')}/" if scope else ""
        self._operations: dict[str, Operation] = {}
        self._variables: dict[str, Variable] = {}
        self._bodies: list[Body] = []
        self._owned: dict[str | None, list[int]] = {}  # the bodies of an operation, by its name
        # Any: as for portable.
        self._parts: dict[str, Callable[[Any], Any]] = {"tensor": self._tensor, "body": self._body}
        # Any: a collection holds anything, and a file too.
        self._makers: dict[str, Callable[[Any], Any]] = {
            "variable": self._variables.__getitem__,
            "tensor": self._tensor,
            "operation": self._operations.__getitem__,
            "queue_runner": self._queue_runner,
            "saver": self._saver_of,
            "value": restored,
        }

    def add(self, content: Content) -> "Saver | None":
        """Adds operations, variables and collections.

        Args:
            content: The description.

        Returns:
            A saver for the variables; None if there are none.
        """
        self._make_bodies(content["bodies"])
        with self._graph.name_scope(None), self._graph.control_dependencies(None):
            for described in content["operations"]:
                self._add_described(described, content["bodies"])
        for body, described in zip(self._bodies, content["bodies"], strict=True):
            self._complete(body, described)
        for described in content["variables"]:
            self._variables[described["name"]] = self._made_variable(described)
        for name, items in content["collections"].items():
            for item in items:
                self._graph.add_to_collection(name, self._item(item))
        return self._saver_of(content["saver"])

    def _make_bodies(self, described: list[Content]) -> None:
        self._bodies = [Body(one["what"]) for one in described]
        for body, one in zip(self._bodies, described, strict=True):
            body.parent, body.forward = self._body(one["parent"]), self._body(one["forward"])
        for index, one in enumerate(described):
            self._owned.setdefault(one["owner"], []).append(index)

    def _body(self, index: int | None) -> Body | None:
        if index is not None and not 0 <= index < len(self._bodies):
            raise ValueError(f"there is no body {index}")
        return None if index is None else self._bodies[index]

    def _add_described(self, described: Content, bodies: list[Content]) -> None:
        """Adds an operation, between what it needs of bodies and what these need of it."""
        owned = self._owned.get(described["name"], [])
        for index in owned:
            self._give_results(self._bodies[index], bodies[index])
        body = self._body(described["body"])
        with self._graph.inside(body):
            op = self._operations[described["name"]] = self._add_operation(described)
        for index in owned:
            self._bodies[index].own(op)
            outputs = self._bodies[index].outputs
            outputs.update({self._tensor(t): self._tensor(o) for t, o in bodies[index]["saved"]})

    def _give_results(self, body: Body, described: Content) -> None:
        body.arguments = [self._tensor(name) for name in described["arguments"]]
        body.results = [None if n is None else self._tensor(n) for n in described["results"]]

    def _complete(self, body: Body, described: Content) -> None:
        """What the operations of a body have said that they use, as the file says it."""
        body.feeds = {self._tensor(t): self._tensor(source) for t, source in described["feeds"]}
        body.handles = dict.fromkeys([self._tensor(name) for name in described["handles"]])
        body.controls = dict.fromkeys([self._operations[name] for name in described["controls"]])

    def _add_operation(self, described: Content) -> Operation:
        name = self._graph.unique_name(f"{self._scope}{described['name']}")
        controls = [self._operations[control] for control in described["controls"]]
        given = described["attributes"].items()
        attributes = {key: restored(value, self._parts) for key, value in given}
        device = "" if self._clear_devices else described["device"]
        with self._graph.device(device or None), self._graph.control_dependencies(controls):
            inputs = [self._tensor(tensor) for tensor in described["inputs"]]
            definition = _known_definition(described["type"])
            op = self._graph.create(definition, inputs, attributes, f"{name}/")
        for tensor, dims in zip(op.outputs, described["shapes"], strict=True):
            tensor.set_shape(dims)
        return op

    def _tensor(self, name: str) -> Tensor:
        operation, _, index = name.rpartition(":")
        return self._operations[operation].outputs[int(index)]

    def _made_variable(self, described: Content) -> Variable:
        return Variable.restored(
            self._operations[described["name"]].outputs[0],
            self._tensor(described["initial_value"]),
            self._operations[described["initializer"]],
            self._tensor(described["snapshot"]),
            bool(described["trainable"]),
        )

    # Any: a collection holds anything.
    def _item(self, described: Content) -> Any:
        ((kind, content),) = described.items()
        return self._makers[kind](content)

    def _queue_runner(self, content: Content) -> QueueRunner:
        queue = content["queue"]
        return QueueRunner(
            QueueBase(
                self._tensor(queue["reference"]),
                [restored(dtype) for dtype in queue["types"]],
                [as_dims(restored(shape)) for shape in queue["shapes"]],
                queue["names"],
            ),
            [self._operations[name] for name in content["enqueue"]],
            self._operations[content["close"]],
            self._operations[content["cancel"]],
            tuple([_error_class(name) for name in content["closed_by"]]),
        )

    def _saver_of(self, content: Content | None) -> "Saver | None":
        from runtime.saver import Saver, SaverDef

        if content is None:
            return Saver(self._variables) if self._variables else None
        fields = dict(content)
        if fields["variables"] is not None:
            by_name = fields["variables"].items()
            fields["variables"] = {name: self._variables[variable] for name, variable in by_name}
        return Saver(saver_def=SaverDef(**fields))


def _known_definition(type_name: Any) -> Definition:
    found = definition_of(type_name) if isinstance(type_name, str) else None
    if found is None:
        raise ValueError(f"operations of type {type_name!r} do not exist here")
    return found


def _error_class(name: str) -> type[errors.OpError]:
    found = getattr(errors, name)
    if not (isinstance(found, type) and issubclass(found, errors.OpError)):
        raise ValueError(f"{name!r} is no class of tf.errors")
    return found
