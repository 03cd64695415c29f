"""Python functions in the graph."""

from typing import Any

import numpy as np
import pytest

import runtime as tf


def test_a_function_gets_arrays_and_gives_arrays(session: tf.Session) -> None:
    """One output, several, or none."""
    x = tf.constant([1.0, 2.0])
    one = tf.py_func(lambda a: a * 2, [x], tf.float32)
    several = tf.py_func(lambda a: (a, np.int64(3)), [x], [tf.float32, tf.int64])
    none = tf.py_func(lambda: None, [], [])
    assert session.run(one).tolist() == [2.0, 4.0]
    assert isinstance(several, list)
    assert session.run(several)[1] == 3
    assert session.run(none) is None and isinstance(none, tf.Operation)
    assert isinstance(tf.py_func(lambda: [1.0], [], [tf.float32]), list)


def test_scalars_come_as_numpy_scalars_and_strings_as_bytes(session: tf.Session) -> None:
    """And go back as text or bytes."""
    seen: list[Any] = []

    def function(number: Any, text: Any) -> Any:
        seen.extend([number, text])
        return text.decode() + "!"

    result = tf.py_func(function, [1.0, "a"], tf.string)
    assert session.run(result) == b"a!"
    assert type(seen[0]) is np.float32 and seen[1] == b"a"


def test_python_numbers_take_the_declared_type(session: tf.Session) -> None:
    """Of the same kind."""
    assert session.run(tf.py_func(lambda: 1.5, [], tf.float32)).dtype == np.float32
    assert session.run(tf.py_func(lambda: 3, [], tf.int32)).dtype == np.int32
    assert session.run(tf.py_func(lambda: [1, 2], [], tf.int64)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("function", "types", "part"),
    [
        (lambda: np.float64(1.0), tf.float32, "float64, but expects float32"),
        (lambda: (1.0, 2.0), [tf.float32, tf.float32, tf.float32], "2 values.*3 values"),
        (lambda: None, tf.float32, "None"),
        (lambda: "text", tf.float32, "string, but expects float32"),
    ],
)
def test_a_wrong_result_is_an_invalid_argument(
    function: Any, types: Any, part: str, session: tf.Session
) -> None:
    """The message says what was expected."""
    result = tf.py_func(function, [], types)
    with pytest.raises(tf.errors.InvalidArgumentError, match=part):
        session.run(result)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("why"), tf.errors.InvalidArgumentError),
        (TypeError("why"), tf.errors.InvalidArgumentError),
        (StopIteration("why"), tf.errors.OutOfRangeError),
        (NotImplementedError("why"), tf.errors.UnimplementedError),
        (MemoryError("why"), tf.errors.ResourceExhaustedError),
        (RuntimeError("why"), tf.errors.UnknownError),
        (KeyError("why"), tf.errors.UnknownError),
        (tf.errors.AbortedError(None, None, "why"), tf.errors.UnknownError),
        (tf.errors.OutOfRangeError(None, None, "why"), tf.errors.UnknownError),
    ],
)
def test_errors_become_those_of_tensorflow(
    raised: Exception, expected: type[Exception], session: tf.Session
) -> None:
    """The message keeps class and text, the original is the cause."""

    def function() -> None:
        raise raised

    result = tf.py_func(function, [], tf.float32, name="f")
    with pytest.raises(tf.errors.OpError) as error:
        session.run(result)
    assert type(error.value) is expected
    assert f"{type(raised).__name__}: " in str(error.value) and "why" in str(error.value)
    assert "'f' (PyFunc)" in str(error.value)
    assert error.value.op is result.op


def test_an_interrupt_comes_out_as_it_is(session: tf.Session) -> None:
    """KeyboardInterrupt is no failure of the operation."""

    def function() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.run(tf.py_func(function, [], tf.float32))


def test_a_function_may_keep_and_change_what_it_gets(session: tf.Session) -> None:
    """Constants and variables are not reached by it."""
    constant, variable = tf.constant([1.0, 1.0]), tf.Variable([2.0, 2.0])
    session.run(variable.initializer)
    kept: list[Any] = []

    def function(a: Any, b: Any) -> Any:
        kept.extend([a, b])
        a[:] = b[:] = 9.0
        return kept[0]

    result = tf.py_func(function, [constant, variable], tf.float32)
    changed = result * 2.0
    assert session.run(changed).tolist() == [18.0, 18.0]
    assert kept[0].tolist() == [9.0, 9.0]
    assert session.run(constant).tolist() == [1.0, 1.0]
    assert session.run(variable).tolist() == [2.0, 2.0]


def test_it_runs_in_every_run(session: tf.Session) -> None:
    """It is never folded, stateful or not."""
    calls: list[int] = []
    for stateful in (True, False):
        f = tf.py_func(lambda: calls.append(1) or 1.0, [], tf.float32, stateful)  # type: ignore[func-returns-value]
        session.run(f)
        session.run(f)
    assert len(calls) == 4


def test_only_functions_are_accepted() -> None:
    """The message shows what was given."""
    with pytest.raises(ValueError, match="callable, got 3"):
        tf.py_func(3, [], tf.float32)


def test_print_and_assert(session: tf.Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Print writes to standard error, as often as it was told; Assert raises."""
    x = tf.placeholder_with_default([1.0, 2.0, 3.0, 4.0], [4])
    shown = tf.Print(x, [x, "text"], message="x: ", first_n=2, summarize=2)
    for _ in range(3):
        assert session.run(shown).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert capsys.readouterr().err == "x: [1 2...][text]\n" * 2
    check = tf.Assert(tf.reduce_all(x > 1.0), [x])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"assertion failed: \[1 2 3"):
        session.run(check)
