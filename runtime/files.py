"""``tf.gfile`` and ``tf.io.gfile``: files of this machine, under the names that programs use.

Source of the names and rules: the ``tf.compat.v1.gfile`` and ``tf.io.gfile`` documentation. Errors
of the file system are those of ``tf.errors``.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from runtime import errors
from runtime.graph.export import export

Path = str | os.PathLike[str]


@contextmanager
def _translated(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        message = f"{doing} {os.fspath(path)!r} failed: {error.strerror}"
        raise errors.AlreadyExistsError(None, None, message) from error
    except OSError as error:
        from runtime.durable_file import file_error

        raise file_error(error, f"{doing} {os.fspath(path)!r} failed") from error


@export("gfile.GFile", "gfile.Open", "gfile.FastGFile", "io.gfile.GFile")
class GFile:
    """A file, opened when it is first used.

    Args:
        name: Its path.
        mode: As for `open`; text unless it has a ``b``.
    """

    def __init__(self, name: Path, mode: str = "r") -> None:
        if set(mode) - set("rwab+") or not set(mode) & set("rwa"):
            raise errors.InvalidArgumentError(
                None, None, f"mode is one of r, w, a, with + and b or without: {mode!r}"
            )
        self.name, self.mode = name, mode
        self._file: IO[Any] | None = None

    def _opened(self) -> IO[Any]:
        if self._file is None:
            with _translated("Opening", self.name):
                encoding = None if "b" in self.mode else "utf-8"
                self._file = open(self.name, self.mode, encoding=encoding)  # noqa: SIM115
        return self._file

    def read(self, n: int = -1) -> Any:
        """Reads.

        Args:
            n: How many bytes or characters at most; all if negative.

        Returns:
            Text, or bytes if the mode has a ``b``.
        """
        with _translated("Reading", self.name):
            return self._opened().read(n)

    def readline(self) -> Any:
        """Reads up to the end of the line."""
        with _translated("Reading", self.name):
            return self._opened().readline()

    def readlines(self) -> list[Any]:
        """Reads all lines that are left."""
        with _translated("Reading", self.name):
            return self._opened().readlines()

    def write(self, file_content: Any) -> None:
        """Writes.

        Args:
            file_content: Text, or bytes if the mode has a ``b``.
        """
        with _translated("Writing", self.name):
            self._opened().write(file_content)

    def seek(self, offset: int = 0, whence: int = io.SEEK_SET) -> None:
        """Goes to another place.

        Args:
            offset: The place.
            whence: What it is counted from, as for files of Python.
        """
        with _translated("Reading", self.name):
            self._opened().seek(offset, whence)

    def tell(self) -> int:
        """The place in the file."""
        return self._opened().tell()

    def size(self) -> int:
        """The number of bytes."""
        return int(stat(self.name).st_size)

    def flush(self) -> None:
        """Gives what was written to the operating system."""
        if self._file is not None:
            with _translated("Writing", self.name):
                self._file.flush()

    def close(self) -> None:
        """Closes the file. It is opened again when it is used again."""
        file, self._file = self._file, None
        if file is not None:
            with _translated("Closing", self.name):
                file.close()

    def __enter__(self) -> "GFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._opened())


@export("gfile.Exists", "io.gfile.exists")
def exists(filename: Path) -> bool:
    """Whether there is a file or directory.

    Args:
        filename: Its path.

    Returns:
        Whether it exists.
    """
    return os.path.exists(filename)


@export("gfile.IsDirectory", "io.gfile.isdir")
def isdir(dirname: Path) -> bool:
    """Whether there is a directory.

    Args:
        dirname: Its path.

    Returns:
        Whether it exists and is a directory.
    """
    return os.path.isdir(dirname)


@export("gfile.MakeDirs", "io.gfile.makedirs")
def makedirs(dirname: Path) -> None:
    """Makes a directory and those above it; no error if it exists.

    Args:
        dirname: Its path.
    """
    with _translated("Making the directory", dirname):
        os.makedirs(dirname, exist_ok=True)


@export("gfile.MkDir", "io.gfile.mkdir")
def mkdir(dirname: Path) -> None:
    """Makes a directory.

    Args:
        dirname: Its path.

    Raises:
        AlreadyExistsError: It exists.
        NotFoundError: The directory above it does not.
    """
    with _translated("Making the directory", dirname):
        os.mkdir(dirname)


@export("gfile.ListDirectory", "io.gfile.listdir")
def listdir(dirname: Path) -> list[str]:
    """The names in a directory.

    Args:
        dirname: Its path.

    Returns:
        The names, sorted.

    Raises:
        NotFoundError: There is no such directory.
    """
    with _translated("Listing", dirname):
        return sorted(os.listdir(dirname))


@export("gfile.Glob", "io.gfile.glob")
def glob(pattern: Any) -> list[str]:
    """The paths that fit a pattern.

    Args:
        pattern: A pattern as for the shell, or a list of them.

    Returns:
        The paths, sorted for each pattern.
    """
    import glob as shell

    patterns = [pattern] if isinstance(pattern, (str, os.PathLike)) else pattern
    return [path for one in patterns for path in sorted(shell.glob(os.fspath(one)))]


@export("gfile.Remove", "io.gfile.remove")
def remove(filename: Path) -> None:
    """Removes a file.

    Args:
        filename: Its path.

    Raises:
        NotFoundError: There is no such file.
    """
    with _translated("Removing", filename):
        os.remove(filename)


@export("gfile.DeleteRecursively", "io.gfile.rmtree")
def rmtree(dirname: Path) -> None:
    """Removes a directory and all that is in it.

    Args:
        dirname: Its path.

    Raises:
        NotFoundError: There is no such directory.
    """
    import shutil

    with _translated("Removing", dirname):
        shutil.rmtree(dirname)


@export("gfile.Rename", "io.gfile.rename")
def rename(oldname: Path, newname: Path, overwrite: bool = False) -> None:
    """Renames a file or directory.

    Args:
        oldname: Its path.
        newname: The new path.
        overwrite: Whether a file that is there is replaced.

    Raises:
        AlreadyExistsError: There is something at the new path.
        NotFoundError: There is nothing at the old one.
    """
    _refuse_existing(newname, overwrite)
    with _translated("Renaming", oldname):
        os.replace(oldname, newname)


@export("gfile.Copy", "io.gfile.copy")
def copy(oldpath: Path, newpath: Path, overwrite: bool = False) -> None:
    """Copies a file.

    Args:
        oldpath: Its path.
        newpath: The path of the copy.
        overwrite: Whether a file that is there is replaced.

    Raises:
        AlreadyExistsError: There is something at the new path.
        NotFoundError: There is nothing at the old one.
    """
    import shutil

    _refuse_existing(newpath, overwrite)
    with _translated("Copying", oldpath):
        shutil.copyfile(oldpath, newpath)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise errors.AlreadyExistsError(
            None, None, f"There is something at {os.fspath(path)!r}; pass overwrite=True."
        )


@export("gfile.Stat", "io.gfile.stat")
def stat(filename: Path) -> os.stat_result:
    """What the file system knows of a file.

    Args:
        filename: Its path.

    Returns:
        As `os.stat`, with ``st_size`` in bytes.

    Raises:
        NotFoundError: There is no such file.
    """
    with _translated("Looking at", filename):
        return os.stat(filename)


@export("gfile.Walk", "io.gfile.walk")
def walk(top: Path, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """Goes through a directory and all below it.

    Args:
        top: Its path.
        topdown: Whether a directory comes before those in it.

    Yields:
        The path, names of directories, and names of files in it.
    """
    yield from os.walk(os.fspath(top), topdown)
