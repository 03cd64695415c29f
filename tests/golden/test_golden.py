"""Logs of every released version stay readable, and get the verdicts that they got."""

import json
import re
import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest

from statemachine import Block, EventLog, UnreadableLog, Verdict, audit
from statemachine.cli.recovery import recover
from statemachine.events import (
    AT_SHIFT,
    KIND_OF_NUMBER,
    SECOND_LANE,
    SYMBOL_MASK,
    VOCABULARY,
    decode,
)
from statemachine.form import END_MARKER, KEY, ChainWriter, schema
from statemachine.table import DIGEST
from statemachine.upcast import EARLIER_FORMS, EARLIER_TABLES, is_translatable, upcaster
from tests.cli.logs import codes_of, details_of, forged
from tests.golden.make import verdicts
from tests.statemachine.forging import chained, header_fields, header_message, messages

HERE = Path(__file__).parent
LOGS = sorted(HERE.glob("*/*.arrows"))
CLOSED = HERE / "0.1" / "closed.arrows"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_log_gets_the_verdicts_that_it_got(path):
    """Good logs and bad ones, as they were when their version was released."""
    expected = json.loads(path.with_name("expected.json").read_text())
    assert verdicts(path) == expected[path.name]


def test_there_are_good_logs_and_bad_ones():
    """Every verdict that can fail does fail in one of them, and none is expected for nothing."""
    expected = json.loads(CLOSED.with_name("expected.json").read_text())
    assert sorted(expected) == [path.name for path in sorted(CLOSED.parent.glob("*.arrows"))]
    for about in ("integrity", "completeness", "conformance"):
        assert {"pass", "fail"} <= {verdict[about] for verdict in expected.values()}


# A vocabulary of an older version: every kind has another number


LANES = [
    [name for name, number in VOCABULARY.items() if bool(number & SECOND_LANE) == beside]
    for beside in (False, True)
]
OLDER = {
    name: VOCABULARY[following]
    for lane in LANES
    for name, following in zip(lane, lane[1:] + lane[:1], strict=True)
}


def older_code(code):
    """A code as a version with the older vocabulary would have written it."""
    kind, call = KIND_OF_NUMBER[code & 0x7F].value, KIND_OF_NUMBER.get(code >> AT_SHIFT & 0x3F)
    at = OLDER[call.value] if call else 0
    return code & ~SYMBOL_MASK | code & 0x380 | at << AT_SHIFT | OLDER[kind]


def older(path, to, vocabulary=OLDER, change=older_code):
    """The same log, as an older version would have written it."""
    log = EventLog.open(path)
    chain = ChainWriter(attrs.evolve(log.header, vocabulary=vocabulary))
    digest, parts = chain.schema_digest, [chain.schema_message]
    for block in log.read():
        codes = np.array([change(code) for code in block.codes.tolist()], np.int32)
        message, digest = chain.encode(attrs.evolve(block, codes=codes), digest)
        parts.append(message)
    to.write_bytes(b"".join(parts) + END_MARKER)
    return to


@pytest.mark.parametrize("name", ["closed", "failed-step", "failed-start", "illegal"])
def test_kinds_are_told_by_their_names(name, tmp_path):
    """A log whose kinds have other numbers has the same events, and gets the same verdicts."""
    path = CLOSED.with_name(f"{name}.arrows")
    same = older(path, tmp_path / "older.arrows")
    assert verdicts(same) == verdicts(path)
    assert list(EventLog.open(same)) == list(EventLog.open(path))


def test_a_kind_that_is_unknown_here_is_told():
    """Its number may be that of a known kind: it is not taken for that."""
    forgotten = {name: number for name, number in OLDER.items() if name != "step.begin"}
    block = Block(0, 0, 0, np.ones(1, np.int64), np.array([OLDER["step.begin"]], np.int32), {})
    (code,) = upcaster(forgotten)(block).codes.tolist()
    with pytest.raises(ValueError, match="is not the code of an event"):
        decode(code)


def test_an_event_of_an_unknown_kind_is_a_finding(tmp_path):
    """The rest of the log is still read."""
    forgotten = {name: number for name, number in OLDER.items() if name != "step.begin"}
    report = audit(older(CLOSED, tmp_path / "older.arrows", forgotten))
    assert (report.integrity, report.conformance) == (Verdict.PASS, Verdict.FAIL)
    assert "is not the code of an event" in str(report)


@pytest.mark.parametrize(
    ("vocabulary", "proper"),
    [
        (VOCABULARY, True),
        (OLDER, True),
        ({}, True),
        (VOCABULARY | {"something.new": 100}, True),
        ({"step.begin": 3, "step.end": 3}, False),
        ({"note": 3}, False),
        ({"step.begin": 0}, False),
        ({"note": 0x7F}, False),
        ({"something.new": 3}, False),
    ],
)
def test_a_vocabulary_keeps_to_the_lanes(vocabulary, proper):
    """Two kinds can't share a number, and none changes from one lane to the other."""
    assert is_translatable(vocabulary) == proper


def test_a_log_of_another_vocabulary_is_recovered_by_its_own_version(tmp_path):
    """What would be added has this version's numbers, and must not be mixed with the others."""
    path = older(CLOSED, tmp_path / "older.arrows")
    path.write_bytes(path.read_bytes()[: -len(END_MARKER)])
    with pytest.raises(UnreadableLog, match=r"written by another version.*recover it with version"):
        recover(path)


# A table of another version


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_tables_of_released_versions_are_known(path):
    """Each is this version's, or stands among those that it takes in."""
    assert EventLog.open(path).header.table in {DIGEST, *EARLIER_TABLES}


def test_a_log_of_an_unknown_table_is_told_of(tmp_path):
    """It conforms to this version's order, which may not be the one that was in force."""
    path = tmp_path / "foreign.arrows"
    codes, details = codes_of(CLOSED), details_of(CLOSED)
    report = audit(forged(path, codes, details, table="f" * 64))
    assert report.conformance is Verdict.NOT_CHECKED
    assert [finding.rule for finding in report.findings] == ["order-in-force"]
    assert "another table of the lifecycle (ffffffffffff…, version unknown)" in str(report)
    codes[6], codes[7] = codes[7], codes[6]
    assert audit(forged(path, codes, details, table="f" * 64)).conformance is Verdict.FAIL


# A header of an older form


def test_an_older_form_is_led_on_to_this_one(tmp_path, monkeypatch):
    """The function for its number puts right what it called otherwise."""
    path = shutil.copy(CLOSED, tmp_path / "older.arrows")
    fields = header_fields(path) | {"format": 0}
    fields["began"] = fields.pop("started")
    first = header_message(fields, schema().with_metadata({KEY: b""}))
    path.write_bytes(chained([first, *messages(path)[1:]]))
    with pytest.raises(UnreadableLog, match=re.escape("reads form 1")):
        EventLog.open(path)
    monkeypatch.setitem(EARLIER_FORMS, 0, lambda old: old | {"format": 1, "started": old["began"]})
    assert verdicts(path) == verdicts(CLOSED)
