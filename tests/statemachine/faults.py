"""Errors of the operating system, put where the log's store calls it."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from statemachine import store

CALLS = ("open", "write", "fsync", "posix_fallocate", "ftruncate", "fstat", "pread")


class FailingSystem:
    """Stands in for `os` in the store, and lets its n-th call fail, and all of them from then on.

    Attributes:
        failed: The name of the call that failed, or None.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, at: int, number: int) -> None:
        self.name, self.at, self.number = name, at, number
        self.calls = 0
        self.failed = None
        monkeypatch.setattr(store, "os", self)
        monkeypatch.setattr(store.fcntl, "flock", self._wrapped("flock", fcntl.flock))
        mkdir = Path.mkdir
        monkeypatch.setattr(Path, "mkdir", lambda *a, **k: self._call("mkdir", mkdir, *a, **k))

    def __getattr__(self, name):
        found = getattr(os, name)
        return self._wrapped(name, found) if name in CALLS else found

    def _wrapped(self, name, call):
        return lambda *args, **kwargs: self._call(name, call, *args, **kwargs)

    def _call(self, name, call, *args, **kwargs):
        if name == self.name:
            self.calls += 1
            if self.calls > self.at:
                self.failed = name
                if name == "write" and len(args[1]) > 1 and self.calls == self.at + 1:
                    return call(args[0], args[1][: len(args[1]) // 2])  # some of it still fits
                raise OSError(self.number, os.strerror(self.number))
        return call(*args, **kwargs)


ENOSPC, EIO, EROFS, EACCES = errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES
