"""What happened, said to people who don't know the library."""

from collections.abc import Callable, Mapping
from typing import Final

from statemachine.audit import Verdict, lost_words
from statemachine.cli.json_form import hook_class
from statemachine.cli.page.material import Material
from statemachine.cli.state_command import checkpoint_words
from statemachine.events import Event, EventKind
from statemachine.replay import Checkpoint, ErrorInfo
from statemachine.table import State

_K = EventKind

STATES: Final = {
    State.CREATED: "The program's hooks are told that a session begins, and the model is "
    "completed; after this it can't be changed any more.",
    State.FINALIZED: "The engine that computes is opened, and all variables get their first "
    "values.",
    State.INITIALIZED: "If there is a saved checkpoint, the variables are set to what it holds.",
    State.RESTORED: "Last preparations: local values, checks that everything is ready, helper "
    "threads that read the input.",
    State.RUNNING: "The training itself, step by step. In each step every hook is asked what it "
    "wants, the engine computes once, and every hook is told the result.",
    State.STOPPING: "The hooks are told that it ends, helper threads are stopped, the engine is "
    "closed.",
    State.CLOSED: "Nothing happens any more.",
}

QUESTIONS: Final = {
    "integrity": "Is the file still what was written?",
    "completeness": "Does the log reach the end of the session?",
    "conformance": "Did everything happen in the documented order?",
    "lineage": "Do restored checkpoints come from a known session?",
}

_ANSWERS: Final[Mapping[str, Mapping[Verdict, str]]] = {
    "integrity": {
        Verdict.PASS: "Every byte is covered by a chain of digests, and all of them are right.",
        Verdict.FAIL: "No. Some bytes are not those that were written; what comes after them "
        "can't be trusted.",
        Verdict.NOT_CHECKED: "In part. The latest events were never sealed, so that no digest "
        "covers them.",
    },
    "completeness": {
        Verdict.PASS: "The session was closed properly, and nothing is cut off.",
        Verdict.FAIL: "No. The log ends before the session was closed.",
        Verdict.NOT_CHECKED: "This was not checked.",
    },
    "conformance": {
        Verdict.PASS: "Every event came where the documentation allows it.",
        Verdict.FAIL: "No. Something happened that the documentation does not allow there.",
        Verdict.NOT_CHECKED: "This can't be said of a damaged log.",
    },
    "lineage": {
        Verdict.PASS: "A log says that its session saved just the bytes that were restored.",
        Verdict.FAIL: "No. What was restored is not what any of the given logs says was saved.",
        Verdict.NOT_CHECKED: "A checkpoint was restored, and no log was given that could have "
        "saved it.",
    },
}


def answer(name: str, verdict: Verdict, restored: bool) -> str:
    """A verdict in a sentence.

    Args:
        name: Of which question.
        verdict: The verdict.
        restored: Whether the session restored a checkpoint.
    """
    if name == "lineage" and verdict is Verdict.PASS and not restored:
        return "No checkpoint was restored, so there is nothing to trace."
    return _ANSWERS[name][verdict]


def outcome(material: Material) -> tuple[str, str]:
    """How the session ended: in a few words, and whether that is `good`, `bad` or `open`."""
    state = material.state
    if material.running:
        return "Still running when this page was made", "open"
    if state.state is not State.CLOSED:
        return f"Broke off in {state.stopped_in}", "bad"
    if state.error is not None:
        return f"Ended by an error: {state.error}", "bad"
    return "Ended properly", "good"


def _error_words(event: Event) -> str:
    return str(ErrorInfo.of(event.detail.get("error")) or "an error that is not told")


def _raised(event: Event) -> str:
    return f"An error came out of {event.detail.get('call')}: {_error_words(event)}"


def _replaced(event: Event) -> str:
    instead = ErrorInfo.of(event.detail.get("instead_of"))
    return f"Another error took its place: {_error_words(event)} (instead of {instead})"


def _stopping(event: Event) -> str:
    by = {"close": "close() was called", "with": "the with block was left"}
    words = by.get(str(event.detail.get("by")), "it was told to")
    error = ErrorInfo.of(event.detail.get("error"))
    return f"The session stops: {words}" + (f" by an error: {error}" if error else "")


def _stop_requested(event: Event) -> str:
    hook, by = event.detail.get("hook"), event.detail.get("by")
    who = f"hook {hook} ({event.detail.get('hook_class')}) in {by}" if hook is not None else by
    return f"A stop was asked for by {who}"


def _note(event: Event) -> str:
    detail = event.detail.get("detail")
    extra = f" {dict(detail)}" if isinstance(detail, Mapping) else ""
    return f"Note: {event.detail.get('text')}{extra}"


def _threads(event: Event) -> str:
    return f"Threads did not stop in time: {dict(event.detail)}"


_WORDS: Final[Mapping[EventKind, Callable[[Event], str]]] = {
    _K.RAISED: _raised,
    _K.REPLACED: _replaced,
    _K.SWALLOWED: lambda event: f"An error was swallowed: {_error_words(event)}",
    _K.SUPPRESSED: lambda event: f"The end of the input, no error: {_error_words(event)}",
    _K.STEP_REFUSED: lambda event: f"A step was refused: {_error_words(event)}",
    _K.STATE_STOPPING: _stopping,
    _K.CHECKPOINT_SAVED: lambda e: f"Checkpoint saved: {checkpoint_words(Checkpoint.of(e))}",
    _K.CHECKPOINT_RESTORED: lambda e: f"Checkpoint restored: {checkpoint_words(Checkpoint.of(e))}",
    _K.STOP_REQUESTED: _stop_requested,
    _K.CALL_REFUSED: lambda e: (
        f"A call of {e.detail.get('call')} was refused: {e.detail.get('reason')}"
    ),
    _K.THREADS_LEFT: _threads,
    _K.OBSERVER_RAISED: lambda event: f"An observer raised an error: {_error_words(event)}",
    _K.NOTE: _note,
    _K.EVENTS_LOST: lambda event: f"The log is incomplete: {lost_words(event)}",
}


def event_words(event: Event, hooks: tuple[str, ...]) -> str:
    """A rare event in a sentence."""
    words = _WORDS.get(event.kind)
    if words is None:
        return f"The session is {str(event.kind.value).removeprefix('state.')}"
    name = hook_class(hooks, event.hook)
    return words(event) + (f" (hook {event.hook}, {name})" if event.hook is not None else "")


TONES: Final[Mapping[str, str]] = {
    "raised": "bad",
    "error.replaced": "bad",
    "error.swallowed": "bad",
    "step.refused": "bad",
    "call.refused": "bad",
    "threads.left": "bad",
    "observer.raised": "bad",
    "events.lost": "bad",
    "checkpoint.saved": "good",
    "checkpoint.restored": "good",
    "stop.requested": "warn",
    "note": "note",
}
"""The tone in which an event of a kind is shown; others are plain."""


def tone(event: Event) -> str:
    """The tone in which an event is shown."""
    return TONES.get(str(event.kind.value), "plain")
