"""Raising KeyboardInterrupt at each place where Python would let a signal handler raise it."""

import dis
import itertools
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType

CHECKED = ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "RESUME", "JUMP_BACKWARD")
"""After these instructions CPython looks for signals."""


@cache
def places(code: CodeType) -> frozenset[int]:
    """The offsets of the instructions before which a signal handler may run."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    pairs = itertools.pairwise(instructions)
    after = {b.offset for a, b in pairs if a.opname in CHECKED}
    return frozenset(after | {i.argval for i in instructions if i.opname == "JUMP_BACKWARD"})


def interrupted_at(number: int, call: Callable[[], object], files: tuple[str, ...]) -> bool:
    """Make a call, and interrupt it at the place of that number in the named files.

    Returns:
        Whether it got so far.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: object):
        nonlocal count
        if not frame.f_code.co_filename.endswith(files):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode" and frame.f_lasti in places(frame.f_code):
            count += 1
            if count > number:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
