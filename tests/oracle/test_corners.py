"""Scenarios by hand where recorded ones leave a corner out; expected is what the model derives."""

from collections.abc import Mapping
from typing import Any

import pytest

from statemachine.testing.trace import Level, Observation, compare
from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row
from tests.oracle.divergences import wanted
from tests.oracle.explain import derive

UNCHECKED = {"init_op": "noop", "ready_op": "ok", "ready_for_local_init_op": "ok"}
CORNERS: Mapping[str, Mapping[str, Any]] = {
    "adding to a variable without a value": {
        "scaffold": UNCHECKED,
        "body": [{"op": "run", "fetch": "inc"}],
    },
    "reading a variable without a value": {
        "scaffold": UNCHECKED,
        "body": [{"op": "run", "fetch": "w"}],
    },
    "a producer without its local variable": {
        "scaffold": {**UNCHECKED, "local_init_op": "noop"},
        "qr": {"n": 2},
        "body": [{"op": "run", "fetch": "deq"}],
    },
    "an end of input in the coordinator, an error of end, explicit close": {
        "mode": "finally",
        "hooks": [{"end": {"0": {"raise": "ValueError"}}}],
        "body": [{"op": "coord_stop", "err": "OutOfRangeError"}],
    },
    "an end of input in the coordinator, explicit close": {
        "mode": "finally",
        "hooks": [{}],
        "body": [{"op": "coord_stop", "err": "StopIterationSub"}],
    },
    "a hook listed twice that asks for two things": {
        "hooks": [{"before_run": {"0": {"fetch": "c"}, "1": {"fetch": "w"}}}, {"same_as": 0}],
        "body": [{"op": "run", "fetch": "inc"}],
    },
    "a hook listed twice that asks once": {
        "hooks": [{"before_run": {"0": {"fetch": "c"}}}, {"same_as": 0}],
        "body": [{"op": "run", "fetch": "inc"}],
    },
    "an end of input after a close inside with": {
        "hooks": [{}],
        "body": [{"op": "close"}, {"op": "raise", "err": "StopIteration"}],
    },
    "one tensor fed twice by the caller": {
        "body": [{"op": "run", "fetch": "y", "feed": {"x": 1.0, "@x": 2.0}}],
    },
    "one tensor fed twice by a hook": {
        "hooks": [{"before_run": {"0": {"feed": {"@x": 1.0, "x": 2.0}}}}],
        "body": [{"op": "run", "fetch": "y"}],
    },
    "with inside a hook": {
        "hooks": [
            {"before_run": {"0": {"call": {"op": "with", "body": [{"op": "run", "fetch": "c"}]}}}}
        ],
        "body": [{"op": "run", "fetch": "c"}],
    },
    "another session inside a hook": {
        "hooks": [
            {"before_run": {"0": {"call": {"op": "second", "body": [{"op": "run", "fetch": "c"}]}}}}
        ],
        "body": [{"op": "run", "fetch": "c"}],
    },
    "a wrong step function inside a hook": {
        "hooks": [{"before_run": {"0": {"call": {"op": "step_fn", "sig": "other", "do": []}}}}],
        "body": [{"op": "run", "fetch": "c"}],
    },
    "a hook that feeds what is not in the graph": {
        "hooks": [{"before_run": {"0": {"feed": {"nosuch": 1.0}}}}],
        "body": [{"op": "run", "fetch": "c"}],
    },
    "an interrupt while a failed start is cleaned up": {
        "hooks": [{"after_create_session": {"0": {"raise": "ValueError"}}}],
        "raw_close": {"raise": "KeyboardInterrupt"},
    },
    "an error while a failed start is cleaned up": {
        "hooks": [
            {"after_create_session": {"0": {"coord_stop": "AbortedError", "raise": "ValueError"}}}
        ],
        "raw_close": {"raise": "RuntimeError"},
    },
    "a model that is ready at the second start only": {
        "scaffold": {"ready_op": {"not_ready": True, "times": 1}},
        "hooks": [{}],
        "reopen": [{"body": [{"op": "run", "fetch": "c"}]}],
    },
    "a local model that is ready at the second start only": {
        "scaffold": {"ready_for_local_init_op": {"not_ready": True, "skip": 0, "times": 1}},
        "reopen": [{"body": [{"op": "run", "fetch": "lv"}]}],
    },
    "graphs of partitions asked for": {
        "hooks": [{"before_run": {"0": {"options": {"output_partition_graphs": True}}}}],
        "body": [{"op": "run", "fetch": "c", "options": {"timeout_in_ms": 60000}}],
    },
    "raw runs with feeds": {
        "hooks": [{"before_run": {"*": {"run": "y", "run_feed": {"x": 2.0}}}}],
        "body": [
            {"op": "run", "fetch": "c"},
            {"op": "step_fn", "do": [{"run": "y", "feed": {"@x": 4.0}}]},
            {"op": "raw_run", "fetch": {"a": ["yd"]}},
        ],
    },
    "a bomb that goes off at the second attempt": {
        "body": [
            {
                "op": "step_fn",
                "do": [
                    {"hooks": "y", "feed": {"x": {"bomb": "ValueError", "skip": 1, "value": 2.0}}},
                    {"hooks": "y", "feed": {"x": {"bomb": "ValueError", "skip": 1, "value": 3.0}}},
                ],
            }
        ],
    },
    "threads of a failed start": {
        "qr": {"n": 3},
        "hooks": [
            {"after_create_session": {"0": {"thread": "obedient"}}},
            {"after_create_session": {"0": {"raise": "OutOfRangeError"}}},
        ],
    },
}


@pytest.mark.parametrize("corner", CORNERS)
def test_a_corner_is_as_derived(corner: str) -> None:
    """Our trace is the derived one, coordinators and other threads included."""
    scenario = {"session": "singular", **CORNERS[corner]}
    row = Row(corner, "", scenario, Observation(()))
    difference = compare(derive(row, wanted()), play_on_runtime(scenario), Level.FULL)
    assert difference is None, difference.render()
