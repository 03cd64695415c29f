"""What `--json` prints: one object, or one a line, in ASCII, with the name of its schema."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from statemachine.audit import AuditReport, Finding
from statemachine.events import Event
from statemachine.head import Head
from statemachine.replay import Checkpoint, ErrorInfo, SessionState
from statemachine.values import Value

VERSION: Final = 1
"""The version of all schemas; a field is never removed nor given another meaning within one."""


def schema_name(command: str) -> str:
    """The name of a command's schema, which stands in its output.

    Example:
        >>> schema_name("audit")
        'monitored-session/audit/1'
    """
    return f"monitored-session/{command}/{VERSION}"


def to_json(value: object, indent: int | None = None) -> str:
    """A value as JSON in printable ASCII; numbers that JSON lacks become texts.

    Example:
        >>> to_json({"loss": float("nan")})
        '{"loss": "NaN"}'
    """
    try:
        text = json.dumps(value, allow_nan=False, indent=indent)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, indent=indent)
    return text.replace("\x7f", "\\u007f")


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: _finite(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(element) for element in value]
    return value


def time_text(nanoseconds: int) -> str:
    """A time as RFC 3339 has it, in UTC, with all nine digits.

    Args:
        nanoseconds: Since 1970-01-01 UTC.

    Example:
        >>> time_text(1_500_000_000_000_000_007)
        '2017-07-14T02:40:00.000000007Z'
    """
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}.{rest:09d} s since 1970"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def event_json(event: Event, started: int, hooks: tuple[str, ...]) -> dict[str, object]:
    """An event as an object.

    Args:
        event: The event.
        started: The start of its log, in nanoseconds since 1970-01-01 UTC.
        hooks: The classes of the session's hooks.
    """
    told = {
        "sequence": event.sequence,
        "time": time_text(event.time),
        "elapsed_ns": event.time - started,
        "kind": event.kind.value,
        "step": event.step,
        "hook": event.hook,
        "hook_class": hook_class(hooks, event.hook),
        "detail": dict(event.detail),
    }
    if event.values:
        told["values"] = [value_json(value) for value in event.values]
    return told


def value_json(value: Value) -> dict[str, object]:
    """A recorded value as an object: `value` is there if it is kept whole."""
    shape = None if value.shape is None else list(value.shape)
    told: dict[str, object] = {
        "role": value.role,
        "by": value.by,
        "name": value.name,
        "dtype": value.dtype,
        "shape": shape,
    }
    held = value.value
    if held is not None:
        told["value"] = held if isinstance(held, (bool, int, float, str)) else str(held)
    elif value.sha256 is not None:
        told["sha256"] = value.sha256
    elif value.text is not None:
        told["text"] = value.text
    return told


def hook_class(hooks: tuple[str, ...], index: int | None) -> str | None:
    """The class of a hook, or None where there is none."""
    return hooks[index] if index is not None and 0 <= index < len(hooks) else None


def finding_json(finding: Finding) -> dict[str, object]:
    """A finding as an object."""
    return {
        "about": finding.about,
        "rule": finding.rule,
        "sentence": finding.sentence,
        "seen": finding.seen,
        "allowed": list(finding.allowed),
        "sequence": finding.sequence,
        "time": None if finding.time is None else time_text(finding.time),
    }


def head_json(head: Head | None) -> dict[str, object] | None:
    """A head as an object."""
    if head is None:
        return None
    return {
        "session": head.session,
        "blocks": head.blocks,
        "events": head.events,
        "sha256": head.digest,
        "complete": head.complete,
    }


def report_json(report: AuditReport, exit_code: int) -> dict[str, object]:
    """An audit as an object."""
    return {
        "log": report.location,
        "session": report.header.session if report.header else None,
        "integrity": report.integrity.value,
        "completeness": report.completeness.value,
        "conformance": report.conformance.value,
        "lineage": report.lineage.value,
        "exit_code": exit_code,
        "head": head_json(report.head),
        "findings": [finding_json(finding) for finding in report.findings],
    }


def state_json(state: SessionState) -> dict[str, object]:
    """A folded state as an object."""
    last = state.last_event
    return {
        "state": state.state.value,
        "events": state.events,
        "steps_asked": state.steps_asked,
        "steps_done": state.steps_done,
        "steps_failed": state.steps_failed,
        "hooks": [
            {"hook": index, "class": name, "calls": dict(state.calls.get(index, {}))}
            for index, name in enumerate(state.hooks)
        ],
        "last_saved": checkpoint_json(state.last_saved),
        "last_restored": checkpoint_json(state.last_restored),
        "stop_reason": state.stop_reason,
        "stop_asked_by": state.stop_asked_by,
        "error": error_json(state.error),
        "last_failure": error_json(state.last_failure),
        "recoveries": state.recoveries,
        "recovery_cause": error_json(state.recovery_cause),
        "stopped_in": state.stopped_in,
        "last_values": [value_json(value) for value in state.last_values],
        "last_sequence": last.sequence if last else None,
        "last_time": time_text(last.time) if last else None,
    }


def checkpoint_json(checkpoint: Checkpoint | None) -> dict[str, object] | None:
    """A checkpoint as an object."""
    if checkpoint is None:
        return None
    return {
        "path": checkpoint.path,
        "step": checkpoint.step,
        "size": checkpoint.size,
        "sha256": checkpoint.sha256,
    }


def error_json(error: ErrorInfo | None) -> dict[str, object] | None:
    """An error as an object."""
    if error is None:
        return None
    return {"type": error.type, "message": error.message, "bases": list(error.bases)}
