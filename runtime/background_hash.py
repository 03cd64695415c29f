"""SHA-256 of bytes that are on their way to a file or from one, computed beside that work.

Hashing and moving bytes both leave Python's lock alone, so on two processors the one costs no time
beside the other.
"""

import hashlib
import queue
import threading
from types import TracebackType

__all__ = ["BackgroundHash"]

_SMALL = 1 << 20  # Less than this is hashed at once: starting a thread costs more.


class BackgroundHash:
    """Hashes pieces in the order in which they come; a context manager, which ends its thread.

    Args:
        waiting_at_most: How many pieces may wait; 0 for any number, for pieces whose memory is
            not theirs alone.

    Example:
        >>> with BackgroundHash() as sha256:
        ...     sha256.update(memoryview(b"abc"))
        ...     sha256.hexdigest()[:16]
        'ba7816bf8f01cfea'
    """

    def __init__(self, waiting_at_most: int = 16) -> None:
        self._sha256 = hashlib.sha256()
        self._pieces: queue.Queue[memoryview | None] = queue.Queue(waiting_at_most)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def update(self, piece: memoryview) -> None:
        """Adds bytes; waits only if the hashing lags far behind.

        Args:
            piece: The bytes. They must stay as they are until `hexdigest` has returned.
        """
        if self._thread is None and len(piece) < _SMALL:
            self._sha256.update(piece)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="checkpoint hash", daemon=True)
            self._thread.start()
        self._pieces.put(piece)

    def hexdigest(self) -> str:
        """The hash of all pieces, in hexadecimal; nothing can be added any more.

        Raises:
            BaseException: What went wrong while a piece was hashed.
        """
        self._finish()
        if self._error is not None:
            raise self._error
        return self._sha256.hexdigest()

    def __enter__(self) -> "BackgroundHash":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if self._error is None:
                self._hash(piece)

    def _hash(self, piece: memoryview) -> None:
        try:
            self._sha256.update(piece)
        except BaseException as error:  # whoever adds pieces must not wait for this thread forever
            self._error = error
