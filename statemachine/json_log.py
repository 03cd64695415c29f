"""Reads a log in JSON lines, as `export --format jsonl` and other implementations write it.

The form is published as specs/event.schema.json: a header on the first line, then one event a line.
Lines are read one at a time, and none that is too long is taken whole; so the memory that a reader
needs does not grow with the file.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, TypeGuard

import attrs

from statemachine.errors import UnreadableLog
from statemachine.events import MAX_INDEX, VOCABULARY, Event, EventKind

SCHEMA: Final = "monitored-session/log/1"
"""What stands in the header's field `schema`."""
MAX_LINE: Final = 1 << 20
"""The longest line, in bytes."""
FULL: Final = "full"
CALLS: Final = "calls"
CALLED: Final = frozenset(
    {
        EventKind.HOOK_BEGIN,
        EventKind.AFTER_CREATE_SESSION,
        EventKind.BEFORE_RUN,
        EventKind.RUN,
        EventKind.AFTER_RUN,
        EventKind.ON_ERROR,
        EventKind.HOOK_END,
        EventKind.SESSION_CLOSE,
        EventKind.RAISED,
    }
)
"""The ordered events of the profile `calls`."""
_HEADER_FIELDS: Final = frozenset(
    {
        "schema",
        "profile",
        "session",
        "session_class",
        "hooks",
        "on_error",
        "started",
        "vocabulary",
        "writer",
    }
)
_EVENT_FIELDS: Final = frozenset(
    {
        "sequence",
        "time",
        "elapsed_ns",
        "kind",
        "step",
        "hook",
        "hook_class",
        "detail",
        "values",
    }
)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_KINDS: Final = {kind.value: kind for kind in EventKind}


@attrs.frozen
class JsonHeader:
    """The first line.

    Attributes:
        hooks: The names of the hooks' classes, in list order.
        on_error: The places in that list of the hooks that have an `on_error`, ascending.
        profile: `"full"`: every event is told. `"calls"`: of the ordered events only calls of
            hooks, runs, the closing of the session, and errors.
        session_class: The name of the session's class, or None.
    """

    hooks: tuple[str, ...]
    on_error: tuple[int, ...] = ()
    profile: str = FULL
    session_class: str | None = None


def header_json(
    hooks: Sequence[str], on_error: Sequence[int], session: str, started: str
) -> dict[str, object]:
    """The first line of an exported log, as an object."""
    return {
        "schema": SCHEMA,
        "profile": FULL,
        "session": session,
        "started": started,
        "hooks": list(hooks),
        "on_error": list(on_error),
        "vocabulary": dict(VOCABULARY),
    }


def is_json_log(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a log in JSON lines does."""
    try:
        if not os.path.isfile(path):  # a pipe would wait for somebody to write
            return False
        with open(path, "rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False


class JsonLog:
    """A log in JSON lines, open for one pass.

    Args:
        file: The open file.
        location: How messages name it.

    Attributes:
        header: The first line.
        torn: Whether the last line that was read is cut off, as a killed process leaves it.

    Raises:
        UnreadableLog: If the first line is no header.
    """

    def __init__(self, file: BinaryIO, location: str) -> None:
        self._file = file
        self._location = location
        self._line = 0
        self.torn = False
        first = next(self._objects(), None)
        if first is None:
            raise UnreadableLog(f"{location} is empty: its first line must be a header")
        self.header = self._header(first)

    def __iter__(self) -> Iterator[Event]:
        """The events, in order.

        Raises:
            UnreadableLog: If a line is not an event. The message names the line.
        """
        return (self._event(told) for told in self._objects())

    # Lines

    def _objects(self) -> Iterator[dict[str, Any]]:  # Any: what a line of JSON may hold
        while line := self._file.readline(MAX_LINE + 1):
            self._line += 1
            if len(line) > MAX_LINE:
                raise self._wrong(f"is longer than {MAX_LINE} bytes", "leave arrays out of details")
            self.torn = self._line > 1 and _is_torn(line)
            if line.strip() and not self.torn:
                yield self._object(line)

    def _object(self, line: bytes) -> dict[str, Any]:
        try:
            told = json.loads(line, parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise self._wrong("is not UTF-8", "write the file in UTF-8") from None
        except (ValueError, RecursionError) as error:
            raise self._wrong(f"is no JSON: {error}", "write one object a line") from None
        if not isinstance(told, dict):
            raise self._wrong("is no object", "write one object a line")
        return told

    def _wrong(self, what: str, advice: str) -> UnreadableLog:
        return UnreadableLog(
            f"{self._location}, line {self._line}: the line {what}; {advice} "
            "(specs/event.schema.json has the form)"
        )

    def _header(self, told: Mapping[str, Any]) -> JsonHeader:
        if told.get("schema") != SCHEMA:
            advice = f'begin the file with a header: {{"schema": "{SCHEMA}", "hooks": [...]}}'
            raise self._wrong(f"is no header with the schema {SCHEMA!r}", advice)
        self._refuse_others(told, _HEADER_FIELDS, "header")
        profile = told.get("profile", FULL)
        if profile not in (FULL, CALLS):
            raise self._wrong(f"has the profile {profile!r}", f"there are {FULL!r} and {CALLS!r}")
        name = told.get("session_class")
        if name is not None and not isinstance(name, str):
            raise self._wrong(f"has the session_class {name!r:.40}", "write its name, or null")
        hooks = self._hooks(told.get("hooks"))
        return JsonHeader(hooks, self._on_error(told.get("on_error", []), hooks), profile, name)

    def _hooks(self, told: object) -> tuple[str, ...]:
        texts = isinstance(told, list) and all(isinstance(name, str) for name in told)
        if not texts or not isinstance(told, list) or len(told) > MAX_INDEX:
            advice = f"list the names of the hooks' classes in order, at most {MAX_INDEX}"
            raise self._wrong("has no list of texts as its field hooks", advice)
        return tuple(told)

    def _on_error(self, told: object, hooks: tuple[str, ...]) -> tuple[int, ...]:
        places: list[Any] = told if isinstance(told, list) else [None]
        known = all(_is_count(place) and place < len(hooks) for place in places)
        if not known or places != sorted(set(places)):
            advice = "list the places, from 0 and ascending, of the hooks that have an on_error"
            raise self._wrong(f"has the field on_error {told!r:.60}", advice)
        return tuple(places)

    # Events

    def _event(self, told: Mapping[str, Any]) -> Event:
        self._refuse_others(told, _EVENT_FIELDS, "event")
        kind = told.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            advice = f"the kinds are {', '.join(_KINDS)}; write others as a note"
            raise self._wrong(f"has the unknown kind {kind!r:.60}", advice)
        detail = told.get("detail")
        if not isinstance(detail, (dict, type(None))):
            raise self._wrong(f"has the detail {detail!r:.40}", "it is an object, or left out")
        return Event(
            self._count(told, "sequence", needed=True) or 0,
            self._time(told.get("time")),
            _KINDS[kind],
            self._count(told, "hook"),
            self._count(told, "step"),
            self._checked(detail or {}),
        )

    def _checked(self, detail: dict[str, Any]) -> dict[str, Any]:
        for name in ("error", "instead_of"):
            error = detail.get(name)
            if error is None:
                continue
            bases = error.get("bases") if isinstance(error, dict) else None
            known = isinstance(bases, list) and all(isinstance(base, str) for base in bases)
            if not known or not isinstance(error.get("type"), str):
                advice = 'tell an error as {"type": ..., "message": ..., "bases": [...]}'
                raise self._wrong(f"has the {name} {error!r:.60} in its detail", advice)
        return detail

    def _refuse_others(self, told: Mapping[str, Any], known: frozenset[str], what: str) -> None:
        others = sorted(told.keys() - known)
        if others:
            advice = "put what is your own into the detail" if what == "event" else "leave it out"
            raise self._wrong(f"has the field {others[0]!r:.60}, which no {what} has", advice)

    def _count(self, told: Mapping[str, Any], name: str, needed: bool = False) -> int | None:
        value = told.get(name)
        if value is None and not needed:
            return None
        if not _is_count(value):
            raise self._wrong(f"has the {name} {value!r:.40}", "it is a whole number from 0")
        return value

    def _time(self, value: object) -> int:
        """Nanoseconds since 1970; 0 where there is none."""
        if value is None:
            return 0
        match = _TIME.fullmatch(value) if isinstance(value, str) else None
        try:
            assert match is not None
            moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        except (AssertionError, ValueError):
            advice = "write it as 2017-07-14T02:40:00.000000007Z, in UTC, or leave it out"
            raise self._wrong(f"has the time {value!r:.60}", advice) from None
        return int(moment.timestamp()) * 10**9 + int((match[2] or "").ljust(9, "0"))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON; write it as a text")


def _is_torn(line: bytes) -> bool:
    """Whether a line has neither its end nor that of its object."""
    if line.endswith(b"\n") or not line.lstrip().startswith(b"{"):
        return False
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):  # another mistake, which is told where it is read
        return False
    return False
