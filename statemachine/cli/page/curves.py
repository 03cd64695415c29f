"""The scalars that a log recorded, as curves over the steps."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.cli.page.html import Html, element
from statemachine.cli.units import count
from statemachine.events import Event
from statemachine.log import EventLog

MOST: Final = 24
"""Curves on a page, at most."""
_COLUMNS: Final = 400
_WIDTH, _HEIGHT = 520.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 8.0, 8.0, 10.0, 10.0

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Curve:
    """A scalar that runs gave.

    Attributes:
        name: Its name.
        steps: The numbers of the steps, ascending, float64, shape (points,).
        values: What it was, float64, shape (points,); may be NaN or infinite.
    """

    name: str
    steps: Floats
    values: Floats

    @property
    def finite(self) -> Floats:
        """The values that are numbers, float64."""
        return self.values[np.isfinite(self.values)]


def curves_of(log: EventLog) -> tuple[tuple[Curve, ...], int]:
    """The curves of a log, in the order of their first points, and how many were left out.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    if log.record != "scalars":
        return (), 0
    points: dict[str, tuple[list[float], list[float]]] = {}
    left_out = set()
    for event in _valued(log):
        for value in {v.name: v for v in event.values if v.role == "fetched"}.values():
            if value.number is None or event.step is None:
                continue
            if value.name not in points and len(points) >= MOST:
                left_out.add(value.name)
                continue
            steps, values = points.setdefault(value.name, ([], []))
            steps.append(event.step)
            values.append(value.number)
    found = (Curve(name, np.array(s), np.array(v)) for name, (s, v) in points.items())
    return tuple(found), len(left_out)


def _valued(log: EventLog) -> Iterable[Event]:
    reading = log.read()
    inside = False
    for block in reading:
        positions = np.array(sorted(block.values), np.int64)
        if len(positions):
            yield from block.events(reading.header.started, inside, positions)
        inside = block.in_step_after(inside)


def figure(curve: Curve) -> Html:
    """A curve with what it shows in words."""
    return element(
        "figure",
        element("figcaption", element("b", curve.name), element("span", _words(curve))),
        _svg(curve),
        class_="curve",
    )


def _words(curve: Curve) -> str:
    odd = len(curve.values) - len(curve.finite)
    finite = curve.finite
    told = f"steps {curve.steps[0]:.0f} to {curve.steps[-1]:.0f}: last {_number(curve.values[-1])}"
    if len(finite):
        told += f", lowest {_number(finite.min())}, highest {_number(finite.max())}"
    if odd:
        first = int(curve.steps[~np.isfinite(curve.values)][0])
        told += f"; {count(odd, 'value')} not finite, the first in step {first}"
    return told


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else str(value)


def _svg(curve: Curve) -> Html | None:
    finite = np.isfinite(curve.values)
    if not finite.any():
        return None
    steps, values = thinned(curve.steps[finite], curve.values[finite])
    first, last = float(curve.steps[0]), float(curve.steps[-1])
    xs = _scaled(steps, first, last, _LEFT, _WIDTH - _RIGHT)
    ys = _scaled(values, float(values.min()), float(values.max()), _HEIGHT - _BOTTOM, _TOP)
    pairs = zip(xs.tolist(), ys.tolist(), strict=True)
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pairs)
    marks = [
        element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="odd")
        for x in _scaled(curve.steps[~finite][:_COLUMNS], first, last, _LEFT, _WIDTH - _RIGHT)
    ]
    shape = element("path", d=line if len(xs) > 1 else f"{line}h1", class_="line")
    words = f"{curve.name}, {_words(curve)}"
    return element(
        "svg",
        element("title", words),
        element(
            "line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_HEIGHT - 2, y2=_HEIGHT - 2, class_="axis"
        ),
        *marks,
        shape,
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
        aria_label=words,
    )


def _scaled(values: Floats, low: float, high: float, start: float, end: float) -> Floats:
    # Halved first: the distance of two numbers may be larger than any number.
    span = high / 2 - low / 2
    share = (values / 2 - low / 2) / span if span else np.full(len(values), 0.5)
    return start + share * (end - start)


def thinned(steps: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The same curve with at most a few points for each column of the picture.

    Of each column the first, lowest, highest and last point are kept, so that no peak is lost.
    """
    if len(steps) <= 4 * _COLUMNS:
        return steps, values
    kept: list[int] = []
    for part in np.array_split(np.arange(len(steps)), _COLUMNS):
        here = values[part]
        told = {0, int(here.argmin()), int(here.argmax()), len(part) - 1}
        kept += sorted(int(part[0]) + at for at in told)
    return steps[kept], values[kept]


def section_of(curves: Sequence[Curve], left_out: int) -> list[Html]:
    """What stands below the heading: the curves, and a word on those that are not there."""
    told: list[Html] = [
        element("div", *(figure(curve) for curve in curves), class_="curves"),
        element(
            "p",
            "What the caller and the hooks fetched, by the number of the step. A vertical line "
            "marks a value that is not finite.",
            class_="muted small",
        ),
    ]
    if left_out:
        told.append(element("p", f"{count(left_out, 'more scalar')} not drawn.", class_="muted"))
    return told
