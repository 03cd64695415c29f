"""Reads corpora: one JSON object a line, plain or compressed."""

import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from statemachine.testing.trace import Observation

SHIPPED = tuple(
    Path(__file__).with_name("corpus") / name for name in ("named.jsonl.xz", "random.jsonl.xz")
)
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}


@attrs.frozen
class Row:
    """One scenario and what TensorFlow did in it."""

    id: str
    why: str
    scenario: dict[str, Any]
    expected: Observation

    @property
    def monitored(self) -> bool:
        """Whether it is about MonitoredSession."""
        return bool(self.scenario["session"] == "monitored")


def parse(line: str) -> Row:
    """Reads one line of a corpus."""
    data = json.loads(line)
    expected = Observation(data["trace"], data.get("async", ()))
    return Row(data["id"], data.get("why", ""), data["scenario"], expected)


def read(path: Path) -> Iterator[Row]:
    """Reads a corpus file (.jsonl, .jsonl.gz, .jsonl.xz)."""
    opener = _OPENERS.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            if line.strip():
                yield parse(line)


def shipped() -> Iterator[Row]:
    """Reads the corpora of this repository."""
    for path in SHIPPED:
        yield from read(path)
