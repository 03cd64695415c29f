"""Values and gradients of the cases as TensorFlow computes them; run with its interpreter.

The table of cases says `import runtime as tf`; here that name means TensorFlow.
"""

import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow.compat.v1 as tf

sys.modules["runtime"] = tf
tf.disable_control_flow_v2()
from tests.graph.cases import CASES, Case  # noqa: E402  # it takes what `runtime` means by now
from tests.graph.cases_distributions import DISTRIBUTION_CASES  # noqa: E402
from tests.graph.cases_image import IMAGE_CASES  # noqa: E402
from tests.graph.cases_math import MATH_CASES  # noqa: E402
from tests.graph.cases_nn import NN_CASES  # noqa: E402
from tests.graph.cases_spatial import SPATIAL_CASES  # noqa: E402


def figures(case: Case) -> dict[str, Any]:
    """The value of a case and its gradients, or the class and message of an error."""
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = [tf.placeholder(x.dtype, x.shape) for x in case.inputs]
        feeds = dict(zip(tensors, case.inputs, strict=True))
        try:
            result = tf.convert_to_tensor(case.make(*tensors))
            found = {"value": session.run(result, feeds)}
            if case.smooth:
                weights = np.random.default_rng(1).normal(size=found["value"].shape)
                loss = tf.reduce_sum(result * tf.constant(weights, result.dtype))
                sources = [tensors[index] for index in case.smooth]
                for index, slope in zip(case.smooth, tf.gradients(loss, sources), strict=True):
                    dense = tf.convert_to_tensor(slope)
                    found[f"gradient{index}"] = session.run(dense, feeds)
        except Exception as error:  # whatever it is, the test shows it
            return {"error": np.array(f"{type(error).__name__}: {error}"[:500])}
    return found


if __name__ == "__main__":
    arrays = {
        f"{case.name}|{kind}": array
        for case in CASES + DISTRIBUTION_CASES + IMAGE_CASES + MATH_CASES + NN_CASES + SPATIAL_CASES
        for kind, array in figures(case).items()
    }
    np.savez(sys.argv[1], **arrays)
