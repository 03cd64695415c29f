"""From what a kernel raised to one of the classes of `tf.errors`, with the operation named."""

from collections.abc import Callable
from typing import NoReturn

from runtime import errors
from runtime.graph.operation import Operation, described
from runtime.graph.plan import Program
from runtime.graph.state import VariableCell

_CLASSES: tuple[tuple[type[BaseException], type[errors.OpError]], ...] = (
    (NotImplementedError, errors.UnimplementedError),
    (MemoryError, errors.ResourceExhaustedError),
    (ValueError, errors.InvalidArgumentError),
    (TypeError, errors.InvalidArgumentError),
    (IndexError, errors.InvalidArgumentError),
    (ArithmeticError, errors.InvalidArgumentError),
)
_ADDING = ("AssignAdd", "AssignSub")


def reraise(error: Exception, program: Program | None) -> NoReturn:
    """Raises the error that a user sees for what went wrong in a run.

    Args:
        error: What was raised.
        program: The plan in which it was raised, if it was raised in one.

    Raises:
        tf.errors.OpError: Of the class that fits, if an operation failed. The message names the
            operation, its type and where it was made.
        Exception: The error itself, if it did not come out of an operation.
    """
    op = None if program is None else program.failed_operation(error)
    if op is None and isinstance(error, errors.OpError):
        op = error.op
    if not isinstance(op, Operation):
        raise error
    kind, message = _kind_and_message(error, op)
    raise kind(op.node_def, op, f"{message}\n\t[in {described(op)}]") from error


def _kind_and_message(error: Exception, op: Operation) -> tuple[Callable[..., errors.OpError], str]:
    if isinstance(error, errors.OpError):
        return errors.exception_type_from_error_code(error.error_code), error.message
    if isinstance(error, AttributeError) and isinstance(error.obj, VariableCell):
        # TensorFlow's classes: adding to a variable wants one to be there, reading wants a value.
        message = uninitialized(error.obj.name)
        if op.type in _ADDING:
            return errors.NotFoundError, message
        return errors.FailedPreconditionError, message
    for cause, kind in _CLASSES:
        if isinstance(error, cause):
            return kind, str(error) or type(error).__name__
    return errors.InternalError, f"{type(error).__name__}: {error}"


def uninitialized(name: str) -> str:
    """What is said about reading a variable that has no value.

    Args:
        name: The variable's name.

    Returns:
        The message.
    """
    return (
        f"Attempting to use uninitialized value {name}: the variable has no value in this "
        "session. Run its initializer (for all of them: tf.global_variables_initializer()) or "
        "restore it from a checkpoint first."
    )
