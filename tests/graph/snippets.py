"""Expressions of which TensorFlow has once said what they make: names, types, static shapes.

``python -m tests.graph.snippets`` writes snippets.json again; it needs TensorFlow. What stands in
snippets.txt, one expression a line, may use the tensors that `namespace` makes.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("snippets.txt")
FILE = Path(__file__).with_name("snippets.json")
SNIPPETS = SOURCE.read_text(encoding="utf-8").splitlines()


def namespace(tf: Any) -> dict[str, Any]:
    """What the expressions work on: most types of elements, known and unknown shapes."""
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    found = {
        "x": tf.placeholder(tf.float32, [None, 3], name="x"),
        "u": tf.placeholder(tf.float32, None, name="u"),
        "ax": tf.placeholder(tf.int32, [], name="ax"),
        "axv": tf.placeholder(tf.int32, [None], name="axv"),
        "n": tf.placeholder(tf.int32, [], name="n"),
        "bm": tf.placeholder(tf.bool, [None], name="bm"),
        "c": tf.constant(rows, name="c"),
        "i": _integers(tf, "i"),
        "l": _integers(tf, "l", tf.int64),
        "d": tf.constant(rows, tf.float64, name="d"),
        "h": tf.constant(rows, tf.float16, name="h"),
        "b": tf.constant([[True, False, True], [False, False, True]], name="b"),
        "s": tf.constant([["a", "b", "c"], ["dd", "ee", "ff"]], name="s"),
        "z": tf.constant([[1 + 2j, 2 - 1j, 0], [3, 4j, 5]], tf.complex64, name="z"),
        "e": tf.constant(np.zeros([0, 3], np.float32), name="e"),
        "u8": tf.constant([1, 2, 200], tf.uint8, name="u8"),
        "v": tf.Variable(rows, name="v"),
        "rv": tf.get_variable("rv", initializer=[1.0, 2.0, 3.0]),
    }
    return {"tf": tf, "np": np, **found}


def _integers(tf: Any, name: str, dtype: Any = None) -> Any:
    return tf.constant([[1, 2, 3], [4, 5, 6]], dtype or tf.int32, name=name)


def made(tf: Any, snippet: str) -> dict[str, Any]:
    """What an expression makes: its tensors, and the names it takes; or the class of its error."""
    graph = tf.Graph()
    with graph.as_default():
        names = namespace(tf)
        before = taken(graph)
        try:
            result = eval(snippet, names)
        except (TypeError, ValueError) as error:
            return {"error": "TypeError" if isinstance(error, TypeError) else "ValueError"}
    return {"tensors": list(tensors(result)), "names": sorted(taken(graph) - before)}


def taken(graph: Any) -> set[str]:
    """The names at the top that no other operation can have."""
    names = graph._names_in_use if hasattr(graph, "_names_in_use") else graph._names
    return {name for name in names if "/" not in name}


def tensors(value: Any) -> Iterator[list[Any]]:
    """Names, types and static shapes of the tensors in nested tuples and lists."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)
    elif hasattr(value, "get_shape"):
        shape = value.get_shape()
        yield [
            value.name,
            value.dtype.base_dtype.name,
            None if shape.ndims is None else shape.as_list(),
        ]
    elif value is not None:
        yield [str(getattr(value, "name", type(value).__name__))]


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    found = {snippet: made(tf, snippet) for snippet in SNIPPETS}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
