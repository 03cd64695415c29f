"""Looking at other threads never stops the program."""

import subprocess
import sys
import textwrap
import threading

from runtime.threads import frames_of_other_threads


def test_a_garbage_collection_cannot_come_in_between() -> None:
    """What belongs to threads waits to be freed: with the list alone, this would hang."""
    program = """
        import gc, threading
        from runtime.threads import frames_of_other_threads

        def drop_what_belongs_to_a_thread():
            cycle = []
            local = threading.local()
            local.value = cycle
            cycle += [cycle, local]

        gc.disable()
        for _ in range(50):
            drop_what_belongs_to_a_thread()
        gc.set_threshold(1, 1, 1)
        gc.enable()
        print(len(frames_of_other_threads()), gc.isenabled())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "0 True\n"


def test_the_frames_are_those_of_the_other_threads() -> None:
    """The caller's own is not among them."""
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    names = set()
    for frame in frames_of_other_threads():
        walked = frame
        while walked is not None:
            names.add(walked.f_code.co_name)
            walked = walked.f_back
    go_on.set()
    thread.join()
    assert "wait" in names
    assert "test_the_frames_are_those_of_the_other_threads" not in names
