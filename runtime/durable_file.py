"""Replacing a file so that neither a crash nor a full disk can leave half of one behind.

The new content goes into a temporary file in the same directory, is synced to the disk, and takes
the name of the old file in one step; then the directory is synced. Whoever opens the file sees the
old content or the new one, whenever the process dies.

A temporary file is locked (``flock``) as long as its writer lives. So one that is not locked was
left by a writer that was killed, and `remove_leftovers` can tell.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator

import attrs

from runtime import errors
from runtime.background_hash import BackgroundHash

__all__ = ["FileDigest", "file_error", "remove_leftovers", "replace_file"]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.saving")
_CHUNK_BYTES = 1 << 22
_BEGIN_BYTES = 1 << 24

_ERROR_OF_ERRNO: dict[int, Callable[[None, None, str], errors.OpError]] = {
    errno.ENOENT: errors.NotFoundError,
    errno.EACCES: errors.PermissionDeniedError,
    errno.EPERM: errors.PermissionDeniedError,
    errno.EROFS: errors.PermissionDeniedError,
    errno.ENOSPC: errors.ResourceExhaustedError,
    errno.EDQUOT: errors.ResourceExhaustedError,
    errno.EMFILE: errors.ResourceExhaustedError,
    errno.ENFILE: errors.ResourceExhaustedError,
    errno.ENOMEM: errors.ResourceExhaustedError,
    errno.EISDIR: errors.FailedPreconditionError,
    errno.ENOTDIR: errors.FailedPreconditionError,
}


@attrs.frozen
class FileDigest:
    """What identifies the content of a file.

    Attributes:
        size: Number of bytes.
        sha256: SHA-256 of all bytes, in hexadecimal.
    """

    size: int
    sha256: str


def replace_file(path: str, chunks: Iterable[memoryview | bytes]) -> FileDigest:
    """Gives a file new content, all of it or nothing, and makes sure that it is on the disk.

    The digest is computed while the bytes are written; nothing is read back.

    Args:
        path: The file; it is made if it doesn't exist. Its directory must exist.
        chunks: The content, in pieces of any size (one-dimensional, of bytes).

    Returns:
        Size and SHA-256 of the content.

    Raises:
        NotFoundError: The directory doesn't exist.
        PermissionDeniedError: It may not be written to.
        ResourceExhaustedError: The disk is full.
        UnknownError: Any other failure of the file system. After an error the file is as it was
            before; only if the very last step failed, syncing the directory, it has the new
            content already.
    """
    try:
        digest = _write_then_rename(path, chunks)
        _sync_directory(os.path.dirname(path) or ".")
    except OSError as error:
        doing = f"Writing {path!r} failed; what was there before is kept"
        raise file_error(error, doing) from error
    return digest


def remove_leftovers(directory: str) -> list[str]:
    """Removes the temporary files that killed writers have left in a directory.

    Files of writers that are still at work are left alone. A file that cannot be removed is, too.

    Args:
        directory: The directory.

    Returns:
        The paths that were removed.
    """
    try:
        names = sorted(os.listdir(directory or "."))
    except OSError:
        return []
    paths = [os.path.join(directory, name) for name in names if _TEMPORARY.fullmatch(name)]
    return [path for path in paths if _remove_if_abandoned(path)]


def file_error(error: OSError, doing: str) -> errors.OpError:
    """Translates an error of the file system to the class that TensorFlow has for it.

    Args:
        error: What the operating system said.
        doing: What was tried, for the message.

    Returns:
        The error to raise.
    """
    error_class = _ERROR_OF_ERRNO.get(error.errno or 0, errors.UnknownError)
    return error_class(None, None, f"{doing}: {error.strerror or error}")


def _write_then_rename(path: str, chunks: Iterable[memoryview | bytes]) -> FileDigest:
    with (
        _locked_temporary_file(path) as (descriptor, temporary),
        BackgroundHash(waiting_at_most=0) as sha256,
    ):
        size = _write(descriptor, _pieces(chunks), sha256)
        digest = FileDigest(size, sha256.hexdigest())
        os.replace(temporary, path)
    return digest


@contextlib.contextmanager
def _locked_temporary_file(path: str) -> Iterator[tuple[int, str]]:
    """A new temporary file beside ``path``, gone after an error."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(8)}.saving")
    descriptor = _open_locked(temporary)
    try:
        yield descriptor, temporary
    except BaseException:
        _discard(temporary)
        raise
    finally:
        os.close(descriptor)


def _open_locked(temporary: str) -> int:
    """Makes and locks a file; again, if somebody's clean-up got it between these two steps."""
    while True:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            _discard(temporary)
            os.close(descriptor)
            raise
        os.close(descriptor)


def _discard(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def _write(descriptor: int, pieces: Iterable[memoryview], sha256: BackgroundHash) -> int:
    """Writes and syncs; returns the number of bytes. The hashing may still go on by then."""
    size = begun = 0
    for piece in pieces:
        sha256.update(piece)
        _write_all(descriptor, piece)
        size += len(piece)
        if size - begun >= _BEGIN_BYTES:
            _begin_to_sync(descriptor, begun, size - begun)
            begun = size
    os.fsync(descriptor)
    return size


def _begin_to_sync(descriptor: int, start: int, length: int) -> None:
    """Has the disk begin with what was written, while more is being written and hashed.

    To say that a part of a file is not needed any more makes Linux begin to write it back, without
    waiting for that. Elsewhere it may do nothing; `fsync` waits for everything in any case.
    """
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)


def _pieces(chunks: Iterable[memoryview | bytes]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _CHUNK_BYTES):
            yield view[start : start + _CHUNK_BYTES]


def _write_all(descriptor: int, piece: memoryview) -> None:
    while len(piece):
        piece = piece[os.write(descriptor, piece) :]


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_abandoned(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
