"""The store of the extra `sql`, held to what every EventStore must do."""

from statemachine.sql_store import SqlStore
from tests.contracts.event_store import EventStoreContract


class TestSqlStore(EventStoreContract):
    """A log in an SQLite database."""

    def make_store(self, tmp_path):
        return SqlStore(tmp_path / "runs.db", "run")
