"""What is expected of a scenario: the trace that the model derives from it."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from statemachine.testing.model.world import ModelWorld
from statemachine.testing.player import play
from statemachine.testing.trace import Observation

DOCUMENTED: Final = frozenset(
    {
        "init_before_restore",
        "failed_start_cleans_up",
        "hooks_read_once",
        "second_close_calls_no_hook",
        "closed_is_runtime_error",
        "step_stop_is_kept",
        "end_of_input_by_isinstance",
        "own_graph_is_opened",
        "caller_keeps_options",
        "same_tensor_by_name_conflicts",
        "no_reentrance",
        "both_checkpoints_first",
        "stop_survives_failure",
        "step_fn_must_be_callable",
        "failed_attempt_is_undone",
        "stop_survives_recovery",
        "step_fn_keeps_its_session",
        "lost_session_is_not_ended",
    }
)
"""The rules of the model that make of TensorFlow's behaviour the documented one."""


# Any: a scenario's JSON.
def expected(spec: Mapping[str, Any], rules: Collection[str] = DOCUMENTED) -> Observation:
    """Derive the trace of a scenario.

    Args:
        spec: The scenario's JSON.
        rules: The rules of the model that are switched on; none for TensorFlow's behaviour.
    """
    return play(spec, ModelWorld(spec, rules))
