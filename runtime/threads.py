"""What other threads are doing."""

import gc
import sys
import threading
from types import FrameType

__all__ = ["frames_of_other_threads"]

_looking = threading.Lock()


def frames_of_other_threads() -> list[FrameType]:
    """The innermost frame of each thread but the caller's.

    Python holds a lock of its own while it makes the list. If making it began a garbage collection
    that frees what belongs to a thread, such as a `threading.local`, that would wait for the same
    lock for ever; so there is none meanwhile.

    Returns:
        The frames.
    """
    with _looking:
        collecting = gc.isenabled()
        gc.disable()
        try:
            frames = sys._current_frames()
        finally:
            if collecting:
                gc.enable()
    return [frame for thread, frame in frames.items() if thread != threading.get_ident()]
