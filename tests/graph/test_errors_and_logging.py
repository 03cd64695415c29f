"""tf.errors and tf.logging."""

import logging
import pickle

import pytest

import runtime as tf

CODES = {
    "CANCELLED": tf.errors.CancelledError,
    "UNKNOWN": tf.errors.UnknownError,
    "INVALID_ARGUMENT": tf.errors.InvalidArgumentError,
    "DEADLINE_EXCEEDED": tf.errors.DeadlineExceededError,
    "NOT_FOUND": tf.errors.NotFoundError,
    "ALREADY_EXISTS": tf.errors.AlreadyExistsError,
    "PERMISSION_DENIED": tf.errors.PermissionDeniedError,
    "RESOURCE_EXHAUSTED": tf.errors.ResourceExhaustedError,
    "FAILED_PRECONDITION": tf.errors.FailedPreconditionError,
    "ABORTED": tf.errors.AbortedError,
    "OUT_OF_RANGE": tf.errors.OutOfRangeError,
    "UNIMPLEMENTED": tf.errors.UnimplementedError,
    "INTERNAL": tf.errors.InternalError,
    "UNAVAILABLE": tf.errors.UnavailableError,
    "DATA_LOSS": tf.errors.DataLossError,
    "UNAUTHENTICATED": tf.errors.UnauthenticatedError,
}


def test_codes_have_tensorflows_numbers() -> None:
    """1 to 16 in this order, OK is 0."""
    assert tf.errors.OK == 0
    assert [getattr(tf.errors, name) for name in CODES] == list(range(1, 17))


@pytest.mark.parametrize("name", CODES)
def test_each_class_has_its_code_and_attributes(name: str) -> None:
    """Also after pickling, and by both functions that convert."""
    cls, code = CODES[name], getattr(tf.errors, name)
    error = cls("node", None, "what happened", {"key": 1})
    assert (error.error_code, error.node_def, error.op) == (code, "node", None)
    assert (error.message, str(error)) == ("what happened", "what happened")
    assert error.experimental_payloads == {"key": 1}
    assert tf.errors.exception_type_from_error_code(code) is cls
    assert tf.errors.error_code_from_exception_type(cls) == code
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls and copy.message == "what happened"


def test_the_base_class_takes_any_code() -> None:
    """And is the base of all."""
    error = tf.errors.OpError(None, None, "m", 7)
    assert error.error_code == 7
    assert pickle.loads(pickle.dumps(error)).error_code == 7
    assert tf.errors.UnknownError(None, None, "m", 5).error_code == 5
    assert all(issubclass(cls, tf.errors.OpError) for cls in CODES.values())
    with pytest.raises(KeyError):
        tf.errors.exception_type_from_error_code(99)


def test_logging_writes_to_tensorflows_logger(caplog: pytest.LogCaptureFixture) -> None:
    """At the level that was set; WARN at first."""
    assert tf.logging.get_logger() is logging.getLogger("tensorflow")
    before = tf.logging.get_verbosity()
    try:
        tf.logging.set_verbosity(tf.logging.INFO)
        tf.logging.info("step %d", 3)
        tf.logging.debug("not shown")
        tf.logging.warn("careful")
        tf.logging.error("bad")
    finally:
        tf.logging.set_verbosity(before)
    assert [(r.levelname, r.message) for r in caplog.records] == [
        ("INFO", "step 3"),
        ("WARNING", "careful"),
        ("ERROR", "bad"),
    ]


def test_logging_can_be_thinned_out(caplog: pytest.LogCaptureFixture) -> None:
    """Every n-th call, or the first n calls, from one line."""
    for number in range(7):
        tf.logging.log_every_n(tf.logging.ERROR, "every %d", 3, number)
        tf.logging.log_first_n(tf.logging.ERROR, "first %d", 2, number)
        tf.logging.log_if(tf.logging.ERROR, "if %d", number == 6, number)
    assert [r.message for r in caplog.records] == [
        "every 0",
        "first 0",
        "first 1",
        "every 3",
        "every 6",
        "if 6",
    ]
