"""A session whose log can't be written: it goes on or stops, and never hides another error."""

import contextlib
import errno
import resource
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import runtime as tf
from statemachine import EventKind, EventLog, LogWriteFailed, Verdict, audit
from statemachine.sql_store import SqlStore
from tests.statemachine.faults import EIO, ENOSPC, FailingSystem
from tests.statemachine.tails import resize

SLOTS = 2044
STEPS = 3 * SLOTS // 4
"""Steps whose events fill three blocks."""


class Watcher(tf.train.SessionRunHook):
    """Keeps count of its calls, and fails where it is told to."""

    def __init__(self, fails_at: int = 0) -> None:
        self.runs = 0
        self.ends = 0
        self.fails_at = fails_at

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self.runs += 1
        if self.runs == self.fails_at:
            raise ValueError("the hook's own error")

    def end(self, session: Any) -> None:
        self.ends += 1


def singular(hooks: list[Any], log: EventLog) -> Any:
    return tf.train.SingularMonitoredSession(hooks=hooks, event_log=log)


def monitored(hooks: list[Any], log: EventLog) -> Any:
    return tf.train.MonitoredSession(hooks=hooks, event_log=log)


def training(hooks: list[Any], log: EventLog) -> Any:
    return tf.train.MonitoredTrainingSession(hooks=hooks, event_log=log)


SESSIONS = [singular, monitored, training]


@pytest.fixture(autouse=True)
def _small_tails(monkeypatch: pytest.MonkeyPatch) -> None:
    resize(monkeypatch, SLOTS)


@pytest.fixture(autouse=True)
def op() -> Iterator[Any]:
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        yield tf.assign_add(tf.get_variable("n", [], initializer=tf.zeros_initializer()), 1.0)


def run(session: Any, op: Any, steps: int = STEPS) -> None:
    for _ in range(steps):
        session.run(op)


@pytest.mark.parametrize("make", SESSIONS)
def test_the_training_goes_on_without_a_whole_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any, make: Callable[..., Any]
) -> None:
    """In every session class: each step is made, end is called, and the log says what it lost."""
    log, hook = EventLog(tmp_path / "log.arrows", on_log_error="warn"), Watcher()
    with make([hook], log) as session:
        with monkeypatch.context() as patch:
            FailingSystem(patch, "write", 0, ENOSPC)
            run(session, op)
        run(session, op)
    assert (hook.runs, hook.ends) == (2 * STEPS, 1)
    report = audit(log)
    assert report.integrity is report.conformance is Verdict.PASS, report
    assert "were lost because: No space left on device" in str(report)


@pytest.mark.parametrize("make", SESSIONS)
def test_the_training_stops_when_its_log_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any, make: Callable[..., Any]
) -> None:
    """The error comes out of a run and leaves the with block; the raw session is closed."""
    log, hook = EventLog(tmp_path / "log.arrows"), Watcher()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        with pytest.raises(LogWriteFailed) as caught, make([hook], log) as session:
            FailingSystem(patch, "write", 0, ENOSPC)
            run(session, op)
    assert str(log.path) in str(caught.value)
    assert "No space left on device; make room on the disk" in str(caught.value)
    assert hook.runs < STEPS
    assert hook.ends == 0


@pytest.fixture
def broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[EventLog, Any], None]]:
    """Makes every further block of a log fail, and has one fail."""
    with monkeypatch.context() as patch:

        def breaks(log: EventLog, session: Any) -> None:
            FailingSystem(patch, "fsync", 0, EIO)
            journal = session._journal
            while journal._worker.error is None:  # an earlier seal may still be at work
                with contextlib.suppress(LogWriteFailed):
                    journal.seal()

        yield breaks


def test_an_error_of_a_hook_comes_out_and_not_that_of_the_log(
    tmp_path: Path, broken: Callable[..., None], op: Any
) -> None:
    """The log's error is told beside it."""
    log, hook = EventLog(tmp_path / "log.arrows"), Watcher(fails_at=2)
    session = singular([hook], log)
    with pytest.raises(ValueError, match="the hook's own error") as caught, session:
        session.run(op)
        broken(log, session)
        session.run(op)
    notes = "\n".join(caught.value.__notes__)
    assert "event log of the session is incomplete: [Errno 5] can't sync the event log" in notes
    assert session.raw_session() is None


def test_an_error_of_a_step_function_comes_out_and_not_that_of_the_log(
    tmp_path: Path, broken: Callable[..., None], op: Any
) -> None:
    """As that of a hook."""
    log = EventLog(tmp_path / "log.arrows")

    def step_fn(step_context: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), singular([], log) as session:
        session.run(op)
        broken(log, session)
        session.run_step_fn(step_fn)


def test_close_ends_the_hooks_and_closes_the_raw_session_before_it_tells(
    tmp_path: Path, broken: Callable[..., None], op: Any
) -> None:
    """The log's error comes out last."""
    log, hook = EventLog(tmp_path / "log.arrows"), Watcher()
    session = singular([hook], log)
    session.run(op)
    broken(log, session)
    raw = session.raw_session()
    with pytest.raises(LogWriteFailed, match="can't sync"):
        session.close()
    assert hook.ends == 1
    assert session.raw_session() is None
    with pytest.raises(RuntimeError, match="closed"):
        raw.run(op)
    assert [e for e in EventLog.open(tmp_path / "log.arrows") if e.kind is EventKind.STATE_CLOSED]


def test_a_run_after_a_log_error_tells_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any
) -> None:
    """Who catches it and goes on is told the same reason, not one that follows from it."""
    session = singular([Watcher()], EventLog(tmp_path / "log.arrows"))
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        for _ in range(2):
            with pytest.raises(LogWriteFailed, match="No space left"):
                run(session, op)
        with pytest.raises(LogWriteFailed, match="No space left"):
            session.close()


def _asks_in_vain(context: Any) -> None:
    with pytest.raises(LogWriteFailed, match="No space left"):
        context.request_stop()


class _AsksInTheSecondRun(Watcher):
    def after_run(self, run_context: Any, run_values: Any) -> None:
        super().after_run(run_context, run_values)
        if self.runs == 2:
            _asks_in_vain(run_context)


def _ask_in_a_thread(session: Any, _: Any) -> None:
    thread = threading.Thread(target=_asks_in_vain, args=(session,))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "ask",
    [
        _ask_in_a_thread,
        lambda session, _: session._start.coordinator.request_stop(),
        lambda session, op: session.run(op),
        lambda session, _: session.run_step_fn(lambda step_context: _asks_in_vain(step_context)),
    ],
    ids=["another thread", "the coordinator", "a hook", "a step function"],
)
def test_a_stop_that_can_not_be_written_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any, ask: Callable[[Any, Any], None]
) -> None:
    """Who asks gets the log's error, and the session stops; what was written is in order."""
    log = EventLog(tmp_path / "log.arrows")
    with contextlib.suppress(LogWriteFailed), singular([_AsksInTheSecondRun()], log) as session:
        session.run(op)
        with monkeypatch.context() as patch:
            FailingSystem(patch, "write", 0, ENOSPC)
            ask(session, op)
        assert session.should_stop()
    report = audit(log)
    assert report.conformance is Verdict.PASS, report
    assert report.integrity is not Verdict.FAIL, report


def test_a_checkpoint_is_saved_even_if_the_log_can_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any
) -> None:
    """The log's error comes out of the save, after the file is there."""
    log = EventLog(tmp_path / "log.arrows")
    with (
        monkeypatch.context() as patch,
        pytest.raises(LogWriteFailed),
        singular([], log) as session,
    ):
        FailingSystem(patch, "write", 0, ENOSPC)
        tf.train.Saver().save(session.raw_session(), str(tmp_path / "model"), global_step=1)
    assert list(tmp_path.glob("model-1*"))


# Where a log can't be begun


@pytest.mark.parametrize("default", [True, False], ids=["beside the checkpoints", "a path"])
def test_a_session_without_room_for_its_log_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: bool
) -> None:
    """Nothing was called yet; the error says how to train without a log."""
    place: dict[str, Any] = (
        {"checkpoint_dir": str(tmp_path)} if default else {"event_log": tmp_path / "log.arrows"}
    )
    hook = Watcher()
    with monkeypatch.context() as patch, pytest.raises(LogWriteFailed) as caught:
        FailingSystem(patch, "posix_fallocate", 0, ENOSPC)
        tf.train.SingularMonitoredSession(hooks=[hook], **place)
    assert str(tmp_path) in str(caught.value)
    assert "on_log_error='warn'" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_session_without_room_for_its_log_goes_on_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: Any
) -> None:
    """Beside the checkpoints as elsewhere."""
    log = EventLog(tmp_path, on_log_error="warn")
    with monkeypatch.context() as patch:
        FailingSystem(patch, "posix_fallocate", 0, ENOSPC)
        session = tf.train.SingularMonitoredSession(checkpoint_dir=str(tmp_path), event_log=log)
    with session:
        session.run(op)
    assert log.location == "memory"
    assert audit(log).passed


# Real file systems


def mount(directory: Path, *options: str) -> None:
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(directory)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this process may not mount a small file system")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for a tail and little more."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount(directory, "-o", "size=400k")
    yield directory
    while not subprocess.run(["umount", "-l", str(directory)], capture_output=True).returncode:
        pass


def fill(directory: Path) -> Path:
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return ballast


def test_a_disk_that_is_full_stops_the_training(small: Path, op: Any) -> None:
    """No store into the tail kills the process; what was recorded stays readable."""
    log = EventLog(small / "log.arrows")
    with pytest.raises(LogWriteFailed, match="No space left"), singular([], log) as session:
        fill(small)
        run(session, op)
    report = audit(EventLog.open(small / "log.arrows"))
    assert report.conformance is Verdict.PASS
    assert report.completeness is Verdict.FAIL


@pytest.mark.parametrize("sql", [False, True], ids=["file", "sql"])
def test_a_disk_that_was_full_for_a_while_costs_some_events(
    small: Path, op: Any, sql: bool
) -> None:
    """If the training is to go on; in a file as in a database."""
    target = SqlStore(small / "runs.db", "run") if sql else small / "log.arrows"
    log = EventLog(target, on_log_error="warn")
    with singular([], log) as session:
        ballast = fill(small)
        log.note("there is no room for this in the tail")
        run(session, op)
        ballast.unlink()
        run(session, op)
    report = audit(log)
    assert report.integrity is report.conformance is Verdict.PASS, report
    assert "were lost because: No space left on device" in str(report)


def test_a_disk_without_room_for_the_tail_is_named_at_once(small: Path) -> None:
    """Its blocks are asked for when the log is begun."""
    fill(small)
    with pytest.raises(LogWriteFailed, match="No space left on device; make room"):
        singular([], EventLog(small / "log.arrows"))
    assert [path.name for path in small.iterdir()] == ["ballast"]


def test_a_file_system_that_is_gone_stops_the_training(small: Path, op: Any) -> None:
    """The file can be written still, and nobody would find it."""
    log = EventLog(small / "log.arrows")
    with pytest.raises(LogWriteFailed, match="its file system unmounted"), singular([], log) as s:
        subprocess.run(["umount", "-l", str(small)], check=True)
        run(s, op)


def test_a_file_system_that_comes_back_is_written_to_again(small: Path, op: Any) -> None:
    """What was lost meanwhile is told."""
    log = EventLog(small / "log.arrows", on_log_error="warn")
    with singular([], log) as session:
        mount(small)  # over it: the log's directory is another one now
        run(session, op)
        subprocess.run(["umount", str(small)], check=True)
        run(session, op)
    report = audit(log)
    assert report.integrity is report.conformance is Verdict.PASS, report
    assert "were lost because" in str(report)


def test_a_read_only_file_system_is_named(small: Path) -> None:
    """With what to do about it; beside checkpoints the log is kept in memory."""
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    with pytest.raises(LogWriteFailed, match="Read-only file system; make the file system"):
        singular([], EventLog(small / "log.arrows"))
    session = tf.train.SingularMonitoredSession(checkpoint_dir=str(small))
    session.close()
    assert session.event_log.location == "memory"


LIMITED = """
    import resource
    import runtime as tf
    from statemachine import EventLog, LogWriteFailed
    n = tf.assign_add(tf.get_variable("n", [], initializer=tf.zeros_initializer()), 1.0)
    log = EventLog("log.arrows", on_log_error="{setting}")
    with tf.train.SingularMonitoredSession(event_log=log) as session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for _ in range(25_000):
            session.run(n)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        for _ in range(25_000):
            session.run(n)
"""


@pytest.mark.parametrize(("setting", "code"), [("raise", 1), ("warn", 0)])
def test_a_limit_of_the_file_s_size_is_an_error_of_the_log(
    tmp_path: Path, setting: str, code: int
) -> None:
    """And no signal that kills."""
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        pytest.skip("the size of files is limited already")
    program = textwrap.dedent(LIMITED.format(setting=setting))
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == code, ran.stderr
    assert "log.arrows: File too large; raise the limit of a file's size" in ran.stderr
    assert audit(tmp_path / "log.arrows").conformance is Verdict.PASS
