"""``tf.logging``: TensorFlow 1's logging functions on the standard library's logger.

Messages go to the logger named ``tensorflow``, as they do in TensorFlow, so that the usual ways
to configure it (``logging.getLogger("tensorflow")``) work. Level WARN by default.

Source of names and behaviour: the ``tf.compat.v1.logging`` module documentation.
"""

import itertools
import logging as _standard
import sys
import threading
from collections.abc import Iterator
from typing import Any

DEBUG = _standard.DEBUG
INFO = _standard.INFO
WARN = _standard.WARNING
ERROR = _standard.ERROR
FATAL = _standard.FATAL

_lock = threading.Lock()
_logger: _standard.Logger | None = None
_counters: dict[str, Iterator[int]] = {}


def get_logger() -> _standard.Logger:
    """The logger that all functions of this module write to.

    Returns:
        The standard library's logger named ``tensorflow``. If nobody has configured logging
        by the first use it gets a handler for standard error and the level WARN.
    """
    global _logger
    if _logger is None:
        with _lock:
            if _logger is None:
                _logger = _configured()
    return _logger


def _configured() -> _standard.Logger:
    logger = _standard.getLogger("tensorflow")
    if logger.level == _standard.NOTSET:
        logger.setLevel(WARN)
    if not logger.handlers and not _standard.getLogger().handlers:
        handler = _standard.StreamHandler(sys.stderr)
        handler.setFormatter(_standard.Formatter("%(levelname)s:%(name)s:%(message)s"))
        logger.addHandler(handler)
    return logger


def log(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message.

    Args:
        level: One of DEBUG, INFO, WARN, ERROR, FATAL, or any number.
        msg: The message, with ``%`` placeholders.
        *args: Values of the placeholders.
        **kwargs: Passed on to the standard library's logger.
    """
    get_logger().log(level, msg, *args, **kwargs)


def debug(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level DEBUG; arguments as for `log`."""
    get_logger().debug(msg, *args, **kwargs)


def info(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level INFO; arguments as for `log`."""
    get_logger().info(msg, *args, **kwargs)


def warn(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level WARN; arguments as for `log`."""
    get_logger().warning(msg, *args, **kwargs)


def warning(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level WARN; arguments as for `log`."""
    get_logger().warning(msg, *args, **kwargs)


def error(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level ERROR; arguments as for `log`."""
    get_logger().error(msg, *args, **kwargs)


def fatal(msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at level FATAL; arguments as for `log`."""
    get_logger().fatal(msg, *args, **kwargs)


def vlog(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    """Logs a message at a numeric level; arguments as for `log`."""
    get_logger().log(level, msg, *args, **kwargs)


def log_if(level: int, msg: str, condition: Any, *args: Any) -> None:
    """Logs a message if a condition is true.

    Args:
        level: The level to log at.
        msg: The message, with ``%`` placeholders.
        condition: Nothing is logged unless this is true.
        *args: Values of the placeholders.
    """
    if condition:
        log(level, msg, *args)


def log_every_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Logs the 1st, (n+1)th, (2n+1)th … call that is made from the same line.

    Args:
        level: The level to log at.
        msg: The message, with ``%`` placeholders.
        n: How many calls there are for one message.
        *args: Values of the placeholders.
    """
    log_if(level, msg, _calls_from_here() % n == 0, *args)


def log_first_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Logs only the first n calls that are made from the same line.

    Args:
        level: The level to log at.
        msg: The message, with ``%`` placeholders.
        n: How many messages there are at most.
        *args: Values of the placeholders.
    """
    log_if(level, msg, _calls_from_here() < n, *args)


def _calls_from_here() -> int:
    """How often the caller's caller has come here before."""
    frame = sys._getframe(2)
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    with _lock:
        return next(_counters.setdefault(place, itertools.count()))


def set_verbosity(v: int) -> None:
    """Sets the level below which nothing is logged.

    Args:
        v: One of DEBUG, INFO, WARN, ERROR, FATAL, or any number.
    """
    get_logger().setLevel(v)


def get_verbosity() -> int:
    """The level below which nothing is logged.

    Returns:
        The number of the level, for example ``tf.logging.WARN``.
    """
    return get_logger().getEffectiveLevel()


def flush() -> None:
    """Flushes everything that was logged."""
    for handler in get_logger().handlers:
        handler.flush()


def TaskLevelStatusMessage(msg: str) -> None:
    """Logs a message at level ERROR, as TensorFlow does with a task's status.

    Args:
        msg: The message.
    """
    error(msg)
