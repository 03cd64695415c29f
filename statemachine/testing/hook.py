"""The hook of a scenario: in each method it does what the scenario says for that call."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from statemachine.testing.recorder import Recorder
from statemachine.testing.values import show_value

if TYPE_CHECKING:
    from statemachine.testing.player import Player

NO_ACTION: Mapping[str, Any] = {}
METHODS = ("begin", "after_create_session", "before_run", "after_run", "end")


def make_hook(player: "Player", index: int, spec: Mapping[str, Any]) -> Any:
    """Makes a hook on the base class of the player's world."""
    hook_class = _hook_class(player.world.hook_base, bool(spec.get("unhashable")))
    return hook_class(player, index, spec)


@functools.cache
def _hook_class(base: type, unhashable: bool) -> type:
    attributes = {"__hash__": None} if unhashable else {}
    return type("Hook", (ScriptedHook, base), attributes)


class ScriptedHook:
    """Writes each call down, then carries out the action for it."""

    def __init__(self, player: "Player", index: int, spec: Mapping[str, Any]) -> None:
        self.player = player
        self.index = index
        self._spec = spec
        self._calls = dict.fromkeys(METHODS, 0)
        self._context: Any = None

    @property
    def _recorder(self) -> Recorder:
        return self.player.recorder

    def begin(self) -> None:
        """Is called before the graph is finalized."""
        self._called("begin", None, None, {})

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Is called once a raw session is ready."""
        self.player.coordinator = coord
        fields = {"s": self.player.world.shown_session(session)}
        if coord is not None and "raise" not in self.player.scenario.get("qr", {}):
            fields["coord_stop"] = coord.should_stop()
        self._called("after_create_session", session, None, fields)

    def before_run(self, run_context: Any) -> Any:
        """Is called before each run and may ask for something."""
        self._context = run_context
        fields = {
            "s": self.player.world.shown_session(run_context.session),
            **self._shown_arguments(run_context.original_args),
            "stop": run_context.stop_requested,
        }
        return self._called("before_run", run_context.session, run_context, fields)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Is called with the values that this hook asked for."""
        fields = {"results": show_value(run_values.results), "stop": run_context.stop_requested}
        if run_context is not self._context:
            fields["other_context"] = True
        options = self.player.world.shown_options(run_values.options)
        if options:
            fields["options"] = options
        if self.player.world.has_step_stats(run_values.run_metadata):
            fields["step_stats"] = True
        self._called("after_run", run_context.session, run_context, fields)

    def end(self, session: Any) -> None:
        """Is called at the end of the session's life."""
        fields = {"s": self.player.world.shown_session(session)}
        self._called("end", session, None, fields)

    def _shown_arguments(self, arguments: Any) -> dict[str, Any]:
        feed = arguments.feed_dict
        return {
            "fetch": self.player.shown_fetches(arguments.fetches),
            "feed": None if feed is None else self.player.shown_feed(feed),
        }

    def _called(self, method: str, session: Any, context: Any, fields: dict[str, Any]) -> Any:
        number = self._calls[method]
        self._calls[method] += 1
        self.player.world.called(method, self.index)
        finalized = self.player.world.finalized()
        self._recorder.emit("hook", i=self.index, m=method, n=number, fin=finalized, **fields)
        actions = self._spec.get(method, NO_ACTION)
        action = actions.get(str(number), actions.get("*")) or NO_ACTION
        place = f"h{self.index}.{method}#{number}"
        try:
            return self._act(action, place, session, context)
        except BaseException as error:
            self._recorder.fail(f"h{self.index}.{method}", error)
            raise

    def _act(self, action: Mapping[str, Any], place: str, session: Any, context: Any) -> Any:
        self._grow_graph(action)
        if "run" in action:
            self._raw_run(action, place, session)
        if "call" in action:
            self.player.perform(action["call"], f"{place}.call")
        self._mutate(action, context)
        if "thread" in action:
            world = self.player.world
            world.start_thread(self.player.coordinator, action["thread"], place)
        if "coord_stop" in action:
            self.player.stop_coordinator(action["coord_stop"], place)
        if action.get("request_stop"):
            context.request_stop()
        if "raise" in action:
            raise self.player.world.error(action["raise"], f"inj:{place}")
        return self._request(action, place)

    def _grow_graph(self, action: Mapping[str, Any]) -> None:
        if "make" in action:
            self.player.world.make_constant(action["make"]["name"], action["make"]["value"])
            self._recorder.emit("add_op")
        if "add_op" in action:
            self.player.world.add_operation()
            self._recorder.emit("add_op")

    def _raw_run(self, action: Mapping[str, Any], place: str, session: Any) -> None:
        feed = self.player.feed(action.get("run_feed"), place)
        value = self.player.raw_run(session, action["run"], feed)
        self._recorder.emit("val", of=place, v=show_value(value))

    def _mutate(self, action: Mapping[str, Any], context: Any) -> None:
        if "mutate_feed" in action and context.original_args.feed_dict is not None:
            feed = self.player.feed(action["mutate_feed"], "")
            context.original_args.feed_dict.update(feed)
        if "mutate_fetches" in action:
            context.original_args.fetches.append(self.player.fetches(action["mutate_fetches"]))

    def _request(self, action: Mapping[str, Any], place: str) -> Any:
        wanted = action.get("return")
        if wanted == "bad":
            return "bad"
        if wanted == "empty":
            return self.player.world.run_args(None, None, None)
        if not {"fetch", "feed", "options"} & set(action):
            return None
        return self.player.world.run_args(
            self.player.fetches(action.get("fetch")),
            self.player.feed(action.get("feed"), place),
            self.player.options(action.get("options")),
        )
