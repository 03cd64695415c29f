"""What TensorFlow's pipelines give; run with its interpreter.

The table of pipelines says `import runtime as tf`; here that name means TensorFlow.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow.compat.v1 as tf

sys.modules["runtime"] = tf
tf.disable_v2_behavior()
from tests.graph.pipelines import PIPELINES, outcome  # noqa: E402  # as `runtime` means by now

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({name: outcome(name) for name in PIPELINES}))
