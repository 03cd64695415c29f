"""Imports what every graph needs, in an order in which that works: operators, variables, gradients.

The other families of operations are imported when one of their names is first used.
"""

import runtime.graph.gradients
import runtime.graph.ops.array
import runtime.graph.ops.control_flow
import runtime.graph.ops.math
import runtime.graph.ops.reduction
import runtime.graph.ops.state
import runtime.graph.variables  # noqa: F401  # imported for their registrations
