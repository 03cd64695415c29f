"""Logs that most tests of the command line look at; nobody changes them."""

import pytest

from tests.cli import logs


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A directory for logs that are only read."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def closed_log(shared):
    """The log of a session that did three steps and was closed."""
    return logs.closed(shared / "closed.arrows")


@pytest.fixture(scope="session")
def killed_log(shared):
    """What a process left that was killed after three steps."""
    return logs.killed(shared / "killed.arrows")


@pytest.fixture(scope="session")
def tampered_log(shared, closed_log):
    """A log in whose last third one bit was changed."""
    size = closed_log.stat().st_size
    return logs.flipped(closed_log, size * 2 // 3, shared / "tampered.arrows")


@pytest.fixture(scope="session")
def disordered_log(shared, closed_log):
    """A log with right digests in which two calls were swapped."""
    codes = logs.codes_of(closed_log)
    codes[1], codes[2] = codes[2], codes[1]
    return logs.forged(shared / "disordered.arrows", codes, logs.details_of(closed_log))
