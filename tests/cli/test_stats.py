"""`stats` adds up where the time went, the same however a log is cut into blocks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine.block import Block
from statemachine.cli.costs import Call, Place, costs_of
from statemachine.cli.histogram import Histograms, bucket_of, middle_of
from statemachine.compiled import Place as TablePlace
from statemachine.events import EventKind, encode
from tests.cli import logs
from tests.cli.running import run, run_json
from tests.statemachine.histories import leaving, starting, step

ORDINARY = [
    *starting(),
    *(place for _ in range(5) for place in step()),
    TablePlace("stopping", 0, 1),
    *leaving(),
]
CODES = [place.code for place in ORDINARY]


def blocks_of(elapsed, codes=CODES, cuts=()):
    """Blocks of these events, cut at these places."""
    times = np.array(elapsed, dtype=np.int64)
    codes = np.array(codes, dtype=np.int32)
    edges = sorted({0, *cuts, len(codes)})
    steps = np.concatenate(([0], np.cumsum(codes & 0x7F == EventKind.STEP_BEGIN.number)))
    sums = np.concatenate(([0], np.cumsum(times)))
    for start, end in itertools.pairwise(edges):
        parts = times[start:end], codes[start:end]
        yield Block(start, int(steps[start]), int(sums[start]), *parts, {})


durations = st.lists(st.integers(0, 10**12), min_size=len(CODES), max_size=len(CODES))


@given(elapsed=durations)
def test_each_nanosecond_belongs_to_somebody(elapsed):
    """The times of all places add up to the time from the first to the last event."""
    costs = costs_of(blocks_of(elapsed))
    assert sum(costs.by_place.values()) == costs.span == sum(elapsed[1:])


@given(elapsed=durations, cuts=st.sets(st.integers(0, len(CODES)), max_size=8))
def test_how_a_log_is_cut_into_blocks_makes_no_difference(elapsed, cuts):
    """Whole or in pieces, also in the middle of a step, the costs are the same."""
    assert costs_of(blocks_of(elapsed, cuts=cuts)) == costs_of(blocks_of(elapsed))


@given(elapsed=durations)
def test_steps_and_their_slowest_calls_are_found(elapsed):
    """The slowest steps come first, with the call that took longest in them."""
    costs = costs_of(blocks_of(elapsed), slowest=2)
    begins = [i for i, code in enumerate(CODES) if code & 0x7F == EventKind.STEP_BEGIN.number]
    took = [sum(elapsed[at + 1 : at + len(list(step()))]) for at in begins]
    assert [one.duration for one in costs.slowest] == sorted(took, reverse=True)[:2]
    for one in costs.slowest:
        at = begins[one.step - 1]
        assert took[one.step - 1] == one.duration
        assert one.slowest_duration == max(elapsed[at + 1 : at + len(list(step()))])
    assert costs.steps.total == sum(took)
    assert costs.gaps.count == len(begins) - 1


@given(values=st.lists(st.integers(0, 1 << 62), min_size=1, max_size=300))
def test_percentiles_are_within_their_promise(values):
    """Count, sum and extremes are exact; percentiles within 0.4 %."""
    histograms = Histograms()
    half = len(values) // 2
    for part in (values[:half], values[half:]):
        array = np.array(part, dtype=np.int64)
        histograms.add(np.full(len(array), 7, dtype=np.int64), array)
    found = histograms.distributions()[7]
    ordered = sorted(values)
    assert (found.count, found.shortest, found.longest) == (len(values), ordered[0], ordered[-1])
    assert found.total % (1 << 64) == sum(values) % (1 << 64)
    for percent, value in found.percentiles.items():
        exact = ordered[-(-len(values) * percent // 100) - 1]
        assert value == pytest.approx(exact, rel=0.004, abs=0.5)


@given(st.integers(0, 1 << 62))
def test_a_duration_falls_into_the_bucket_around_it(value):
    """The middle of the bucket is within 0.4 % of the value."""
    (bucket,) = bucket_of(np.array([value], dtype=np.int64)).tolist()
    assert middle_of(bucket) == pytest.approx(value, rel=0.004, abs=0.5)


def test_a_step_that_never_ends_is_no_step():
    """What a forger repeats without end is neither counted as a step nor kept for ever."""
    begun = [TablePlace("step").code] + [TablePlace("gathering").code] * 3_000
    many = blocks_of([1] * len(begun), begun, cuts=range(0, len(begun), 500))
    assert costs_of(many).steps is None


def test_calls_are_told_apart():
    """Each method of each hook, and errors by the call that they came out of."""
    failed = encode(EventKind.RAISED, 1, 0, EventKind.BEFORE_RUN)
    costs = costs_of(blocks_of([5, 5, 5], [TablePlace("gathering", 1).code, failed, failed]))
    assert set(costs.calls) == {
        Call(EventKind.BEFORE_RUN, 1),
        Call(EventKind.RAISED, 1, EventKind.BEFORE_RUN),
    }
    assert Call(EventKind.RAISED, 1, EventKind.BEFORE_RUN).place is Place.BETWEEN_STEPS


def test_the_slow_hook_is_named(tmp_path, closed_log):
    """The one whose methods took longest in all, with its worst method."""
    codes = np.array(logs.codes_of(closed_log))
    path = logs.forged(tmp_path / "log.arrows", codes)
    told, code = run_json("stats", path, "--slowest", "2")
    assert code == 0
    assert told["slow_hook"] == 0
    assert [hook["hook_class"] for hook in told["hooks"]] == ["StepCounter", "Saver"]
    assert len(told["slowest_steps"]) == 2
    assert "The slowest hook is 0 (StepCounter): 9.00 µs in all" in run("stats", path).stdout


def test_a_session_without_hooks_and_steps_has_statistics(tmp_path):
    """Nothing is divided by nothing."""
    path = logs.closed(tmp_path / "log.arrows", steps=0, hooks=())
    result = run("stats", path)
    assert result.exit_code == 0
    assert "slowest hook" not in result.stdout
    told, _ = run_json("stats", path)
    assert (told["steps"], told["slow_hook"], told["slowest_steps"]) == (None, None, [])
