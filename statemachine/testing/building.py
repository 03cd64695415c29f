"""How scenarios are made.

A scenario is built from ingredients: a fault, a request, an operation, each made of four bytes,
of which the first says what kind it is. A byte that is 0 means the simplest, and an ingredient
of kind 0 is none at all. So a scenario costs one draw, and shrinks by leaving ingredients out and
making those that are left simpler.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from statemachine.testing.features import OF_OPERATION, Feature
from statemachine.testing.hook import METHODS
from statemachine.testing.scenario import Scenario

# Any, here: the parts of a scenario are JSON.
ERRORS: Final = (
    "ValueError",
    "OutOfRangeError",
    "AbortedError",
    "KeyboardInterrupt",
    "RuntimeError",
    "StopIteration",
    "UnavailableError",
    "KeyboardInterrupt",
    "InvalidArgumentError",
    "OutOfRangeSub",
    "AbortedSub",
    "StopIterationSub",
)
FETCHES: Final[tuple[Any, ...]] = (
    "c",
    "w",
    ["c", "w"],
    "inc",
    {"a": "c", "b": ["w"]},
    "yd",
    "step",
    "noop",
    [],
)
FAILING: Final = ("oor", "inv", "x", "nosuch", None, "unk", "pyabort")
FED: Final = ("xd", "x", "@xd", "@x")
_AFTER: Final = ("should_stop", "run", "close", "step_fn", "graph", "raw_session", "run")
INGREDIENTS: Final = 10
HEAD: Final = 4
BYTES: Final = HEAD + 4 * INGREDIENTS


@attrs.define
class Draft:
    """A scenario that is being put together."""

    hooks: list[dict[str, dict[str, dict[str, Any]]]]
    body: list[dict[str, Any]]
    after: list[dict[str, Any]] = attrs.Factory(list)
    fields: dict[str, Any] = attrs.Factory(dict)
    scaffold: dict[str, Any] = attrs.Factory(dict)

    def action(self, hook: int, method: str, call: int) -> dict[str, Any]:
        """What a hook does in a call; hooks up to it are made as needed."""
        index = hook % 3
        while len(self.hooks) <= index:
            self.hooks.append({})
        key = str(call % 3) if call % 4 != 3 else "*"
        return self.hooks[index].setdefault(method, {}).setdefault(key, {})


Ingredient = Callable[[Draft, int, int, int], None]


def _error(number: int) -> str:
    return ERRORS[number % len(ERRORS)]


def _fault(a: int, b: int) -> dict[str, Any]:
    fault: dict[str, Any] = {"raise": _error(a)}
    if b % 4 == 3:
        fault["skip"] = 1
    if b % 5 == 4:
        fault["times"] = 2
    return fault


def _bomb(a: int) -> Any:
    return 2.0 if a % 3 == 0 else {"bomb": _error(a // 3)}


def _hook_raises(draft: Draft, a: int, b: int, c: int) -> None:
    method = METHODS[b % 5]
    call = b // 5 if method in ("before_run", "after_run") else 0
    draft.action(a, method, _ending(call, c))["raise"] = _error(c)


def _ending(call: int, error: int) -> int:
    """A preemption strikes a single call, or a session that recovers would never come to an end."""
    return call & ~1 if kind_of(_error(error)) == "preemption" else call


def _hook_stops(draft: Draft, a: int, b: int, c: int) -> None:
    draft.action(a, ("after_run", "before_run")[b % 2], c)["request_stop"] = True


def _hook_fetches(draft: Draft, a: int, b: int, c: int) -> None:
    fetch = FETCHES[b % len(FETCHES)] if b < 230 else FAILING[b % len(FAILING)]
    draft.action(a, "before_run", c)["fetch"] = fetch


def _hook_feeds(draft: Draft, a: int, b: int, c: int) -> None:
    call = _ending(c, b // 12) if b // 4 % 3 else c
    draft.action(a, "before_run", call).setdefault("feed", {})[FED[b % 4]] = _bomb(b // 4)


def _hook_answers(draft: Draft, a: int, b: int, c: int) -> None:
    draft.action(a, "before_run", c)["return"] = ("empty", "bad")[b % 2]


def _hook_options(draft: Draft, a: int, b: int, c: int) -> None:
    options = {"timeout_in_ms": 100 * (1 + b % 3)} if b % 2 else {"output_partition_graphs": True}
    draft.action(a, "before_run", c)["options"] = options


def _hook_runs(draft: Draft, a: int, b: int, c: int) -> None:
    method = METHODS[1 + b % 4]
    fetch = FETCHES[c % 4] if c < 200 else FAILING[c % 2]
    draft.action(a, method, b // 4 if "run" in method else 0)["run"] = fetch


def _hook_reports(draft: Draft, a: int, b: int, c: int) -> None:
    method = METHODS[1 + b % 4]
    stop: Any = True if c % 4 == 0 else _error(c // 4)
    call = _ending(b // 4, c // 4) if "run" in method else 0
    draft.action(a, method, call)["coord_stop"] = stop


def _hook_starts_thread(draft: Draft, a: int, b: int, c: int) -> None:
    thread: Any = "obedient" if b % 3 == 0 else {"raise": _error(c)}
    draft.action(a, "after_create_session", 0)["thread"] = thread


def _hook_reenters(draft: Draft, a: int, b: int, c: int) -> None:
    method = ("before_run", "after_run", "end", "before_run")[b % 4]
    kinds: tuple[dict[str, Any], ...] = (
        {"op": "run", "fetch": "c"},
        {"op": "close"},
        {"op": "step_fn", "do": [{"run": "c"}]},
        {"op": "should_stop"},
    )
    call = {**kinds[c % 4], "catch": True} if c < 128 else dict(kinds[c % 4])
    draft.action(a, method, b // 4 if "run" in method else 0)["call"] = call


def _hook_grows(draft: Draft, a: int, b: int, c: int) -> None:
    if b % 2:
        draft.action(a, METHODS[c % 5], 0)["add_op"] = True
    else:
        draft.action(a, "begin", 0)["make"] = {"name": f"m{a % 3}", "value": 1.0 + c}


def _runs(draft: Draft, a: int, b: int, c: int) -> None:
    fetch = FETCHES[a % len(FETCHES)] if a < 200 else FAILING[a % len(FAILING)]
    draft.body.append(_caught({"op": "run", "fetch": fetch}, b))


def _feeds(draft: Draft, a: int, b: int, c: int) -> None:
    operation = {"op": "run", "fetch": ("yd", "y")[a % 2], "feed": {FED[a % 4]: _bomb(c)}}
    draft.body.append(_caught(operation, b))


def _run_fails(draft: Draft, a: int, b: int, c: int) -> None:
    bomb: dict[str, Any] = {"bomb": _error(a)}
    if c % 4 == 3:
        bomb["times"] = 2
    draft.body.append(_caught({"op": "run", "fetch": "yd", "feed": {"xd": bomb}}, b))


def _runs_with_options(draft: Draft, a: int, b: int, c: int) -> None:
    options = {"timeout_in_ms": 50 * (1 + a % 9)}
    draft.body.append(_caught({"op": "run", "fetch": "c", "options": options}, b))


def _asks(draft: Draft, a: int, b: int, c: int) -> None:
    draft.body.append({"op": "should_stop", "catch": True})


def _loops(draft: Draft, a: int, b: int, c: int) -> None:
    body = [_caught({"op": "run", "fetch": FETCHES[b % 4]}, c)]
    draft.body.append({"op": "loop", "max": 1 + a % 3, "body": body})


def _steps(draft: Draft, a: int, b: int, c: int) -> None:
    parts = [_part(a), _part(c)] if c else [_part(a)]
    draft.body.append(_caught({"op": "step_fn", "do": parts}, b))


def _part(number: int) -> dict[str, Any]:
    kinds: tuple[dict[str, Any], ...] = (
        {"hooks": "c"},
        {"run": "w"},
        {"stop": True},
        {"raise": _error(number // 8)},
        {"should_stop": True},
        {"return": 7},
        {"hooks": FAILING[number // 8 % 2]},
        {"run": "x"},
    )
    return kinds[number % 8]


def _signs(draft: Draft, a: int, b: int, c: int) -> None:
    signatures = ("self", "callable", "lambda", "partial", "other", "none", "extra", "not_callable")
    operation = {"op": "step_fn", "do": [{"hooks": "c"}], "sig": signatures[a % 8]}
    draft.body.append(_caught(operation, b))


def _user_raises(draft: Draft, a: int, b: int, c: int) -> None:
    draft.body.append({"op": "raise", "err": _error(a)})


def _user_reports(draft: Draft, a: int, b: int, c: int) -> None:
    operation = {"op": "coord_stop"} if b % 4 == 0 else {"op": "coord_stop", "err": _error(a)}
    draft.body.append(_caught(operation, c))


def _user_closes(draft: Draft, a: int, b: int, c: int) -> None:
    draft.body.append(_caught({"op": "close"}, b))


def _user_looks(draft: Draft, a: int, b: int, c: int) -> None:
    kind = ("raw_session", "graph", "enter")[a % 3]
    draft.body.append(_caught({"op": kind}, b))


def _user_runs_raw(draft: Draft, a: int, b: int, c: int) -> None:
    fetch = FETCHES[a % 4] if a < 200 else FAILING[a % 2]
    draft.body.append(_caught({"op": "raw_run", "fetch": fetch}, b))


def _user_grows(draft: Draft, a: int, b: int, c: int) -> None:
    draft.body.append(_caught({"op": "add_op"}, b))


def _afterwards(draft: Draft, a: int, b: int, c: int) -> None:
    kind = _AFTER[a % len(_AFTER)]
    more: dict[str, Any] = {"fetch": "c"} if kind == "run" else {}
    draft.after.append({"op": kind, **({"do": [{"run": "c"}]} if kind == "step_fn" else more)})


def _start_fails(draft: Draft, a: int, b: int, c: int) -> None:
    parts = ("finalize", "init_op", "init_fn", "local_init_op")
    draft.scaffold[parts[a % 4]] = _fault(b, c)


def _init_fn(draft: Draft, a: int, b: int, c: int) -> None:
    draft.scaffold["init_fn"] = "ok" if a % 2 else {"run": FETCHES[b % 4]}


def _not_ready(draft: Draft, a: int, b: int, c: int) -> None:
    part = ("ready_op", "ready_for_local_init_op")[a % 2]
    draft.scaffold[part] = ("not_ready", "ok", "inv", "oor")[b % 4]


def _restores(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["ckpt_file"] = ("full", "full", "partial", "missing")[a % 4]
    if b % 4 == 3:
        draft.scaffold["saver"] = _fault(c, 0)


def _queue(draft: Draft, a: int, b: int, c: int) -> None:
    spec: dict[str, Any] = {"n": a % 4}
    if b % 4 == 1:
        spec["raise"] = ("InvalidArgumentError", "UnknownError")[c % 2]
    elif b % 4 == 2:
        spec["start_raise"] = _error(c)
    draft.fields["qr"] = spec
    if a % 2:
        draft.body.append(_caught({"op": "run", "fetch": "deq"}, c))


def _open_fails(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["session_create"] = _fault(a, b)


def _close_fails(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["raw_close"] = {"raise": _error(a)}


def _closes_at_the_end(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["mode"] = "finally"


def _passes_hooks_as(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["hooks_as"] = ("tuple", "iterator")[a % 2]


def _final_beforehand(draft: Draft, a: int, b: int, c: int) -> None:
    draft.fields["pre_finalized"] = "plain"


def _opens_again(draft: Draft, a: int, b: int, c: int) -> None:
    mode = ("with", "finally")[a % 2]
    draft.fields["reopen"] = [{"mode": mode, "body": [{"op": "run", "fetch": "c"}] * (b % 3)}]


def _caught(operation: dict[str, Any], number: int) -> dict[str, Any]:
    if number % 2:
        operation["catch"] = True
    return operation


# Coincidences that the order speaks of, and that single ingredients would seldom make.


def _hooks_conflict(draft: Draft, a: int, b: int, c: int) -> None:
    for hook, key in ((a, "xd"), (a + 1, ("xd", "@xd")[b % 2])):
        draft.action(hook, "before_run", c).setdefault("feed", {})[key] = 2.0


def _options_meet(draft: Draft, a: int, b: int, c: int) -> None:
    _hook_options(draft, a, b, 3)
    options = {"timeout_in_ms": 50 * (1 + c % 9)}
    draft.body.append(_caught({"op": "run", "fetch": "c", "options": options}, b // 2))


def _stop_meets_failure(draft: Draft, a: int, b: int, c: int) -> None:
    draft.action(a, "before_run", 3)["request_stop"] = True
    _run_fails(draft, b, 1, 0)
    _asks(draft, 0, 0, 0)


def _stop_meets_preemption(draft: Draft, a: int, b: int, c: int) -> None:
    draft.body.append({"op": "coord_stop"})
    bomb = {"bomb": ("AbortedError", "UnavailableError")[a % 2]}
    draft.body.append({"op": "run", "fetch": "yd", "feed": {"xd": bomb}, "catch": True})
    _asks(draft, 0, 0, 0)


_TABLE: Final[tuple[tuple[Ingredient, int, tuple[Feature, ...]], ...]] = (
    (_runs, 22, ()),
    (_hook_raises, 24, ()),
    (_hook_stops, 10, (Feature.STOP,)),
    (_hook_fetches, 14, (Feature.REQUESTS,)),
    (_hook_feeds, 8, (Feature.REQUESTS,)),
    (_hook_answers, 2, (Feature.REQUESTS,)),
    (_hook_options, 2, (Feature.OPTIONS, Feature.REQUESTS)),
    (_hook_runs, 5, (Feature.RAW,)),
    (_hook_reports, 7, (Feature.COORDINATOR,)),
    (_hook_starts_thread, 1, (Feature.COORDINATOR,)),
    (_hook_reenters, 5, (Feature.REENTRY,)),
    (_hook_grows, 4, (Feature.GRAPH,)),
    (_feeds, 8, (Feature.REQUESTS,)),
    (_run_fails, 16, ()),
    (_runs_with_options, 2, (Feature.OPTIONS,)),
    (_asks, 8, (Feature.STOP,)),
    (_loops, 6, (Feature.STOP,)),
    (_steps, 14, (Feature.STEP_FN,)),
    (_signs, 3, (Feature.STEP_FN,)),
    (_user_raises, 12, ()),
    (_user_reports, 6, (Feature.COORDINATOR,)),
    (_user_closes, 4, (Feature.CLOSE,)),
    (_user_looks, 3, (Feature.RAW, Feature.GRAPH)),
    (_user_runs_raw, 4, (Feature.RAW,)),
    (_user_grows, 2, (Feature.GRAPH,)),
    (_afterwards, 10, (Feature.CLOSE,)),
    (_start_fails, 9, (Feature.SCAFFOLD,)),
    (_init_fn, 5, (Feature.SCAFFOLD,)),
    (_not_ready, 2, (Feature.SCAFFOLD,)),
    (_restores, 6, (Feature.CHECKPOINT,)),
    (_queue, 3, (Feature.QUEUE_RUNNER,)),
    (_open_fails, 3, (Feature.RAW,)),
    (_close_fails, 5, (Feature.RAW,)),
    (_closes_at_the_end, 10, (Feature.CLOSE,)),
    (_passes_hooks_as, 3, ()),
    (_final_beforehand, 2, (Feature.GRAPH,)),
    (_hooks_conflict, 3, (Feature.REQUESTS,)),
    (_options_meet, 3, (Feature.OPTIONS, Feature.REQUESTS)),
    (_stop_meets_failure, 4, (Feature.STOP, Feature.REQUESTS)),
    (_stop_meets_preemption, 4, (Feature.MONITORED, Feature.COORDINATOR)),
    (_opens_again, 3, (Feature.REOPEN, Feature.CLOSE)),
)
"""Each kind of ingredient, how often it comes, and what a session must be able to do for it."""
_SHARE_OF_NOTHING: Final = 0.45


def _wheel(features: frozenset[Feature]) -> tuple[Ingredient | None, ...]:
    """For each value of the first byte the ingredient that it stands for; 0 is none."""
    able = [(made, share) for made, share, needs in _TABLE if features.issuperset(needs)]
    whole = sum(share for _, share in able) / (1 - _SHARE_OF_NOTHING)
    wheel: list[Ingredient | None] = []
    for made, share in able:
        wheel += [made] * max(1, round(256 * share / whole))
    nothing: list[Ingredient | None] = [None] * max(1, 256 - len(wheel))
    return tuple((nothing + wheel)[:256])


class Builder:
    """Makes scenarios of bytes, for a session with some features.

    Args:
        features: What the scenarios may make use of.
    """

    def __init__(self, features: Iterable[Feature]) -> None:
        self._features = frozenset(features)
        self._wheel = _wheel(self._features)
        self._monitored = Feature.MONITORED in self._features

    def build(self, data: bytes) -> Scenario:
        """A scenario. What is missing of the bytes is 0."""
        data = data.ljust(BYTES, b"\0")
        hooks, runs, kind, _ = data[:HEAD]
        draft = Draft(
            [{} for _ in range(hooks % 4)],
            [{"op": "run", "fetch": "c"} for _ in range(runs % 3)],
        )
        for at in range(HEAD, BYTES, 4):
            ingredient = self._wheel[data[at]]
            if ingredient is not None:
                ingredient(draft, data[at + 1], data[at + 2], data[at + 3])
        return self._scenario(draft, kind)

    def _able(self, operation: Mapping[str, Any]) -> bool:
        needed = OF_OPERATION.get(operation["op"])
        return needed is None or needed in self._features

    def _scenario(self, draft: Draft, kind: int) -> Scenario:
        if draft.scaffold and Feature.SCAFFOLD in self._features:
            draft.fields["scaffold"] = draft.scaffold
        return Scenario(
            session="monitored" if self._monitored else "singular",
            hooks=draft.hooks,
            body=draft.body,
            after=[operation for operation in draft.after if self._able(operation)],
            **draft.fields,
        )


def fault_points(scenario: Scenario) -> list[str]:
    """Where a scenario has faults, and of which kind: ``hook.before_run: end of input``."""
    found = []
    for hook in scenario.hooks:
        for method in METHODS:
            for action in hook.get(method, {}).values():
                if "raise" in action:
                    found.append(f"hook.{method}: {kind_of(action['raise'])}")
    for operation in scenario.body:
        found += _faults_of(operation)
    for part, fault in (scenario.scaffold or {}).items():
        if isinstance(fault, Mapping) and "raise" in fault:
            found.append(f"{part}: {kind_of(fault['raise'])}")
    for name in ("session_create", "raw_close"):
        fault = getattr(scenario, name)
        if fault:
            found.append(f"{name}: {kind_of(fault['raise'])}")
    return found


def _faults_of(operation: Mapping[str, Any]) -> list[str]:
    found = [f"{operation['op']}: {kind_of(operation['err'])}"] if "err" in operation else []
    for fed in (operation.get("feed") or {}).values():
        if isinstance(fed, Mapping):
            found.append(f"run: {kind_of(fed['bomb'])}")
    for part in operation.get("do", ()):
        if "raise" in part:
            found.append(f"step_fn: {kind_of(part['raise'])}")
    return found


KINDS: Final = ("error", "end of input", "preemption", "interrupt")


def possible_fault_points(features: Iterable[Feature]) -> list[str]:
    """All fault points that scenarios with some features can have."""
    able = frozenset(features)
    places = [f"hook.{method}" for method in METHODS] + ["run", "raise"]
    for feature, more in _PLACES.items():
        places += more if feature in able else ()
    return [f"{place}: {kind}" for place in places for kind in KINDS]


_PLACES: Final = {
    Feature.STEP_FN: ("step_fn",),
    Feature.COORDINATOR: ("coord_stop",),
    Feature.RAW: ("session_create", "raw_close"),
    Feature.SCAFFOLD: ("finalize", "init_op", "init_fn", "local_init_op"),
}


def kind_of(error: str) -> str:
    """Which of the kinds of errors that the order tells apart an error is."""
    if error.startswith(("OutOfRange", "StopIteration")):
        return "end of input"
    if error.startswith(("Aborted", "Unavailable")):
        return "preemption"
    return "interrupt" if error == "KeyboardInterrupt" else "error"
