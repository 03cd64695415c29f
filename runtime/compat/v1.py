"""``tf.compat.v1`` is the package itself: ``import runtime.compat.v1 as tf`` gives `runtime`."""

import sys

import runtime

sys.modules[__name__] = runtime
