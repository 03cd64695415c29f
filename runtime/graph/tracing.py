"""Times of single operations, in the form of TensorFlow's step statistics."""

import threading
import time
from typing import Any

from runtime.graph.config import DeviceStepStats, NodeExecStats, StepStats
from runtime.graph.operation import Operation


class Trace:
    """Collects the times of the operations of one run."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.perf_counter_ns()
        self._records: list[tuple[Operation, int, int]] = []

    def record(self, op: Operation, begin: int, end: int) -> None:
        """Notes when an operation ran.

        Args:
            op: The operation.
            begin: The clock before it, in nanoseconds.
            end: The clock after it, in nanoseconds.
        """
        self._records.append((op, begin, end))

    def step_stats(self) -> StepStats:
        """What was collected, as TensorFlow presents it.

        Returns:
            Statistics for one device, the CPU.
        """
        device = DeviceStepStats(device="/job:localhost/replica:0/task:0/device:CPU:0")
        device.node_stats = [self._node(*record) for record in self._records]
        return StepStats(dev_stats=[device])

    def _node(self, op: Operation, begin: int, end: int) -> Any:
        start = begin + self._offset
        duration = end - begin
        inputs = ", ".join(tensor.name for tensor in op.inputs)
        return NodeExecStats(
            node_name=op.name,
            all_start_micros=start // 1000,
            op_end_rel_micros=duration // 1000,
            all_end_rel_micros=duration // 1000,
            all_start_nanos=start,
            op_end_rel_nanos=duration,
            all_end_rel_nanos=duration,
            timeline_label=f"{op.name} = {op.type}({inputs})",
            thread_id=threading.get_ident() & 0xFFFFFFFF,
        )
