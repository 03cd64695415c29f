"""Loss of power at any moment: what was synced is there, and a log never claims to be more."""

import copy
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statemachine import EventKind, EventLog, UnreadableLog, Verdict, audit, replay
from statemachine import tail as tail_module
from statemachine.cli.recovery import recover
from statemachine.events import SECOND_LANE
from tests.statemachine.histories import HOOKS, Writer
from tests.statemachine.power import Disk, RecordingSystem, chances
from tests.statemachine.tails import resize

SLOTS = 124
"""Ordered events in a tail of four sectors, so that a short session fills several."""
LOG = Path("log.arrows")


@pytest.fixture(scope="module")
def small_tails():
    with pytest.MonkeyPatch.context() as patch:
        resize(patch, SLOTS)
        yield


class History:
    """What a session writes, what stood on the disk after each change, and what it was promised."""

    def __init__(self, root, seed, fails=False):
        self.moments = []
        self.synced = b""
        self.begun = self.closed = False
        self.codes = []
        with pytest.MonkeyPatch.context() as patch:
            self.system = RecordingSystem(patch, root, self._look)
            self._write(EventLog(root / LOG), seed)

    def _look(self, disk: Disk):
        file = disk.files.get(LOG)
        if file is not None and not file.sectors and LOG not in disk.unsynced:
            self.synced = bytes(file.content)  # and it is found by its name
        self.moments.append((copy.deepcopy(disk), self.synced, self.begun, self.closed))

    def _write(self, log, seed):
        writer = Writer(log.begin(HOOKS))
        self.begun = True
        writer.start()
        for number in range(40):
            writer.steps(1)
            self.system.stored()
            if (number + seed) % 7 == 0:
                log.note(f"note {number}")
            if (number + seed) % 11 == 0:
                writer.fail_step()
                writer.journal.seal()
        writer.close()
        self.closed = True
        self.system.stored()
        self.codes = ordered(log)


def ordered(log):
    return [c for block in log.read() for c in block.codes.tolist() if not c & SECOND_LANE]


@pytest.fixture(scope="module")
def history(small_tails, tmp_path_factory):
    return History(tmp_path_factory.mktemp("written"), 3)


def check(history, moment, chance, how, directory):
    """Lose power at a moment, start the system again, and read what is left."""
    disk, synced, begun, closed = moment
    disk.lose_power(directory, chance, how)
    path = directory / LOG
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail_module, "this_boot", lambda: uuid.UUID(int=1).bytes)
        try:
            report, log = audit(path), EventLog.open(path)
            codes = ordered(log)
        except (FileNotFoundError, UnreadableLog):
            assert not begun, "the session had been told that its log is there"
            return
        if report.header is None:
            assert not begun
            return
        assert path.read_bytes().startswith(synced)
        assert codes == history.codes[: len(codes)]
        check_verdicts(report, codes == history.codes, closed)
        before = list(log)
        recover(path)
        after = EventLog.open(path)
        told = [e for e in after if e.kind is not EventKind.NOTE or "sealed" not in str(e.detail)]
        assert told == before
        report = audit(path)
        assert report.integrity is report.conformance is Verdict.PASS, report
        assert replay(path).stopped_in is None or report.completeness is Verdict.FAIL


def check_verdicts(report, is_all, closed):
    assert report.integrity is not Verdict.FAIL, report
    assert report.conformance is Verdict.PASS, report
    if closed:
        assert report.completeness is Verdict.PASS
    if report.completeness is Verdict.PASS:
        assert is_all or closed
    if report.integrity is Verdict.PASS and report.completeness is Verdict.PASS:
        assert report.state.stopped_in is None


def test_at_each_moment_a_loss_of_power_leaves_what_was_synced(history, tmp_path):
    """Whether the rest is dropped, kept, or torn; what is left can be read and recovered."""
    synced = {moment[1] for moment in history.moments}
    assert len(synced) > 4
    for number, moment in enumerate(history.moments[::3]):
        for at, (chance, how) in enumerate(chances(number, 1)):
            directory = tmp_path / f"{number}-{at}"
            directory.mkdir()
            check(history, moment, chance, how, directory)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4))
def test_many_losses_of_power(small_tails, tmp_path, seed):
    """At every moment of other sessions, torn in many ways."""
    (tmp_path / "written").mkdir()
    history = History(tmp_path / "written", seed)
    for number, moment in enumerate(history.moments):
        for at, (chance, how) in enumerate(chances(number, 10)):
            directory = tmp_path / f"{number}-{at}"
            directory.mkdir()
            check(history, moment, chance, how, directory)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_any_tearing_of_what_was_not_synced(history, tmp_path_factory, data):
    """At random moments, with the smallest example that fails."""
    moment = data.draw(st.integers(0, len(history.moments) - 1))
    chance = data.draw(st.randoms(use_true_random=False))
    check(history, history.moments[moment], chance, "torn", tmp_path_factory.mktemp("left"))
