"""What the event log costs to write, to keep and to audit, beside other ways to do the same.

Recording, integrity and audit are measured in turns with what they are compared with, in one
process, so that what slows the machine down slows both sides down; the ratios are formed within a
turn. Nothing is asserted: the targets are only printed. A peer that is not installed is named and
left out.

Run it with `make bench`, or `python -m benchmarks.log` where the packages are installed; it needs
half a gigabyte of disk, or less with `--events 10000000`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import numpy as np

from benchmarks.step import (
    HOOKS,
    Loop,
    codes_of_a_step,
    full_step,
    measure,
    print_ratio,
    spread,
)
from statemachine import Block, Event, EventKind, EventLog, audit
from statemachine.block import event_of
from statemachine.form import END_MARKER, ChainWriter, read_frames

STEPS_IN_BLOCK = 1400
PIECE = 1 << 20
REPLAYED_BY_PM4PY = 20_000
BATCH = 1000
Row = tuple[int, int, str, str, "int | None", "str | None", int, "str | None"]
NAMES = ("sequence", "time", "state", "kind", "hook", "hook_class", "step", "detail")


# Recording: the events of steps, each with the eight fields that a reader sees.


@contextlib.contextmanager
def recorded(path: Path) -> Iterator[Loop]:
    """Our own recorder, into a file, one call an event."""
    prelude, step = codes_of_a_step()
    journal = EventLog(path).begin(["Idle"] * HOOKS)
    for code in prelude:
        journal.record(code)

    def loop(steps: int) -> None:
        record = journal.record
        for _ in range(steps):
            for code in step:
                record(code)

    yield loop
    journal.release()


def rows_loop(write: Callable[[Row], object], done: Callable[[], object]) -> Loop:
    """Builds the tuple of each event of so many steps, and hands it on."""
    events = [event_of(c, sequence=0, time=0, step=1, detail={}) for c in codes_of_a_step()[1]]
    plan = [(e.kind.value, e.hook, None if e.hook is None else "Idle") for e in events]

    def loop(steps: int) -> None:
        sequence, now = 0, time.time_ns
        for step in range(steps):
            for kind, hook, hook_class in plan:
                write((sequence, now(), "running", kind, hook, hook_class, step, None))
                sequence += 1
        done()

    return loop


@contextlib.contextmanager
def tuples(path: Path) -> Iterator[Loop]:
    """The tuple, appended to a list."""
    events: list[Row] = []
    yield rows_loop(events.append, events.clear)


@contextlib.contextmanager
def msgspec_lines(path: Path) -> Iterator[Loop]:
    """JSON by msgspec, into a file."""
    import msgspec

    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        yield rows_loop(lambda row: file.write(encode(row) + b"\n"), file.flush)


@contextlib.contextmanager
def orjson_lines(path: Path) -> Iterator[Loop]:
    """orjson, into a file."""
    import orjson

    with path.open("wb") as file:
        yield rows_loop(lambda row: file.write(orjson.dumps(row) + b"\n"), file.flush)


@contextlib.contextmanager
def sqlite_batches(path: Path) -> Iterator[Loop]:
    """SQLite, in transactions of a thousand rows."""
    batch: list[Row] = []
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE events ({', '.join(NAMES)})")

        def flush() -> None:
            with database:
                database.executemany("INSERT INTO events VALUES (?,?,?,?,?,?,?,?)", batch)
            batch.clear()

        def write(row: Row) -> None:
            batch.append(row)
            if len(batch) == BATCH:
                flush()

        yield rows_loop(write, flush)


@contextlib.contextmanager
def stdlib_logging(path: Path) -> Iterator[Loop]:
    """The standard library's logging, into a file."""
    logger = logging.Logger("benchmark")
    handler = logging.FileHandler(path)
    logger.addHandler(handler)
    yield rows_loop(lambda row: logger.info("%s", row), handler.flush)
    handler.close()


@contextlib.contextmanager
def event_sourced(path: Path) -> Iterator[Loop]:
    """The package eventsourcing: an aggregate, saved in memory after each event."""
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Session(Aggregate):
        @event("Called")
        def call(self, row: list) -> None:
            self.latest = row

    application: Application = Application()
    session = Session()

    def write(row: Row) -> None:
        session.call(list(row))
        application.save(session)

    yield rows_loop(write, lambda: None)


RECORDER = "recorded, our log in a file"
TUPLE = "an eight-field tuple, appended to a list"
RECORDERS = {
    TUPLE: tuples,
    RECORDER: recorded,
    "msgspec, JSON lines": msgspec_lines,
    "orjson, JSON lines": orjson_lines,
    "SQLite, batches of 1000": sqlite_batches,
    "logging of the standard library": stdlib_logging,
    "eventsourcing, in memory": event_sourced,
}


def compare_recorders(directory: Path) -> None:
    with contextlib.ExitStack() as stack:
        loops = {}
        for number, (name, recorder) in enumerate(RECORDERS.items()):
            try:
                loops[name] = stack.enter_context(recorder(directory / f"recorder-{number}"))
            except ImportError as error:
                print(f"measured without {name}: {error}")
        figures = measure(loops, rounds=15, seconds=0.05)
    events = len(codes_of_a_step()[1])
    print_event_times({n: [v / events for v in values] for n, values in figures.items()})
    print_ratios_head()
    for name in list(loops)[1:]:
        target = "at most 1×" if name == RECORDER else ""
        print_ratio(f"{name} / tuple", figures[name], figures[TUPLE], target)


# A log of any length, made of the events of a real training loop.


def trained(path: Path) -> Path:
    """The log of a session that trained with 4 idle hooks."""
    with full_step(path) as loop:
        loop(20 * STEPS_IN_BLOCK)
    return path


def long_log(like: Path, path: Path, events: int) -> int:
    """Write a log that begins and ends as another one, with its steps again and again.

    Returns:
        How many events it holds.
    """
    log = EventLog.open(like)
    whole = one_block(log)
    begins = whole.positions(EventKind.STEP_BEGIN)
    first, last = int(begins[1]), int(whole.positions(EventKind.STEP_END)[-1]) + 1
    length = int(begins[1 + STEPS_IN_BLOCK]) - first
    starts = [first + length * (n % 10) for n in range(max(1, events // length))]
    parts = [(0, first), *((at, at + length) for at in starts), (last, len(whole))]
    chain = ChainWriter(log.header)
    digest, place = chain.schema_digest, (0, 0, 0)
    with path.open("wb") as file:
        file.write(chain.schema_message)
        for start, stop in parts:
            block = placed(whole.part(start, stop), place)
            place = (block.sequence_after, block.step_after, block.time_after)
            message, digest = chain.encode(block, digest)
            file.write(message)
        file.write(END_MARKER)
    return place[0]


def one_block(log: EventLog) -> Block:
    """All events of a log as one block."""
    blocks = list(log.read())
    details = {b.sequence + at: text for b in blocks for at, text in b.details.items()}
    elapsed = np.concatenate([block.elapsed for block in blocks])
    return Block(0, 0, 0, elapsed, np.concatenate([block.codes for block in blocks]), details)


def placed(block: Block, place: tuple[int, int, int]) -> Block:
    """The same events elsewhere in a log."""
    sequence, step, elapsed = place
    return attrs.evolve(block, sequence=sequence, step=step, time=elapsed)


# Auditing


AUDIT_ALONE = """
import resource, sys, time
from statemachine import audit
audit(sys.argv[2])
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
report = audit(sys.argv[1])
seconds = time.process_time() - start
assert report.passed, report
print(report.state.events, seconds, memory, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def audit_of_a_long_log(path: Path, short: Path) -> None:
    """Speed on one core, and memory beyond that of auditing a short log first."""
    command = [sys.executable, "-c", AUDIT_ALONE, str(path), str(short)]
    rate, memory = [], []
    for _ in range(3):
        done = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        events, seconds, before, after = map(float, done)
        rate.append(events / seconds / 1e6)
        memory.append((after - before) / 1024)
    print(f"\naudit of {events / 1e6:.0f} million events ({path.stat().st_size / 2**20:.0f} MB)")
    print(f"  million events a second of CPU time: {sorted(rate)[1]:.0f}   at least 30")
    print(f"  memory beyond that of a short log: {max(memory):.1f} MB   a few blocks")


def hashing(path: Path) -> Loop:
    """SHA-256 over the bytes of a file, and nothing else."""

    def loop(times: int) -> None:
        for _ in range(times):
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    digest.update(piece)

    return loop


def checking(path: Path) -> Loop:
    """The integrity of a log: frames and chain."""

    def loop(times: int) -> None:
        for _ in range(times):
            with path.open("rb") as file:
                assert list_is_ended(read_frames(file))

    return loop


def list_is_ended(frames: Iterator[object]) -> bool:
    latest: object = ...
    for latest in frames:  # noqa: B007  one at a time in memory
        pass
    return latest is None


def auditing(path: Path) -> Loop:
    def loop(times: int) -> None:
        for _ in range(times):
            assert audit(path).passed

    return loop


def row_of(event: Event, hooks: tuple[str, ...]) -> dict[str, object]:
    hook_class = None if event.hook is None else hooks[event.hook]
    detail = json.dumps(dict(event.detail)) if event.detail else None
    state, step = "running", event.step or 0
    values = (event.sequence, event.time, state, event.kind.value, event.hook, hook_class)
    return dict(zip(NAMES, (*values, step, detail), strict=True))


def decoding(path: Path) -> Loop:
    """The same events from JSON lines, decoded by msgspec into typed structs; not even judged."""
    import msgspec

    fields = list(zip(NAMES, Row.__args__, strict=True))
    decoder = msgspec.json.Decoder(msgspec.defstruct("Row", fields))
    log = EventLog.open(path)
    text = b"\n".join(msgspec.json.encode(row_of(event, log.hooks)) for event in log)

    def loop(times: int) -> None:
        for _ in range(times):
            decoder.decode_lines(text)

    return loop


def replaying(path: Path) -> Loop:
    """pm4py's token-based replay of the first events, on the net that it finds in them itself."""
    import pandas
    import pm4py

    log = EventLog.open(path)
    events = [event for event, _ in zip(log, range(REPLAYED_BY_PM4PY), strict=False)]
    names = [f"{event.kind.value} {event.hook}" for event in events]
    moments = pandas.to_datetime([event.time for event in events], utc=True)
    columns = {"case:concept:name": "1", "concept:name": names, "time:timestamp": moments}
    frame = pandas.DataFrame(columns)
    net = pm4py.discover_petri_net_inductive(frame.head(2000))

    def loop(times: int) -> None:
        for _ in range(times):
            pm4py.conformance_diagnostics_token_based_replay(frame, *net)

    return loop


def compare_audits(path: Path, events: int) -> None:
    ours = "audit"
    loops = {ours: auditing(path), "SHA-256 of the same bytes": hashing(path)}
    loops["integrity"] = checking(path)
    for name, make in (("msgspec, typed JSON lines", decoding), ("pm4py", replaying)):
        try:
            loops[name] = make(path)
        except ImportError as error:
            print(f"measured without {name}: {error}")
    replay = loops.pop("pm4py", None)
    figures = measure(loops, rounds=9, seconds=0.2)
    print(f"\naudit of {events / 1e6:.1f} million events")
    print_ratios_head()
    print_ratio(
        "speed of integrity / of SHA-256",
        figures["SHA-256 of the same bytes"],
        figures["integrity"],
        "at least 0.7×",
    )
    if "msgspec, typed JSON lines" in figures:
        name = "msgspec, typed JSON lines"
        print_ratio(f"{name} / audit", figures[name], figures[ours], "at least 10×")
    if replay is not None:
        compare_replay(replay, figures[ours], events)


def compare_replay(replay: Loop, audits: list[float], events: int) -> None:
    """pm4py gets a part of the events, and is taken to need as long for each of the rest."""
    start = time.perf_counter()
    replay(1)
    each = (time.perf_counter() - start) / REPLAYED_BY_PM4PY
    print_ratio(
        "pm4py, token-based replay / audit",
        [each * events] * len(audits),
        audits,
        f"at least 1000× (pm4py: {REPLAYED_BY_PM4PY} events)",
    )


def print_event_times(figures: dict[str, list[float]]) -> None:
    print(f"\n{'microseconds an event':46}{'median':>9}{'quartiles':>18}{'fastest':>9}")
    for name, values in figures.items():
        middle, low, high = (1e6 * value for value in spread(values))
        print(f"{name:46}{middle:9.2f}{low:9.2f} –{high:7.2f}{1e6 * min(values):9.2f}")


def print_ratios_head() -> None:
    print(f"\n{'ratios within a round':46}{'median':>9}{'quartiles':>18}{'fastest':>9}   target")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000_000, help="of the long log")
    wanted = parser.parse_args().events
    print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        compare_recorders(directory)
        real = trained(directory / "real.arrows")
        size = real.stat().st_size / len(EventLog.open(real))
        print(f"\nbytes an event of a training loop's log: {size:.1f}   at most 6")
        million, long = directory / "million.arrows", directory / "long.arrows"
        compare_audits(million, long_log(real, million, 1_000_000))
        long_log(real, long, wanted)
        audit_of_a_long_log(long, real)


if __name__ == "__main__":
    main()
