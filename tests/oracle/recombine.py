"""Makes new scenarios from parts of recorded ones.

For these there is no trace of TensorFlow's. What is expected is what the model derives, which
gives TensorFlow's traces for all recorded ones.
"""

import copy
import random
from collections.abc import Sequence
from typing import Any

from tests.oracle.corpora import Row

OPTIONAL = (
    ("mode", 0.25),
    ("ckpt_dir", 0.15),
    ("ckpt_file", 0.1),
    ("scaffold", 0.3),
    ("session_create", 0.03),
    ("raw_close", 0.05),
    ("pre_finalized", 0.03),
    ("hooks_as", 0.15),
    ("qr", 0.2),
    ("after", 0.5),
    ("reopen", 0.1),
)


def recombined(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Returns a scenario whose parts come from several of the rows."""
    choose = random.Random(seed)
    scenario: dict[str, Any] = {"session": rows[0].scenario["session"]}
    for key, chance in OPTIONAL:
        values = [row.scenario[key] for row in rows if key in row.scenario]
        if values and choose.random() < chance:
            scenario[key] = choose.choice(values)
    scenario["hooks"] = _hooks(rows, choose)
    scenario["body"] = _operations(rows, choose)
    if "'stuck'" in repr(scenario):
        scenario["grace"] = 1
    if "dup_init_op" in (scenario.get("scaffold") or {}):
        scenario.pop("pre_finalized", None)  # Such a scaffold cannot be finalized beforehand.
    return copy.deepcopy(scenario)


def _hooks(rows: Sequence[Row], choose: random.Random) -> list[Any]:
    known = [hook for row in rows for hook in row.scenario.get("hooks", []) if hook]
    hooks: list[Any] = [choose.choice(known) for _ in range(choose.choice((0, 1, 1, 2, 2, 3)))]
    return [hook if hook.get("same_as", 0) < at else {} for at, hook in enumerate(hooks)]


def _operations(rows: Sequence[Row], choose: random.Random) -> list[Any]:
    known = [operation for row in rows for operation in row.scenario.get("body", [])]
    return [choose.choice(known) for _ in range(choose.choice((0, 1, 2, 3, 4, 6)))]
