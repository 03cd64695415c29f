"""The audit: four verdicts, and findings that say where, what, and by which sentence."""

import pytest

from statemachine import EventKind, EventLog, UnreadableLog, Verdict, audit
from statemachine.compiled import Place
from statemachine.ordering import sentence
from tests.statemachine.forging import block_message, chained, header_fields, header_message
from tests.statemachine.histories import HOOKS, START_EVENTS, Writer, starting, step

PASS, FAIL, NOT_CHECKED = Verdict.PASS, Verdict.FAIL, Verdict.NOT_CHECKED


def checkpoint(digit, step=1):
    return {"path": f"model-{step}", "step": step, "size": 10, "sha256": digit * 64}


def saving(tmp_path, *digits):
    """A log of a session that saved checkpoints."""
    log = EventLog(tmp_path)
    writer = Writer(log.begin(HOOKS)).start()
    for number, digit in enumerate(digits):
        writer.steps(1)
        writer.journal.add(EventKind.CHECKPOINT_SAVED, checkpoint(digit, number + 1))
    writer.close()
    return log.path


def restoring(tmp_path, digit, save=None):
    """A log of a session that restored one, and maybe saved one afterwards."""
    log = EventLog(tmp_path)
    journal = log.begin(HOOKS)
    for place in starting():
        if place.point == "restored":
            journal.record(Place("restoring").code)
            if digit is not None:
                journal.add(EventKind.CHECKPOINT_RESTORED, checkpoint(digit))
        journal.record(place.code)
    if save is not None:
        journal.add(EventKind.CHECKPOINT_SAVED, checkpoint(save))
    Writer(journal).close()
    return log.path


def lineage(path, **known):
    report = audit(path, **known)
    seen = [finding.seen for finding in report.findings if finding.about == "lineage"]
    return report.lineage, "; ".join(seen)


# Lineage


def test_a_session_that_restores_nothing_has_no_ancestor(tmp_path):
    """Nothing is to be shown."""
    assert lineage(saving(tmp_path, "a")) == (PASS, "")


def test_a_checkpoint_that_a_known_log_saved_is_traced_to_it(tmp_path):
    """By its digest; the finding names log and step."""
    first = saving(tmp_path, "a", "b")
    other = saving(tmp_path, "c")
    verdict, seen = lineage(restoring(tmp_path, "b"), known=[other, first])
    assert verdict is PASS
    assert f"(step 2, sha256 bbbbbbbbbbbb…) was saved by the session of {first.name}" in seen


def test_known_logs_may_be_given_opened(tmp_path):
    """Or as text."""
    first = saving(tmp_path, "a")
    second = restoring(tmp_path, "a")
    assert lineage(second, known=[EventLog.open(first)])[0] is PASS
    assert lineage(EventLog.open(second), known=(str(first),))[0] is PASS


def test_a_checkpoint_that_no_known_log_saved_fails(tmp_path):
    """It is another file, or it was changed."""
    verdict, seen = lineage(restoring(tmp_path, "b"), known=[saving(tmp_path, "a")])
    assert verdict is FAIL
    assert "model-1 (sha256 bbbbbbbbbbbb…) was saved by no session of the logs" in seen


def test_without_other_logs_an_ancestor_is_not_checked(tmp_path):
    """The finding says why."""
    verdict, seen = lineage(restoring(tmp_path, "b"))
    assert verdict is NOT_CHECKED
    assert "and no other log was given" in seen


def test_a_restore_without_a_digest_is_not_checked(tmp_path):
    """A saver of somebody else's may not tell it."""
    verdict, seen = lineage(restoring(tmp_path, None), known=[saving(tmp_path, "a")])
    assert verdict is NOT_CHECKED
    assert "without its digest being written down" in seen


def test_what_a_session_saves_later_is_no_ancestor(tmp_path):
    """Though it has the same bytes."""
    assert lineage(restoring(tmp_path, "a", save="a"), known=[saving(tmp_path, "b")])[0] is FAIL


def test_a_known_log_counts_as_far_as_it_can_be_read(tmp_path):
    """It may be that of a killed session, or damaged later on."""
    first = saving(tmp_path, "a")
    first.write_bytes(first.read_bytes()[:-8] + b"damaged!")
    assert lineage(restoring(tmp_path, "a"), known=[first])[0] is PASS


def test_a_known_log_that_is_none_is_an_error(tmp_path):
    """It is named."""
    (tmp_path / "text.arrows").write_text("no log")
    with pytest.raises(UnreadableLog, match=r"text\.arrows is not an event log"):
        audit(restoring(tmp_path, "a"), known=[tmp_path / "text.arrows"])


def test_a_single_log_is_no_iterable_of_known_ones(tmp_path):
    """Neither the characters of its path nor its events are taken for logs."""
    first, second = saving(tmp_path, "a"), restoring(tmp_path, "a")
    for known in (str(first), first, EventLog.open(first)):
        with pytest.raises(TypeError, match="a single log goes into a list"):
            audit(second, known=known)


def test_each_of_many_restores_is_judged(tmp_path):
    """A session may restore again, through its raw session."""
    path = restoring(tmp_path, "a")
    log = EventLog(tmp_path)
    writer = Writer(log.begin(HOOKS)).start()
    for digit in "aab":
        writer.journal.add(EventKind.CHECKPOINT_RESTORED, checkpoint(digit))
    writer.close()
    report = audit(log, known=[saving(tmp_path, "a"), path])
    verdicts = [f.sequence for f in report.findings if f.about == "lineage"]
    assert report.lineage is FAIL
    assert verdicts == [START_EVENTS + 1, START_EVENTS + 2, START_EVENTS + 3]


# Findings


def forged(path, codes):
    """A log with any codes, and a chain that is right."""
    Writer(EventLog(path).begin(HOOKS)).start().close()
    header = header_message(header_fields(path))
    path.write_bytes(chained([header, block_message(codes)]))
    return path


def test_a_finding_says_where_what_and_by_which_sentence(tmp_path):
    """And what was allowed there."""
    legal = [place.code for place in starting()]
    codes = [*legal, *(place.code for place in step() if place != Place("delivering", 0))]
    report = audit(forged(tmp_path / "log.arrows", codes))
    first = next(finding for finding in report.findings if finding.about == "conformance")
    assert first.sequence == START_EVENTS + 4
    assert first.time == EventLog.open(tmp_path / "log.arrows").header.started + first.sequence + 1
    assert first.seen == "hook.after_run of hook 1 after session.run"
    assert first.allowed == (
        "raised out of session.run",
        "raised out of session.run (a stop was asked for)",
        "hook.after_run of hook 0",
        "hook.after_run of hook 0 (a stop was asked for)",
    )
    assert first.sentence == sentence(first.rule)
    assert str(first).startswith(
        f"conformance at event {START_EVENTS + 4}: hook.after_run of hook 1"
    )


def test_what_is_allowed_after_a_run_does_not_depend_on_its_signature(tmp_path):
    """Which signature it has, another event has declared."""
    legal = [place.code for place in starting()]
    run = Place("computing").code | 3 << 16
    begun = [Place("step").code, Place("gathering", 0).code, Place("gathering", 1).code]
    report = audit(forged(tmp_path / "log.arrows", [*legal, *begun, run, Place("step").code]))
    finding = next(f for f in report.findings if f.seen == "step.begin after session.run")
    assert "hook.after_run of hook 0" in finding.allowed


def test_a_signature_that_nobody_declared_is_found(tmp_path):
    """As is one that was declared out of turn."""
    for declared, used in ([], 0), ([0], 1), ([1], 0), ([0, 0], 0), ([0, 2], 2):
        log = EventLog()
        journal = log.begin(HOOKS)
        for place in starting():
            journal.record(place.code)
        for number in declared:
            journal.add(EventKind.RUN_SIGNATURE, {"fetches": {}}, number)
        for place in step():
            journal.record(place.code, used << 16 if place.point == "computing" else 0)
        report = audit(log)
        assert report.conformance is FAIL
        assert {finding.rule for finding in report.findings if finding.about == "conformance"} == {
            "signature-declared"
        }


def test_a_report_prints_its_verdicts_and_findings(tmp_path):
    """One line each."""
    path = restoring(tmp_path, "b")
    lines = str(audit(path)).splitlines()
    assert lines[:5] == [
        f"audit of {path}",
        "  integrity     pass",
        "  completeness  pass",
        "  conformance   pass",
        "  lineage       not checked",
    ]
    assert lines[5].startswith(
        "  - lineage at event 9: model-1 (sha256 bbbbbbbbbbbb…) was saved by"
    )


def test_a_report_that_passes_says_so(tmp_path):
    """Not checked is no failure."""
    assert audit(saving(tmp_path, "a")).passed
    assert audit(restoring(tmp_path, "a")).passed
    assert not audit(restoring(tmp_path, "a"), known=[saving(tmp_path, "b")]).passed


def test_a_report_holds_header_and_state(tmp_path):
    """Nobody has to read the log again for them."""
    path = saving(tmp_path, "a", "b")
    report = audit(path)
    assert report.header == EventLog.open(path).header
    assert report.state.steps_done == 2
    assert report.state.last_saved.step == 2


def test_a_log_whose_session_still_runs_is_incomplete():
    """The finding tells its latest call."""
    log = EventLog()
    writer = Writer(log.begin(HOOKS)).start()
    writer.journal.record(Place("step").code)
    report = audit(log)
    (finding,) = (f for f in report.findings if f.about == "completeness")
    assert report.completeness is FAIL
    assert finding.seen == "the session is still running; its latest call is step.begin, step 1"


def test_events_that_were_never_sealed_are_told_and_not_proved():
    """Their number is in the finding."""
    log = EventLog()
    Writer(log.begin(HOOKS)).start().close()
    report = audit(log)
    (finding,) = (f for f in report.findings if f.about == "integrity")
    assert report.integrity is NOT_CHECKED
    assert finding.seen.startswith(f"{START_EVENTS + 1 + 6} events were never sealed")
