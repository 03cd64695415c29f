"""The times of a run's operations as a trace that Chrome's ``about:tracing`` and Perfetto show."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from runtime.graph.config import NodeExecStats, StepStats

__all__ = ["chrome_trace"]

_LABEL: Final = re.compile(r"(?P<name>\S+) = (?P<type>\w+)\((?P<inputs>[^)]*)\)")


def chrome_trace(step_stats: StepStats, show_dataflow: bool = True) -> str:
    """Writes the times of a run as a trace.

    Source of the form: the "Trace Event Format" of Chrome.

    Args:
        step_stats: What a run with ``RunOptions(trace_level=FULL_TRACE)`` has recorded.
        show_dataflow: Whether arrows lead from each operation to those that use its outputs.

    Returns:
        JSON. Times are in microseconds.
    """
    events: list[dict[str, Any]] = []
    for number, device in enumerate(step_stats.dev_stats):
        name = {"name": f"{device.device} Compute"}
        events.append({"name": "process_name", "ph": "M", "pid": number, "args": name})
        events += [_slice(node, number) for node in device.node_stats]
        if show_dataflow:
            events += _arrows(device.node_stats, number)
    return json.dumps({"traceEvents": events}, indent=1)


def _slice(node: NodeExecStats, process: int) -> dict[str, Any]:
    type_, inputs = _type_and_inputs(node)
    arguments = {"name": node.node_name, "op": type_}
    arguments |= {f"input{index}": name for index, name in enumerate(inputs)}
    return {
        "name": type_,
        "cat": "Op",
        "ph": "X",
        "ts": node.all_start_nanos / 1000,
        "dur": node.all_end_rel_nanos / 1000,
        "pid": process,
        "tid": 0,
        "args": arguments,
    }


def _arrows(nodes: list[NodeExecStats], process: int) -> Iterator[dict[str, Any]]:
    by_name = {node.node_name: node for node in nodes}
    number = 0
    for node in nodes:
        for name in _type_and_inputs(node)[1]:
            source = by_name.get(name)
            if source is not None:
                end = (source.all_start_nanos + source.all_end_rel_nanos) / 1000
                start = node.all_start_nanos / 1000
                shared = {"name": name, "cat": "DataFlow", "id": number, "pid": process, "tid": 0}
                yield {**shared, "ph": "s", "ts": end}
                yield {**shared, "ph": "t", "ts": start}
                number += 1


def _type_and_inputs(node: NodeExecStats) -> tuple[str, list[str]]:
    """Type of an operation, and the operations that its inputs come from."""
    match = _LABEL.fullmatch(node.timeline_label)
    if match is None:
        return node.node_name, []
    inputs = [name.partition(":")[0] for name in match["inputs"].split(", ") if name]
    return match["type"], inputs
