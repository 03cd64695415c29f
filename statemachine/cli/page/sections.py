"""The sections of the page, each a pure function of what the log tells."""

from collections.abc import Iterator, Mapping
from typing import Final

from statemachine.audit import Finding, Verdict
from statemachine.cli.audit_command import VERDICTS
from statemachine.cli.costs import PLACE_WORDS, Call, Costs, Place, call_words
from statemachine.cli.histogram import Distribution
from statemachine.cli.json_form import hook_class, time_text
from statemachine.cli.page.curves import section_of
from statemachine.cli.page.html import Html, element, joined, table
from statemachine.cli.page.lifecycle import lifecycle_svg
from statemachine.cli.page.material import Material, Story
from statemachine.cli.page.words import QUESTIONS, STATES, answer, event_words, outcome, tone
from statemachine.cli.stats_command import slow_hook_words
from statemachine.cli.units import count, duration, share, size
from statemachine.events import Event
from statemachine.replay import Checkpoint
from statemachine.table import State

_TONES: Final = {Verdict.PASS: "good", Verdict.FAIL: "bad", Verdict.NOT_CHECKED: "warn"}
_METHODS: Final = ("begin", "after_create_session", "before_run", "after_run", "end")


def heading(material: Material) -> Html:
    """What it is, when it was, and how it ended."""
    words, mood = outcome(material)
    started = time_text(material.header.started)
    hooks = count(len(material.header.hooks), "hook")
    return element(
        "header",
        element("p", "Training session", class_="kicker"),
        element("h1", material.path.name),
        element("p", element("span", words, class_=f"chip {mood}"), class_="outcome"),
        element(
            "p",
            f"Began {started[:10]} at {started[11:19]} UTC, took {duration(material.costs.span)}, "
            f"with {hooks}.",
            class_="muted",
        ),
    )


def figures(material: Material) -> Html:
    """The numbers that one looks for first."""
    state, costs = material.state, material.costs
    rate = _rate(state.steps_done, costs)
    shown = [
        (f"{state.steps_done:,}", "steps done"),
        (f"{state.steps_failed:,}", "steps failed"),
        (rate, "steps a second"),
        (_median(costs.steps), "median step"),
        (share(costs.by_place[Place.RAW_SESSION], costs.span), "of the time computing"),
        (f"{_total(material.saved):,}", "checkpoints saved"),
    ]
    tiles = [
        element("div", element("b", value), element("span", name), class_="tile")
        for value, name in shown
    ]
    return element("section", *tiles, class_="tiles")


def _rate(steps: int, costs: Costs) -> str:
    if costs.steps is None or costs.gaps is None:
        return "–"
    seconds = (costs.steps.total + costs.gaps.total) / 1e9
    return (
        f"{steps / seconds:,.0f}"
        if seconds and steps / seconds >= 10
        else (f"{steps / seconds:.2g}" if seconds else "–")
    )


def _median(distribution: Distribution | None) -> str:
    return "–" if distribution is None else duration(distribution.percentiles[50])


def _total(story: Story) -> int:
    return len(story.events) + story.left_out


def verdicts(material: Material) -> Html:
    """The four verdicts, each with its question and its answer."""
    cards = [_card(name, material) for name in VERDICTS]
    return _section(
        "What this log proves",
        element("div", *cards, class_="cards"),
        element(
            "p",
            "The digests in a log show accidents and careless changes. Somebody who changes a log "
            "on purpose can compute them anew: against that, keep the last digest elsewhere.",
            class_="muted small",
        ),
    )


def _card(name: str, material: Material) -> Html:
    verdict = getattr(material.audit, name)
    return element(
        "div",
        element("h3", name, element("span", verdict.value, class_=f"chip {_TONES[verdict]}")),
        element("p", QUESTIONS[name], class_="question"),
        element("p", answer(name, verdict, bool(material.restored.events))),
        class_=f"card {_TONES[verdict]}",
    )


def lifecycle(material: Material) -> Html:
    """The drawing of the lifecycle, and what happens in each state."""
    finished = material.state.state is State.CLOSED
    entered = {_state_of(span.event): span for span in material.states}
    rows: list[list[object]] = [
        [element("b", state.value), STATES[state], _since(entered.get(state), material)]
        for state in State
    ]
    return _section(
        "The path that the session took",
        element(
            "p",
            "A session goes through seven states. The path that this one took is drawn bold, with "
            "the time that it spent in each state.",
        ),
        element("div", lifecycle_svg(material.states, finished), class_="scroll"),
        element(
            "details",
            element("summary", "What happens in each state"),
            table(["state", "what happens", ">entered after"], rows),
        ),
    )


def _state_of(event: Event) -> State:
    return State(str(event.kind.value).removeprefix("state."))


def _since(span: object, material: Material) -> str:
    start = getattr(span, "start", None)
    return "never" if start is None else duration(start - material.costs.start)


def timeline() -> Html:
    """The place where the page's program draws the timeline."""
    return _section(
        "Who had the time, when",
        element(
            "p",
            "Each row shows how much of the time somebody had: the caller's own code, the session, "
            "the computation, each hook. Drag over the drawing to look closer, double-click to see "
            "everything again; arrow keys move, plus and minus zoom.",
        ),
        element(
            "div",
            element(
                "div",
                element("button", "+", type="button", id="closer", aria_label="Look closer"),
                element("button", "\u2212", type="button", id="farther", aria_label="See more"),
                element("button", "Everything", type="button", id="everything"),
                element("span", id="shown", class_="muted"),
                class_="tools",
            ),
            element("canvas", id="timeline", tabindex=0, role="img", aria_label="Timeline"),
            element("canvas", id="overview", aria_hidden="true"),
            element("div", id="tip", hidden=True),
            class_="panel",
        ),
        element("noscript", element("p", "The timeline needs JavaScript.", class_="muted")),
    )


def costs(material: Material) -> Html:
    """Where the time went, in all and for each hook."""
    hooks = material.header.hooks
    sentence = slow_hook_words(material.costs, hooks)
    return _section(
        "Where the time went",
        _places(material.costs),
        element("h3", "What each hook cost"),
        element("p", sentence) if sentence else element("p", "The session had no hooks."),
        _hooks_table(material.costs, hooks) if hooks else None,
        element("h3", "The slowest steps") if material.costs.slowest else None,
        _slowest(material.costs, hooks) if material.costs.slowest else None,
    )


def _places(spent: Costs) -> Html:
    """One bar over the whole time, and what its parts stand for."""
    whole = max(spent.span, 1)
    parts, legend, at = [], [], 0.0
    for place, total in spent.by_place.items():
        width = 1000 * total / whole
        parts.append(
            element("rect", x=f"{at:.2f}", y=0, width=f"{width:.2f}", height=26, class_=place.value)
        )
        at += width
        swatch = element("span", class_=f"swatch {place.value}")
        legend.append(
            element("li", swatch, PLACE_WORDS[place], element("b", share(total, whole)),
                    element("span", duration(total), class_="muted"))
        )  # fmt: skip
    bar = element(
        "svg",
        *parts,
        viewBox="0 0 1000 26",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label="Shares of the time, listed below",
    )
    return joined(bar, element("ul", *legend, class_="legend"))


def _hooks_table(spent: Costs, hooks: tuple[str, ...]) -> Html:
    most = max(spent.by_hook.values(), default=1) or 1
    rows = []
    for hook in sorted(spent.by_hook, key=lambda hook: -spent.by_hook[hook]):
        of_it = {c.kind.value: d for c, d in spent.calls.items() if c.hook == hook and not c.at}
        rows.append(_hook_row(hook, hooks, spent, of_it, most))
    headings = ["hook", "", ">in all", ">share", ">before_run", ">after_run", ">slowest call"]
    return table([*headings], rows)


def _hook_row(
    hook: int,
    hooks: tuple[str, ...],
    spent: Costs,
    of_it: Mapping[str, Distribution],
    most: int,
) -> list[object]:
    total = spent.by_hook[hook]
    longest = max((d.longest for d in of_it.values()), default=0)
    name = joined(element("b", str(hook)), " ", hook_class(hooks, hook) or "not declared")
    return [
        name,
        _meter(total / most),
        duration(total),
        share(total, spent.span),
        _typical(of_it.get("hook.before_run")),
        _typical(of_it.get("hook.after_run")),
        duration(longest),
    ]


def _typical(distribution: Distribution | None) -> object:
    """The median of a method's calls, with the rest to be had by pointing at it."""
    if distribution is None:
        return "–"
    p50, p90, p99 = (duration(distribution.percentiles[p]) for p in (50, 90, 99))
    title = (
        f"{count(distribution.count, 'call')}: median {p50}, 90 % within {p90}, 99 % within {p99}"
    )
    return element("span", p50, title=title)


def _meter(part: float) -> Html:
    return element(
        "svg",
        element("rect", x=0, y=0, width=100, height=8, rx=4, class_="rail"),
        element("rect", x=0, y=0, width=f"{max(100 * part, 1):.1f}", height=8, rx=4),
        viewBox="0 0 100 8",
        class_="meter",
        aria_hidden="true",
    )


def _slowest(spent: Costs, hooks: tuple[str, ...]) -> Html:
    rows: list[list[object]] = [
        [
            element("button", f"{step.step:,}", type="button", class_="jump",
                    data_from=step.start, data_span=step.duration),
            duration(step.duration),
            duration(step.start - spent.start),
            _call(step.slowest, hooks),
            duration(step.slowest_duration),
        ]
        for step in spent.slowest
    ]  # fmt: skip
    return table([">step", ">took", ">began after", "most of it in", ">of it"], rows)


def _call(call: Call, hooks: tuple[str, ...]) -> str:
    return call_words(call, hooks)


def checkpoints(material: Material) -> Html:
    """What was saved and restored, and which session descends from which."""
    parts = [
        *_checkpoint_table("Restored", material.restored),
        *_checkpoint_table("Saved", material.saved),
    ]
    nothing = element("p", "This session neither saved nor restored a checkpoint.")
    counts = element(
        "p",
        "A checkpoint's step is the model's own count, which goes on from session to session; "
        "elsewhere on this page steps are counted from the start of this session.",
        class_="muted small",
    )
    told = [*parts, counts] if parts else [nothing]
    return _section("Checkpoints", *told, *_relatives(material))


def _checkpoint_table(title: str, story: Story) -> Iterator[Html]:
    if not story.events:
        return
    yield element("h3", f"{title} ({_total(story):,})")
    rows = [_checkpoint_row(event) for event in story.first]
    if story.left_out:
        rows.append([f"… {story.left_out:,} more …", *[""] * 4])
    rows += [_checkpoint_row(event) for event in story.last]
    made = table([">step", "when (UTC)", "file", ">size", "SHA-256"], rows, data_tall=True)
    yield made


def _checkpoint_row(event: Event) -> list[object]:
    told = Checkpoint.of(event)
    digest = told.sha256 or "–"
    return [
        "–" if told.step is None else f"{told.step:,}",
        time_text(event.time)[11:23],
        told.path,
        "–" if told.size is None else size(told.size),
        element("code", digest[:16], title=digest),
    ]


def _relatives(material: Material) -> Iterator[Html]:
    """The sessions that this one descends from, and those that descend from it."""
    path = material.path
    parents = [d for d in material.descents if d.child == path]
    children = [d for d in material.descents if d.parent == path]
    if not parents and not children:
        return
    yield element("h3", "Lineage")
    this = element("li", element("b", path.name), element("span", "this session"), class_="this")
    above = [
        element("li", element("b", d.parent.name), element("span", f"saved {_step(d.checkpoint)}"))
        for d in parents
    ]
    below = [
        element(
            "li", element("b", d.child.name), element("span", f"restored {_step(d.checkpoint)}")
        )
        for d in children
    ]
    rows = [element("ul", *row) for row in (above, [this], below) if row]
    yield element("div", *rows, class_="lineage")


def _step(checkpoint: Checkpoint) -> str:
    return "a checkpoint" if checkpoint.step is None else f"step {checkpoint.step:,}"


def findings(material: Material) -> Html:
    """What the audit has to say, with the documentation's sentences."""
    found = material.audit.findings
    nothing = element("p", "The audit found nothing to remark on.")
    return _section("Findings", *([_finding(f, material) for f in found] or [nothing]))


def _finding(finding: Finding, material: Material) -> Html:
    verdict = getattr(material.audit, finding.about)
    where = "" if finding.sequence is None else f"event {finding.sequence:,}"
    allowed = element("p", "Allowed there: " + "; ".join(finding.allowed), class_="small muted")
    return element(
        "article",
        element(
            "p",
            element("span", finding.about, class_=f"chip {_TONES[verdict]}"),
            element("span", where, class_="muted"),
        ),
        element("p", finding.seen),
        allowed if finding.allowed else None,
        element("blockquote", finding.sentence, element("cite", finding.rule)),
        class_=f"finding {_TONES[verdict]}",
    )


def story(material: Material) -> Html:
    """The rare events in order."""
    told = material.story
    rows = [_story_row(event, material) for event in told.first]
    if told.left_out:
        rows.append(["", "", "", f"… {told.left_out:,} more …"])
    rows += [_story_row(event, material) for event in told.last]
    return _section(
        "What happened",
        element("p", "Everything but the ordinary calls of each step."),
        table([">event", ">after", ">step", "what"], rows, data_tall=True),
    )


def _story_row(event: Event, material: Material) -> list[object]:
    words = event_words(event, material.header.hooks)
    since = event.time - material.header.started - material.costs.start
    return [
        f"{event.sequence:,}",
        duration(max(since, 0)),
        "" if event.step is None else f"{event.step:,}",
        joined(element("span", class_=f"dot {tone(event)}"), words),
    ]


def about(material: Material) -> Html:
    """Where all this comes from."""
    header = material.header
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    hooks = [element("li", element("b", str(i)), " ", name) for i, name in enumerate(header.hooks)]
    facts = [
        ("log", str(material.path)),
        ("session", header.session),
        ("events", f"{material.state.events:,}"),
        ("process", str(header.process)),
        ("versions", versions),
        ("rules", header.table),
    ]
    terms = [joined(element("dt", name), element("dd", value)) for name, value in facts]
    return _section(
        "About this log",
        element("dl", *terms),
        element("h3", "Hooks, in the order in which they are called") if hooks else None,
        element("ol", *hooks, class_="hooks") if hooks else None,
        element(
            "p",
            "A hook is a piece of the user's program that is called before and after each step. "
            "An event is written down before the call that it names, so a call lasts from its "
            "event to the next one.",
            class_="muted small",
        ),
    )


def curves(material: Material) -> list[Html]:
    """The scalars that were recorded; nothing if none were."""
    if not material.curves:
        return []
    return [_section("Scalars", *section_of(material.curves, material.curves_left_out))]


def _section(title: str, *children: object) -> Html:
    return element("section", element("h2", title), *children, class_="section")
