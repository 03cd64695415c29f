"""`replay` holds hooks of today's code against a log."""

import pytest

from tests.cli.running import run, run_json
from tests.session.test_recorded_values import train


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return train(tmp_path_factory.mktemp("replay") / "log.arrows")


def test_hooks_that_do_the_same_give_zero(log):
    """The words say how many steps were replayed."""
    done = run("replay", log, "tests.cli.hooks:same")
    assert done.exit_code == 0
    assert "replayed 5 steps" in done.stdout
    assert "the hooks did what the log says" in done.stdout


def test_a_hook_that_stops_elsewhere_gives_seven(log):
    """The first place is told: step, hook, call, both sides."""
    told, code = run_json("replay", log, "tests.cli.hooks:earlier")
    (difference,) = told["differences"]
    assert code == 7
    assert (told["stop_step"], told["logged_stop_step"]) == (2, None)
    assert (difference["kind"], difference["step"], difference["hook"]) == ("stop", 2, 0)
    assert (difference["logged"], difference["now"]) == (False, True)
    assert "different: after_run of hook 0 (StopAtStepHook), step 2" in " ".join(
        run("replay", log, "tests.cli.hooks:earlier").stdout.split()
    )


def test_what_the_log_does_not_hold_gives_four(log):
    """It is incomplete for these hooks."""
    done = run("replay", log, "tests.cli.hooks:unanswered")
    assert done.exit_code == 4
    assert "can't go on" in done.stdout


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("tests.cli.hooks", "names no function: write MODULE:FACTORY"),
        ("tests.cli.nothing:hooks", "can't import tests.cli.nothing:hooks: ModuleNotFoundError"),
        ("tests.cli.hooks:nothing", "can't import tests.cli.hooks:nothing: AttributeError"),
        ("tests.cli.hooks:NUMBER", "is no function that could return hooks"),
        ("tests.cli.hooks:broken", "failed: ValueError: no configuration"),
        ("tests.cli.hooks:wrong", "has to return hooks: hook 0 is no SessionRunHook"),
    ],
)
def test_a_factory_that_gives_no_hooks_is_wrong_usage(log, factory, message):
    """The message says what is expected."""
    done = run("replay", log, factory)
    assert done.exit_code == 1
    assert message in done.output


def test_a_log_without_values_is_wrong_usage(closed_log):
    """The message says how to write one that can be replayed."""
    done = run("replay", closed_log, "tests.cli.hooks:same")
    assert done.exit_code == 1
    assert 'record="scalars"' in done.output
