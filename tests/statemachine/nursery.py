"""A process whose children write logs until they are killed.

Reads the path of a log from each line of its input, forks a child that writes it (or in a
directory one short log after another), prints its number, waits for its death, and prints a dot.
The child keeps count of what it has written in a file beside the log, which is mapped: it survives
the child as the log has to.
"""

import importlib
import itertools
import mmap
import os
import sys
import threading
from pathlib import Path

from statemachine import EventKind, EventLog
from statemachine.cli.recovery import recover
from statemachine.compiled import Place
from tests.statemachine.histories import HOOKS, Writer, starting, step, told

THREADS = 2
FAILING = 500
"""Every so many steps one fails, which writes a detail and seals."""


def counts(path: Path) -> memoryview:
    """The counters beside a log: ordered events, then the notes of each thread."""
    file = os.open(path.with_suffix(".counts"), os.O_RDWR | os.O_CREAT)
    os.truncate(file, 4096)
    return memoryview(mmap.mmap(file, 4096)).cast("q")


def write(path: Path) -> None:
    """Write events until death comes."""
    written = counts(path)
    log = EventLog(path)
    journal = log.begin(HOOKS)
    for place in starting():
        journal.record(place.code)
        written[0] += 1
    journal.add(EventKind.RUN_SIGNATURE, {"fetches": {"caller": "loss:0"}}, 0)
    for number in range(THREADS):
        threading.Thread(target=write_notes, args=(log, written, number), daemon=True).start()
    codes, begin, number = [place.code for place in step()], Place("step").code, 0
    while True:
        for code in codes:
            journal.record(code)
            written[0] += 1
        number += 1
        if number % FAILING == 0:
            journal.record_with(begin, {"attempt": number})
            written[0] += 1
            journal.raised({"error": told("ValueError", str(number))})
            written[0] += 1
            journal.seal()


def write_short_ones(directory: Path) -> None:
    """Begin, close, leave and recover one short log after another until death comes."""
    for number in itertools.count():
        path = directory / f"{number}.arrows"
        writer = Writer(EventLog(path).begin(HOOKS)).start().steps(number % 50)
        if number % 2:
            writer.close()
        else:
            writer.journal.seal()
            writer.steps(3).journal._worker.stop()
            writer.journal.store.release()
            recover(path)


def write_notes(log: EventLog, written: memoryview, thread: int) -> None:
    """Write notes until death comes."""
    number = 0
    while True:
        log.note(f"thread {thread}", n=number)
        number += 1
        written[1 + thread] = number


def main() -> None:
    """Fork a child for each line."""
    EventLog().begin(HOOKS).record(Place("created").code)
    importlib.import_module("pyarrow")  # so that no child has to
    for line in sys.stdin:
        child = os.fork()
        if not child:
            path = Path(line.strip())
            write_short_ones(path) if path.is_dir() else write(path)
        print(child, flush=True)
        os.waitpid(child, 0)
        print(".", flush=True)


if __name__ == "__main__":
    main()
