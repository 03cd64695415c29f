"""The error classes of ``tf.errors``.

Each class stands for one status code of the TensorFlow runtime. Code that catches
``tf.errors.OutOfRangeError`` and its siblings works unchanged.

Source of the names, codes and attributes: the ``tf.compat.v1.errors`` module documentation.
"""

from collections.abc import Mapping
from typing import Any

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """Base of every error that an operation raises while a session runs it."""

    def __init__(
        self,
        node_def: Any,  # a description of the node, whatever the raiser has; TensorFlow: NodeDef
        op: Any,  # the Operation; untyped because errors must not import the graph
        message: str,
        error_code: int,
        *payloads: Mapping[str, Any],
    ) -> None:
        """Holds what is known about a failed operation.

        Args:
            node_def: Description of the node that failed, or None.
            op: The operation that failed, or None.
            message: What went wrong.
            error_code: One of the codes of this module.
            *payloads: Mappings with further, experimental, information.
        """
        super().__init__(node_def, op, message, error_code)
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = error_code
        self._payloads: dict[str, Any] = {}
        for payload in payloads:
            self._payloads.update(payload)

    @property
    def node_def(self) -> Any:
        """Description of the node that failed, or None."""
        return self._node_def

    @property
    def op(self) -> Any:
        """The operation that failed, if it is known, else None."""
        return self._op

    @property
    def message(self) -> str:
        """What went wrong."""
        return self._message

    @property
    def error_code(self) -> int:
        """The status code, for example ``tf.errors.OUT_OF_RANGE``."""
        return self._error_code

    @property
    def experimental_payloads(self) -> dict[str, Any]:
        """Further information that the raiser attached."""
        return self._payloads

    def __str__(self) -> str:
        """The message alone."""
        return str(self._message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles without the operation, which belongs to a live graph."""
        if type(self) is OpError:
            return OpError, (None, None, self._message, self._error_code)
        return type(self), (None, None, self._message)


class _CodedError(OpError):
    """An error class with a fixed status code."""

    _code = UNKNOWN

    def __init__(self, node_def: Any, op: Any, message: str, *payloads: Mapping[str, Any]) -> None:
        """Holds what is known about a failed operation.

        Args:
            node_def: Description of the node that failed, or None.
            op: The operation that failed, or None.
            message: What went wrong.
            *payloads: Mappings with further, experimental, information.
        """
        super().__init__(node_def, op, message, self._code, *payloads)


class CancelledError(_CodedError):
    """An operation was cancelled, for example by closing its session or queue."""

    _code = CANCELLED


class UnknownError(_CodedError):
    """An error of which nothing better is known, for example any exception in a py_func."""

    _code = UNKNOWN

    def __init__(self, node_def: Any, op: Any, message: str, *args: Any) -> None:
        """Holds what is known about a failed operation.

        Args:
            node_def: Description of the node that failed, or None.
            op: The operation that failed, or None.
            message: What went wrong.
            *args: Optionally an error code; then mappings with further information.
        """
        codes = [argument for argument in args if isinstance(argument, int)]
        super().__init__(node_def, op, message, *[a for a in args if not isinstance(a, int)])
        if codes:
            self._error_code = codes[0]


class InvalidArgumentError(_CodedError):
    """An operation got an argument that it cannot work with."""

    _code = INVALID_ARGUMENT


class DeadlineExceededError(_CodedError):
    """An operation did not finish within the time that was set for it."""

    _code = DEADLINE_EXCEEDED


class NotFoundError(_CodedError):
    """Something that was asked for, such as a file or a tensor in it, does not exist."""

    _code = NOT_FOUND


class AlreadyExistsError(_CodedError):
    """Something that was to be made exists already."""

    _code = ALREADY_EXISTS


class PermissionDeniedError(_CodedError):
    """The caller may not do what it asked for."""

    _code = PERMISSION_DENIED


class ResourceExhaustedError(_CodedError):
    """Memory, disk or another resource ran out."""

    _code = RESOURCE_EXHAUSTED


class FailedPreconditionError(_CodedError):
    """The system is not in the state that is needed, e.g. a variable is uninitialized."""

    _code = FAILED_PRECONDITION


class AbortedError(_CodedError):
    """An operation was aborted; trying again may help."""

    _code = ABORTED


class OutOfRangeError(_CodedError):
    """The end of the input was reached."""

    _code = OUT_OF_RANGE


class UnimplementedError(_CodedError):
    """The operation is not there, or not for these arguments."""

    _code = UNIMPLEMENTED


class InternalError(_CodedError):
    """An invariant of the runtime is broken."""

    _code = INTERNAL


class UnavailableError(_CodedError):
    """The runtime cannot be reached at the moment; trying again may help."""

    _code = UNAVAILABLE


class DataLossError(_CodedError):
    """Data is damaged beyond repair, for example a truncated checkpoint."""

    _code = DATA_LOSS


class UnauthenticatedError(_CodedError):
    """The caller could not be authenticated."""

    _code = UNAUTHENTICATED


_CLASSES: dict[int, type[_CodedError]] = {
    cls._code: cls
    for cls in (
        CancelledError,
        UnknownError,
        InvalidArgumentError,
        DeadlineExceededError,
        NotFoundError,
        AlreadyExistsError,
        PermissionDeniedError,
        ResourceExhaustedError,
        FailedPreconditionError,
        AbortedError,
        OutOfRangeError,
        UnimplementedError,
        InternalError,
        UnavailableError,
        DataLossError,
        UnauthenticatedError,
    )
}


def exception_type_from_error_code(error_code: int) -> type[OpError]:
    """The error class of a status code.

    Args:
        error_code: One of the codes of this module, except OK.

    Returns:
        The class whose instances carry that code.

    Raises:
        KeyError: If no class has that code.
    """
    return _CLASSES[error_code]


def error_code_from_exception_type(cls: type[OpError]) -> int:
    """The status code of an error class.

    Args:
        cls: One of the error classes of this module.

    Returns:
        Its code. A class that is not of this module gives that of UnknownError.
    """
    for code, known in _CLASSES.items():
        if known is cls:
            return code
    return UNKNOWN
