"""Changed logs: whatever was done to the bytes, the audit says so, and nothing else happens."""

import json
import time

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statemachine import EventKind, EventLog, UnreadableLog, Verdict, audit, replay
from statemachine.compiled import Place
from statemachine.events import MAX_INDEX, encode
from statemachine.form import END_MARKER, NO_DIGEST, schema
from tests.statemachine.forging import (
    batch_message,
    block_message,
    chained,
    header_fields,
    header_message,
    large_log,
    messages,
    small_log,
)
from tests.statemachine.histories import Writer, starting

FAIL, PASS, NOT_CHECKED = Verdict.FAIL, Verdict.PASS, Verdict.NOT_CHECKED


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.arrows"


def is_caught(path):
    """Whether a change is told of: by a verdict, or because it is no log any more."""
    try:
        report = audit(path)
    except UnreadableLog:
        return True
    return FAIL in (report.integrity, report.completeness)


# Accidents


@pytest.mark.parametrize(
    ("every", "bits"),
    [(3, (0, 7)), pytest.param(1, range(8), marks=pytest.mark.deep)],
)
def test_every_change_of_a_byte_is_caught(path, every, bits):
    """Wherever it is, whichever bit, and by integrity or completeness."""
    data = small_log(path, steps=1)
    for at in range(0, len(data), every):
        for bit in bits:
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            path.write_bytes(changed)
            assert is_caught(path), (at, bit)
    path.write_bytes(data)
    assert not is_caught(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "log.arrows"
    return path, large_log(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_of_a_large_log_is_caught(large, data):
    """A piece of it is overwritten, removed, doubled, or put elsewhere."""
    path, whole = large
    start = data.draw(st.integers(0, len(whole) - 1))
    size = data.draw(st.integers(1, 5000))
    piece = whole[start : start + size]
    how = data.draw(st.sampled_from(["overwrite", "remove", "double", "move"]))
    rest = whole[:start] + whole[start + size :]
    to = data.draw(st.integers(0, len(rest)))
    changed = {
        "overwrite": lambda: (
            whole[:start]
            + data.draw(st.binary(min_size=len(piece), max_size=len(piece)))
            + whole[start + size :]
        ),
        "remove": lambda: rest,
        "double": lambda: whole[:start] + piece + whole[start:],
        "move": lambda: rest[:to] + piece + rest[to:],
    }[how]()
    path.write_bytes(changed)
    assert is_caught(path) == (changed != whole)


@pytest.mark.parametrize(
    "rearranged",
    [
        lambda a: [a[0], *a[2:]],
        lambda a: a[:2] + a[3:],
        lambda a: [a[0], a[2], a[1], *a[3:]],
        lambda a: [a[0], a[1], a[1], *a[2:]],
        lambda a: [a[0], *a],
        lambda a: a[1:],
        lambda a: [*a, a[-1]],
    ],
    ids=["first gone", "middle gone", "swapped", "doubled", "two headers", "no header", "longer"],
)
def test_blocks_that_are_not_where_they_were_are_caught(path, rearranged):
    """Removed, swapped, repeated, or added: the chain breaks."""
    large_log(path)
    path.write_bytes(b"".join(rearranged(messages(path))) + END_MARKER)
    try:
        report = audit(path)
    except UnreadableLog:
        return
    assert report.integrity is FAIL
    assert report.completeness is FAIL or report.conformance is NOT_CHECKED
    assert any("digest" in finding.seen for finding in report.findings)


def test_a_block_of_another_log_does_not_fit_in(path, tmp_path):
    """Not even where its numbers do."""
    large_log(path)
    other = tmp_path / "other.arrows"
    large_log(other)
    ours, theirs = messages(path), messages(other)
    path.write_bytes(b"".join([*ours[:2], theirs[2], *ours[3:]]) + END_MARKER)
    assert audit(path).integrity is FAIL


@pytest.mark.parametrize("blocks", range(1, 5))
def test_a_log_that_is_cut_where_a_block_ends_is_incomplete(path, blocks):
    """Its bytes are right; there are just fewer."""
    large_log(path)
    path.write_bytes(b"".join(messages(path)[:blocks]))
    report = audit(path)
    assert report.completeness is FAIL
    assert report.integrity is (PASS if blocks > 1 else NOT_CHECKED)
    assert report.conformance is PASS


def test_a_log_that_was_cut_and_given_a_new_end_is_incomplete(path):
    """It ends, but not with a closed session."""
    large_log(path)
    path.write_bytes(b"".join(messages(path)[:3]) + END_MARKER)
    report = audit(path)
    assert (report.integrity, report.completeness) == (PASS, FAIL)
    (finding,) = (f for f in report.findings if f.about == "completeness")
    assert "the session was never closed: it died in" in finding.seen


@pytest.mark.parametrize("tail", [b"\0", b"x" * 8, END_MARKER, b"\xff" * 100])
def test_whatever_is_appended_is_caught(path, tail):
    """Nothing follows the end marker."""
    path.write_bytes(small_log(path) + tail)
    report = audit(path)
    assert report.integrity is FAIL
    assert "bytes follow the end marker of the log" in str(report)


def test_what_comes_before_the_damage_is_still_read(path):
    """Iterating gives it, then raises; replay of that part works; the audit folds it."""
    data = bytearray(large_log(path))
    second = sum(len(message) for message in messages(path)[:2])
    data[second + 1000] ^= 1
    path.write_bytes(data)
    log, found = EventLog.open(path), []
    with pytest.raises(UnreadableLog, match="the digest of a message is not that of its bytes"):
        found.extend(log)
        for event in log:
            found.append(event)
    read = []
    try:
        for event in log:
            read.append(event)
    except UnreadableLog:
        pass
    assert len(read) > 16_000
    assert replay(log, until=100).events == 101
    with pytest.raises(UnreadableLog):
        replay(log)
    assert audit(path).state.events == len(read)


# Forgeries: the chain is right, so integrity passes, and what is wrong must be found elsewhere


def forged(path, *parts, **changes):
    """Write a log of these blocks with a header whose fields are changed."""
    if not path.exists():
        small_log(path)
    fields = header_fields(path) | changes
    path.write_bytes(chained([header_message(fields), *parts]))
    return path


LEGAL = [place.code for place in starting()]


def found(path):
    """The verdicts on integrity, completeness and conformance, and the sequence numbers found."""
    report = audit(path)
    places = [f.sequence for f in report.findings if f.about == "conformance"]
    return (report.integrity, report.completeness, report.conformance), places


@pytest.mark.parametrize(
    ("codes", "place"),
    [
        ([*LEGAL[:4], *LEGAL[5:]], 4),
        ([*LEGAL[:4], LEGAL[3], *LEGAL[4:]], 4),
        ([LEGAL[1], LEGAL[0], *LEGAL[2:]], 0),
        (LEGAL[3:], 0),
        ([*LEGAL, Place("closed").code], len(LEGAL)),
        ([*LEGAL, Place("step", 0, 1).code], len(LEGAL)),
        ([*LEGAL, Place("step").code, Place("gathering", 1).code], len(LEGAL) + 1),
        ([*LEGAL, Place("step").code, Place("gathering", 2).code], len(LEGAL) + 1),
        ([*LEGAL, encode(EventKind.STEP_BEGIN, 0, 4)], len(LEGAL)),
        ([*LEGAL, encode(EventKind.STEP_BEGIN, 1)], len(LEGAL)),
        ([*LEGAL, encode(EventKind.RAISED, 0, 0, EventKind.STATE_CLOSED)], len(LEGAL)),
    ],
)
def test_events_that_may_not_follow_are_found_where_they_stand(path, codes, place):
    """With what was seen there and what was allowed."""
    verdicts, places = found(forged(path, block_message(codes)))
    assert (verdicts[0], verdicts[2]) == (PASS, FAIL)
    assert places[0] == place
    finding = next(f for f in audit(path).findings if f.about == "conformance")
    assert finding.allowed
    assert " after " in finding.seen
    assert finding.sentence


@pytest.mark.parametrize("code", [63, 127, -1, -(1 << 31), (1 << 31) - 1, 0, 0x7F00 | 1, 126])
def test_codes_that_are_none_are_found(path, code):
    """Unknown kinds, marks without meaning, negative numbers."""
    verdicts, places = found(forged(path, block_message([*LEGAL, code])))
    assert verdicts[2] is FAIL
    assert places[0] in (len(LEGAL), None)


@pytest.mark.parametrize(
    "change", [{"sequence": 1}, {"step": 1}, {"time": 1}, {"sequence": 10**17}, {"time": 10**17}]
)
def test_numbers_with_a_gap_are_found(path, change):
    """Between two blocks, and at the beginning of the log."""
    first = block_message(LEGAL, elapsed=[0] * len(LEGAL))
    right = {"sequence": len(LEGAL), "step": 0, "time": 0}
    second = block_message(
        [Place("step").code], **(right | {k: right[k] + v for k, v in change.items()})
    )
    verdicts, _ = found(forged(path, first, second))
    assert verdicts[2] is FAIL
    verdicts, _ = found(forged(path, block_message(LEGAL, **change)))
    assert verdicts[2] is FAIL
    assert found(forged(path, first, block_message([Place("step").code], **right)))[0][2] is PASS


def test_a_clock_that_runs_backwards_is_found(path):
    """Where it does so first."""
    elapsed = [1] * len(LEGAL)
    elapsed[7] = -5
    verdicts, places = found(forged(path, block_message(LEGAL, elapsed=elapsed)))
    assert verdicts[2] is FAIL
    assert places == [7]


def test_times_beyond_all_measure_do_no_harm(path):
    """They may run over; nothing raises but errors of ours."""
    elapsed = [2**62] * len(LEGAL)
    forged(path, block_message(LEGAL, elapsed=elapsed, time=10**17))
    audit(path)
    assert len(list(EventLog.open(path))) == len(LEGAL)
    EventLog.open(path).to_arrow()


@pytest.mark.parametrize("detail", ["3", "[]", "{", "null", "[" * 50_000, '{"a":' * 9_999, ""])
@pytest.mark.parametrize(
    "kind", [EventKind.NOTE, EventKind.STOP_REQUESTED, EventKind.RUN_SIGNATURE]
)
def test_a_detail_that_is_no_object_is_found(path, detail, kind):
    """By the audit; a reader gets an error that shows its beginning."""
    codes, details = [*LEGAL, kind.number], [None] * len(LEGAL) + [detail]
    verdicts, places = found(forged(path, block_message(codes, details=details)))
    assert verdicts[2] is FAIL
    assert len(LEGAL) in places
    with pytest.raises(UnreadableLog, match="detail is not a JSON object"):
        list(EventLog.open(path))


@pytest.mark.parametrize(
    "detail",
    [
        {"by": 3, "hook": "x"},
        {"by": "hook.before_run", "hook": 10**30},
        {"by": "hook.before_run", "hook": -1},
        {"error": {"type": 3, "message": [], "bases": "ValueError"}},
        {"error": [], "call": 7, "instead_of": 3},
        {"path": 3, "step": "x", "size": None, "sha256": 5},
        {"by": None, "error": {"bases": [{}, None, 3]}},
    ],
)
def test_a_detail_of_the_wrong_shape_is_no_error(path, detail):
    """Each event with a detail may hold anything."""
    kinds = [kind.number for kind in EventKind if kind.in_second_lane]
    ordered = [Place("step").code, Place("step!").code, Place("step error replaced").code]
    left = [Place("stopping").code, Place("joining").code, Place("joining!").code]
    more = [Place("join error replaced").code, Place("closing").code, Place("suppressed").code]
    codes = [*LEGAL, *kinds, *ordered, *left, *more, Place("closed").code]
    details = [json.dumps(detail)] * len(codes)
    forged(path, block_message(codes, details=details))
    audit(path)
    replay(EventLog.open(path))
    assert len(list(EventLog.open(path))) == len(codes)
    str(audit(path)).encode()


def test_findings_are_bounded(path):
    """A log of nothing but mistakes is told of with a hundred of each kind."""
    codes = [Place("closed").code] * 10_000
    report = audit(forged(path, block_message(codes)))
    assert len([f for f in report.findings if f.about == "conformance"]) == 100


# Headers


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("session", [None, 3, []]),
        ("started", [None, "x", -1, 1.5, True, 10**30]),
        ("clock", [None, "x", -1, 10**30]),
        ("hooks", [None, "abc", {}, [3], [None], ["a"] * (MAX_INDEX + 1)]),
        ("versions", [None, [], {"python": 3}]),
        ("process", [None, "x", -1]),
        ("table", [None, 3]),
        ("vocabulary", [None, [], {"note": 3}, {"other": 1}, {"note": "x"}, {"note": 10**30}]),
    ],
)
def test_a_header_with_a_wrong_field_is_refused_by_its_name(path, field, values):
    """Wrong types, and numbers that no machine has."""
    for value in values:
        forged(path, block_message(LEGAL), **{field: value})
        for reader in (EventLog.open, audit):
            with pytest.raises(UnreadableLog, match=f"no proper '{field}'"):
                reader(path)
        small_log(path.with_name("new.arrows"))
        path.with_name("new.arrows").replace(path)


@pytest.mark.parametrize("value", [0, 2, "1", None, 1.5, [], 10**30])
def test_a_form_of_another_version_is_refused_by_its_number(path, value):
    """The message says which one can be read."""
    with pytest.raises(UnreadableLog, match="reads form 1 with the columns"):
        audit(forged(path, block_message(LEGAL), format=value))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"sha256":"{NO_DIGEST}",',
        f'{{"sha256":"{NO_DIGEST}","a":1}}',
        f'{{"sha256":"{NO_DIGEST}","a":' + "[" * 100_000,
        f'{{"sha256":"{NO_DIGEST}",\xff}}'.encode("latin-1"),
    ],
    ids=["cut", "empty", "deep", "no utf-8"],
)
def test_a_header_that_is_no_json_is_refused(path, text):
    """Its digest is right, and that is all."""
    path.write_bytes(chained([header_message(text), block_message(LEGAL)]))
    with pytest.raises(UnreadableLog, match="its schema does not hold the metadata"):
        audit(path)


@pytest.mark.parametrize(
    "columns",
    [
        pa.schema([]),
        pa.schema([("elapsed", pa.duration("us")), ("code", pa.int32()), ("detail", pa.string())]),
        pa.schema([("a", pa.int64()), *schema()]),
        pa.schema([("a" * 5000, pa.dictionary(pa.int8(), pa.string()))]),
        pa.schema([(f"column {n}", pa.int8()) for n in range(5000)]),
    ],
)
def test_other_columns_are_refused(path, columns):
    """The message names the first of them, and those that there must be."""
    small_log(path)
    path.write_bytes(chained([header_message(header_fields(path), columns)]))
    with pytest.raises(UnreadableLog, match=r"reads form 1 with the columns \['elapsed'") as caught:
        audit(path)
    assert len(str(caught.value)) < 30_000


def test_a_vocabulary_with_further_kinds_can_be_read(path):
    """A newer version may have added some that this log does not use."""
    vocabulary = header_fields_of_small(path)["vocabulary"] | {"something.new": 100}
    assert audit(forged(path, block_message(LEGAL), vocabulary=vocabulary)).conformance is PASS


def header_fields_of_small(path):
    small_log(path)
    return header_fields(path)


def test_a_header_of_very_many_hooks_costs_little(path):
    """The table is not unrolled for each of them."""
    start = time.process_time()
    forged(path, block_message([place.code for place in starting(3)]), hooks=["h"] * MAX_INDEX)
    report = audit(path)
    assert report.conformance is FAIL
    assert report.state.calls[2] == {"begin": 1, "after_create_session": 1}
    EventLog.open(path).to_arrow()
    assert time.process_time() - start < 5


def test_the_history_of_very_many_hooks_is_judged(path):
    """Each one once, in the order of the list, up to the last."""
    count = 5000
    places, hooks = [place.code for place in starting(count)], ["h"] * count
    assert audit(forged(path, block_message(places), hooks=hooks)).conformance is PASS
    for position in (2, 3, count - 1, count, count + 1, count + 20):
        without = places[:position] + places[position + 1 :]
        assert found(forged(path, block_message(without), hooks=hooks))[1][0] == position


def test_ten_million_hooks_are_refused_at_once(path):
    """Before the header is read."""
    small_log(path)
    fields = header_fields(path) | {"hooks": ["h"] * 10_000_000}
    path.write_bytes(chained([header_message(fields)]))
    with pytest.raises(UnreadableLog, match=r"can't have \d{8} bytes of metadata"):
        EventLog.open(path)


# Hostile messages


def test_a_block_that_claims_to_be_huge_is_refused_before_memory_is_had_for_it(path):
    """A few kilobytes can claim terabytes: compressed nothing."""
    small_log(path)
    nothing = pa.array([0] * 2_000_000, pa.int64())
    columns = [
        nothing.cast(pa.duration("ns")),
        nothing.cast(pa.int32()),
        pa.nulls(2_000_000, pa.string()),
    ]
    place = f'{{"sha256":"{NO_DIGEST}","sequence":0,"step":0,"time":0}}'
    bomb = batch_message(pa.record_batch(columns, schema=schema()), place)
    assert len(bomb) < 10_000
    path.write_bytes(chained([header_message(header_fields(path)), bomb]))
    report = audit(path)
    assert report.integrity is FAIL
    assert "a block can't hold 2000000 events" in str(report)


@pytest.mark.parametrize("claim", [2**62, 2**40, 2**31, -5])
def test_a_buffer_that_claims_to_be_huge_is_refused(path, claim):
    """Its length stands in front of its bytes."""
    block = block_message(LEGAL * 400)
    right = (8 * 400 * len(LEGAL)).to_bytes(8, "little")
    assert block.count(right) >= 1
    forged(path, block.replace(right, claim.to_bytes(8, "little", signed=True), 1))
    report = audit(path)
    assert report.integrity is FAIL
    assert "a block can't" in str(report)


@pytest.mark.parametrize("size", [2**31 - 8, 2**22 + 8, -8, 0, 12])
def test_a_message_that_claims_to_be_huge_is_refused(path, size):
    """As is one whose size is none."""
    data = small_log(path)
    head = len(messages(path)[0])
    path.write_bytes(data[: head + 4] + size.to_bytes(4, "little", signed=True) + data[head + 8 :])
    assert audit(path).integrity is FAIL
    path.write_bytes(data[:4] + size.to_bytes(4, "little", signed=True) + data[8:])
    assert is_caught(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_under_a_right_chain_does_no_harm(path, data):
    """Arrow gets to see anything then: there is a verdict, or an error of ours."""
    block = bytearray(
        block_message([*LEGAL, EventKind.NOTE.number], details=[*[None] * len(LEGAL), "{}"])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(8, len(block) - 1))] = data.draw(st.integers(0, 255))
    if block.count(b'{"sha256":"') != 1:
        return
    at = block.index(b'{"sha256":"') + 11
    block[at : at + 64] = NO_DIGEST.encode()
    try:
        report = audit(forged(path, bytes(block)))
        list(EventLog.open(path))
        EventLog.open(path).to_arrow()
        assert report.completeness is FAIL
    except UnreadableLog:
        pass
    path.unlink()


def test_a_block_with_other_columns_is_refused(path):
    """The schema of the log is that of its header."""
    place = f'{{"sha256":"{NO_DIGEST}","sequence":0,"step":0,"time":0}}'
    for columns in (
        {"a": pa.array([1])},
        {"elapsed": pa.array([1], pa.duration("ns")), "code": pa.array([1], pa.int32())},
        {"elapsed": pa.array(["a"]), "code": pa.array(["b"]), "detail": pa.array(["c"])},
    ):
        forged(path, batch_message(pa.record_batch(columns), place))
        report = audit(path)
        assert report.integrity is FAIL or report.conformance is FAIL
        path.unlink()


def test_a_block_with_nulls_is_refused(path):
    """Each event has a time and a code."""
    place = f'{{"sha256":"{NO_DIGEST}","sequence":0,"step":0,"time":0}}'
    columns = [
        pa.array([None], pa.duration("ns")),
        pa.array([1], pa.int32()),
        pa.nulls(1, pa.string()),
    ]
    batch = pa.record_batch(columns, names=schema().names)
    assert "events without time or code" in str(audit(forged(path, batch_message(batch, place))))


def test_a_text_that_is_no_utf_8_is_refused(path):
    """Details are texts."""
    texts = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    columns = [pa.array([1], pa.duration("ns")), pa.array([1], pa.int32()), texts]
    place = f'{{"sha256":"{NO_DIGEST}","sequence":0,"step":0,"time":0}}'
    batch = pa.record_batch(columns, schema=schema())
    assert "can't be decoded" in str(audit(forged(path, batch_message(batch, place))))


@pytest.mark.parametrize(
    "place",
    ["", '"sequence":-1,"step":0,"time":0', '"sequence":1e3,"step":0,"time":0', '"step":0'],
)
def test_a_block_that_does_not_say_where_it_belongs_is_refused(path, place):
    """Its numbers are whole, not negative, and below 10^18."""
    text = f'{{"sha256":"{NO_DIGEST}",{place}}}'
    assert "does not say where it belongs" in str(
        audit(forged(path, block_message(LEGAL, place=text)))
    )


def test_a_message_that_is_no_block_is_refused(path):
    """A second header, for example."""
    small_log(path)
    second = header_message(f'{{"sha256":"{NO_DIGEST}","sequence":0,"step":0,"time":0}}')
    assert audit(forged(path, second)).integrity is FAIL


def test_a_writer_is_needed_to_forge_nothing():
    """The forger's legal beginning is one."""
    log = EventLog()
    writer = Writer(log.begin(("a", "b")))
    for code in LEGAL:
        writer.journal.record(code)
    assert [code for block in log.read() for code in block.codes.tolist()] == LEGAL
