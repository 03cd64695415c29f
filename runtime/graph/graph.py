"""The graph: operations, names, scopes, control dependencies, collections, finalization."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any

from runtime.graph.bodies import Body, check_reachable
from runtime.graph.definition import Definition
from runtime.graph.devices import DeviceSpec, placed
from runtime.graph.graph_def import GraphDef
from runtime.graph.operation import Operation
from runtime.graph.stacks import DefaultStack
from runtime.graph.tensor import Tensor

_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9_.\\/>-]*")


class _Controls:
    """One active `control_dependencies` block."""

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations
        self.members: set[Operation] = set()


class _Scopes(threading.local):
    """What surrounds the next operation that this thread creates."""

    def __init__(self) -> None:
        self.name = ""
        self.controls: list[_Controls] = []
        self.devices: list[Any] = []
        self.body: Body | None = None
        self.overrides: dict[str, str] = {}


class Graph:
    """A set of operations and the tensors between them.

    Source: the ``tf.compat.v1.Graph`` documentation.

    Attributes:
        seed: The graph-level seed of random operations, or None.
        building_function: Always False.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._operations: dict[str, Operation] = {}
        self._names: dict[str, int] = {}
        self._arguments = count()
        self._provisional: set[str] = set()
        self._scopes = _Scopes()
        self._collections: dict[Any, list[Any]] = {}
        self._unfeedable: set[Tensor] = set()
        self._unfetchable: set[Any] = set()
        self._finalized = False
        self.programs: dict[Any, Any] = {}  # plans; their module is above this one
        self.seed: int | None = None
        self.building_function = False

    # Operations.

    def create(
        self,
        definition: Definition,
        inputs: Sequence[Tensor],
        attributes: dict[str, Any],
        name: str,
    ) -> Operation:
        """Adds an operation.

        Args:
            definition: Its type.
            inputs: The tensors that it takes.
            attributes: What else its kernel needs.
            name: Its name inside the current scope; one that ends with ``/`` is absolute.

        Returns:
            The operation.

        Raises:
            RuntimeError: If the graph is finalized.
            ValueError: If inputs belong to another graph or their shapes don't fit.
        """
        self._check_not_finalized()
        for tensor in inputs:
            if tensor.op.graph is not self:
                raise ValueError(
                    f"Tensor {tensor.name!r} can't be an input of {name!r} "
                    f"({definition.type}): it belongs to another graph. Make both in one graph."
                )
        with self._lock:
            return self._add(definition, inputs, attributes, name)

    def _add(
        self,
        definition: Definition,
        inputs: Sequence[Tensor],
        attributes: dict[str, Any],
        name: str,
    ) -> Operation:
        full = name[:-1] if name.endswith("/") else self.unique_name(name)
        if self._provisional:
            self._name_constants(inputs, full)
        controls = self._control_inputs({t.op for t in inputs})
        op = Operation(
            self,
            definition,
            inputs,
            attributes,
            full,
            controls,
            "",
            len(self._operations),
            self._scopes.body,
        )
        self._take_in(op)
        if self._scopes.devices:
            op.device = placed(op, self._scopes.devices)
        override = self._scopes.overrides.get(definition.type)
        if override is not None:
            op.attributes["_gradient_op_type"] = override
        self._operations[full] = op
        for block in self._scopes.controls:
            block.members.add(op)
        return op

    def provisional_name(self) -> str:
        """A name for a constant that an argument is made into.

        The operation that takes it gives it a name below its own, as TensorFlow does, so that
        arguments use up no names that a user's own operations would have.

        Returns:
            The name, as an operation is created with it.
        """
        scope = self._scopes.name
        name = f"{scope}{'/' if scope else ''}Const/{next(self._arguments)}"
        self._provisional.add(name)
        return f"{name}/"

    def _name_constants(self, inputs: Sequence[Tensor], taker: str) -> None:
        places = ("x", "y") if len(inputs) == 2 else ("Const",) * len(inputs)
        for tensor, place in zip(inputs, places, strict=True):
            if tensor.op.name in self._provisional:
                self._provisional.remove(tensor.op.name)
                self._rename(tensor.op, self._unique(f"{taker}/{place}", True))

    def _rename(self, op: Operation, name: str) -> None:
        """Gives an operation another name, and with it what is named below it."""
        before = f"{op.name}/"
        del self._operations[op.name]
        op.name = name
        self._operations[name] = op
        for tensor in op.inputs:
            if tensor.op.name.startswith(before):
                self._rename(tensor.op, f"{name}/{tensor.op.name.removeprefix(before)}")

    def _control_inputs(self, input_ops: set[Operation]) -> list[Operation]:
        """The operations of all active blocks, but for blocks an input belongs to already."""
        found: list[Operation] = []
        for block in self._scopes.controls:
            if input_ops and not block.members.isdisjoint(input_ops):
                continue
            found.extend(op for op in block.operations if op not in found and op not in input_ops)
        body = self._scopes.body
        if body is not None:
            return [op for op in found if body.follow(op)]
        for op in found:
            check_reachable(op)
        return found

    def _take_in(self, op: Operation) -> None:
        """Makes what an operation uses available to the body that it belongs to."""
        if op.body is None:
            for tensor in op.inputs:
                if tensor.op.type != "Const":
                    check_reachable(tensor.op)
            return
        references = op.references
        for index, tensor in enumerate(op.inputs):
            op.body.take(tensor, index in references)

    @contextmanager
    def inside(self, body: Body | None) -> Iterator[None]:
        """Puts the operations that are made inside into a body.

        Args:
            body: The body; None for none at all.

        Yields:
            Nothing.
        """
        before = self._scopes.body
        self._scopes.body = body
        try:
            yield
        finally:
            self._scopes.body = before

    @property
    def body(self) -> Body | None:
        """The body that operations are put into."""
        return self._scopes.body

    def _check_not_finalized(self) -> None:
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    def get_operations(self) -> list[Operation]:
        """All operations in the order of their creation."""
        return list(self._operations.values())

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> GraphDef:
        """A description of the graph that holds no live objects.

        Source: the ``tf.compat.v1.Graph.as_graph_def`` documentation.

        Args:
            from_version: If given, only the operations that were added since `version` had this
                value.
            add_shapes: Without effect: the static shapes are always there.

        Returns:
            The description.
        """
        return GraphDef([op.node_def for op in self.get_operations()[from_version or 0 :]])

    @property
    def version(self) -> int:
        """The number of operations; it grows with each change of the graph."""
        return len(self._operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """Finds an operation.

        Args:
            name: Its name.

        Returns:
            The operation.

        Raises:
            TypeError: If the name is no string.
            KeyError: If there is no such operation.
            ValueError: If it is the name of a tensor.
        """
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        found = self.as_graph_element(name, allow_tensor=False, allow_operation=True)
        assert isinstance(found, Operation)
        return found

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Finds a tensor.

        Args:
            name: Its name, for example ``"x:0"``.

        Returns:
            The tensor.

        Raises:
            TypeError: If the name is no string.
            KeyError: If there is no such tensor.
            ValueError: If it is the name of an operation.
        """
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        found = self.as_graph_element(name, allow_tensor=True, allow_operation=False)
        assert isinstance(found, Tensor)
        return found

    def as_graph_element(
        self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True
    ) -> Tensor | Operation:
        """The tensor or operation of this graph that an object stands for.

        Args:
            obj: A tensor, an operation, a variable, or a name.
            allow_tensor: Whether a tensor may be the answer.
            allow_operation: Whether an operation may be the answer.

        Returns:
            A tensor or operation.

        Raises:
            TypeError: If it is none of these, or not of the kind that is allowed.
            ValueError: If it belongs to another graph, or the name is not well formed.
            KeyError: If there is nothing of that name.
        """
        if not allow_tensor and not allow_operation:
            raise ValueError("as_graph_element must allow tensors, operations or both.")
        if hasattr(obj, "_as_graph_element"):
            obj = obj._as_graph_element()
        if isinstance(obj, (str, bytes)):
            obj = obj if isinstance(obj, str) else obj.decode("utf-8")
            named: Tensor | Operation = self._by_name(obj, allow_tensor, allow_operation)
            return named
        wanted = _kinds(allow_tensor, allow_operation)
        allowed = (Tensor,) * allow_tensor + (Operation,) * allow_operation
        if not isinstance(obj, allowed):
            raise TypeError(f"Can not convert a {type(obj).__name__} into a {wanted}.")
        if obj.graph is not self:
            raise ValueError(f"{obj!r} is not an element of this graph.")
        return obj

    def _by_name(self, name: str, allow_tensor: bool, allow_operation: bool) -> Any:
        if ":" in name and allow_tensor:
            return self._tensor_named(name)
        if name in self._operations and allow_operation:
            return self._operations[name]
        if ":" in name:
            raise ValueError(f"Name {name!r} appears to refer to a tensor, not an operation.")
        if name in self._operations:
            raise ValueError(
                f"Name {name!r} refers to an operation, not a tensor. "
                f"Tensor names have the form '<operation>:<output>', for example '{name}:0'."
            )
        if not allow_operation:
            raise ValueError(
                f"Name {name!r} looks like that of an operation that is not in the graph. "
                "Tensor names have the form '<operation>:<output>'."
            )
        raise KeyError(f"The name {name!r} refers to an operation that is not in the graph.")

    def _tensor_named(self, name: str) -> Tensor:
        operation, _, index = name.rpartition(":")
        if not operation or not index.isdecimal():
            raise ValueError(f"Tensor names have the form '<operation>:<output>', not {name!r}.")
        if operation not in self._operations:
            raise KeyError(
                f"The name {name!r} refers to a tensor that does not exist: the operation "
                f"{operation!r} is not in the graph."
            )
        outputs = self._operations[operation].outputs
        if int(index) >= len(outputs):
            raise KeyError(
                f"The name {name!r} refers to a tensor that does not exist: the operation "
                f"{operation!r} has {len(outputs)} outputs."
            )
        return outputs[int(index)]

    # Names and scopes.

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """A name that nothing in the graph has yet.

        Args:
            name: The name wanted, inside the current scope.
            mark_as_used: Whether the name is taken from now on.

        Returns:
            The name with its scope, and ``_1``, ``_2`` … if it was taken.

        Raises:
            ValueError: If the name has characters that names can't have.
        """
        scope = self._scopes.name
        if not (_VALID_SCOPE if scope else _VALID_NAME).fullmatch(name):
            raise ValueError(f"{name!r} is not a valid operation name.")
        full = f"{scope}/{name}" if scope else name
        with self._lock:
            return self._unique(full, mark_as_used)

    def _unique(self, full: str, mark_as_used: bool) -> str:
        key = full.lower()
        number = self._names.get(key, 0)
        if mark_as_used:
            self._names[key] = number + 1
        if not number:
            return full
        candidate = f"{full}_{number}"
        while candidate.lower() in self._names:
            number += 1
            candidate = f"{full}_{number}"
        if mark_as_used:
            self._names[key] = number + 1
            self._names[candidate.lower()] = 1
        return candidate

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Puts the operations that are made inside under a common name.

        Args:
            name: The scope; one that ends with ``/`` is absolute and used as it is; None or
                an empty string leads back to the top.

        Yields:
            The scope with a ``/`` at its end, or an empty string.

        Raises:
            ValueError: If the name has characters that names can't have.
        """
        before = self._scopes.name
        self._scopes.name = self._scope(name)
        try:
            yield f"{self._scopes.name}/" if self._scopes.name else ""
        finally:
            self._scopes.name = before

    def _scope(self, name: str | None) -> str:
        if not name:
            return ""
        if not isinstance(name, str):
            raise TypeError(f"A name scope is a string or None, not {type(name).__name__}.")
        if not (_VALID_SCOPE if self._scopes.name else _VALID_NAME).fullmatch(name):
            raise ValueError(f"{name!r} is not a valid scope name.")
        return name[:-1] if name.endswith("/") else self.unique_name(name)

    def get_name_scope(self) -> str:
        """The current name scope, without a ``/`` at its end."""
        return self._scopes.name

    def control_dependencies(
        self, control_inputs: Iterable[Any] | None
    ) -> AbstractContextManager[None]:
        """Makes operations that are created inside run after others.

        Args:
            control_inputs: Operations or tensors of this graph, or their names; None
                suspends all surrounding control dependencies, and leads out of branches of
                conditions and bodies of loops.

        Returns:
            A context manager.

        Raises:
            TypeError: If something in it is neither operation nor tensor.
        """
        if control_inputs is None:
            return self._outside()
        operations = []
        for element in control_inputs:
            found = self.as_graph_element(_indexed(element))
            operations.append(found if isinstance(found, Operation) else found.op)
        return self._controls([*self._scopes.controls, _Controls(operations)])

    @contextmanager
    def _controls(self, blocks: list[_Controls]) -> Iterator[None]:
        before = self._scopes.controls
        self._scopes.controls = blocks
        try:
            yield
        finally:
            self._scopes.controls = before

    @contextmanager
    def _outside(self) -> Iterator[None]:
        with self._controls([]), self.inside(None):
            yield

    def under_control(self) -> bool:
        """Whether an operation that is created now runs after others by control dependency."""
        return any(block.operations for block in self._scopes.controls)

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Notes a device for operations that are created inside; there is only one, the CPU.

        Args:
            device_name_or_function: A device name, a function from operations to names, None.

        Yields:
            Nothing.

        Raises:
            ValueError: If the name is that of no device.
        """
        if isinstance(device_name_or_function, str):
            DeviceSpec.from_string(device_name_or_function)
        self._scopes.devices.append(device_name_or_function)
        try:
            yield
        finally:
            self._scopes.devices.pop()

    @contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Iterator[None]:
        """Accepted and without effect: everything is in one place.

        Args:
            op: An operation or tensor.
            ignore_existing: Without effect.

        Yields:
            Nothing.
        """
        yield

    @contextmanager
    def gradient_override_map(self, op_type_map: Mapping[str, str]) -> Iterator[None]:
        """Gives operations that are made inside other gradients.

        Source: the ``tf.Graph.gradient_override_map`` documentation.

        Args:
            op_type_map: By the type of operations the name of a gradient that was registered by
                `RegisterGradient`.

        Yields:
            Nothing.

        Raises:
            TypeError: If it is no dictionary of strings.
        """
        if not isinstance(op_type_map, Mapping):
            raise TypeError("op_type_map must be a dictionary mapping strings to strings.")
        before = self._scopes.overrides
        self._scopes.overrides = {**before, **op_type_map}
        try:
            yield
        finally:
            self._scopes.overrides = before

    # Finalization.

    @property
    def finalized(self) -> bool:
        """Whether nothing can be added any more."""
        return self._finalized

    def finalize(self) -> None:
        """Makes the graph read-only."""
        self._finalized = True

    def _unsafe_unfinalize(self) -> None:
        """Makes a finalized graph writable again."""
        self._finalized = False

    # Collections.

    def add_to_collection(self, name: Any, value: Any) -> None:
        """Adds a value to a collection.

        Args:
            name: The collection, usually one of `GraphKeys`.
            value: Anything.
        """
        self._check_not_finalized()
        with self._lock:
            self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        """Adds a value to several collections, once to each.

        Args:
            names: The collections; a single string is one collection.
            value: Anything.
        """
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """What was added to a collection.

        Args:
            name: The collection.
            scope: A regular expression; only values with a name that it matches at the start.

        Returns:
            A new list.
        """
        with self._lock:
            values = list(self._collections.get(name, ()))
        if scope is None:
            return values
        pattern = re.compile(scope)
        return [v for v in values if hasattr(v, "name") and pattern.match(v.name)]

    def get_collection_ref(self, name: Any) -> list[Any]:
        """The list that a collection is; changing it changes the collection.

        Args:
            name: The collection.

        Returns:
            The list itself.
        """
        with self._lock:
            return self._collections.setdefault(name, [])

    def clear_collection(self, name: Any) -> None:
        """Removes everything from a collection.

        Args:
            name: The collection.
        """
        self._check_not_finalized()
        with self._lock:
            self._collections.pop(name, None)

    def get_all_collection_keys(self) -> list[str]:
        """The names of all collections that are strings."""
        with self._lock:
            return [name for name in self._collections if isinstance(name, str)]

    @property
    def collections(self) -> list[str]:
        """The names of all collections that are strings."""
        return self.get_all_collection_keys()

    # Feeding and fetching.

    def is_feedable(self, tensor: Any) -> bool:
        """Whether a value can be fed for a tensor.

        Args:
            tensor: The tensor.

        Returns:
            False if it, or anything like it, was excluded.
        """
        feedable = tensor not in self._unfeedable and tensor.op.body is None
        return feedable and tensor.dtype.is_numpy_compatible

    def is_fetchable(self, tensor_or_op: Any) -> bool:
        """Whether a tensor or operation can be fetched.

        Args:
            tensor_or_op: The tensor or operation.

        Returns:
            False if it was excluded.
        """
        if isinstance(tensor_or_op, Tensor) and not tensor_or_op.dtype.is_numpy_compatible:
            return False
        op = getattr(tensor_or_op, "op", tensor_or_op)
        return tensor_or_op not in self._unfetchable and op.body is None

    def prevent_feeding(self, tensor: Any) -> None:
        """Makes feeding a tensor an error.

        Args:
            tensor: The tensor.
        """
        self._unfeedable.add(tensor)

    def prevent_fetching(self, op: Any) -> None:
        """Makes fetching a tensor or operation an error.

        Args:
            op: The tensor or operation.
        """
        self._unfetchable.add(op)

    # Default graph.

    def as_default(self) -> AbstractContextManager["Graph"]:
        """Makes this graph the default of the thread inside a `with` block.

        Returns:
            A context manager that yields the graph.
        """
        return _default_graphs.pushed(self)


def _kinds(allow_tensor: bool, allow_operation: bool) -> str:
    return " or ".join(["Tensor"] * allow_tensor + ["Operation"] * allow_operation)


def _indexed(element: Any) -> Any:
    """The operation itself for what is neither tensor nor operation but has one."""
    if isinstance(element, (Tensor, Operation, str)) or hasattr(element, "_as_graph_element"):
        return element
    return getattr(element, "op", element)


def graph_of(inputs: Sequence[Tensor]) -> Graph:
    """The graph that an operation on these inputs is added to.

    Args:
        inputs: The inputs.

    Returns:
        The graph of the first one; the default graph if there are none.
    """
    return inputs[0].op.graph if inputs else get_default_graph()


_default_graphs: DefaultStack[Graph] = DefaultStack()
_default_sessions: DefaultStack[Any] = DefaultStack()  # sessions are above the graph
_global_graph: Graph | None = None


def get_default_graph() -> Graph:
    """The graph that operations are added to.

    Returns:
        That of the innermost ``with graph.as_default()`` of this thread; else the global one.
    """
    global _global_graph
    top = _default_graphs.top()
    if top is not None:
        return top
    if _global_graph is None:
        _global_graph = Graph()
    return _global_graph


def reset_default_graph() -> None:
    """Replaces the global default graph by a new, empty one.

    Raises:
        AssertionError: If it is called inside ``with graph.as_default()``.
    """
    global _global_graph
    if _default_graphs.items:
        raise AssertionError(
            "Do not use tf.reset_default_graph() inside `with graph.as_default()`: the graph "
            "there stays the default. Leave the block, or use `with tf.Graph().as_default()`."
        )
    _global_graph = Graph()


def get_default_session() -> Any:
    """The innermost default session of this thread.

    Returns:
        The session, or None.
    """
    return _default_sessions.top()


def default_session(session: Any) -> AbstractContextManager[Any]:
    """Makes a session the default of this thread inside a `with` block.

    Args:
        session: The session.

    Returns:
        A context manager that yields the session.
    """
    return _default_sessions.pushed(session)


def control_dependencies(control_inputs: Iterable[Any] | None) -> AbstractContextManager[None]:
    """Makes operations that are created inside run after others.

    Args:
        control_inputs: Operations or tensors; None suspends surrounding control dependencies.

    Returns:
        A context manager.
    """
    return get_default_graph().control_dependencies(control_inputs)


def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """Notes a device for operations that are created inside; there is only one, the CPU.

    Args:
        device_name_or_function: A device name, a function from operations to names, or None.

    Returns:
        A context manager.
    """
    return get_default_graph().device(device_name_or_function)


def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
    """Accepted and without effect: everything is in one place.

    Args:
        op: An operation or tensor.
        ignore_existing: Without effect.

    Returns:
        A context manager.
    """
    return get_default_graph().colocate_with(op, ignore_existing)


def add_to_collection(name: Any, value: Any) -> None:
    """Adds a value to a collection of the default graph.

    Args:
        name: The collection, usually one of `GraphKeys`.
        value: Anything.
    """
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Adds a value to several collections of the default graph.

    Args:
        names: The collections.
        value: Anything.
    """
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """What was added to a collection of the default graph.

    Args:
        key: The collection.
        scope: A regular expression; only values with a name that it matches at the start.

    Returns:
        A new list.
    """
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """The list that a collection of the default graph is.

    Args:
        key: The collection.

    Returns:
        The list itself; changing it changes the collection.
    """
    return get_default_graph().get_collection_ref(key)


class name_scope:
    """Puts operations that are made inside under a common name.

    Source: the ``tf.compat.v1.name_scope`` documentation.

    Args:
        name: The scope, or None to use the default.
        default_name: The scope if `name` is None.
        values: Tensors that are used inside; they say which graph it is.
    """

    def __init__(
        self, name: str | None, default_name: str | None = None, values: Any = None
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name for name_scope must be a string, not {type(name).__name__}.")
        self._name = default_name if name is None else name
        self._values = values
        self._scope: AbstractContextManager[str] | None = None

    @property
    def name(self) -> str | None:
        """The name that was asked for."""
        return self._name

    def __enter__(self) -> str:
        tensors = [v for v in self._values or () if isinstance(v, Tensor)]
        self._scope = graph_of(tensors).name_scope(self._name)
        return self._scope.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        assert self._scope is not None
        return self._scope.__exit__(*error)


def op_scope(values: Any, name: str | None, default_name: str | None = None) -> name_scope:
    """An old spelling of `name_scope`.

    Args:
        values: Tensors that are used inside.
        name: The scope, or None to use the default.
        default_name: The scope if `name` is None.

    Returns:
        A context manager.
    """
    return name_scope(name, default_name, values)
