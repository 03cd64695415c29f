"""How scenarios are spread over fault points: ``python -m statemachine.testing.distribution``."""

import sys
from collections import Counter
from collections.abc import Iterable
from random import Random

from statemachine.testing.building import BYTES, Builder, fault_points, possible_fault_points
from statemachine.testing.features import FEATURES, Feature


def distribution(
    count: int = 10_000, features: Iterable[Feature] = FEATURES, seed: int = 0
) -> dict[str, int]:
    """In how many of so many scenarios each fault point occurs; all that are possible are named."""
    able = frozenset(features)
    builder, random = Builder(able), Random(seed)
    found: Counter[str] = Counter()
    for _ in range(count):
        found.update(set(fault_points(builder.build(random.randbytes(BYTES)))))
    return {point: found[point] for point in possible_fault_points(able)}


def main() -> None:
    """Print the distribution."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for point, times in distribution(count).items():
        print(f"{point:<40} {times:>6} {100 * times / count:6.2f} %")


if __name__ == "__main__":
    main()
