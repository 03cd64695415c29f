"""The operations, by family. Importing this package registers all of them."""

import runtime.graph.ops.array
import runtime.graph.ops.control_flow
import runtime.graph.ops.data_flow
import runtime.graph.ops.math
import runtime.graph.ops.nn
import runtime.graph.ops.random
import runtime.graph.ops.reduction
import runtime.graph.ops.script
import runtime.graph.ops.state  # noqa: F401  # imported for their registrations
