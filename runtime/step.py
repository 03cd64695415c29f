"""One run: what hooks are told of it, and how their requests are merged into it."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from runtime.attribution import hook_name, name_asker
from runtime.engine import Engine, RawSession
from runtime.session_run_hook import SessionRunArgs, SessionRunContext
from statemachine.table import STOP_ASKED

ASKED: Final = STOP_ASKED << 7
"""What a stop request adds to the code of each event that comes after it."""


class RunContext(SessionRunContext):
    """The context of one run; it tells the session of a stop request.

    Attributes:
        asked: What a stop request adds to codes, or 0.
    """

    __slots__ = ("_asked_for", "_owner", "asked")

    # The base's state is made on demand: most hooks never look at it.
    def __init__(self, owner: "Owner", asked_for: tuple[Any, Any, Any], session: Any) -> None:
        self._owner = owner
        self._asked_for = asked_for
        self._session = session
        self.asked = 0

    @property
    def original_args(self) -> SessionRunArgs:
        """The fetches, feeds and options that the caller of ``run`` passed."""
        asked_for = self._asked_for
        if type(asked_for) is not SessionRunArgs:
            asked_for = self._asked_for = SessionRunArgs(*asked_for)
        return asked_for

    @property
    def stop_requested(self) -> bool:
        """Whether some hook has asked for a stop during this run."""
        return self.asked != 0

    def request_stop(self) -> None:
        """Asks the monitored session to stop after this run; after the run, it does nothing."""
        if self._owner.is_running(self):
            self._owner.stop_by_hook(self)


class Owner(Protocol):
    """The session that a context belongs to."""

    def is_running(self, context: RunContext) -> bool:
        """Whether the run of that context is going on."""

    def stop_by_hook(self, context: RunContext) -> None:
        """Write down that a hook asks for a stop, and have it take effect."""


class MergedFetches(dict[str | int, Any]):
    """What one raw run computes: what the caller asked for, and each hook that asked.

    The keys are `"caller"` and the hooks' places in the list.
    """


@attrs.define(eq=False)
class Requests:
    """What hooks ask of one run.

    Attributes:
        fetches: By the hook's place in the list.
        feeds: All hooks' feeds together.
        options: All hooks' options, in order.
        feeders: For each key of `feeds`, the place of the hook that feeds it.
    """

    engine: Engine
    graph: Any
    fetches: dict[int, Any] = attrs.Factory(dict)
    feeds: dict[Any, Any] = attrs.Factory(dict)
    options: list[Any] = attrs.Factory(list)
    feeders: dict[Any, int] = attrs.Factory(dict)
    _fed_by: dict[Any, str] = attrs.Factory(dict)
    _names: dict[int, str] = attrs.Factory(dict)

    def add(self, index: int, hook: object, request: SessionRunArgs) -> None:
        """Add what one hook asks for.

        Raises:
            AttributeError: If it is nothing that `before_run` may return.
            RuntimeError: If it feeds a tensor that an earlier hook feeds.
        """
        name = self._names[index] = hook_name(index, hook)
        _check_request(request, name)
        if request.fetches is not None:
            self.fetches[index] = request.fetches
        for key, value in (request.feed_dict or {}).items():
            self._claim(key, name, "Same tensor is fed by two hooks.")
            self.feeds[key] = value
            self.feeders[key] = index
        if request.options is not None:
            self.options.append(request.options)

    def _claim(self, key: Any, name: str, conflict: str) -> None:
        tensor = self.engine.feed_key(self.graph, key)
        other = self._fed_by.setdefault(tensor, name)
        if other is not name:
            error = RuntimeError(conflict)
            shown = getattr(tensor, "name", tensor)
            error.add_note(f"Both {other} and {name} feed {shown!r}; only one of them may.")
            raise error

    def merged_feeds(self, feed_dict: Any) -> Any:
        """The caller's feeds and the hooks' together.

        Raises:
            RuntimeError: If the caller and a hook feed the same tensor.
        """
        if not self.feeds or not isinstance(feed_dict, Mapping | None):
            return feed_dict  # the raw session says what is wrong with it
        for key in feed_dict or {}:
            self._claim(key, "the caller", "Same tensor is fed by a SessionRunHook and user.")
        return {**self.feeds, **(feed_dict or {})}

    def merged_options(self, options: Any) -> Any:
        """The caller's options and the hooks', in a new object; None if nobody has any."""
        if options is None and not self.options:
            return None
        merged = self.engine.run_options() if options is None else self.engine.copy_options(options)
        for other in self.options:
            self.engine.merge_options(merged, other)
        return merged

    def merged_fetches(self, fetches: Any) -> Any:
        """What the raw run computes."""
        if not self.fetches:
            return fetches
        merged = MergedFetches(caller=fetches)
        for index, asked in self.fetches.items():
            merged[index] = asked
        return merged

    def name_asker(self, error: Exception, fetches: Any) -> None:
        """Note on an error of the run which hook asked for what failed."""
        asked = [(self._names[index], part) for index, part in self.fetches.items()]
        name_asker(error, self.engine, self.graph, fetches, asked)


def _check_request(request: Any, name: str) -> None:
    missing = [a for a in ("fetches", "feed_dict", "options") if not hasattr(request, a)]
    if missing:
        raise AttributeError(
            f"before_run of {name} returned {request!r}, which has no {missing[0]!r}; it must "
            "return a SessionRunArgs, or None"
        )
    if not isinstance(request.feed_dict, Mapping | None):
        raise TypeError(
            f"before_run of {name} asks to feed {request.feed_dict!r}; "
            "a feed_dict is a dictionary from tensors to values"
        )


def raw_run(
    raw: RawSession, requests: Requests, fetches: Any, feeds: Any, options: Any, metadata: Any
) -> tuple[Any, Mapping[int, Any]]:
    """One raw run for the caller and the hooks together.

    Returns:
        The value for the caller, and the values for the hooks that asked, by place.
    """
    if not requests.fetches:
        return raw.run(fetches, feeds, options, metadata), {}
    try:
        results = raw.run(requests.merged_fetches(fetches), feeds, options, metadata)
    except Exception as error:
        requests.name_asker(error, fetches)
        raise
    return results["caller"], results
