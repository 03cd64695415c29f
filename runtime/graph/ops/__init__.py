"""The operations, by family. Importing this package registers all of them."""

import runtime.graph.ops.activation
import runtime.graph.ops.array
import runtime.graph.ops.checks
import runtime.graph.ops.cond
import runtime.graph.ops.control_flow
import runtime.graph.ops.convolution
import runtime.graph.ops.data_flow
import runtime.graph.ops.functional
import runtime.graph.ops.indexing
import runtime.graph.ops.layout
import runtime.graph.ops.linear_algebra
import runtime.graph.ops.loops
import runtime.graph.ops.math
import runtime.graph.ops.nn
import runtime.graph.ops.normalization
import runtime.graph.ops.norms
import runtime.graph.ops.pooling
import runtime.graph.ops.products
import runtime.graph.ops.random
import runtime.graph.ops.recurrent
import runtime.graph.ops.reduction
import runtime.graph.ops.sampling
import runtime.graph.ops.scatter
import runtime.graph.ops.script
import runtime.graph.ops.segments
import runtime.graph.ops.special
import runtime.graph.ops.state
import runtime.graph.ops.text  # noqa: F401  # imported for their registrations
