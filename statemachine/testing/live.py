"""The stage under a real session: what the session opens there tells what is done with it."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from statemachine.testing.features import Feature, Sees, methods_needed
from statemachine.testing.model.graph import Raw, symbol_name
from statemachine.testing.model.merge import Context, Metadata, Options, Values
from statemachine.testing.model.scaffold import Scaffold
from statemachine.testing.player import report
from statemachine.testing.stage import Stage

# Any, here: a scenario's JSON, and whatever classes the tested session works with.
SECONDS_TO_WAIT: Final = 10.0


class Host(Protocol):
    """What a stage needs of the adapter that it was made for."""

    @property
    def errors(self) -> Any:
        """A namespace with the error classes that operations raise."""

    @property
    def hook_base(self) -> type:
        """The base class of hooks."""

    @property
    def features(self) -> frozenset[Feature]:
        """What the session can do."""

    @property
    def sees(self) -> frozenset[Sees]:
        """What the adapter reports."""

    def construct(self, stage: "LiveStage", hooks: Any) -> Any:
        """The session under test."""

    def make_error(self, error: type[BaseException], message: str) -> BaseException:
        """An error of one of the classes of `errors`."""

    def called(self, stage: "LiveStage", name: str, index: int | None) -> None:
        """Is told of each call of a hook and of each run, when it happens."""


class LiveRaw(Raw):
    """A raw session that tells its stage what is done with it."""

    stage: "LiveStage"
    event_listener: Any = None
    hook_states: Any = None

    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Computes what is fetched."""
        if isinstance(fetches, Piece):
            return fetches.run(self)
        if not self.stage.direct_runs:
            return self.stage.merged_run(self, fetches, feed_dict, options)
        return super().run(fetches, feed_dict)

    def compute(self, fetches: Any, feed_dict: Any) -> Any:
        """Computes without telling."""
        return super().run(fetches, feed_dict)

    def close(self) -> None:
        """Closes it."""
        self.stage.close_raw(self)


class Piece:
    """Something of a scaffold that a raw session runs, such as an init op."""

    def run(self, raw: LiveRaw) -> Any:
        """Does what it stands for."""
        raise NotImplementedError


class LiveStage(Stage):
    """The stage of one scenario for a real session.

    Args:
        scenario: The scenario's JSON.
        host: The adapter.

    Attributes:
        logs: The event logs of the sessions that were constructed, if the adapter has any.
        noted: What the adapter noted when it was told of calls.
        log_path: Where the event log of the first session goes; None for memory.
        lacking: What a session that was constructed has not, though its adapter says so, in words.
        direct_runs: Whether what raw sessions run now was asked for by the scenario itself.
    """

    raw_class = LiveRaw

    def __init__(self, scenario: Mapping[str, Any], host: Host) -> None:
        self.host = host
        self.hook_base = host.hook_base
        self.logs: list[Any] = []
        self.noted: list[Any] = []
        self.log_path: Path | None = None
        self.lacking = ""
        self.direct_runs = 0
        self._release = threading.Event()
        self._obedient: list[tuple[Any, threading.Thread]] = []
        self._stuck_threads: list[threading.Thread] = []
        super().__init__(scenario, host.errors)

    # For adapters.

    def open_raw(self) -> LiveRaw:
        """Opens a raw session for the session under test.

        Returns:
            What can `run` fetches and `close`; it tells the stage what is done with it.
        """
        raw = self.create_raw()
        assert isinstance(raw, LiveRaw)
        raw.stage = self
        if Sees.START not in self.host.sees:  # nobody else will run the init ops
            raw.initialize()
            raw.initialize_local()
        return raw

    def context(self, raw: Any = None, fetches: Any = None, feed_dict: Any = None) -> Context:
        """What a hook's before_run and after_run can be given, by a session without its own."""
        return Context(raw, fetches, feed_dict)

    def values(self, results: Any = None) -> Values:
        """What a hook's after_run can be given, by a session that has no such class itself."""
        return Values(results, Options(), Metadata(False))

    def fed(self, key: Any) -> str:
        """The tensor that a key of a feed_dict stands for; it may be given by its name, too."""
        return symbol_name(key)

    @property
    def scaffold_of_scenario(self) -> Scaffold:
        """The scaffold that the scenario wants."""
        return self.scaffold(False)

    # For the player.

    def error(self, name: str, message: str) -> BaseException:
        """Makes an error of a named class."""
        return self.host.make_error(self.errors[name], message)

    def open(self, hooks: Any, plain: bool = False) -> Any:
        """Constructs the session under test."""
        session = self.host.construct(self, hooks)
        self.lacking = self.lacking or _lacking(session, self.host.features)
        return session

    def called(self, name: str, index: int | None = None) -> None:
        """Tells the adapter of a call."""
        self.host.called(self, name, index)

    @contextlib.contextmanager
    def direct(self) -> Iterator[None]:
        """Marks raw runs that the scenario makes itself, which the player writes down."""
        self.direct_runs += 1
        try:
            yield
        finally:
            self.direct_runs -= 1

    def merged_run(self, raw: LiveRaw, fetches: Any, feed_dict: Any, options: Any) -> Any:
        """Runs what hooks and caller asked for."""
        player = self.player
        self.called("run")
        self.recorder.emit(
            "run",
            s=raw.number,
            fetch=self._owners(fetches),
            feed=player.shown_feed(feed_dict or {}),
            options={} if options is None else self.shown_options(options),
        )
        with self._failing("run"):
            return raw.compute(fetches, feed_dict)

    def _owners(self, fetches: Any) -> dict[str, Any]:
        shown = self.player.shown_fetches
        if not (isinstance(fetches, Mapping) and "caller" in fetches):
            return {"caller": shown(fetches)}
        return {_owner(owner): shown(part) for owner, part in fetches.items()}

    def close_raw(self, raw: Raw) -> None:
        """Closes a raw session."""
        if raw.closed:
            self.recorder.emit("session_close", s=raw.number, again=True)
        else:
            super().close_raw(raw)

    # Threads.

    def start_thread(self, coordinator: Any, kind: Any, place: str) -> None:
        """Registers and starts a thread of a hook."""
        if isinstance(kind, Mapping):
            error = self.error(kind["raise"], f"inj:{place}.thread")
            thread = threading.Thread(target=report, args=(coordinator, error), daemon=True)
        elif kind == "stuck":
            thread = threading.Thread(target=self._release.wait, name=place, daemon=True)
            self._stuck_threads.append(thread)
        else:
            thread = threading.Thread(target=self._obey, args=(coordinator, place), daemon=True)
            self._obedient.append((coordinator, thread))
        coordinator.register_thread(thread)
        thread.start()
        if isinstance(kind, Mapping):
            thread.join(SECONDS_TO_WAIT)

    def _obey(self, coordinator: Any, place: str) -> None:
        coordinator.wait_for_stop()
        self.recorder.emit_background("thread_exit", of=place)

    def wait(self) -> None:
        """Waits for threads that were asked to stop."""
        for coordinator, thread in self._obedient:
            if coordinator.should_stop():
                thread.join(SECONDS_TO_WAIT)

    def final(self) -> dict[str, Any]:
        """Returns the final state."""
        self.wait()
        self._stuck = sum(thread.is_alive() for thread in self._stuck_threads)
        return super().final()

    def tear_down(self) -> None:
        """Ends all threads that the scenario left."""
        self._release.set()
        for coordinator, thread in self._obedient:
            coordinator.request_stop()
            thread.join(SECONDS_TO_WAIT)


def _owner(key: Any) -> str:
    return key if isinstance(key, str) else f"h{key}"


# Any: a session of whatever class.
def _lacking(session: Any, features: frozenset[Feature]) -> str:
    for name, feature in methods_needed(features):
        if not _has(session, name):
            what = f"what `construct` gave back, {session!r:.80}, has no {name}"
            if feature is None:
                return f"{what}; a session is an object with run, to be used in `with`"
            return (
                f"{what}, which Feature.{feature.name} promises ({feature.value}); give it one, or "
                "leave the feature out of the adapter's"
            )
    return ""


def _has(session: Any, name: str) -> bool:
    """Whether there is such an attribute, even if there is nothing to get from it now."""
    return hasattr(type(session), name) or hasattr(session, name)
