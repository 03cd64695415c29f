"""How the wishes of hooks and caller become one raw run."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from statemachine.testing.model.graph import Raw, Symbol, symbol_name

if TYPE_CHECKING:
    from statemachine.testing.model.world import ModelWorld

TWO_HOOKS = "Same tensor is fed by two hooks."
HOOK_AND_USER = "Same tensor is fed by a SessionRunHook and user."
LARGER = ("trace_level", "timeout_in_ms")
EITHER = ("output_partition_graphs", "report_tensor_allocations_upon_oom")


@attrs.define
class Options:
    """Run options that are not at their default."""

    fields: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Metadata:
    """Run metadata; only whether something was traced matters."""

    step_stats: bool


@attrs.frozen
class Arguments:
    """What before_run returns, and what the caller of run gave."""

    fetches: Any = None
    feed_dict: Any = None
    options: Any = None


@attrs.frozen
class Values:
    """What after_run is given."""

    results: Any
    options: Options
    run_metadata: Metadata


class Context:
    """One run, as hooks see it."""

    def __init__(self, session: Raw | None, fetches: Any, feed_dict: Any) -> None:
        self.session = session
        self.original_args = Arguments(fetches, feed_dict)
        self.stop_requested = False

    def request_stop(self) -> None:
        """Asks to stop after this run."""
        self.stop_requested = True


class Merger:
    """Collects what hooks ask for, then adds what the caller asked for."""

    def __init__(self, world: "ModelWorld", context: Context, options: Options | None) -> None:
        self._world = world
        self._context = context
        self._by_identity = world.wants("hooks_read_once")
        self.fetches: dict[Any, Any] = {"caller": context.original_args.fetches}
        self.feed: dict[Any, Any] = {}
        self.options = options or Options()
        if world.wants("caller_keeps_options"):
            self.options = Options(dict(self.options.fields))

    def add(self, hook: Any, request: Any) -> None:
        """Takes in what one hook returned from before_run."""
        if request is None:
            return
        if request.fetches is not None:
            self.fetches[self._key(hook)] = request.fetches
        if request.feed_dict:
            self._check(self.feed, request.feed_dict, TWO_HOOKS)
            self.feed.update(request.feed_dict)
        if request.options:
            self._merge_options(request.options)

    def finish(self) -> None:
        """Adds the caller's feed."""
        users = self._context.original_args.feed_dict or {}
        self._check(self.feed, users, HOOK_AND_USER)
        self.feed.update(users)

    def values_for(self, hook: Any, values: Mapping[Any, Any]) -> Values:
        """Returns what a hook gets from the run."""
        results = values.get(self._key(hook))
        return Values(results, self.options, Metadata(self._traced()))

    def _traced(self) -> bool:
        """Statistics need an option that asks for them, and something that is computed."""
        fields = self.options.fields
        asked = "trace_level" in fields or "report_tensor_allocations_upon_oom" in fields
        fed = {symbol_name(key) for key in self.feed}
        return asked and any(name not in fed for name in _leaves(self.fetches))

    def shown_fetches(self, show: Any) -> dict[str, Any]:
        """Returns the merged fetches by who asked."""
        return {self._owner(key): show(value) for key, value in self.fetches.items()}

    def _owner(self, key: Any) -> str:
        return key if isinstance(key, str) else f"h{self._world.hook_index(key)}"

    def _key(self, hook: Any) -> Any:
        if self._by_identity:
            return Identity(hook)
        hash(hook)
        return hook

    def _check(self, left: Mapping[Any, Any], right: Mapping[Any, Any], message: str) -> None:
        name = symbol_name if self._world.wants("same_tensor_by_name_conflicts") else _itself
        if {name(k) for k in left} & {name(k) for k in right}:
            raise RuntimeError(message)

    def _merge_options(self, asked: Options) -> None:
        fields = self.options.fields
        for name in LARGER:
            larger = max(fields.get(name, 0), asked.fields.get(name, 0))
            fields.update({name: larger} if larger else {})
        for name in EITHER:
            if asked.fields.get(name):
                fields[name] = True


@attrs.frozen
class Identity:
    """Makes any hook a key."""

    hook: Any = attrs.field(hash=False, eq=id)

    def __hash__(self) -> int:
        return id(self.hook)


def _leaves(fetches: Any) -> Iterator[str]:
    if isinstance(fetches, Symbol):
        yield fetches.name
    elif not isinstance(fetches, str) and fetches is not None:
        for part in fetches.values() if isinstance(fetches, Mapping) else fetches:
            yield from _leaves(part)


def _itself(key: Any) -> Any:
    return key
