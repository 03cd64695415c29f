"""How many scenarios a second `check_session` plays and judges, on one core.

The quick profile is run on this package's own session classes, and a part of it on TensorFlow's.
Drawing a scenario, deriving what is expected, playing it on the session (its construction, its
event log and its end included), and all checks are in the rate. The time is that of the process,
so that what else the machine does disturbs little.

Run it with `python -m benchmarks.conformance`. TensorFlow is named and left out where it is not
installed. Nothing is asserted: the target, 500 scenarios a second on our session, is only printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterable

from runtime.testing import QUICK, SessionAdapter, check_session
from runtime.testing.numpy_sessions import monitored, singular
from statemachine.testing import Known

TARGET = 500


def rate(adapter: SessionAdapter, examples: int, known: Iterable[Known] = ()) -> float:
    """Scenarios in a second of the process's time."""
    began = time.process_time()
    report = check_session(adapter, max_examples=examples, known=known)
    took = time.process_time() - began
    report.raise_if_failed()
    return examples / took


def show(adapter: SessionAdapter, rates: list[float], told: str = "") -> None:
    print(f"{adapter.name:<45} {statistics.median(rates):>8.0f} scenarios/s{told}")


def tensorflow(examples: int) -> None:
    """The same on TensorFlow's own classes, whose graph is the real one."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from runtime.testing import tensorflow_sessions as real

    try:
        adapters = [real.TensorFlowSession(), real.TensorFlowMonitoredSession()]
    except ImportError as error:
        print(f"TensorFlow is left out: {error}")
        return
    for adapter in adapters:
        show(adapter, [rate(adapter, examples, real.known())], "  (with TensorFlow's graph)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=QUICK)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(
        "Sessions, coordinator, log and checks are the real ones. Graph and raw session are\n"
        "the kit's, in plain Python, except for TensorFlow's; what the NumPy graph would take to\n"
        "compute is not in the rate. Seconds are those of the process."
    )
    for adapter in (singular, monitored):
        rate(adapter, 50)  # what is made once
        rates = [rate(adapter, options.examples) for _ in range(options.rounds)]
        show(adapter, rates, f"  (target {TARGET})")
    tensorflow(max(1, options.examples // 10))


if __name__ == "__main__":
    main()
