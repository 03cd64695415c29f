"""Options of sessions and runs: `ConfigProto`, `RunOptions`, `RunMetadata` and their parts.

They behave like TensorFlow's protocol messages (keyword arguments, attributes, comparison,
`CopyFrom`, `MergeFrom`) but are plain objects.

Source of the fields: TensorFlow's ``config.proto`` and ``step_stats.proto``.
"""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self

from runtime.graph.export import export


class Message:
    """Base of the option classes: named fields with defaults.

    Args:
        **fields: Values of fields.

    Raises:
        ValueError: If there is no such field.
    """

    FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **fields: Any) -> None:
        for name, default in self.FIELDS.items():
            value = default() if callable(default) else default
            object.__setattr__(self, name, value)
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
            return type(self)(**{}).__dict__[name]
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
}


def _merge(target: Message, name: str, value: Any) -> None:
    current = getattr(target, name)
    if isinstance(current, Message):
        current.MergeFrom(value)
    elif isinstance(current, list):
        current.extend(value)
    elif isinstance(current, dict):
        current.update(value)
    else:
        setattr(target, name, value)


def _fields(**fields: Any) -> dict[str, Callable[[], Any] | Any]:
    return fields


@export("GPUOptions")
class GPUOptions(Message):
    """Options about GPUs, accepted so that scripts run; there are no GPUs here."""

    FIELDS = _fields(
        per_process_gpu_memory_fraction=0.0,
        allow_growth=False,
        allocator_type="",
        deferred_deletion_bytes=0,
        visible_device_list="",
        polling_active_delay_usecs=0,
        polling_inactive_delay_msecs=0,
        force_gpu_compatible=False,
        experimental=dict,
    )


@export("OptimizerOptions")
class OptimizerOptions(Message):
    """Options about TensorFlow's graph optimizer, accepted and without effect."""

    L1 = 0
    L0 = -1
    DEFAULT = 0
    OFF = -1
    ON_1 = 1
    ON_2 = 2
    FIELDS = _fields(
        do_common_subexpression_elimination=False,
        do_constant_folding=False,
        do_function_inlining=False,
        opt_level=0,
        global_jit_level=0,
        max_folded_constant_in_bytes=0,
    )


@export("GraphOptions")
class GraphOptions(Message):
    """Options about the graph, accepted and without effect."""

    FIELDS = _fields(
        enable_recv_scheduling=False,
        optimizer_options=OptimizerOptions,
        build_cost_model=0,
        build_cost_model_after=0,
        infer_shapes=False,
        place_pruned_graph=False,
        enable_bfloat16_sendrecv=False,
        timeline_step=0,
        rewrite_options=dict,
    )


@export("ConfigProto")
class ConfigProto(Message):
    """Options of a session.

    ``operation_timeout_in_ms`` bounds how long queue operations wait. The other fields are
    accepted so that scripts run; there is one device, the CPU.
    """

    FIELDS = _fields(
        device_count=dict,
        intra_op_parallelism_threads=0,
        inter_op_parallelism_threads=0,
        use_per_session_threads=False,
        session_inter_op_thread_pool=list,
        placement_period=0,
        device_filters=list,
        gpu_options=GPUOptions,
        allow_soft_placement=False,
        log_device_placement=False,
        graph_options=GraphOptions,
        operation_timeout_in_ms=0,
        rpc_options=dict,
        cluster_def=dict,
        isolate_session_state=False,
        share_cluster_devices_in_session=False,
        experimental=dict,
    )


@export("DebugOptions")
class DebugOptions(Message):
    """Options of TensorFlow's debugger, accepted and without effect."""

    FIELDS = _fields(
        debug_tensor_watch_opts=list,
        global_step=0,
        reset_disk_byte_usage=False,
    )


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
    FIELDS = _fields(
        trace_level=0,
        timeout_in_ms=0,
        inter_op_thread_pool=0,
        output_partition_graphs=False,
        debug_options=DebugOptions,
        report_tensor_allocations_upon_oom=False,
        experimental=dict,
    )


@export("NodeExecStats")
class NodeExecStats(Message):
    """The time that one operation took; see TensorFlow's ``step_stats.proto``."""

    FIELDS = _fields(
        node_name="",
        all_start_micros=0,
        op_start_rel_micros=0,
        op_end_rel_micros=0,
        all_end_rel_micros=0,
        all_start_nanos=0,
        op_start_rel_nanos=0,
        op_end_rel_nanos=0,
        all_end_rel_nanos=0,
        timeline_label="",
        thread_id=0,
    )


@export("DeviceStepStats")
class DeviceStepStats(Message):
    """The times of all operations on one device."""

    FIELDS = _fields(device="", node_stats=list)


@export("StepStats")
class StepStats(Message):
    """The times of all operations of a run."""

    FIELDS = _fields(dev_stats=list)


@export("RunMetadata")
class RunMetadata(Message):
    """What a run tells about itself, if it is asked to by `RunOptions`.

    ``partition_graphs`` holds, if it was asked for, one list of `NodeDef`: the operations that
    the run carried out.
    """

    FIELDS = _fields(step_stats=StepStats, cost_graph=dict, partition_graphs=list)
