"""`tf.test`: what a test case of a program finds there."""

import subprocess
import sys
import textwrap
import threading
import unittest
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf

Pair = namedtuple("Pair", "x y")


class Case(tf.test.TestCase):
    __test__ = False  # for pytest

    def runTest(self) -> None:
        """Something to be an instance of."""


@pytest.fixture
def case() -> Any:
    case = Case()
    case.setUp()
    yield case
    case.tearDown()


def _passing(case: Any) -> list[Callable[[], Any]]:
    one, two = tf.constant([1.0, 2.0]), tf.constant([[1, 2], [3, 4]])
    return [
        lambda: case.assertAllClose([1.0, 2.0], one),
        lambda: case.assertAllClose(
            {"a": [1.0], "b": (2.0, [3.0, 4.0])}, {"a": [1], "b": (2, [3, 4])}
        ),
        lambda: case.assertAllClose(Pair(1.0, one), {"x": 1.0, "y": [1.0, 2.0]}),
        lambda: case.assertAllClose([one, two], [[1.0, 2.0], [[1, 2], [3, 4]]]),
        lambda: case.assertAllClose(1.0, 1.05, rtol=0.1),
        lambda: case.assertAllCloseAccordingToType(np.float16(1.0), 1.0005),
        lambda: case.assertNotAllClose([1.0], [1.1]),
        lambda: case.assertAllEqual(two, [[1, 2], [3, 4]]),
        lambda: case.assertAllEqual(tf.constant(["a", "b"]), ["a", b"b"]),
        lambda: case.assertAllEqual(tf.constant("a"), "a"),
        lambda: case.assertAllEqual([np.nan, 1.0], [np.nan, 1.0]),
        lambda: case.assertNotAllEqual(two, [[1, 2], [3, 5]]),
        lambda: case.assertAllGreater(two, 0),
        lambda: case.assertAllLess(two, 5),
        lambda: case.assertAllInRange(two, 1, 4),
        lambda: case.assertAllInSet(two, {1, 2, 3, 4}),
        lambda: case.assertNear(1.0, 1.01, 0.02),
        lambda: case.assertArrayNear([1.0, 2.0], [1.01, 2.0], 0.02),
        lambda: case.assertNDArrayNear([3.0, 4.0], [3.0, 4.1], 0.2),
        lambda: case.assertShapeEqual(np.zeros([2, 2]), two),
        lambda: case.assertDTypeEqual(one, np.float32),
        lambda: case.assertDeviceEqual("", one.device),
        lambda: case.assertStartsWith("model.ckpt-1", "model"),
        lambda: case.assertProtoEquals("int64_list { value: 3 }", _feature(3)),
        lambda: case.assertLen([1, 2], 2),
    ]


def _failing(case: Any) -> list[Callable[[], Any]]:
    one, two = tf.constant([1.0, 2.0]), tf.constant([[1, 2], [3, 4]])
    return [
        lambda: case.assertAllClose([1.0, 2.1], one),
        lambda: case.assertAllClose([[1.0, 2.0]], one),
        lambda: case.assertAllClose({"a": 1.0}, {"b": 1.0}),
        lambda: case.assertAllClose({"a": 1.0}, [1.0]),
        lambda: case.assertAllClose([one, two], [one]),
        lambda: case.assertAllCloseAccordingToType(np.float64(1.0), 1.0005),
        lambda: case.assertNotAllClose(one, [1.0, 2.0]),
        lambda: case.assertAllEqual(two, [[1, 2], [3, 5]]),
        lambda: case.assertAllEqual(two, [1, 2, 3, 4]),
        lambda: case.assertAllEqual(tf.constant(["a"]), ["b"]),
        lambda: case.assertNotAllEqual(one, one),
        lambda: case.assertAllGreater(two, 1),
        lambda: case.assertAllLessEqual(two, 3),
        lambda: case.assertAllInRange(two, 1, 4, open_lower_bound=True),
        lambda: case.assertAllInRange(two, 1, 4, open_upper_bound=True),
        lambda: case.assertAllInSet(two, {1, 2}),
        lambda: case.assertNear(1.0, 1.1, 0.02),
        lambda: case.assertArrayNear([1.0], [1.0, 2.0], 0.02),
        lambda: case.assertNDArrayNear([3.0], [4.0], 0.2),
        lambda: case.assertShapeEqual(np.zeros([2, 3]), two),
        lambda: case.assertDTypeEqual(one, np.float64),
        lambda: case.assertDeviceEqual("/cpu:0", one.device),
        lambda: case.assertStartsWith("model", "ckpt"),
        lambda: case.assertProtoEquals("int64_list { value: 4 }", _feature(3)),
    ]


def _feature(number: int) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))


def test_assertions_hold_for_what_they_say(case: Any) -> None:
    """Of arrays, tensors and structures of them."""
    for passing in _passing(case):
        passing()


@pytest.mark.parametrize("number", range(24))
def test_assertions_fail_for_what_they_deny(case: Any, number: int) -> None:
    """With AssertionError."""
    failing = _failing(case)
    assert len(failing) == 24
    with pytest.raises(AssertionError):
        failing[number]()


def test_sessions_of_a_test(case: Any) -> None:
    """One that the test keeps, and ones of their own; both are the default in their block."""
    v = tf.Variable(1.0)
    with case.test_session() as first:
        v.initializer.run()
        assert tf.get_default_session() is first
    with case.test_session() as second, case.cached_session() as third:
        assert first is second is third
        assert case.evaluate({"v": v}) == {"v": 1.0}
        assert v.eval() == 1.0
    with case.session(use_gpu=True) as own:
        assert own is not first
        with pytest.raises(tf.errors.FailedPreconditionError):
            own.run(v)
    graph = tf.Graph()
    with case.session(graph=graph) as other:
        assert tf.get_default_graph() is graph is other.graph
    with case.test_session(graph=graph) as other, pytest.raises(ValueError, match="different"):
        case.cached_session(graph=graph).__enter__()
    assert other is not first


def test_each_test_begins_with_an_empty_graph_and_the_same_seeds() -> None:
    """So the same numbers are drawn, and names are the same."""
    found = []

    def play() -> None:
        case = Case()
        case.setUp()
        drawn = tf.random_uniform([2], name="drawn")
        found.append((drawn.name, case.evaluate(drawn).tolist(), np.random.rand()))
        case.tearDown()

    for _ in range(2):  # in a thread of their own, which has no default graph yet
        thread = threading.Thread(target=play)
        thread.start()
        thread.join()
    assert found[0] == found[1]
    assert found[0][0] == "drawn:0"


def test_errors_of_operations_are_matched(case: Any) -> None:
    """By message, by the operation's name, by a function; another error fails the test."""
    with case.session() as session:
        asserted = tf.Assert(tf.constant(False), ["so it is"], name="checked")
        with case.assertRaisesOpError("so it is"):
            session.run(asserted)
        with case.assertRaisesWithPredicateMatch(tf.errors.InvalidArgumentError, "checked"):
            session.run(asserted)
        with case.assertRaisesWithPredicateMatch(ValueError, lambda e: "x" in str(e)):
            raise ValueError("x")
        with (
            pytest.raises(AssertionError, match="is not what was expected: 'other'"),
            case.assertRaisesOpError("other"),
        ):
            session.run(asserted)
        with pytest.raises(AssertionError, match="not raised"), case.assertRaisesOpError("other"):
            session.run(tf.constant(1))


def test_a_thread_that_fails_fails_the_test(case: Any) -> None:
    """When it is joined; one that nobody joined, too."""
    thread = case.checkedThread(target=lambda: 1 / 0)
    thread.start()
    with pytest.raises(AssertionError, match="checkedThread: division by zero"):
        thread.join()
    forgotten = case.checkedThread(target=lambda: None)
    forgotten.start()
    with pytest.raises(AssertionError, match="was not joined"):
        case.tearDown()
    forgotten.join()


def test_directories_for_files(case: Any) -> None:
    """One for a test, below one for the process."""
    own = Path(case.get_temp_dir())
    assert own.is_dir() and own.parent == Path(tf.test.get_temp_dir())
    assert case.get_temp_dir() == str(own)


def test_gradients_are_compared_with_differences(session: tf.Session) -> None:
    """For one tensor or several, with variables, and a wrong gradient shows."""
    x = tf.placeholder(tf.float64, [2, 3])
    w = tf.Variable(np.arange(3.0), name="w")
    y = tf.reduce_sum(tf.tanh(x) * w, axis=1)
    w.initializer.run()
    exact, differences = tf.test.compute_gradient(x, [2, 3], y, [2])
    assert exact.shape == (6, 2)
    np.testing.assert_allclose(exact, differences, atol=1e-5)
    assert tf.test.compute_gradient_error(x, [2, 3], y, [2], np.ones([2, 3])) < 1e-5
    both = tf.test.compute_gradient_error([x, w.value()], [[2, 3], [3]], y, [2], delta=1e-4)
    assert both < 1e-6
    assert tf.test.compute_gradient_error(x, [2, 3], tf.stop_gradient(y), [2]) > 0.1


def test_gradients_need_a_default_session() -> None:
    """ValueError says so."""
    x = tf.placeholder(tf.float64, [2])
    with pytest.raises(ValueError, match="needs a default session"):
        tf.test.compute_gradient(x, [2], x * x, [2])


def test_the_method_that_looks_like_a_test_is_none() -> None:
    """unittest's loader finds `test_session`, which is then skipped."""
    result = unittest.TestResult()
    Case("test_session").run(result)
    assert [reason for _, reason in result.skipped] == ["Not a test."]


def test_a_program_of_tests_runs(tmp_path: Path) -> None:
    """By `tf.test.main`, as a file of TensorFlow's manner ends."""
    program = tmp_path / "add_test.py"
    program.write_text(
        textwrap.dedent(
            """
            import runtime as tf

            class AddTest(tf.test.TestCase):
                def testAdd(self):
                    with self.test_session():
                        self.assertAllEqual((tf.constant([1]) + 1).eval(), [2])

                def testWrong(self):
                    with self.session() as session:
                        self.assertAllClose(session.run(tf.constant(1.0)), 2.0)

            if __name__ == "__main__":
                tf.test.main()
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 1
    assert "FAILED (failures=1, skipped=1)" in done.stderr, done.stderr
    assert "Not equal to tolerance" in done.stderr
