"""`stats`: where the time of a session went."""

import click
from rich.console import Console

from statemachine.cli import terminal
from statemachine.cli.costs import PLACE_WORDS, Call, Costs, Place, call_words, costs_of
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.histogram import Distribution
from statemachine.cli.json_form import hook_class, schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.source import Source
from statemachine.cli.units import duration, share

_NUMBERS = ("calls", "total", "share", "mean", "median", "90 %", "99 %", "longest")


@click.command("stats")
@log_argument()
@click.option(
    "--slowest", default=5, show_default=True, type=click.IntRange(0, 1000), help="How many steps."
)
@json_option
def stats_command(log: Source, slowest: int, as_json: bool) -> ExitCode:
    """Tell where the time of the session that wrote LOG went.

    In each method of each hook, in the raw session, and between the steps. A call lasts from its
    event to the next one; the call that a session still stands in is not counted.
    """
    opened = log.open()
    with reading(log):
        costs = costs_of(opened.read(), slowest)
    if as_json:
        told = {"schema": schema_name("stats"), "log": str(log), **costs_json(costs, opened.hooks)}
        print(to_json(told, indent=2))
    else:
        _print(terminal.stdout(), costs, opened.hooks)
    return ExitCode.OK


def costs_json(costs: Costs, hooks: tuple[str, ...]) -> dict[str, object]:
    """Costs as an object; all durations are in nanoseconds."""
    slow = costs.slow_hook
    return {
        "span_ns": costs.span,
        "places": {place.value: total for place, total in costs.by_place.items()},
        "steps": distribution_json(costs.steps),
        "between_steps": distribution_json(costs.gaps),
        "calls": [
            {**_call_json(call, hooks), **(distribution_json(distribution) or {})}
            for call, distribution in _by_total(costs)
        ],
        "hooks": [
            {"hook": hook, "hook_class": hook_class(hooks, hook), "total_ns": total}
            for hook, total in costs.by_hook.items()
        ],
        "slow_hook": slow,
        "slowest_steps": [
            {
                "step": step.step,
                "elapsed_ns": step.start,
                "duration_ns": step.duration,
                "slowest_call": _call_json(step.slowest, hooks),
                "slowest_call_ns": step.slowest_duration,
            }
            for step in costs.slowest
        ],
    }


def _call_json(call: Call, hooks: tuple[str, ...]) -> dict[str, object]:
    return {
        "kind": call.kind.value,
        "call": call.at.value if call.at else None,
        "hook": call.hook,
        "hook_class": hook_class(hooks, call.hook),
        "place": call.place.value,
    }


def distribution_json(distribution: Distribution | None) -> dict[str, object] | None:
    """A distribution as an object, in nanoseconds."""
    if distribution is None:
        return None
    percentiles = {f"p{p}_ns": round(value) for p, value in distribution.percentiles.items()}
    return {
        "count": distribution.count,
        "total_ns": distribution.total,
        "mean_ns": round(distribution.mean),
        "min_ns": distribution.shortest,
        **percentiles,
        "max_ns": distribution.longest,
    }


def _by_total(costs: Costs) -> list[tuple[Call, Distribution]]:
    return sorted(costs.calls.items(), key=lambda item: -item[1].total)


def _print(console: Console, costs: Costs, hooks: tuple[str, ...]) -> None:
    _print_places(console, costs)
    _print_calls(console, costs, hooks)
    if costs.steps is not None:
        _print_steps(console, costs)
    if costs.slowest:
        _print_slowest(console, costs, hooks)
    verdict = slow_hook_words(costs, hooks)
    if verdict:
        console.print()
        console.print(terminal.text(verdict, style="bold"))


def _print_places(console: Console, costs: Costs) -> None:
    made = terminal.table("where the time went", "total", "share", right=("total", "share"))
    for place, total in costs.by_place.items():
        terminal.add_row(made, [PLACE_WORDS[place], duration(total), share(total, costs.span)])
    terminal.add_row(made, ["from the first to the last event", duration(costs.span), ""], "dim")
    console.print(made)


def _print_calls(console: Console, costs: Costs, hooks: tuple[str, ...]) -> None:
    console.print()
    made = terminal.table("after the event", *_NUMBERS, right=_NUMBERS)
    for call, distribution in _by_total(costs):
        terminal.add_row(made, [call_words(call, hooks), *_numbers(distribution, costs.span)])
    console.print(made)


def _numbers(distribution: Distribution, whole: int) -> list[str]:
    if distribution.count == 1:
        return ["1", duration(distribution.total), share(distribution.total, whole), *[""] * 5]
    percentiles = [duration(distribution.percentiles[p]) for p in (50, 90, 99)]
    return [
        f"{distribution.count:,}",
        duration(distribution.total),
        share(distribution.total, whole),
        duration(distribution.mean),
        *percentiles,
        duration(distribution.longest),
    ]


def _print_steps(console: Console, costs: Costs) -> None:
    console.print()
    made = terminal.table("steps", *_NUMBERS, right=_NUMBERS)
    for name, distribution in (("whole steps", costs.steps), ("between two steps", costs.gaps)):
        if distribution is not None:
            terminal.add_row(made, [name, *_numbers(distribution, costs.span)])
    console.print(made)


def _print_slowest(console: Console, costs: Costs, hooks: tuple[str, ...]) -> None:
    console.print()
    right = ("step", "took", "since start", "of it")
    made = terminal.table("step", "took", "since start", "most of it in", "of it", right=right)
    for step in costs.slowest:
        cells = [
            step.step,
            duration(step.duration),
            duration(step.start),
            call_words(step.slowest, hooks),
            duration(step.slowest_duration),
        ]
        terminal.add_row(made, cells)
    console.print("[bold]slowest steps[/bold]")
    console.print(made)


def slow_hook_words(costs: Costs, hooks: tuple[str, ...]) -> str | None:
    """Which hook is the slow one, in a sentence; None without hooks."""
    slow = costs.slow_hook
    if slow is None:
        return None
    of_it = {call: d for call, d in costs.calls.items() if call.hook == slow}
    worst = max(of_it, key=lambda call: of_it[call].total)
    total = costs.by_hook[slow]
    everything = costs.by_place[Place.HOOKS]
    method = worst.kind.value.removeprefix("hook.")
    return (
        f"The slowest hook is {slow} ({hook_class(hooks, slow) or 'not declared'}): "
        f"{duration(total)} in all, {share(total, everything)} of the time in hooks, "
        f"most of it in {method}."
    )
