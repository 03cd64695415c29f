"""`check_hook` on this package's own hooks, and what its reports are like."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import runtime as tf
from runtime.testing import (
    HOOK_CHECKS,
    HookAdapter,
    HookFactoryError,
    HookModel,
    check_hook,
    check_hook_scenario,
    parametrize_with_hook_checks,
)
from runtime.testing.hook_play import hook_surroundings
from statemachine.testing import (
    ConformanceError,
    HookScenario,
    Known,
    Outcome,
    ScenarioError,
    hook_fault_points,
    hook_scenarios,
)
from statemachine.testing.hook_scenario import hook_scenarios_of, possible_hook_fault_points
from tests.cli.running import run, run_json
from tests.cli.test_json import check as check_json
from tests.conformance.bad_hooks import BegunOnce, ExpectsAfterRun, ForeignTensor

train = tf.train
BAD = "tests.conformance.bad_hooks"
SHARED_WRITER = Known(
    "writers are shared",
    "Hooks that write to one directory share its writer of events; what comes after the last of "
    "them may go there, too, so none of them closes it.",
    checks=("leaves-nothing-behind",),
)


def evaluation(model: HookModel) -> Any:
    return train.EvaluationHook({"loss": model.loss}, every_n_steps=2)


def summary(model: HookModel) -> Any:
    op = tf.summary.scalar("loss", model.loss)
    return train.SummarySaverHook(save_steps=2, output_dir=model.directory, summary_op=op)


def saver(model: HookModel) -> Any:
    return train.CheckpointSaverHook(model.directory, save_steps=2, scaffold=model.scaffold)


OURS: dict[str, Callable[[HookModel], Any]] = {
    "LoggingTensorHook": lambda m: train.LoggingTensorHook({"loss": m.loss}, every_n_secs=10),
    "LoggingTensorHook at_end": lambda m: train.LoggingTensorHook([m.loss], at_end=True),
    "StopAtStepHook": lambda m: train.StopAtStepHook(num_steps=3),
    "CheckpointSaverHook": saver,
    "StepCounterHook": lambda m: train.StepCounterHook(2, output_dir=m.directory),
    "SummarySaverHook": summary,
    "NanTensorHook": lambda m: train.NanTensorHook(m.loss),
    "FinalOpsHook": lambda m: train.FinalOpsHook([m.loss, m.global_step]),
    "FeedFnHook": lambda m: train.FeedFnHook(lambda x=m.x: {x: 2.0}),
    "GlobalStepWaiterHook": lambda m: train.GlobalStepWaiterHook(0),
    "ProfilerHook": lambda m: train.ProfilerHook(save_secs=10, output_dir=m.directory),
    "ProgressBarHook": lambda m: train.ProgressBarHook(9, {"l": m.loss}, file=io.StringIO()),
    "EvaluationHook": evaluation,
    "EarlyStoppingHook": lambda m: train.EarlyStoppingHook(m.loss, 2, direction="max"),
    "EarlyStoppingHook of an evaluation": lambda m: train.EarlyStoppingHook(
        (evaluation(m), "loss"), 2
    ),
}
OF_SHARED_WRITERS = {"StepCounterHook", "SummarySaverHook"}


def judge(name: str, examples: int) -> None:
    known = [SHARED_WRITER] if name in OF_SHARED_WRITERS else []
    report = check_hook(OURS[name], max_examples=examples, known=known)
    report.raise_if_failed()
    excused = [r.check.name for r in report.results if r.outcome is Outcome.EXPECTED_FAILURE]
    assert excused == [check for one in known for check in one.checks]


@pytest.mark.parametrize("name", OURS)
def test_our_hooks_keep_every_promise(name: str) -> None:
    """No check of a few dozen sessions fails; a writer of events stays open, with its reason."""
    judge(name, 24)


@pytest.mark.deep
@pytest.mark.parametrize("name", OURS)
def test_our_hooks_keep_every_promise_in_long_runs(name: str) -> None:
    """Nor in many hundreds."""
    judge(name, 1500)


def test_a_counterexample_is_small_and_says_what_happened() -> None:
    """It shrinks to the one fault that matters, and the report quotes the promise."""
    checks = [check for check in HOOK_CHECKS if check.name == "tolerates-every-order"]
    report = check_hook(ExpectsAfterRun, max_examples=20, checks=checks)
    (failure,) = report.failures
    assert failure.counterexample is not None
    found = failure.counterexample.scenario
    assert (len(found.hooks), len(found.body), found.again) == (0, 2, 0)
    assert failure.counterexample.difference.startswith("before_run raised AssertionError")
    with pytest.raises(ConformanceError, match="any call may be its last"):
        report.raise_if_failed()


def test_a_counterexample_is_a_program(tmp_path: Path) -> None:
    """The program that is printed plays the scenario again, and finds the same."""
    scenario = HookScenario(
        body=({"op": "run", "raise": "ValueError", "catch": True}, {"op": "run"})
    )
    program = tmp_path / "again.py"
    program.write_text(scenario.program(f"{BAD}:ExpectsAfterRun"))
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 1
    assert "before_run raised AssertionError" in done.stdout


def test_the_same_seed_gives_the_same_report() -> None:
    """Examples depend on nothing but the seed."""
    one, other = (check_hook(ForeignTensor, max_examples=3).json() for _ in range(2))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_known_failure_is_expected_with_its_reason() -> None:
    """A hook that is made for one session only says so."""
    known = Known("one session", "It is made for one.", checks=("can-be-reused",))
    result = check_hook(BegunOnce, max_examples=30, known=[known]).of("can-be-reused")
    assert result.outcome is Outcome.EXPECTED_FAILURE
    assert result.reason == "one session: It is made for one."


def test_errors_by_design_are_no_findings() -> None:
    """`may_raise` names them: a hook that watches for NaN raises when there is one."""

    def watching(model: HookModel) -> Any:
        return train.NanTensorHook(tf.log(-model.loss))

    assert not check_hook(watching, max_examples=3).passed
    allowed = HookAdapter(watching, may_raise=(train.NanLossDuringTrainingError,))
    check_hook(allowed, max_examples=20).raise_if_failed()


def test_waiting_is_only_warned_of() -> None:
    """A hook that is there to wait fails no check; the report says that it waits."""
    report = check_hook(lambda: train.GlobalStepWaiterHook(1), max_examples=3)
    assert report.passed
    assert report.of("does-not-block").reason == (
        "only a warning: before_run waits and waits: it slept 500 times in one call"
    )


def test_a_thread_that_ends_right_after_the_end_is_none_left_behind() -> None:
    """Whoever asked it to stop in `end` need not wait for it."""

    class Threaded(train.SessionRunHook):
        def after_create_session(self, session: Any, coord: Any) -> None:
            self.over = threading.Event()
            threading.Thread(target=self.over.wait, args=(9,), daemon=True).start()

        def end(self, session: Any) -> None:
            self.over.set()

    scenario = HookScenario(body=({"op": "run"},))
    check_hook_scenario(Threaded, scenario).raise_if_failed()


def test_a_model_of_ones_own() -> None:
    """`prepare` builds what the hook needs, and says what a step is."""

    def prepare() -> Any:
        score = tf.get_variable("score", [], initializer=tf.constant_initializer(1.0))
        return tf.assign_add(score, 1.0, name="more")

    hook = HookAdapter(lambda: train.LoggingTensorHook(["more:0"], every_n_iter=1), prepare=prepare)
    check_hook(hook, max_examples=20).raise_if_failed()


def test_a_hook_may_be_of_any_class() -> None:
    """It needs the five methods, and no base class."""

    class Plain:
        runs = 0

        def begin(self) -> None:
            self.runs = 0

        def after_create_session(self, session: Any, coord: Any) -> None:
            pass

        def before_run(self, run_context: Any) -> None:
            pass

        def after_run(self, run_context: Any, run_values: Any) -> None:
            self.runs += 1

        def end(self, session: Any) -> None:
            pass

    report = check_hook(HookAdapter(Plain, count=lambda hook: hook.runs), max_examples=20)
    report.raise_if_failed()
    assert report.of("counts-do-not-go-back").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (lambda: 7, "made 7, which is no hook: it has no method begin"),
        (lambda: 1 // 0, "raised ZeroDivisionError"),
        (lambda model: model.accuracy, "has no attribute 'accuracy'"),
    ],
)
def test_a_factory_that_makes_no_hook_is_told(factory: Callable[..., Any], said: str) -> None:
    """The error says what it did, and how it is called."""
    with pytest.raises(HookFactoryError, match=said):
        check_hook(factory, max_examples=1)


def test_what_is_no_factory_is_refused() -> None:
    """A hook itself is none."""
    with pytest.raises(TypeError, match="is neither"):
        check_hook(train.SessionRunHook())  # type: ignore[arg-type]  # what is tested


def test_an_interrupt_of_the_user_ends_the_check() -> None:
    """Ctrl-C is no finding."""

    class Interrupted(train.SessionRunHook):
        def after_run(self, run_context: Any, run_values: Any) -> None:
            raise KeyboardInterrupt("of the user")

    with pytest.raises(KeyboardInterrupt, match="of the user"):
        check_hook(Interrupted, max_examples=3)


# Scenarios.


@given(hook_scenarios())
def test_a_scenario_comes_back_from_its_json(scenario: HookScenario) -> None:
    """Whatever the strategy makes is written and read."""
    assert HookScenario.from_json(scenario.to_json()) == scenario


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is none"),
        ('{"session": "plural"}', 'session is "plural"; it must be one of "singular", "monitored"'),
        ('{"body": [{"op": "dance"}]}', "one of run, step_fn, raise, stop"),
        ('{"body": [{"op": "raise"}]}', "an object with 'raise'"),
        ('{"hooks": [{"before_run": {"x": {}}}]}', 'is "x"; it must be the number of a call'),
        ('{"hooks": [{"end": {"0": {"raise": "Ouch"}}}]}', r"hooks\[0\].end.0.raise is \"Ouch\""),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(text: str, said: str) -> None:
    """Reading is strict."""
    with pytest.raises(ScenarioError, match=said):
        HookScenario.from_json(text)


def test_scenarios_are_spread_over_the_fault_points() -> None:
    """Each place and kind of fault has its share."""
    points = {p for s in islice(hook_scenarios_of(0), 600) for p in hook_fault_points(s)}
    assert points == set(possible_hook_fault_points())


def test_a_scenario_gives_the_same_calls_again() -> None:
    """Nothing on the stage depends on chance or on the time."""
    adapter = HookAdapter(OURS["LoggingTensorHook"])
    with hook_surroundings():
        for scenario in islice(hook_scenarios_of(5), 10):
            assert adapter.play(scenario).told == adapter.play(scenario).told


# Other ways in.


@parametrize_with_hook_checks([train.SessionRunHook], max_examples=20)
def test_with_pytest(check: Callable[[], None]) -> None:
    """Each check of each hook is a test."""
    check()


def test_the_command_line_checks_a_hook(tmp_path: Path) -> None:
    """Exit code 5 where a check fails; what is saved is played again; JSON keeps to its schema."""
    hook = f"{BAD}:ExpectsAfterRun"
    arguments = ("conform", "--hook", hook, "--max-examples", 4)
    result = run(*arguments, "--save", tmp_path)
    assert result.exit_code == 5
    assert "any call may be its last" in result.stdout
    saved = tmp_path / "tolerates-every-order.json"
    assert run("conform", "--hook", hook, "--replay", saved).exit_code == 5
    assert "check_hook_scenario(ExpectsAfterRun" in saved.with_suffix(".py").read_text()
    told, code = run_json(*arguments)
    check_json(told, "conform")
    assert (code, told["passed"], len(told["checks"])) == (5, False, len(HOOK_CHECKS))
    fine = run("conform", "--hook", "runtime.train:SessionRunHook", "--max-examples", 5)
    assert fine.exit_code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "names no factory: give MODULE:FACTORY"),
        ("runtime.train:NoSuchHook", "AttributeError"),
        ("runtime.testing:QUICK", "a hook is checked by its class"),
        ("runtime.train:StopAtStepHook", "the hook's factory raised ValueError"),
    ],
)
def test_the_command_line_refuses_what_makes_no_hook(name: str, said: str) -> None:
    """Exit code 1, and a message instead of a traceback."""
    result = run("conform", "--hook", name)
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())


def test_one_scenario_is_reported_like_a_run() -> None:
    """All checks stand in the report of a single scenario."""
    report = check_hook_scenario(BegunOnce, HookScenario(again=1, body=({"op": "run"},)))
    assert [r.check.name for r in report.failures] == ["can-be-reused"]
    assert len(report.results) == len(HOOK_CHECKS)
