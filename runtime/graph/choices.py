"""Enumerations that arguments are chosen from."""

import enum

from runtime.graph.export import export


@export("UnconnectedGradients")
class UnconnectedGradients(enum.Enum):
    """What `gradients` gives for a tensor that nothing depends on."""

    NONE = "none"
    ZERO = "zero"


@export("VariableSynchronization")
class VariableSynchronization(enum.Enum):
    """How copies of a variable on several devices are kept alike; there is only one device."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


@export("VariableAggregation")
class VariableAggregation(enum.Enum):
    """How updates of copies of a variable are joined; there is only one copy."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3
    ONLY_FIRST_TOWER = 3
