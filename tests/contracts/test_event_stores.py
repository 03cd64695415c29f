"""The stores of the package, held to what every EventStore must do."""

from statemachine import FileStore, MemoryStore
from tests.contracts.event_store import EventStoreContract


class TestMemoryStore(EventStoreContract):
    """A log in memory."""

    def make_store(self, tmp_path):
        return MemoryStore()


class TestFileStore(EventStoreContract):
    """A log in a file."""

    def make_store(self, tmp_path):
        return FileStore(tmp_path / "log.arrows")
