"""The page as a whole."""

import base64
import hashlib
from importlib import resources
from typing import Final

from statemachine.cli.json_form import to_json
from statemachine.cli.page import sections
from statemachine.cli.page.html import Html, element, joined
from statemachine.cli.page.material import Material
from statemachine.cli.page.words import event_words, tone
from statemachine.events import EventKind

_STATES: Final = "state."


def page(material: Material) -> str:
    """The page: one document that asks for nothing from anywhere.

    Its policy lets no other style and program run than its own, so that not even a mistake in
    escaping could make something in a log run.
    """
    style, program = _file("page.css"), _file("page.js")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, program)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("link", rel="icon", href="data:,"),
        element("title", f"{material.path.name} – training session"),
        element("style", Html(style)),
    )
    body = element(
        "body",
        element("main", *_sections(material)),
        element("script", _embedded(_data(material)), type="application/json", id="data"),
        element("script", Html(program)),
    )
    return joined(Html("<!doctype html>\n"), element("html", head, body, lang="en"), "\n")


def _sections(material: Material) -> list[Html]:
    return [
        sections.heading(material),
        sections.figures(material),
        sections.verdicts(material),
        sections.lifecycle(material),
        sections.timeline(),
        *sections.curves(material),
        sections.costs(material),
        sections.checkpoints(material),
        sections.findings(material),
        sections.story(material),
        sections.about(material),
    ]


def _file(name: str) -> str:
    return resources.files("statemachine.cli.page").joinpath(name).read_text("utf-8")


def _policy(style: str, program: str) -> str:
    parts = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(program),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: object) -> Html:
    """Data inside a script element: nothing in it can end the element."""
    return Html(to_json(data).replace("<", "\\u003c").replace("&", "\\u0026"))


def _data(material: Material) -> dict[str, object]:
    states = [
        {"name": str(s.event.kind.value).removeprefix(_STATES), "from": s.start, "to": s.end}
        for s in material.states
    ]
    marks = [
        {
            "at": event.time - material.header.started,
            "tone": tone(event),
            "words": event_words(event, material.header.hooks)[:300],
        }
        for event in material.story.events
        if not event.kind.value.startswith(_STATES) and event.kind is not EventKind.STEP_REFUSED
    ]
    return {**material.timeline, "states": states, "marks": marks + _end_mark(material)}


def _end_mark(material: Material) -> list[dict[str, object]]:
    """Where a log ends that does not reach the end of its session."""
    if material.state.stopped_in is None:
        return []
    words = f"The log ends here, in {material.state.stopped_in}"
    return [{"at": material.costs.start + material.costs.span, "tone": "end", "words": words}]
