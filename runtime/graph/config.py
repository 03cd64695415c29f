"""Options of sessions and runs: `ConfigProto`, `RunOptions`, `RunMetadata` and their parts.

They behave like TensorFlow's protocol messages (keyword arguments, attributes, comparison,
`CopyFrom`, `MergeFrom`) but are plain objects.

Source of the fields: TensorFlow's ``config.proto`` and ``step_stats.proto``.
"""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from runtime.graph.export import export


class Message:
    """Base of the option classes: named fields with defaults.

    Args:
        **fields: Values of fields.

    Raises:
        ValueError: If there is no such field.
    """

    # The annotations of a subclass are its fields; calling a field's type gives its default.
    FIELDS: ClassVar[dict[str, Callable[[], Any]]] = {}

    def __init_subclass__(cls) -> None:
        cls.FIELDS = dict(cls.__annotations__)

    def __init__(self, **fields: Any) -> None:
        for name, make in self.FIELDS.items():
            object.__setattr__(self, name, make())
        for name, value in fields.items():
            if name not in self.FIELDS:
                raise ValueError(self._unknown(name))
            setattr(self, name, value)

    def _unknown(self, name: str) -> str:
        allowed = ", ".join(self.FIELDS)
        return f"{type(self).__name__} has no field {name!r}; its fields are: {allowed}."

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.FIELDS:
            raise AttributeError(self._unknown(name))
        object.__setattr__(self, name, self._checked(name, value))

    def _checked(self, name: str, value: Any) -> Any:
        """The value, if a field of that type can have it."""
        current = getattr(self, name)
        if value is None:
            return self.FIELDS[name]()
        if isinstance(current, Message):
            wanted: Any = type(current)
        else:
            wanted = _ACCEPTED.get(type(current), object)
        if isinstance(current, Message) and isinstance(value, dict):
            return type(current)(**value)
        if not isinstance(value, wanted):
            raise TypeError(
                f"{type(self).__name__}.{name} is of type {type(current).__name__}, so it can't "
                f"be {value!r} of type {type(value).__name__}."
            )
        return value

    def HasField(self, name: str) -> bool:
        """Whether a field differs from its default.

        Args:
            name: The field.

        Returns:
            True if it was set to something else.

        Raises:
            ValueError: If there is no such field.
        """
        if name not in self.FIELDS:
            raise ValueError(self._unknown(name))
        return bool(getattr(self, name) != getattr(type(self)(), name))

    def CopyFrom(self, other: Self) -> None:
        """Takes over all fields of another object.

        Args:
            other: An object of the same class.
        """
        for name in self.FIELDS:
            object.__setattr__(self, name, copy.deepcopy(getattr(other, name)))

    def MergeFrom(self, other: Self) -> None:
        """Takes over the fields that another object has set.

        Args:
            other: An object of the same class.
        """
        for name in self.FIELDS:
            if other.HasField(name):
                _merge(self, name, getattr(other, name))

    def Clear(self) -> None:
        """Sets all fields to their defaults."""
        self.CopyFrom(type(self)())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # mutable, as protocol messages are

    def __repr__(self) -> str:
        default = type(self)()
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name in self.FIELDS
            if getattr(self, name) != getattr(default, name)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


_ACCEPTED: dict[type, Any] = {
    bool: (bool, int),
    int: int,
    float: (int, float),
    str: (str, bytes),
    list: (list, tuple),
    dict: dict,
    SimpleNamespace: SimpleNamespace,
}


def _merge(target: Message, name: str, value: Any) -> None:
    current = getattr(target, name)
    if isinstance(current, Message):
        current.MergeFrom(value)
    elif isinstance(current, list):
        current.extend(value)
    elif isinstance(current, dict):
        current.update(value)
    elif isinstance(current, SimpleNamespace):
        vars(current).update(vars(value))
    else:
        setattr(target, name, value)


@export("GPUOptions")
class GPUOptions(Message):
    """Options about GPUs, accepted so that scripts run; there are no GPUs here."""

    per_process_gpu_memory_fraction: float
    allow_growth: bool
    allocator_type: str
    deferred_deletion_bytes: int
    visible_device_list: str
    polling_active_delay_usecs: int
    polling_inactive_delay_msecs: int
    force_gpu_compatible: bool
    experimental: SimpleNamespace


@export("OptimizerOptions")
class OptimizerOptions(Message):
    """Options about TensorFlow's graph optimizer, accepted and without effect."""

    L1 = 0
    L0 = -1
    DEFAULT = 0
    OFF = -1
    ON_1 = 1
    ON_2 = 2
    do_common_subexpression_elimination: bool
    do_constant_folding: bool
    do_function_inlining: bool
    opt_level: int
    global_jit_level: int
    max_folded_constant_in_bytes: int


@export("GraphOptions")
class GraphOptions(Message):
    """Options about the graph, accepted and without effect."""

    enable_recv_scheduling: bool
    optimizer_options: OptimizerOptions
    build_cost_model: int
    build_cost_model_after: int
    infer_shapes: bool
    place_pruned_graph: bool
    enable_bfloat16_sendrecv: bool
    timeline_step: int
    rewrite_options: SimpleNamespace


@export("ConfigProto")
class ConfigProto(Message):
    """Options of a session.

    ``operation_timeout_in_ms`` bounds how long queue operations wait. The other fields are
    accepted so that scripts run; there is one device, the CPU.
    """

    device_count: dict[str, Any]
    intra_op_parallelism_threads: int
    inter_op_parallelism_threads: int
    use_per_session_threads: bool
    session_inter_op_thread_pool: list[Any]
    placement_period: int
    device_filters: list[Any]
    gpu_options: GPUOptions
    allow_soft_placement: bool
    log_device_placement: bool
    graph_options: GraphOptions
    operation_timeout_in_ms: int
    rpc_options: dict[str, Any]
    cluster_def: dict[str, Any]
    isolate_session_state: bool
    share_cluster_devices_in_session: bool
    experimental: SimpleNamespace


@export("DebugOptions")
class DebugOptions(Message):
    """Options of TensorFlow's debugger, accepted and without effect."""

    debug_tensor_watch_opts: list[Any]
    global_step: int
    reset_disk_byte_usage: bool


@export("RunOptions")
class RunOptions(Message):
    """Options of one `Session.run`.

    ``timeout_in_ms`` bounds how long operations that wait, such as those of queues, do so.
    With ``trace_level`` FULL_TRACE (or any other than NO_TRACE) the time of each operation is
    recorded in the run's `RunMetadata`.
    """

    NO_TRACE = 0
    SOFTWARE_TRACE = 1
    HARDWARE_TRACE = 2
    FULL_TRACE = 3
    trace_level: int
    timeout_in_ms: int
    inter_op_thread_pool: int
    output_partition_graphs: bool
    debug_options: DebugOptions
    report_tensor_allocations_upon_oom: bool
    experimental: SimpleNamespace


@export("NodeExecStats")
class NodeExecStats(Message):
    """The time that one operation took; see TensorFlow's ``step_stats.proto``."""

    node_name: str
    all_start_micros: int
    op_start_rel_micros: int
    op_end_rel_micros: int
    all_end_rel_micros: int
    all_start_nanos: int
    op_start_rel_nanos: int
    op_end_rel_nanos: int
    all_end_rel_nanos: int
    timeline_label: str
    thread_id: int


@export("DeviceStepStats")
class DeviceStepStats(Message):
    """The times of all operations on one device."""

    device: str
    node_stats: list[Any]


@export("StepStats")
class StepStats(Message):
    """The times of all operations of a run."""

    dev_stats: list[Any]


@export("RunMetadata")
class RunMetadata(Message):
    """What a run tells about itself, if it is asked to by `RunOptions`.

    ``partition_graphs`` holds, if it was asked for, one list of `NodeDef`: the operations that
    the run carried out.
    """

    step_stats: StepStats
    cost_graph: dict[str, Any]
    partition_graphs: list[Any]
