"""`report` makes one page that needs nothing else and that no log can abuse."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import EventKind, EventLog
from statemachine.cli.costs import Place, costs_of
from statemachine.cli.page.html import element
from statemachine.cli.page.lifecycle import edges_taken
from statemachine.cli.page.timeline import Timeline
from statemachine.machine import state_changes
from statemachine.table import State
from tests.cli import logs
from tests.cli.running import run
from tests.cli.test_stats import CODES, blocks_of, durations

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m&lt;\u202e"


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, content):
        super().__init__()
        self.content = content
        self.tags, self.attributes, self.texts, self.raw = [], [], [], {}
        self._inside = None
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside = f"{tag}#{dict(attrs).get('id', '')}" if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        else:
            self.texts.append(data)

    @property
    def text(self):
        """What a person reads."""
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        """What the page's program draws."""
        return json.loads(self.raw["script#data"])


def page_of(log, directory, *options):
    """The page about a log."""
    output = directory / "report.html"
    result = run("report", log, "-o", output, *options)
    assert result.exit_code == 0, result.stderr
    return Page(output.read_text("utf-8"))


def test_a_page_says_what_happened(closed_log, tmp_path):
    """How it ended, what the log proves, the hooks, and the states that it went through."""
    page = page_of(closed_log, tmp_path)
    for words in (
        "Ended properly",
        "What this log proves",
        "Every byte is covered by a chain of digests",
        "No checkpoint was restored",
        "What each hook cost",
        "StepCounter",
        "The session stops: close() was called",
        "neither saved nor restored a checkpoint",
    ):
        assert words in page.text
    assert page.data["states"][-1]["name"] == "closed"


def test_a_page_of_a_killed_session_says_where_it_died(killed_log, tmp_path):
    """In the heading, in the drawing and in the findings."""
    page = page_of(killed_log, tmp_path)
    assert "Broke off in the caller's code, after step.end, step 3" in page.text
    assert "the log ends here" in page.text
    assert "The log ends before the session was closed" in page.text
    assert page.data["marks"][-1]["tone"] == "end"


def test_a_page_of_a_running_session_says_so(tmp_path):
    """It is no fault that it has not ended yet."""
    log, writer = logs.begun(tmp_path / "log.arrows")
    writer.steps(1)
    page = page_of(log.path, tmp_path)
    writer.close()
    assert "Still running when this page was made" in page.text


def test_an_error_that_came_out_is_told(tmp_path):
    """The failed step, with its class and message."""
    log, writer = logs.begun(tmp_path / "log.arrows")
    writer.fail_step("DataLossError", "bad record").close()
    text = page_of(log.path, tmp_path).text
    assert "An error came out of step.begin: DataLossError: bad record" in text


def test_lineage_needs_the_other_logs(tmp_path):
    """With --known the page names the session that saved what was restored."""
    directory = logs.related(tmp_path / "both")
    alone = page_of(directory / "second.arrows", tmp_path).text
    assert "no log was given that could have saved it" in alone
    both = page_of(directory / "second.arrows", tmp_path, "--known", directory).text
    assert "first.arrows saved step 3" in both
    assert "A log says that its session saved just the bytes that were restored" in both
    parent = page_of(directory / "first.arrows", tmp_path, "--known", directory).text
    assert "second.arrows restored step 3" in parent


def test_a_page_asks_for_nothing_from_anywhere(closed_log, tmp_path):
    """No address in it but that of the empty icon; its policy forbids everything else."""
    page = page_of(closed_log, tmp_path)
    links = [v for _, name, v in page.attributes if name in ("src", "href", "action", "srcset")]
    assert links == ["data:,"]
    assert not re.search(r"url\((?!#)|@import|https?://", page.content.replace("url(#", ""))
    (policy,) = [v for _, name, v in page.attributes if name == "content" and "default" in v]
    assert policy.startswith("default-src 'none'")


def test_the_policy_admits_just_the_pages_own_program_and_style(closed_log, tmp_path):
    """By their digests; there is no attribute that would need more."""
    page = page_of(closed_log, tmp_path)
    (policy,) = [v for _, name, v in page.attributes if name == "content" and "default" in v]
    for kind, part in (("script", page.raw["script#"]), ("style", page.raw["style#"])):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [name for _, name, _ in page.attributes if name == "style" or name[:2] == "on"]


def test_nothing_in_a_log_becomes_markup(tmp_path):
    """Names of hooks, notes, messages, paths and keys of details stay texts."""
    plain = page_of(logs.closed(tmp_path / "plain.arrows", hooks=("A", "B")), tmp_path)
    log, writer = logs.begun(tmp_path / "evil.arrows", hooks=(EVIL, EVIL))
    log.note(EVIL, **{EVIL: EVIL})
    details = {"path": EVIL, "step": 1, "size": 1, "sha256": EVIL}
    writer.journal.add(EventKind.CHECKPOINT_SAVED, details)
    writer.steps(3).fail_step(EVIL, EVIL).close()
    page = page_of(log.path, tmp_path)
    assert page.tags.count("script") == 2
    assert "img" not in page.tags
    assert set(page.tags) - set(plain.tags) <= {"code"}
    assert "\x1b" not in page.content
    assert "\u202e" not in page.content
    assert page.text.count("<script>alert(1)</script>") > 5


@given(st.text(), st.text())
def test_every_text_is_escaped(words, value):
    """Whatever stands in a log, an element has the content and the attribute that it was given."""
    made = element("p", words, title=value)
    assert re.fullmatch(r'<p title="[^<>"]*">[^<>]*</p>', made)


def test_every_change_of_state_of_the_table_is_drawn(closed_log, tmp_path):
    """The drawing comes from the table: all its states and triggers are in it."""
    changes = list(state_changes())
    edges = edges_taken([State.CREATED, State.FINALIZED])
    assert sum(len(edge.triggers) for edge in edges) == len(changes)
    assert [edge.taken for edge in edges if edge.source is State.CREATED] == [1, 0]
    page = page_of(closed_log, tmp_path)
    drawn = {v for tag, name, v in page.attributes if tag == "g" and name == "class"}
    assert {"state visited", "edge", "edge taken"} <= drawn


def decoded(text, dtype):
    """An array that was put into the page."""
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def timeline(elapsed, cuts=(), **limits):
    """The timeline of a log."""
    blocks = list(blocks_of(elapsed, cuts=cuts))
    costs = costs_of(blocks)
    made = Timeline(costs, ("A", "B"), len(CODES), **limits)
    for block in blocks:
        made.add(block)
    return made, costs


@given(elapsed=durations, cuts=st.sets(st.integers(0, len(CODES)), max_size=5))
def test_a_short_log_gives_every_call(elapsed, cuts):
    """Each call with its time and its row, however the log is cut into blocks."""
    made, costs = timeline(elapsed, cuts)
    data = made.data()
    times, calls = decoded(data["times"], "<f8"), decoded(data["calls"], "<u2")
    assert len(times) == len(calls) == len(CODES) - 1
    durations_ = np.diff([*times.tolist(), float(costs.span)])
    for place in Place:
        rows = [i for i, lane in enumerate(data["lanes"]) if lane["place"] == place.value]
        own = [i for i, call in enumerate(calls.tolist()) if data["names"][call][1] in rows]
        assert durations_[own].sum() == pytest.approx(costs.by_place[place], rel=1e-9)


@given(elapsed=durations, cuts=st.sets(st.integers(0, len(CODES)), max_size=5))
def test_a_long_log_gives_shares(elapsed, cuts):
    """In each piece of the time the rows' shares add up to the whole, rounded up a little."""
    made, costs = timeline(elapsed, cuts, most_calls=0, bins=64)
    data = made.data()
    assert data["bins"] == 64
    if costs.span >= 64:
        shares = np.array([decoded(row, "u1") for row in data["busy"]], dtype=float) / 255
        sums = shares.sum(axis=0)
        assert (sums > 0.99).all()
        assert (sums < 1 + len(data["lanes"]) / 255 + 0.01).all()
        assert shares.sum() * costs.span / 64 == pytest.approx(costs.span, rel=0.05)


def test_a_long_log_makes_no_large_page(tmp_path):
    """Beyond a limit only shares are kept, and the page stays below a megabyte."""
    path = logs.closed(tmp_path / "log.arrows", steps=30_000)
    page = page_of(path, tmp_path)
    assert "times" not in page.data
    assert len(EventLog.open(path)) > 200_000
    assert len(page.content) < 1 << 20


def test_many_rare_events_are_told_in_part(tmp_path):
    """The first and the last ones, and how many were left out between."""
    log, writer = logs.begun(tmp_path / "log.arrows")
    for number in range(1000):
        log.note(f"note {number}.")
    writer.close()
    text = page_of(log.path, tmp_path).text
    assert "note 0." in text
    assert "note 999." in text
    assert "note 400." not in text
    assert re.search(r"… [\d,]+ more …", text)


def test_many_hooks_share_a_row(tmp_path):
    """The page has a row for each of the hooks that take longest, and one for the others."""
    hooks = tuple(f"Hook{number}" for number in range(40))
    page = page_of(logs.closed(tmp_path / "log.arrows", hooks=hooks), tmp_path)
    titles = [lane["title"] for lane in page.data["lanes"] if lane["place"] == "hooks"]
    assert len(titles) == 17
    assert titles[-1] == "Other hooks"


def test_a_session_that_did_nothing_has_a_page(tmp_path):
    """No hook, no step, and also no event at all."""
    empty = logs.closed(tmp_path / "log.arrows", steps=0, hooks=())
    assert "The session had no hooks" in page_of(empty, tmp_path).text
    nothing = logs.forged(tmp_path / "nothing.arrows", [])
    assert "Broke off in nothing" in page_of(nothing, tmp_path).text
