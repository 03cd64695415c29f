"""The report draws the scalars that a log recorded."""

import re

import numpy as np
import pytest

from statemachine import EventLog
from statemachine.cli.page.curves import MOST, Curve, curves_of, figure, thinned
from statemachine.values import row_of
from tests.cli.browser import dom_of, needs_browser
from tests.cli.running import run
from tests.statemachine.histories import HOOKS, Writer


def log_of(path, *series):
    """A log whose steps give these scalars."""
    session = Writer(EventLog(path, record="scalars").begin(HOOKS)).start()
    for found in zip(*series, strict=True):
        values = (
            row_of("fetched", by, f"s{n}:0", value, "scalars")
            for n, value in enumerate(found)
            for by in ("caller", "hook 0")
        )
        session.journal.keep(values)
        session.steps(1)
    session.close()
    return path


def test_each_scalar_is_a_curve_over_the_steps(tmp_path):
    """Whoever fetched it, it is one."""
    path = log_of(tmp_path / "log.arrows", [0.5, 0.25, np.nan], [1, 2, 3])
    (one, other), left_out = curves_of(EventLog.open(path))
    assert (one.name, other.name, left_out) == ("s0:0", "s1:0", 0)
    assert (one.steps.tolist(), other.values.tolist()) == ([1, 2, 3], [1, 2, 3])
    page = tmp_path / "report.html"
    assert run("report", path, "-o", page).exit_code == 0
    text = page.read_text()
    assert "<h2>Scalars</h2>" in text
    assert "last nan, lowest 0.25, highest 0.5; 1 value not finite, the first in step 3" in text
    assert len(re.findall(r'<path d="M[^"]*" class="line"/>', text)) == 2


def test_a_log_without_scalars_has_no_such_section(tmp_path, closed_log):
    """As before."""
    page = tmp_path / "report.html"
    run("report", closed_log, "-o", page)
    assert "<h2>Scalars</h2>" not in page.read_text()


def test_more_scalars_than_a_page_holds_are_counted(tmp_path):
    """The first ones are drawn."""
    path = log_of(tmp_path / "log.arrows", *[[n] for n in range(MOST + 3)])
    curves, left_out = curves_of(EventLog.open(path))
    assert (len(curves), left_out) == (MOST, 3)


def test_a_long_curve_keeps_its_peaks():
    """Of each column of the picture the lowest and the highest point are drawn."""
    values = np.sin(np.arange(100_000.0))
    values[54_321] = 9.0
    steps, kept = thinned(np.arange(100_000.0), values)
    assert len(steps) <= 1600
    assert kept[steps.tolist().index(54_321)] == 9.0
    assert (np.diff(steps) > 0).all()


@pytest.mark.parametrize(
    "values",
    [[1.0], [2.0, 2.0], [np.nan], [np.inf, 1.0], [-1.7e308, 1.7e308], [5e-324, 0.0]],
)
def test_every_curve_can_be_drawn(values):
    """One point, a constant, nothing finite, the largest distance."""
    drawn = figure(Curve("<b>", np.arange(1.0, len(values) + 1), np.array(values)))
    assert "&lt;b&gt;" in drawn
    for path in re.findall(r' d="M([^"h]*)', drawn):
        assert all(0 <= float(number) <= 520 for number in re.split("[ L]", path))


@pytest.mark.deep
@needs_browser
def test_a_browser_shows_the_curves(tmp_path):
    """The policy of the page lets them be drawn."""
    path = log_of(tmp_path / "log.arrows", np.cos(np.arange(50) / 5).tolist())
    page = tmp_path / "report.html"
    run("report", path, "-o", page)
    assert 'class="line"' in dom_of(page)
