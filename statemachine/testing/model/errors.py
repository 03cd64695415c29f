"""Error classes of the model, named as TensorFlow's."""


class OpError(Exception):
    """Base of the errors of a raw session."""


class OutOfRangeError(OpError):
    """The input has come to its end."""


class AbortedError(OpError):
    """The other side gave up."""


class UnavailableError(OpError):
    """The other side cannot be reached."""


class InvalidArgumentError(OpError):
    """An operation cannot work on what it was given."""


class UnknownError(OpError):
    """An operation failed in a way that has no class."""


class FailedPreconditionError(OpError):
    """A variable has no value yet."""


class NotFoundError(OpError):
    """A checkpoint lacks a variable."""


PREEMPTION = (AbortedError, UnavailableError)
END_OF_INPUT = (OutOfRangeError, StopIteration)
