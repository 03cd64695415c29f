"""Plays one scenario in a world and writes down what the caller and the hooks see."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from statemachine.testing.faults import Bomb, Fault
from statemachine.testing.hook import make_hook
from statemachine.testing.recorder import Recorder, describe_error, sorted_feed
from statemachine.testing.trace import Observation
from statemachine.testing.values import map_structure, show_value
from statemachine.testing.world import World

Spec = Mapping[str, Any]
NOTHING = object()


def play(scenario: Spec, world: World) -> Observation:
    """Plays a scenario to its end and returns what was observed."""
    return Player(scenario, world).play()


class Player:
    """Carries out the operations of a scenario, one after the other."""

    def __init__(self, scenario: Spec, world: World) -> None:
        self.scenario = scenario
        self.world = world
        world.player = self
        self.recorder: Recorder = world.recorder
        self.session: Any = None
        self.coordinator: Any = None
        self._faults: dict[Any, Fault] = {}
        self.hooks: list[Any] = []
        for spec in scenario.get("hooks", []):
            self._add_hook(spec)

    def play(self) -> Observation:
        """Plays everything and closes with the final state."""
        with self.world.own_graph():
            self._life(self.scenario)
            for again in self.scenario.get("reopen", []):
                self.recorder.emit("reopen")
                self._life(again)
            self.recorder.emit("final", **self.world.final())
        return self.recorder.observation()

    def _add_hook(self, spec: Spec) -> None:
        if "same_as" in spec:
            self.hooks.append(self.hooks[spec["same_as"]])
        else:
            self.hooks.append(make_hook(self, len(self.hooks), spec))

    def _hooks_argument(self) -> Any:
        kind = self.scenario.get("hooks_as", "list")
        if kind == "tuple":
            return tuple(self.hooks)
        if kind == "iterator":
            return iter(self.hooks)
        return None if kind == "none" else self.hooks

    # Lives: construct, use, leave.

    def _life(self, part: Spec) -> None:
        session = self._construct(lambda: self.world.open(self._hooks_argument()))
        if session is None:
            return
        self.session = session
        mode = part.get("mode", "with")
        if mode == "with":
            with contextlib.suppress(BaseException):
                self._with_block(session, part.get("body", []), "")
        else:
            self._explicit(mode, part.get("body", []))
        for index, operation in enumerate(part.get("after", [])):
            self.perform({**operation, "catch": True}, f"after{index}", key=id(operation))

    def construct(self) -> bool:
        """Construct the session, for somebody who then chooses the operations; tells if it is."""
        self.session = self._construct(lambda: self.world.open(self._hooks_argument()))
        return self.session is not None

    def _construct(self, construct: Callable[[], Any]) -> Any:
        self.recorder.emit("new")
        try:
            session = construct()
        except BaseException as error:
            self.recorder.emit("new_exc", exc=describe_error(error))
            return None
        self.recorder.emit("new_ok")
        return session

    def _with_block(self, session: Any, body: Sequence[Spec], prefix: str) -> None:
        session.__enter__()
        leaving: BaseException | None = None
        try:
            self._body(body, prefix)
        except BaseException as error:
            leaving = error
        self.recorder.emit("exit", exc=describe_error(leaving))
        self._leave(session, leaving)

    def _leave(self, session: Any, leaving: BaseException | None) -> None:
        try:
            suppressed = session.__exit__(type(leaving) if leaving else None, leaving, None)
            if leaving is not None and not suppressed:
                raise leaving
        except BaseException as error:
            self.recorder.emit("exited", exc=describe_error(error), same=error is leaving)
            raise
        self.recorder.emit("exited", exc=None, suppressed=leaving is not None)

    def _explicit(self, mode: str, body: Sequence[Spec]) -> None:
        failed = False
        try:
            self._body(body, "")
        except BaseException as error:
            failed = True
            self.recorder.emit("body_exc", exc=describe_error(error))
        if mode == "finally" or (mode == "plain" and not failed):
            self.perform({"op": "close", "catch": True}, "close")

    # Operations.

    def _body(self, operations: Sequence[Spec], prefix: str) -> None:
        for index, operation in enumerate(operations):
            self.perform(operation, f"{prefix}{index}")

    def perform(self, operation: Spec, number: str, key: Any = None) -> None:
        """Carries out one operation and writes its outcome down."""
        kind = operation["op"]
        if kind == "wait":
            return self.world.wait()
        self.recorder.emit("op", n=number, k=kind)
        try:
            with self._default_graph(operation):
                method = getattr(self, f"_op_{kind}")
                value = method(operation, number)
        except BaseException as error:
            if kind not in {"loop", "with", "second"}:
                self.recorder.emit("exc", n=number, exc=describe_error(error))
            if not operation.get("catch"):
                raise
            return None
        if kind in {"close", "add_op", "coord_stop", "hooks_append"}:
            self.recorder.emit("ok", n=number)
        elif value is not NOTHING:
            self.recorder.emit("ret", n=number, v=value)
        return None

    def _default_graph(self, operation: Spec) -> contextlib.AbstractContextManager[Any]:
        outside = operation.get("outside")
        return self.world.foreign_graph() if outside else contextlib.nullcontext()

    def _op_run(self, operation: Spec, number: str) -> Any:
        fetches = self.fetches(operation.get("fetch"))
        feed = self.feed(operation.get("feed"), number)
        options = self.options(operation.get("options"))
        keys = None if feed is None else set(feed)
        shown = None if options is None else self.world.shown_options(options)
        try:
            value = self.session.run(fetches, **_given(feed_dict=feed, options=options))
        finally:
            self._report_options(options, shown)
        if feed is not None and set(feed) != keys:
            self.recorder.emit("user_feed_now", v=self.shown_feed(feed))
        return show_value(value)

    def _report_options(self, options: Any, before: Any) -> None:
        if options is not None and self.world.shown_options(options) != before:
            self.recorder.emit("user_options_now", v=self.world.shown_options(options))

    def _op_step_fn(self, operation: Spec, number: str) -> Any:
        function = self._step_function(operation, number)
        return show_value(self.session.run_step_fn(function))

    def _op_should_stop(self, operation: Spec, number: str) -> Any:
        return self.session.should_stop()

    def _op_close(self, operation: Spec, number: str) -> Any:
        return self.session.close()

    def _op_graph(self, operation: Spec, number: str) -> Any:
        return self.world.shown_graph(self.session.graph)

    def _op_raw_session(self, operation: Spec, number: str) -> Any:
        return self.world.shown_session(self.session.raw_session())

    def _op_enter(self, operation: Spec, number: str) -> Any:
        return "self" if self.session.__enter__() is self.session else "other"

    def _op_raw_run(self, operation: Spec, number: str) -> Any:
        feed = self.feed(operation.get("feed"), number)
        return show_value(self.raw_run(self.session.raw_session(), operation["fetch"], feed))

    def _op_add_op(self, operation: Spec, number: str) -> Any:
        self.world.add_operation()

    def _op_raise(self, operation: Spec, number: str) -> Any:
        raise self.world.error(operation["err"], f"inj:{number}")

    def _op_coord_stop(self, operation: Spec, number: str) -> Any:
        self.stop_coordinator(operation.get("err"), number)

    def _op_hooks_append(self, operation: Spec, number: str) -> Any:
        self._add_hook(operation["hook"])

    def _op_loop(self, operation: Spec, number: str) -> Any:
        for round_ in range(operation["max"]):
            self.perform({"op": "should_stop"}, f"{number}.{round_}")
            if self._last_answer():
                return NOTHING
            self._body(operation["body"], f"{number}.{round_}.")
        self.recorder.emit("loop_max", n=number)
        return NOTHING

    def _last_answer(self) -> bool:
        return bool(self.recorder.events[-1]["v"])

    def _op_with(self, operation: Spec, number: str) -> Any:
        self._with_block(self.session, operation["body"], f"{number}.")
        return NOTHING

    def _op_second(self, operation: Spec, number: str) -> Any:
        outer = self.session
        session = self._construct(lambda: self.world.open(None, plain=True))
        if session is None:
            return NOTHING
        self.session = session
        try:
            self._with_block(session, operation["body"], f"{number}.")
        finally:
            self.session = outer
        return NOTHING

    # What operations and hooks share.

    def fault(self, key: Any, spec: Spec) -> Fault:
        """Returns the fault that counts the attempts of one place of the scenario."""
        return self._faults.setdefault(key, Fault.from_spec(spec))

    def fetches(self, spec: Any) -> Any:
        """Turns symbols into tensors, keeping the structure."""
        return map_structure(self.world.tensor, spec)

    def shown_fetches(self, fetches: Any) -> Any:
        """Turns tensors back into symbols."""
        return map_structure(self.world.symbol, fetches)

    def feed(self, spec: Spec | None, place: str) -> dict[Any, Any] | None:
        """Turns a feed of the scenario into a feed_dict."""
        if spec is None:
            return None
        return {self._feed_key(k): self._feed_value(k, v, place) for k, v in spec.items()}

    def _feed_key(self, key: str) -> Any:
        if key.startswith("@"):
            return self.world.tensor_name(key[1:])
        return self.world.tensor(key)

    def _feed_value(self, key: str, value: Any, place: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        where = f"{place}.feed.{key}"
        error = self.world.error(value["bomb"], f"inj:{where}")
        return Bomb(self.fault(where, value), error, value.get("value", 1.0))

    def shown_feed(self, feed: Mapping[Any, Any]) -> dict[str, Any]:
        """Returns how a trace shows a feed_dict."""
        shown = {self.world.symbol(k): _shown_fed(v) for k, v in feed.items()}
        return sorted_feed(shown)

    def options(self, spec: Spec | None) -> Any:
        """Makes run options, or None."""
        return None if spec is None else self.world.options(spec)

    def raw_run(self, raw: Any, spec: Any, feed: Any = None) -> Any:
        """Runs through a raw session and writes it down."""
        if raw is not None:
            shown = self.shown_feed(feed or {})
            number = self.world.session_number(raw)
            self.recorder.emit("raw_run", s=number, fetch=spec, feed=shown)
        try:
            with self.world.direct():
                return raw.run(self.fetches(spec), feed_dict=feed)
        except BaseException as error:
            if raw is not None:
                self.recorder.fail("raw_run", error)
            raise

    def init_run(self, raw: Any, spec: Any) -> None:
        """Is what an init_fn of the scenario does."""
        self.recorder.emit("val", of="init_fn", v=show_value(self.raw_run(raw, spec)))

    def stop_coordinator(self, error: Any, place: str) -> None:
        """Asks the coordinator last seen to stop, with an error if one is named."""
        if isinstance(error, str):
            made = self.world.error(error, f"inj:{place}.coord_stop")
            report(self.coordinator, made)
        else:
            self.coordinator.request_stop()

    # Step functions.

    def _step_function(self, operation: Spec, number: str) -> Any:
        def body(context: Any) -> Any:
            self.recorder.emit("step_fn", s=self.world.shown_session(context.session))
            value = None
            for part in operation["do"]:
                value = self._step_part(part, context, number)
            return value

        return SIGNATURES[operation.get("sig", "step_context")](body)

    def _step_part(self, part: Spec, context: Any, number: str) -> Any:
        if "return" in part:
            return part["return"]
        if "raise" in part:
            return self._step_raise(part, number)
        if "stop" in part:
            return context.request_stop()
        kind = next(k for k in ("run", "hooks", "should_stop") if k in part)
        value = show_value(self._step_value(kind, part, context, number))
        self.recorder.emit("val", of=f"step_fn.{kind}", v=value)
        return value

    def _step_raise(self, part: Spec, number: str) -> None:
        if self.fault((number, id(part)), part).strikes():
            raise self.world.error(part["raise"], f"inj:{number}.step_fn")

    def _step_value(self, kind: str, part: Spec, context: Any, number: str) -> Any:
        if kind == "should_stop":
            return self.session.should_stop()
        if kind == "run":
            return self._step_raw_run(part, context, number)
        feed = self.feed(part.get("feed"), number)
        return context.run_with_hooks(self.fetches(part["hooks"]), feed_dict=feed)

    def _step_raw_run(self, part: Spec, context: Any, number: str) -> Any:
        """Each call of a step function comes with bombs of its own in its raw runs."""
        for key in part.get("feed") or {}:
            self._faults.pop(f"{number}.feed.{key}", None)
        return self.raw_run(context.session, part["run"], self.feed(part.get("feed"), number))


def _given(**arguments: Any) -> dict[str, Any]:
    """The arguments that are not None: a session need not know those that nobody uses."""
    return {name: value for name, value in arguments.items() if value is not None}


def report(coordinator: Any, error: BaseException) -> None:
    """Asks to stop from where the error is handled, as the coordinator's documentation shows."""
    try:
        raise error
    except BaseException as raised:
        coordinator.request_stop(raised)


def _shown_fed(value: Any) -> Any:
    return value.shown() if isinstance(value, Bomb) else show_value(value)


# Shapes that a step function can have.


def _method(body: Callable[[Any], Any]) -> Any:
    class Holder:
        def step(self, step_context: Any) -> Any:
            return body(step_context)

    return Holder().step


def _unbound(body: Callable[[Any], Any]) -> Any:
    class Holder:
        def step(self, step_context: Any) -> Any:
            return body(step_context)

    return Holder.step


def _callable_object(body: Callable[[Any], Any]) -> Any:
    class Step:
        def __call__(self, step_context: Any) -> Any:
            return body(step_context)

    return Step()


def _plain(body: Callable[[Any], Any]) -> Any:
    def step(step_context: Any) -> Any:
        return body(step_context)

    return step


def _partial(body: Callable[[Any], Any]) -> Any:
    def step(bound: int, step_context: Any) -> Any:
        return body(step_context)

    return functools.partial(step, 1)


def _keyword_only(body: Callable[[Any], Any]) -> Any:
    def step(step_context: Any, *, extra: int = 0) -> Any:
        return body(step_context)

    return step


def _other_name(body: Callable[[Any], Any]) -> Any:
    def step(context: Any) -> Any:
        return body(context)

    return step


def _no_argument(body: Callable[[Any], Any]) -> Any:
    def step() -> Any:
        return body(None)

    return step


def _extra_argument(body: Callable[[Any], Any]) -> Any:
    def step(step_context: Any, extra: Any) -> Any:
        return body(step_context)

    return step


def _any_arguments(body: Callable[[Any], Any]) -> Any:
    def step(*arguments: Any) -> Any:
        return body(arguments[0])

    return step


SIGNATURES: Mapping[str, Callable[[Callable[[Any], Any]], Any]] = {
    "step_context": _plain,
    "self": _method,
    "callable": _callable_object,
    "lambda": lambda body: lambda step_context: body(step_context),
    "partial": _partial,
    "kwonly": _keyword_only,
    "other": _other_name,
    "none": _no_argument,
    "extra": _extra_argument,
    "varargs": _any_arguments,
    "not_callable": lambda body: 7,
    "self_unbound": _unbound,
}
