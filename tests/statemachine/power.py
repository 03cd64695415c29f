"""What a loss of power may leave on a disk, from a record of what was written and synced.

A disk writes sectors of 512 bytes, each whole or not at all, in any order. What a file was given
since its latest ``fsync`` may be there or not, sector by sector; where the file became longer, a
sector that was not written holds zeros or anything. A name is in its directory for certain once
the directory was synced, and a mapped page is on the disk once its file was.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import attrs

from statemachine import store

SECTOR = 512


@attrs.define(eq=False)
class File:
    """A file, and every value that each of its sectors had since it was last synced.

    Attributes:
        content: What it holds for its readers.
        sectors: The values that each sector may have after a loss of power.
        sizes: The sizes that it may have.
    """

    content: bytearray = attrs.Factory(bytearray)
    sectors: dict[int, list[bytes]] = attrs.Factory(dict)
    sizes: list[int] = attrs.Factory(lambda: [0])

    def write(self, offset: int, data: bytes) -> None:
        first, last = offset // SECTOR, (offset + len(data) - 1) // SECTOR
        for number in range(first, last + 1):
            self.sectors.setdefault(number, [self._sector(number)])
        self.content.extend(bytes(max(0, offset + len(data) - len(self.content))))
        self.content[offset : offset + len(data)] = data
        for number in range(first, last + 1):
            self.sectors[number].append(self._sector(number))
        self.sizes.append(len(self.content))

    def truncate(self, size: int) -> None:
        for number in range(size // SECTOR, len(self.content) // SECTOR + 1):
            self.sectors.setdefault(number, [self._sector(number)])
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        self.sizes.append(size)

    def sync(self) -> None:
        self.sectors.clear()
        self.sizes[:] = [len(self.content)]

    def _sector(self, number: int) -> bytes:
        return bytes(self.content[number * SECTOR : (number + 1) * SECTOR])

    def after_loss(self, chance: Random, how: str) -> bytes:
        """What may be left: of what was not synced all, nothing, or some."""
        size = {"kept": self.sizes[-1], "dropped": self.sizes[0]}.get(how)
        if size is None:
            size = chance.choice(self.sizes)
        left = bytearray(self.content.ljust(max(self.sizes), b"\0"))
        for number, values in self.sectors.items():
            sector = values[{"kept": -1, "dropped": 0}.get(how, chance.randrange(len(values)))]
            if how == "torn" and not values[0] and chance.random() < 0.2:
                sector = chance.choice([b"", chance.randbytes(SECTOR)])
            start = number * SECTOR
            left[start : start + SECTOR] = sector.ljust(SECTOR, b"\0")
        return bytes(left[:size].ljust(size, b"\0"))


@attrs.define(eq=False)
class Disk:
    """Files by name, and the names that may be missing or still there."""

    files: dict[Path, File] = attrs.Factory(dict)
    directories: set[Path] = attrs.Factory(set)
    unsynced: dict[Path, Any] = attrs.Factory(dict)

    def name(self, path: Path, file: File | None) -> None:
        """Give a file or a directory (None) a name."""
        self.unsynced.setdefault(path, "absent")
        if file is None:
            self.directories.add(path)
        else:
            self.files[path] = file

    def unname(self, path: Path) -> None:
        self.unsynced.setdefault(path, self.files.pop(path, None))
        self.directories.discard(path)

    def sync_directory(self, directory: Path) -> None:
        for path in [path for path in self.unsynced if path.parent == directory]:
            del self.unsynced[path]

    def lose_power(self, target: Path, chance: Random, how: str) -> None:
        """Put what may be left into a directory."""
        files: dict[Path, File | None] = {**dict.fromkeys(self.directories), **self.files}
        for path, before in self.unsynced.items():
            if how == "dropped" or (how == "torn" and chance.random() < 0.5):
                files.pop(path, None)
                if before != "absent":
                    files[path] = before
        for path, file in sorted(files.items()):
            if path.parent != Path() and path.parent not in files:
                continue
            if file is None:
                (target / path).mkdir()
            else:
                (target / path).write_bytes(file.after_loss(chance, how))


class RecordingSystem:
    """Stands in for `os` in the store: does what it is told, and keeps a record on a `Disk`.

    Attributes:
        look: Called after each change with the disk.
    """

    def __init__(self, monkeypatch: Any, root: Path, look: Callable[[Disk], None]) -> None:
        self._root, self._look = root, look
        self._disk = Disk()
        self._open: dict[int, File | Path] = {}
        self._mapped: list[tuple[File, Any]] = []
        self._lock = threading.RLock()
        monkeypatch.setattr(store, "os", self)
        mapped = store.mmap.mmap
        monkeypatch.setattr(store.mmap, "mmap", lambda *args: self._map(mapped, *args))
        for name in ("mkdir", "unlink", "rmdir"):
            monkeypatch.setattr(Path, name, self._of_path(name, getattr(Path, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def stored(self) -> None:
        """Take notice of what was stored into mapped memory, and look at the disk."""
        with self._lock:
            for file, memory in self._mapped:
                now = bytes(memory)
                for at in range(0, len(now), SECTOR):
                    if now[at : at + SECTOR] != file.content[at : at + SECTOR]:
                        file.write(at, now[at : at + SECTOR])
            self._look(self._disk)

    def _of_path(self, name: str, call: Any) -> Any:
        def method(path: Path, *args: Any, **kwargs: Any) -> None:
            with self._lock:
                call(path, *args, **kwargs)
                if path.is_relative_to(self._root):
                    if name == "mkdir":
                        self._disk.name(path.relative_to(self._root), None)
                    else:
                        self._disk.unname(path.relative_to(self._root))
                    self.stored()

        return method

    def open(self, path: Any, flags: int, *mode: int) -> int:
        with self._lock:
            number, name = os.open(path, flags, *mode), Path(path).relative_to(self._root)
            if flags & os.O_CREAT:
                self._disk.name(name, File())
            self._open[number] = self._disk.files.get(name, name)
            self.stored()
            return number

    def write(self, number: int, data: Any) -> int:
        with self._lock:
            written = os.write(number, data)
            file = self._open[number]
            file.write(len(file.content), bytes(data[:written]))
            self.stored()
            return written

    def ftruncate(self, number: int, size: int) -> None:
        with self._lock:
            os.ftruncate(number, size)
            self._open[number].truncate(size)
            self.stored()

    def posix_fallocate(self, number: int, start: int, size: int) -> None:
        with self._lock:
            os.posix_fallocate(number, start, size)
            self._open[number].truncate(size)
            self.stored()

    def fsync(self, number: int) -> None:
        with self._lock:
            self.stored()
            os.fsync(number)
            file = self._open[number]
            if isinstance(file, Path):
                self._disk.sync_directory(file)
            else:
                file.sync()
            self.stored()

    def _map(self, mapped: Any, number: int, size: int) -> Any:
        memory = mapped(number, size)
        self._mapped.append((self._open[number], memory))
        return memory


def chances(seed: int, count: int) -> Iterator[tuple[Random, str]]:
    """So many ways to lose power: nothing kept, everything kept, and torn in some ways."""
    yield from ((Random(seed), how) for how in ("dropped", "kept"))
    yield from ((Random(f"{seed} {number}"), "torn") for number in range(count))
