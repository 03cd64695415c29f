"""Corpora are read once for all tests of a worker."""

from collections.abc import Mapping, Sequence

import pytest

from tests.oracle.corpora import Row, shipped


@pytest.fixture(scope="session")
def rows() -> Sequence[Row]:
    """All shipped scenarios."""
    return tuple(shipped())


@pytest.fixture(scope="session")
def singular(rows: Sequence[Row]) -> Sequence[Row]:
    """The shipped scenarios about SingularMonitoredSession."""
    return tuple(row for row in rows if not row.monitored)


@pytest.fixture(scope="session")
def by_id(rows: Sequence[Row]) -> Mapping[str, Row]:
    """All shipped scenarios by their id."""
    return {row.id: row for row in rows}
