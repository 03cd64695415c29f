"""Histories that no session wrote: the audit finds each fault that the slow machine finds."""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import Block, EventKind, EventLog, IllegalStep, Verdict, Walker, audit
from statemachine.compiled import strip_signature
from statemachine.events import AT_SHIFT, INDEX_SHIFT, MARK_SHIFT, SECOND_LANE, decode, encode
from statemachine.form import END_MARKER, ChainWriter, Header
from statemachine.rules import Observation, Rules
from tests.session.histories import block_of
from tests.session.playing import play
from tests.session.scenario import Deed, HookPlan, Operation, Scenario, scenarios

BUSY = Scenario(
    (HookPlan((True,), deeds=(Deed("before_run", 1, "stop"),)), HookPlan()),
    (Operation(), Operation("step fn", parts=("hooks", "raw"))),
    init_fn=True,
    threads=True,
)


@attrs.frozen
class History:
    """Codes and details, as they stand in a log."""

    header: Header
    codes: tuple[int, ...]
    details: Mapping[int, str]

    @classmethod
    def of(cls, plan: Scenario) -> "History":
        """What the real session wrote in a scenario."""
        log = play(plan).log
        codes: list[int] = []
        details: dict[int, str] = {}
        for block in log.read():
            details |= {len(codes) + at: text for at, text in block.details.items()}
            codes += block.codes.tolist()
        return cls(log.header, tuple(codes), details)

    @property
    def block(self) -> Block:
        """All of it as one block."""
        return block_of(self.codes, self.details)

    def edited(self, at: int, gone: int, codes: tuple[int, ...]) -> "History":
        """The history with some codes taken out and others put in; details stay with theirs."""
        kept = {n: text for n, text in self.details.items() if n < at}
        moved = len(codes) - gone
        kept |= {n + moved: text for n, text in self.details.items() if n >= at + gone}
        changed = self.codes[:at] + codes + self.codes[at + gone :]
        return attrs.evolve(self, codes=changed, details=kept)

    def told(self, at: int, text: str | None) -> "History":
        """The history with another detail."""
        rest = {n: old for n, old in self.details.items() if n != at}
        return attrs.evolve(self, details=rest if text is None else rest | {at: text})


def parts(block: Block, cuts: list[int]) -> list[Block]:
    """A block cut at positions."""
    edges = sorted({0, len(block), *(cut for cut in cuts if 0 < cut < len(block))})
    return [block.part(a, b) for a, b in itertools.pairwise(edges)]


def write(history: History, path: Path, cuts: list[int]) -> Path:
    """Write a history as a log of several blocks."""
    return write_blocks(history.header, parts(history.block, cuts), path)


def write_blocks(header: Header, blocks: list[Block], path: Path) -> Path:
    """Write blocks as a log, with a chain that is right and an end marker."""
    writer = ChainWriter(header)
    messages, digest = [writer.schema_message], writer.schema_digest
    for block in blocks:
        message, digest = writer.encode(block, digest)
        messages.append(message)
    path.write_bytes(b"".join(messages) + END_MARKER)
    return path


def judged(history: History, cuts: list[int]) -> list[Observation]:
    """What the rules beyond neighbours find, block by block."""
    rules = Rules(history.header)
    return [seen for block in parts(history.block, cuts) for seen in rules.judge(block)]


def machine_accepts(history: History) -> bool:
    """Whether the slow way finds no fault: a machine for the order, single events for the rest."""
    header = history.header
    walker = Walker(len(header.hooks), on_error=header.on_error)
    try:
        for code in history.codes:
            if not code & SECOND_LANE:
                walker.step(strip_signature(code))
    except IllegalStep:
        return False
    return not judged(history, list(range(len(history.codes))))


def _altered(code: int, draw: st.DataObject) -> int:
    """A code with one of its fields changed."""
    field = draw.draw(st.sampled_from(["kind", "at", "mark", "index", "any"]))
    if field == "any":
        return draw.draw(st.integers(0, 2**31 - 1))
    if field == "kind":
        return code & ~0x7F | draw.draw(st.integers(0, 0x7F))
    if field == "mark":
        return code ^ draw.draw(st.integers(1, 7)) << MARK_SHIFT
    if field == "at":
        return code ^ draw.draw(st.integers(1, 63)) << AT_SHIFT
    return code & 0xFFFF | draw.draw(st.integers(0, 6)) << INDEX_SHIFT


def _told_otherwise(text: str, draw: st.DataObject) -> str:
    """A detail in which another error, or another cause, is told."""
    detail = json.loads(text)
    bases = draw.draw(
        st.sampled_from(
            [["ValueError", "Exception"], ["OutOfRangeError", "Exception"], ["KeyboardInterrupt"]]
        )
    )
    word = draw.draw(st.sampled_from(["error", "instead_of", "by", "hook", "call", "state"]))
    values = {
        "error": {"type": bases[0], "message": "altered", "bases": bases},
        "instead_of": {"type": bases[0], "message": "altered", "bases": bases},
        "by": draw.draw(st.sampled_from(["close", "with", "observer", "coordinator", "step_fn"])),
        "hook": draw.draw(st.integers(0, 3)),
        "call": "hook.end",
        "state": "stopping",
    }
    return json.dumps(detail | {word: values[word]})


def mutated(history: History, draw: st.DataObject) -> History:
    """A history with one event dropped, doubled, exchanged, altered, or told otherwise."""
    at = draw.draw(st.integers(0, len(history.codes) - 1))
    code = history.codes[at]
    what = draw.draw(st.sampled_from(["drop", "double", "swap", "alter", "silence", "retell"]))
    if what == "drop":
        return history.edited(at, 1, ())
    if what == "double":
        return history.edited(at, 0, (code,))
    if what == "swap" and at + 1 < len(history.codes):
        return history.edited(at, 2, (history.codes[at + 1], code))
    if what == "silence":
        return history.told(at, None)
    if what == "retell" and history.details:
        told = draw.draw(st.sampled_from(sorted(history.details)))
        return history.told(told, _told_otherwise(history.details[told], draw))
    return history.edited(at, 1, (_altered(code, draw),))


_cuts = st.lists(st.integers(0, 60), max_size=4)


@given(scenarios(most_hooks=3), st.data())
def test_audit_rejects_what_the_machine_rejects(
    tmp_path_factory: pytest.TempPathFactory, plan: Scenario, data: st.DataObject
) -> None:
    """With the chain computed anew, the verdict on a mutated history is the slow machine's."""
    path = tmp_path_factory.mktemp("mutants") / "mutant.arrows"
    history = History.of(plan)
    assert machine_accepts(history)
    for _ in range(6):
        mutant = mutated(history, data)
        report = audit(write(mutant, path, data.draw(_cuts)))
        wanted = Verdict.PASS if machine_accepts(mutant) else Verdict.FAIL
        assert report.integrity is Verdict.PASS
        assert report.conformance is wanted, str(report)


@given(scenarios(most_hooks=3), _cuts, st.data())
def test_a_history_gets_the_same_findings_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    plan: Scenario,
    cuts: list[int],
    data: st.DataObject,
) -> None:
    """One block, single events, or anything between: the same rules, at the same events."""
    path = tmp_path_factory.mktemp("cuts")
    mutant = mutated(History.of(plan), data)
    whole = audit(write(mutant, path / "whole.arrows", []))
    cut = audit(write(mutant, path / "cut.arrows", cuts))

    def found(seen: list[Observation]) -> list[tuple[int, str]]:
        return sorted((one.sequence or 0, one.rule) for one in seen)

    assert found(judged(mutant, cuts)) == found(judged(mutant, []))
    assert cut.conformance is whole.conformance
    assert {(f.rule, f.sequence) for f in cut.findings} == {
        (f.rule, f.sequence) for f in whole.findings
    }


def test_a_missing_or_repeated_block_is_found(tmp_path: Path) -> None:
    """Blocks number their events: one that is left out or told twice breaks the numbering."""
    history = History.of(BUSY)
    first, second, third = parts(history.block, [10, 20])
    for number, blocks in enumerate(([first, third], [first, second, second], [second, third])):
        path = write_blocks(history.header, blocks, tmp_path / f"{number}.arrows")
        found = [f for f in audit(path).findings if f.rule == "numbered-without-gap"]
        assert found, blocks
        assert "a block begins with event" in found[0].seen


def test_a_clock_that_runs_backwards_is_found(tmp_path: Path) -> None:
    """An event that is earlier than the one before is named."""
    history = History.of(BUSY)
    elapsed = np.array(history.block.elapsed)
    elapsed[7] = -5
    block = attrs.evolve(history.block, elapsed=elapsed)
    path = write_blocks(history.header, [block], tmp_path / "log.arrows")
    (finding,) = audit(path).findings
    assert (finding.rule, finding.sequence) == ("clock-monotonic", 7)


def test_a_history_that_stops_early_is_incomplete(tmp_path: Path) -> None:
    """Every proper prefix conforms, and is incomplete; the finding says where it stopped."""
    history = History.of(BUSY)
    for length in range(1, len(history.codes)):
        details = {at: text for at, text in history.details.items() if at < length}
        prefix = attrs.evolve(history, codes=history.codes[:length], details=details)
        report = audit(write(prefix, tmp_path / "prefix.arrows", []))
        assert report.conformance is Verdict.PASS
        assert report.completeness is Verdict.FAIL
        assert {f.rule for f in report.findings} == {"closed-at-the-end"}


def _with_checkpoints(restored: str) -> History:
    saved = json.dumps({"path": "model-7", "step": 7, "size": 3, "sha256": "ab" * 32})
    read = json.dumps({"path": "model-7", "step": 7, "size": 3, "sha256": restored * 32})
    history = History.of(BUSY)
    at = [decode(code).kind for code in history.codes].index(EventKind.STEP_END)
    codes = (encode(EventKind.CHECKPOINT_SAVED), encode(EventKind.CHECKPOINT_RESTORED))
    return history.edited(at, 0, codes).told(at, saved).told(at + 1, read)


def test_a_restore_is_traced_to_the_save(tmp_path: Path) -> None:
    """The same digest passes; with another digest and all logs known, it fails."""
    path = write(_with_checkpoints("ab"), tmp_path / "log.arrows", [])
    assert audit(path).lineage is Verdict.PASS
    path = write(_with_checkpoints("cd"), tmp_path / "other.arrows", [])
    assert audit(path).lineage is Verdict.NOT_CHECKED
    report = audit(path, known=[tmp_path / "log.arrows"])
    assert report.lineage is Verdict.FAIL
    assert {f.rule for f in report.findings} == {"restored-was-saved"}


def test_a_changed_byte_breaks_the_chain(tmp_path: Path) -> None:
    """A digest that is not that of the bytes is found, whatever byte was changed."""
    path = write(History.of(BUSY), tmp_path / "log.arrows", [20])
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    report = audit(path)
    assert report.integrity is Verdict.FAIL
    assert "chain-unbroken" in {f.rule for f in report.findings}


def test_events_that_nobody_knows_do_not_end_the_check_of_the_bytes(tmp_path: Path) -> None:
    """A block with an unknown event is told; damage in a later block is still found."""
    history = History.of(BUSY)
    strange = history.edited(3, 1, (0x3F,))
    path = write(strange, tmp_path / "log.arrows", [4, 20])
    report = audit(path)
    assert (report.integrity, report.conformance) == (Verdict.PASS, Verdict.FAIL)
    assert "known-events" in {f.rule for f in report.findings}
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    assert audit(path).integrity is Verdict.FAIL


def test_what_was_never_sealed_is_not_checked() -> None:
    """A log in memory whose blocks were not sealed proves its order, not its integrity."""
    log = EventLog()
    play(BUSY, log)
    report = audit(log)
    assert report.integrity is Verdict.NOT_CHECKED
    assert {f.rule for f in report.findings} == {"sealed-blocks-only"}
