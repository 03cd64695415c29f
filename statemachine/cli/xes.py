"""A log in XES, the XML form of process mining (IEEE 1849): a session is a trace."""

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from statemachine.cli.json_form import hook_class, time_text, to_json, value_json
from statemachine.cli.plain_text import plain
from statemachine.cli.rows import Sink, events_of
from statemachine.events import Event
from statemachine.form import Header
from statemachine.log import EventLog

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace">
<string key="concept:name" value="session"/>
</global>
<global scope="event">
<string key="concept:name" value="event"/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000000+00:00"/>
</global>
<classifier name="Event" keys="concept:name"/>
<classifier name="Event and hook" keys="concept:name org:resource"/>
"""


def write_xes(log: EventLog, to: Sink) -> None:
    """Write a log as XES: one trace, one event each.

    An event's `concept:name` is its kind, `org:resource` the hook that it concerns; `sequence`,
    `step`, `detail` and `values` (JSON) are attributes of ours.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    header = log.header
    to.write(_HEAD.encode())
    to.write(f"<trace>\n{_string('concept:name', header.session)}\n".encode())
    for event in events_of(log.read()):
        to.write(f"<event>{''.join(_attributes(event, header))}</event>\n".encode())
    to.write(b"</trace>\n</log>\n")


def _attributes(event: Event, header: Header) -> Iterator[str]:
    yield _string("concept:name", event.kind.value)
    moment = time_text(event.time)[:26] + "+00:00"
    yield f'<date key="time:timestamp" value="{moment}"/>'
    if event.hook is not None:
        name = hook_class(header.hooks, event.hook) or "not declared"
        yield _string("org:resource", f"hook {event.hook} ({name})")
    yield f'<int key="sequence" value="{event.sequence}"/>'
    if event.step is not None:
        yield f'<int key="step" value="{event.step}"/>'
    if event.detail:
        yield _string("detail", to_json(dict(event.detail)))
    if event.values:
        yield _string("values", to_json([value_json(value) for value in event.values]))


def _string(key: str, value: str) -> str:
    return f'<string key="{key}" value={quoteattr(plain(value))}/>'
