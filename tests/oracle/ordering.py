"""The documented ordering, checked on a trace by a small parser of its own.

It shares nothing with the model: what a session may do is written here as a grammar. A trace is
read from left to right; the first event that has no place raises `OrderViolation`.

    life   = new start (new_exc | new_ok use)
    start  = begin* scaffold_finalize graph_finalize? session_create init_op init_fn? restore?
             ready_for_local_init_op local_init_op ready_op queue_runners? after_create_session*
    run    = before_run* run after_run*
    close  = end* session_close graph_unfinalize?
"""

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from statemachine.testing.trace import Event, Level, describe, project

Spec = Mapping[str, Any]
END_OF_INPUT = {"OutOfRangeError", "StopIteration", "OutOfRangeSub", "StopIterationSub"}
HOOK_AND_USER = "Same tensor is fed by a SessionRunHook and user."
STEP_STOP = "step_fn has requested the iterations to stop."
REFUSED_IN_HOOK = {"run", "step_fn", "close"}
WITHOUT_OUTCOME = {"loop", "with", "second"}


class OrderViolation(Exception):
    """An event stands where the documented ordering has no place for it."""


@attrs.define
class Life:
    """One monitored session: which hooks it owes calls, and how far it has come."""

    hooks: Sequence[int]
    was_finalized: bool
    open: bool = False
    stopped: bool = False
    session: int | None = None


class Stopped(Exception):
    """An inner call failed; what follows is the way out."""

    def __init__(self, exc: Sequence[str]) -> None:
        super().__init__(exc)
        self.exc = list(exc)


def check_ordering(scenario: Spec, trace: Sequence[Event]) -> None:
    """Raises OrderViolation if a trace breaks the documented ordering."""
    Reader(scenario, trace).read()


class Reader:
    """Reads a trace event by event."""

    def __init__(self, scenario: Spec, trace: Sequence[Event]) -> None:
        self._scenario = scenario
        self._events = project(trace, Level.CORE)
        self._next = 0
        self._stop_seen = False
        self._calls: collections.Counter[tuple[int, str]] = collections.Counter()
        self._finalized = "pre_finalized" in scenario
        self._sessions: list[str] = []
        self._lives: list[Life] = []
        self._hooks = _hook_order(scenario.get("hooks", []))

    def read(self) -> None:
        """Reads the whole trace."""
        self._life(first=True)
        while self._at("reopen"):
            self._take("reopen")
            self._life(first=True)
        final = self._take("final")
        self._demand(final["fin"] == self._finalized, "the graph's flag is what was seen last")
        self._demand(final["sessions"] == self._sessions, "raw sessions are as they were left")
        self._demand(self._next == len(self._events), "nothing comes after the end")

    # Reading.

    def _peek(self) -> Event:
        return self._events[self._next] if self._next < len(self._events) else {"e": "nothing"}

    def _at(self, kind: str, **fields: Any) -> bool:
        event = self._peek()
        return event["e"] == kind and all(event.get(k) == v for k, v in fields.items())

    def _take(self, kind: str, **fields: Any) -> Event:
        self._demand(self._at(kind, **fields), f"{kind} {fields or ''} comes here")
        self._next += 1
        return self._events[self._next - 1]

    def _demand(self, holds: bool, rule: str) -> None:
        if not holds:
            before = [describe(e) for e in self._events[max(0, self._next - 4) : self._next]]
            seen = describe(self._peek())
            raise OrderViolation(f"event {self._next}: {rule}; after {before} came {seen}")

    def _failure(self, what: str) -> None:
        """Leaves the present part if an inner call failed."""
        if self._at("fail", of=what):
            raise Stopped(self._take("fail")["exc"])

    # A session's life.

    def _life(self, first: bool) -> None:
        self._take("new")
        hooks = self._hooks if first and self._scenario.get("hooks_as") != "none" else []
        life = Life(tuple(hooks), self._finalized)
        self._lives.append(life)
        if self._constructed(life, plain=not first):
            self._take("new_ok")
            life.open = True
            self._use(until=("reopen", "final") if first else None)
        self._lives.pop()

    def _constructed(self, life: Life, plain: bool) -> bool:
        if not plain and {"ckpt_dir", "ckpt_file"} <= self._scenario.keys():
            self._demand(self._take("new_exc")["exc"][0] == "ValueError", "both: ValueError")
            return False
        try:
            self._start(life, plain)
        except Stopped as stopped:
            self._clean_up(life)
            error = self._take("new_exc")["exc"]
            allowed = {stopped.exc[0], "KeyboardInterrupt"}  # An interrupt is never swallowed.
            self._demand(error[0] in allowed, "the original error comes out")
            return False
        return True

    def _clean_up(self, life: Life) -> None:
        if life.session is not None:
            self._close_raw(life)
        self._unfinalize(life)

    def _start(self, life: Life, plain: bool) -> None:
        for index in life.hooks:
            self._hook(index, "begin", fin=self._finalized)
        self._take("scaffold_finalize")
        self._failure("scaffold_finalize")
        if not self._finalized:
            self._take("graph_finalize")
            self._finalized = True
        self._failure("session_create")
        life.session = self._take("session_create", s=len(self._sessions))["s"]
        self._sessions.append("open")
        self._initialize(life.session, plain)
        self._launch(life, plain)

    def _initialize(self, session: int, plain: bool) -> None:
        scaffold = {} if plain else self._scenario.get("scaffold") or {}
        self._step("init_op", session)
        if "init_fn" in scaffold:
            self._take("init_fn", s=[session, "open"])
            self._own_work()
            self._failure("init_fn")
        if not plain and self._has_checkpoint():
            self._step("restore", session)
        self._ready("ready_for_local_init_op", session)
        self._step("local_init_op", session)
        self._ready("ready_op", session)

    def _launch(self, life: Life, plain: bool) -> None:
        if "qr" in self._scenario:
            self._failure("queue_runners")
            self._take("queue_runners", s=life.session)
        for index in life.hooks:
            self._hook(index, "after_create_session", s=[life.session, "open"], fin=True)

    def _has_checkpoint(self) -> bool:
        directory = self._scenario.get("ckpt_dir", "empty")
        return directory not in {"empty", "missing"} or "ckpt_file" in self._scenario

    def _step(self, kind: str, session: int) -> None:
        self._take(kind, s=session)
        self._failure(kind)

    def _ready(self, kind: str, session: int) -> None:
        event = self._take(kind, s=session)
        error = event.get("exc")
        if error and error[0] != "FailedPreconditionError":
            raise Stopped(error)
        if error or not event["ready"]:
            raise Stopped(["RuntimeError", ""])

    # What happens while it is used.

    def _use(self, until: Sequence[str] | None) -> None:
        """Reads until the life is over; a life without `until` ends with its with block."""
        while self._peek()["e"] not in (until or ("exited",)):
            self._item()
        if until is None:
            self._take("exited")

    def _item(self) -> None:
        if self._at("op"):
            return self._operation(in_hook=False)
        if self._at("new"):
            return self._life(first=False)
        if self._at("exit"):
            self._leave(self._take("exit")["exc"])
            if len(self._lives) == 1 or self._lives[-1].hooks:
                self._take("exited")
            return None
        self._demand(self._peek()["e"] in {"body_exc", "loop_max"}, "an operation comes here")
        self._next += 1
        return None

    def _operation(self, in_hook: bool) -> None:
        operation = self._take("op")
        kind = operation["k"]
        if kind in WITHOUT_OUTCOME:
            return
        if kind == "hooks_append":
            self._hooks.append(len(self._hooks))  # Counts for the next session only.
        life = self._lives[-1]
        refused = (in_hook and kind in REFUSED_IN_HOOK) or (
            not life.open and kind in REFUSED_IN_HOOK
        )
        failed = None
        if not refused:
            failed = self._content(kind, life)
        if kind == "should_stop" and (life.stopped or not life.open):
            self._demand(self._at("exc") or self._at("ret", v=True), "should_stop is true")
        outcome = self._outcome(operation["n"])
        if refused:
            kinds = {"RuntimeError", "ValueError"} if kind == "step_fn" else {"RuntimeError"}
            self._demand(outcome is not None and outcome[0] in kinds, f"{kind} is refused")
        if outcome == ["StopIteration", STEP_STOP]:
            life.stopped = True
        if failed is not None:
            self._demand(outcome is not None, "an error of an inner call comes out")

    def _outcome(self, number: str) -> list[str] | None:
        event = self._peek()
        self._demand(event["e"] in {"ret", "ok", "exc"}, "the operation's outcome comes here")
        self._demand(event["n"] == number, f"the outcome of {number} comes here")
        self._next += 1
        return event.get("exc")

    def _content(self, kind: str, life: Life) -> Sequence[str] | None:
        """Reads what one operation sets off; returns the error that ended it."""
        contents: Mapping[str, Callable[[Life], None]] = {
            "run": self._run,
            "step_fn": self._step_fn,
            "close": self._close,
        }
        try:
            contents.get(kind, lambda _: self._own_work())(life)
        except Stopped as stopped:
            return stopped.exc
        return None

    def _own_work(self) -> None:
        """Reads raw runs, values and operations that a hook or the user makes."""
        while True:
            if self._at("raw_run"):
                self._take("raw_run")
                if self._at("fail", of="raw_run"):
                    self._take("fail")
                    return
            elif self._at("op") and self._peek()["n"].endswith(".call"):
                self._operation(in_hook=True)
            elif self._peek()["e"] in {"val", "add_op", "user_options_now", "user_feed_now"}:
                self._next += 1
            else:
                return

    def _hook(self, index: int, method: str, **fields: Any) -> None:
        number = self._calls[index, method]
        event = self._take("hook", i=index, m=method, n=number, **fields)
        self._calls[index, method] += 1
        self._stop_seen = self._stop_seen or event.get("stop", False)
        self._own_work()
        self._failure(f"h{index}.{method}")

    def _run(self, life: Life) -> None:
        if not self._at("hook", m="before_run") and not self._at("run"):
            self._demand(self._at("exc"), "the run happens or is refused")
            return
        self._demand(not life.stopped, "no run after a stop")
        self._stop_seen = False
        try:
            self._run_with_hooks(life)
        finally:
            life.stopped = life.stopped or self._stop_seen

    def _run_with_hooks(self, life: Life) -> None:
        for index in life.hooks:
            if self._at("exc") and self._peek()["exc"][1] != HOOK_AND_USER:
                return  # Two hooks feed one tensor, or a hook returned nonsense.
            self._hook(index, "before_run", s=[life.session, "open"], fin=True)
        if self._at("exc"):
            return  # A hook and the user feed one tensor, or the last hook is to blame.
        self._merged_run(life)
        for index in life.hooks:
            self._hook(index, "after_run", fin=True)
        while self._peek()["e"] in {"user_options_now", "user_feed_now"}:
            self._next += 1

    def _merged_run(self, life: Life) -> None:
        run = self._take("run", s=life.session)
        asked = {f"h{index}" for index in life.hooks} | {"caller"}
        self._demand(set(run["fetch"]) <= asked, "only hooks and the caller ask")
        self._failure("run")

    def _step_fn(self, life: Life) -> None:
        if not self._at("step_fn"):
            return
        self._take("step_fn", s=[life.session, "open"])
        while self._peek()["e"] in {"raw_run", "val", "hook", "run"}:
            if self._peek()["e"] in {"hook", "run"}:
                self._run(life)
            else:
                self._own_work()

    # The end.

    def _leave(self, leaving: Sequence[str] | None) -> None:
        life = self._lives[-1]
        if not life.open:
            return
        clean = leaving is None or leaving[0] in END_OF_INPUT
        try:
            self._close(life, call_end=clean)
        except Stopped as stopped:
            error = self._peek().get("exc")
            self._demand(bool(error), f"{stopped.exc} comes out of with")

    def _close(self, life: Life, call_end: bool = True) -> None:
        failed = None
        try:
            for index in life.hooks if call_end else ():
                self._hook(index, "end", s=[life.session, "open"], fin=True)
        except Stopped as stopped:
            failed = stopped
        self._close_raw(life)
        self._unfinalize(life)
        life.open = False
        if failed:
            raise failed

    def _close_raw(self, life: Life) -> None:
        assert life.session is not None
        self._take("session_close", s=life.session)
        if self._at("fail", of="session_close"):
            self._take("fail")
        else:
            self._sessions[life.session] = "closed"

    def _unfinalize(self, life: Life) -> None:
        if self._finalized and not life.was_finalized:
            self._demand("other" not in self._take("graph_unfinalize"), "its own graph is opened")
            self._finalized = False


def _hook_order(specs: Sequence[Spec]) -> list[int]:
    return [spec.get("same_as", index) for index, spec in enumerate(specs)]
