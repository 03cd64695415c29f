"""Replacing a file: all or nothing, whatever fails; what killed writers leave is removed."""

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runtime import durable_file, errors
from runtime.durable_file import remove_leftovers, replace_file

CALLS = ["open", "write", "fsync", "replace", "close"]


class FailingOs:
    """The module os, with one call of one function that fails."""

    def __init__(self, function: str, call: int, code: int = errno.EIO) -> None:
        self._function, self._left, self._code = function, call, code

    def __getattr__(self, name: str):
        real = getattr(os, name)
        return self._counted(real) if name == self._function else real

    def _counted(self, real):
        def call(*args, **kwargs):
            self._left -= 1
            if self._left == -1:
                raise OSError(self._code, os.strerror(self._code))
            return real(*args, **kwargs)

        return call


def leftover(path: Path, content: bytes = b"half") -> Path:
    """A temporary file as a killed writer of ``path`` leaves it."""
    temporary = path.with_name(f".{path.name}.0123456789abcdef.saving")
    temporary.write_bytes(content)
    return temporary


def test_the_content_and_its_digest(tmp_path: Path) -> None:
    """The file has all the chunks in order; size and SHA-256 are those of the file."""
    path = tmp_path / "file"
    digest = replace_file(str(path), [b"one", memoryview(b""), b"two"])
    assert path.read_bytes() == b"onetwo"
    assert digest.size == 6
    assert digest.sha256 == hashlib.sha256(b"onetwo").hexdigest()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("fails", [False, True])
def test_the_disk_begins_early_and_in_order(tmp_path: Path, monkeypatch, fails: bool) -> None:
    """Each part of a large file is given to the disk once; a disk that refuses does no harm."""
    begun: list[tuple[int, int]] = []

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        begun.append((start, length))
        assert advice == os.POSIX_FADV_DONTNEED
        if fails:
            raise OSError(errno.ESPIPE, "cannot be advised")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(durable_file, "_BEGIN_BYTES", 8)
    path = tmp_path / "file"
    replace_file(str(path), [b"12345", b"67890", b"1234567", b"89", b"end"])
    assert path.read_bytes() == b"1234567890123456789end"
    assert begun == [(0, 10), (10, 9)]


def test_a_large_chunk_is_written_whole(tmp_path: Path, monkeypatch) -> None:
    """A chunk larger than the writer's own pieces arrives whole, also by short writes."""
    content = os.urandom((9 << 20) + 7)
    path = tmp_path / "file"

    class ShortWrites:
        def __getattr__(self, name: str):
            return getattr(os, name)

        def write(self, descriptor: int, data: memoryview) -> int:
            return os.write(descriptor, data[: 1 + len(data) // 2])

    monkeypatch.setattr(durable_file, "os", ShortWrites())
    digest = replace_file(str(path), [content])
    assert path.read_bytes() == content
    assert digest.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("function", CALLS)
@pytest.mark.parametrize("call", range(3))
def test_whatever_fails_the_file_is_whole(
    function: str, call: int, tmp_path: Path, monkeypatch
) -> None:
    """After a failure of any call of the file system the file is the old one or the new one."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    failing = FailingOs(function, call)
    monkeypatch.setattr(durable_file, "os", failing)
    try:
        replace_file(str(path), [b"new ", b"content"])
        failed = False
    except errors.OpError as error:
        assert str(path) in str(error)
        failed = True
    before_rename = (function, call) in {
        ("open", 0),
        ("write", 0),
        ("write", 1),
        ("fsync", 0),
        ("replace", 0),
    }
    assert path.read_bytes() == (b"old" if before_rename else b"new content")
    assert failed or not before_rename
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, errors.ResourceExhaustedError),
        (errno.EROFS, errors.PermissionDeniedError),
        (errno.EACCES, errors.PermissionDeniedError),
        (errno.EIO, errors.UnknownError),
    ],
)
def test_the_class_of_the_error_is_tensorflows(code: int, expected, tmp_path, monkeypatch) -> None:
    """A full disk, a read-only one and so on: TensorFlow's class, naming the file and the cause."""
    monkeypatch.setattr(durable_file, "os", FailingOs("write", 0, code))
    with pytest.raises(expected, match="what was there before is kept") as caught:
        replace_file(str(tmp_path / "file"), [b"x"])
    assert str(tmp_path / "file") in str(caught.value)
    assert os.strerror(code) in str(caught.value)


def test_a_missing_directory_is_not_found(tmp_path: Path) -> None:
    """A directory that doesn't exist: NotFoundError that names the file."""
    with pytest.raises(errors.NotFoundError, match="none/file"):
        replace_file(str(tmp_path / "none" / "file"), [b"x"])


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    """A temporary file that nobody holds is removed; other files stay."""
    temporary = leftover(tmp_path / "model.ckpt-1.safetensors")
    other = tmp_path / ".hidden.saving"
    other.write_bytes(b"somebody else's")
    assert remove_leftovers(str(tmp_path)) == [str(temporary)]
    assert os.listdir(tmp_path) == [".hidden.saving"]


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """A clean-up in the middle of another save does not disturb it."""
    path = tmp_path / "file"

    def chunks():
        yield b"first "
        assert remove_leftovers(str(tmp_path)) == []
        yield b"second"

    replace_file(str(path), chunks())
    assert path.read_bytes() == b"first second"


def test_a_clean_up_between_making_and_locking_is_survived(tmp_path: Path, monkeypatch) -> None:
    """If a clean-up removes the temporary file before it is locked, another one is made."""
    path = tmp_path / "file"
    real, calls = fcntl.flock, []

    class RacingLock:
        LOCK_EX, LOCK_NB = fcntl.LOCK_EX, fcntl.LOCK_NB

        def flock(self, descriptor: int, operation: int) -> None:
            calls.append(operation)
            if len(calls) == 1:
                for name in os.listdir(tmp_path):
                    os.unlink(tmp_path / name)
            real(descriptor, operation)

    monkeypatch.setattr(durable_file, "fcntl", RacingLock())
    replace_file(str(path), [b"content"])
    assert path.read_bytes() == b"content"
    assert len(calls) == 2


def test_a_link_is_no_leftover(tmp_path: Path) -> None:
    """A symbolic link with the name of a temporary file is not followed."""
    target = tmp_path / "precious"
    target.write_bytes(b"x")
    (tmp_path / ".x.0123456789abcdef.saving").symlink_to(target)
    assert remove_leftovers(str(tmp_path)) == []
    assert target.exists()


def test_cleaning_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """Nothing is removed, and nothing is raised."""
    assert remove_leftovers(str(tmp_path / "none")) == []


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing: the old content stays, the leftover can be removed."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = textwrap.dedent(
        """
        import os, signal, sys
        from runtime.durable_file import replace_file
        def chunks():
            yield b"half"
            os.kill(os.getpid(), signal.SIGKILL)
        replace_file(sys.argv[1], chunks())
        """
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60, check=False)
    assert done.returncode == -9
    assert path.read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == 2
    assert len(remove_leftovers(str(tmp_path))) == 1
    assert os.listdir(tmp_path) == ["file"]
