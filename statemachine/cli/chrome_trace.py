"""A log as a trace that Perfetto and Chrome open: complete events, each within the one above.

The form is the "Trace Event Format" of the Chromium project: JSON, times in microseconds.
"""

import math
from collections.abc import Iterator
from typing import Final

from statemachine.cli.json_form import hook_class, to_json
from statemachine.cli.plain_text import plain
from statemachine.cli.rows import Sink, events_of
from statemachine.cli.spans import Instant, Span, spans_of, state_spans
from statemachine.events import Event
from statemachine.form import Header
from statemachine.log import EventLog

_PROCESS: Final = 1
_OWN_THREAD: Final = 1
_BESIDE: Final = 2
_LEVELS: Final = ("state", "step function", "step", "call")


def write_chrome_trace(log: EventLog, to: Sink) -> None:
    """Write a log as a Chrome trace.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    header = log.header
    other = {"session": header.session, "hooks": list(header.hooks)}
    to.write(f'{{"displayTimeUnit":"ns","otherData":{to_json(other)},"traceEvents":[\n'.encode())
    first = True
    for told in _trace_events(log):
        to.write((b"" if first else b",\n") + to_json(told).encode())
        first = False
    to.write(b"\n]}\n")


def _trace_events(log: EventLog) -> Iterator[dict[str, object]]:
    header = log.header
    yield _name("process_name", 0, f"session {plain(header.session)}")
    yield _name("thread_name", _OWN_THREAD, "the session's own thread")
    yield _name("thread_name", _BESIDE, "events beside it")
    for span in state_spans(log):
        yield _complete(span, header)
    for told in spans_of(log.read()):
        yield _complete(told, header) if isinstance(told, Span) else _instant(told, header)
    if header.record == "scalars":
        yield from _counters(log)


def _counters(log: EventLog) -> Iterator[dict[str, object]]:
    """The scalars that runs gave, as curves."""
    started = log.header.started
    for event in events_of(log.read()):
        scalars = {v.name: v.number for v in event.values if v.role == "fetched"}
        for name, number in scalars.items():
            if number is not None and math.isfinite(number):
                yield {
                    "name": plain(name),
                    "ph": "C",
                    "ts": (event.time - started) / 1000,
                    "pid": _PROCESS,
                    "args": {"value": number},
                }


def _name(what: str, thread: int, name: str) -> dict[str, object]:
    args = {"name": name}
    return {"name": what, "ph": "M", "pid": _PROCESS, "tid": thread, "args": args}


def _complete(span: Span, header: Header) -> dict[str, object]:
    arguments = _arguments(span.event, header)
    if not span.finished:
        arguments["finished"] = False
    return {
        "name": _title(span, header),
        "cat": _LEVELS[span.level],
        "ph": "X",
        "ts": span.start / 1000,
        "dur": (span.end - span.start) / 1000,
        "pid": _PROCESS,
        "tid": _OWN_THREAD,
        "args": arguments,
    }


def _instant(instant: Instant, header: Header) -> dict[str, object]:
    beside = instant.event.kind.in_second_lane
    return {
        "name": instant.event.kind.value,
        "cat": "event",
        "ph": "i",
        "s": "t",
        "ts": instant.time / 1000,
        "pid": _PROCESS,
        "tid": _BESIDE if beside else _OWN_THREAD,
        "args": _arguments(instant.event, header),
    }


def _title(span: Span, header: Header) -> str:
    event = span.event
    if span.level == 0:
        return str(event.kind.value).removeprefix("state.")
    if span.level == 2:
        return f"step {event.step}"
    name = hook_class(header.hooks, event.hook)
    return str(event.kind.value) if name is None else f"{plain(name)}.{_method(event)}"


def _method(event: Event) -> str:
    return str(event.kind.value).removeprefix("hook.")


def _arguments(event: Event, header: Header) -> dict[str, object]:
    arguments: dict[str, object] = {"sequence": event.sequence}
    if event.hook is not None:
        arguments["hook"] = f"{event.hook} {plain(hook_class(header.hooks, event.hook))}"
    if event.step is not None:
        arguments["step"] = event.step
    return {**event.detail, **arguments}
