"""Writes docs/vocabulary.md: every public name, with the first sentence of its description.

``python -m tests.project.vocabulary`` writes it again.
"""

import inspect
from pathlib import Path
from typing import Any

import runtime as tf

FILE = Path(__file__).parents[2] / "docs" / "vocabulary.md"
CONTRIB = (
    *(
        "",
        ".data",
        ".framework",
        ".layers",
        ".layers.utils",
        ".lookup",
        ".losses",
        ".metrics",
        ".slim",
        ".slim.evaluation",
    ),
    *(".slim.learning", ".slim.losses", ".slim.model_analyzer", ".slim.utils", ".training"),
    *(".distributions", ".crf", ".legacy_seq2seq", ".opt", ".rnn", ".seq2seq", ".util"),
)
NAMESPACES = (
    *(
        "",
        "app",
        "bitwise",
        "compat",
        "data",
        "debugging",
        "distributions",
        "dtypes",
        "errors",
        "flags",
        "gfile",
    ),
    *("graph_util", "image", "initializers", "io", "layers", "linalg", "logging", "lookup"),
    *("lookup.experimental", "losses", "manip", "math", "metrics", "nest", "nn", "nn.rnn_cell"),
    *("python_io", "queue", "random", "sets", "sparse", "strings", "summary", "sysconfig"),
    *("test", "train", "version"),
    *(f"contrib{name}" for name in CONTRIB),
)
HEAD = """# What is there

All public names, by namespace, with the arguments that TensorFlow 1 gives them;
`help(tf.nn.conv2d)` tells more. What is asked for and not there fails at once, with the nearest
name. What else differs, [Moving a program over](moving.md) says. This page is written by
`python -m tests.project.vocabulary`.
"""


def _place(namespace: str) -> Any:
    place: Any = tf
    for part in namespace.split(".") if namespace else ():
        place = getattr(place, part, None)
    return place


def _is_public(value: Any) -> bool:
    home = getattr(value, "__module__", None) or type(value).__module__
    return not inspect.ismodule(value) and home.startswith(("runtime", "statemachine"))


def _only_imported(place: Any, value: Any) -> bool:
    """Whether a plain module, which says nothing of what is public in it, has it from another."""
    plain = inspect.ismodule(place) and not {"__dir__", "__all__"} & vars(place).keys()
    return plain and getattr(value, "__module__", None) != place.__name__


def _sentence(value: Any) -> str:
    if isinstance(value, tf.DType):
        return "An element type."
    described = value if inspect.isroutine(value) or inspect.isclass(value) else type(value)
    first = (inspect.getdoc(described) or "").partition("\n\n")[0]
    return first.replace("\n", " ").replace("|", "\\|")


def text() -> str:
    """The whole page."""
    parts = [HEAD]
    for namespace in NAMESPACES:
        place = _place(namespace)
        names = [] if place is None else sorted(set(dir(place)), key=lambda n: (n.lower(), n))
        found = [(n, getattr(place, n)) for n in names if not n.startswith("_")]
        found = [(n, v) for n, v in found if _is_public(v) and not _only_imported(place, v)]
        rows = [f"| `{n}` | {_sentence(v)} |" for n, v in found]
        if rows:
            title = f"tf.{namespace}" if namespace else "tf"
            parts.append(
                "\n".join([f"## `{title}`", "", "| Name | What it is |", "|---|---|", *rows])
            )
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
