"""The table of the ways to stop is what the documents show, and what a session does."""

from pathlib import Path

import pytest

import runtime as tf
from statemachine.stops import TARGET, WAYS, calls_after, written

ROOT = Path(__file__).parents[2]


def test_the_document_shows_the_table() -> None:
    """docs/hooks.md holds what the table of the lifecycle gives."""
    document = (ROOT / TARGET).read_text(encoding="utf-8")
    assert written(document) == document, "stale: run `python -m statemachine.stops`"


class Raises(tf.train.SessionRunHook):
    """Raises an error, or asks for a stop, in one of its methods."""

    def __init__(self, method: str, error: type[Exception] | None) -> None:
        def act(*_: object) -> None:
            if error is not None:
                raise error
            _[0].request_stop()

        setattr(self, method, act)


class Notes(tf.train.SessionRunHook):
    """Notes which of its methods are called."""

    def __init__(self, calls: list[str]) -> None:
        self.after_run = lambda *_: calls.append("delivering")
        self.end = lambda *_: calls.append("ending")


def way_of(point: str, ends_owed: bool):
    return next(way for way in WAYS if (way.point, way.ends_owed) == (point, ends_owed))


@pytest.mark.parametrize(
    ("method", "error", "point", "ends_owed"),
    [
        ("before_run", None, "gathering", True),
        ("before_run", StopIteration, "gathering!", True),
        ("after_run", StopIteration, "delivering!", True),
        ("before_run", KeyError, "gathering!", False),
        ("after_run", KeyError, "delivering!", False),
        ("end", KeyError, "ending!", False),
        ("begin", KeyError, "beginning!", False),
        ("after_create_session", KeyError, "announcing!", False),
    ],
)
def test_a_session_does_what_the_table_says(method, error, point, ends_owed) -> None:
    """The calls that a second hook gets after the first one raised are those of the row."""
    calls: list[str] = []
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        try:
            with tf.train.SingularMonitoredSession(
                hooks=[Raises(method, error), Notes(calls)]
            ) as session:
                session.run(value)
                if method == "end":
                    calls.clear()
        except KeyError:
            pass
    expected = calls_after(way_of(point, ends_owed)) & {"delivering", "ending"}
    assert set(calls) == expected
