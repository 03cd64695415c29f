"""Publishing the heads of a log while it is written, so that nobody can change it unnoticed.

Somebody who changes a log can compute its digests anew. What they can't do is to sign a head with a
key that they don't have, or to take back a head that is kept where they can't write.
"""

import fcntl
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from statemachine.errors import UnreadableHead
from statemachine.head import ORIGIN, Head
from statemachine.signed_note import Note, SigningKey, is_signature

HEADS_SUFFIX: Final = ".heads"
"""What the name of a file of heads that belongs to one log ends with."""
_GAP: Final = b"\n\n"

log = logging.getLogger(__name__)


class Witness:
    """Signs the heads of a log and publishes them: whenever blocks were sealed, and at the close.

    It is told of a head when what that covers is synced to the disk, on the thread that seals.
    So a slow witness does not hold up the training: it delays the next seal, and a session only
    waits when it has filled two blocks meanwhile, and at its close.

    A head covers everything before it: if one can't be published, the next one makes up for it. So
    a witness that fails stops no training: that it failed is logged (by the logger
    ``statemachine.witness``) and noted in the event log. Only if the last head, that of the
    complete log, can't be published, closing raises `LogWriteFailed`.

    Args:
        publish: Where heads go: the path of a file, to which each is appended durably (made if
            it is not there; several logs may share it), or a callable that is given the
            text of each.
        key: What signs them: a `SigningKey`, or the path of its file. None publishes heads without
            a signature: then where they go must be out of reach of whoever may change the log.

    Raises:
        TypeError: If heads can't go there, or the key is none.
        UnusableKey: If the file of the key holds none.
        OSError: If the file of the key can't be read, or that of the heads not be written.
        UnreadableHead: If the file for the heads holds something else.
        ImportError: If a key is given, and `cryptography` (the extra ``sign``) is missing.

    Example:
        >>> witness = Witness(print)
        >>> witness.publish(Head("0" * 32, 3, 81920, "ab" * 32, complete=True))
        monitored-session/head/1/00000000000000000000000000000000
        3
        q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=
        events 81920
        log complete
    """

    def __init__(
        self,
        publish: str | os.PathLike[str] | Callable[[str], object],
        key: SigningKey | str | os.PathLike[str] | None = None,
    ) -> None:
        self._key = SigningKey.load(key) if isinstance(key, (str, os.PathLike)) else key
        if not isinstance(self._key, SigningKey | None):
            raise TypeError(f"heads are signed by a SigningKey, or the file of one, not by {key!r}")
        self._publish: Callable[[str], object]
        if isinstance(publish, (str, os.PathLike)):
            self.place = os.fspath(publish)
            self._publish = HeadFile(publish).append
        elif callable(publish):
            self.place = getattr(publish, "__qualname__", repr(publish))
            self._publish = publish
        else:
            raise TypeError(f"heads go to a path or to a callable, not to {publish!r}")

    def publish(self, head: Head) -> None:
        """Sign a head, if there is a key, and publish it. For whoever writes the log.

        Raises:
            Exception: Whatever the callable raises, or OSError of the file.
        """
        text = str(head)
        self._publish(text if self._key is None else str(self._key.sign(text)))

    def __repr__(self) -> str:
        return f"<Witness at {self.place}>"


class HeadFile:
    """A file of heads: signed notes (or texts of heads), an empty line after each.

    Args:
        path: The file; made if it is not there.

    Raises:
        OSError: If it can't be written.
        UnreadableHead: If it holds something else, as a log: nothing is ever appended to that.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        new = not self.path.exists()
        file = self._open()
        try:
            _check_heads(file, self.path)
        finally:
            os.close(file)
        if new:
            _sync_directory(self.path.absolute().parent)

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def append(self, text: str) -> None:
        """Append a note. When this returns, it survives the death of the machine.

        Raises:
            OSError: If it can't be written.
        """
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            gap = b"" if _ends_well(file) else _GAP
            view = memoryview(gap + text.encode() + b"\n")
            while view:
                view = view[os.write(file, view) :]
            os.fsync(file)
        finally:
            os.close(file)


def _check_heads(file: int, path: Path) -> None:
    """Refuse a file that begins with anything but a head, or the start of one."""
    status = os.fstat(file)
    start = os.pread(file, len(ORIGIN), 0) if stat.S_ISREG(status.st_mode) else b""
    if not ORIGIN.encode().startswith(start):
        raise UnreadableHead(
            f"{path} is no file of heads, and nothing is appended to it: name a new file, or one "
            f"that begins with {ORIGIN!r}"
        )


def _ends_well(file: int) -> bool:
    """Whether what is there is whole; a writer may have died in the middle of a note."""
    size = os.fstat(file).st_size
    return size == 0 or os.pread(file, len(_GAP), max(size - len(_GAP), 0)) == _GAP


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@attrs.frozen
class Published:
    """What stands at one place of a file of heads.

    Attributes:
        line: The number of its first line, from 1.
        note: The note; without signatures for a head that is not signed. None if it is none.
        head: The head that it states, or None.
        damage: Why it can't be read, or None.
    """

    line: int
    note: Note | None = None
    head: Head | None = None
    damage: str | None = None


def published_in(text: str) -> Iterator[Published]:
    """What a file of heads holds, in turn; what can't be read is told, not raised."""
    for line, paragraph in _notes(text):
        try:
            note = Note.parse(paragraph) if "\n\n" in paragraph else Note(paragraph)
            yield Published(line, note, Head.parse(note.text))
        except UnreadableHead as error:
            yield Published(line, damage=str(error))


def _notes(text: str) -> Iterator[tuple[int, str]]:
    """Each paragraph of a text, those of signatures joined to the one before, with its line."""
    held: tuple[int, str] | None = None
    line = 1
    for part in text.split("\n\n"):
        paragraph = part.lstrip("\n")
        start = line + len(part) - len(paragraph)
        line += part.count("\n") + 2
        if not paragraph:
            continue
        whole = paragraph if paragraph.endswith("\n") else paragraph + "\n"
        if held is not None and is_signature(paragraph):
            yield held[0], f"{held[1]}\n{whole}"
            held = None
            continue
        if held is not None:
            yield held
        held = start, whole
    if held is not None:
        yield held


def read_heads(path: str | os.PathLike[str]) -> list[Published]:
    """What a file of heads holds, whatever was done to it.

    Raises:
        OSError: If it can't be read.
    """
    text = Path(path).read_bytes().decode("utf-8", errors="replace")
    # Mail and version control may change the ends of lines; what is signed has none of these.
    return list(published_in(text.replace("\r\n", "\n")))
