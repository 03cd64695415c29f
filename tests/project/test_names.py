"""Where names come from: the list of modules is fresh, and a name costs only its own module."""

import subprocess
import sys

import pytest

import runtime
from runtime.graph.naming import TARGET, rendered


def test_the_list_of_names_is_fresh() -> None:
    """runtime/names.py holds what the modules export."""
    stale = "stale: run `python -m runtime.graph.naming`"
    assert TARGET.read_text(encoding="utf-8") == rendered(), stale


def test_each_listed_name_is_there() -> None:
    """dir(tf) lists what can be had, in all namespaces."""
    for name in dir(runtime):
        assert getattr(runtime, name) is not None or name == "newaxis"
    for namespace in ("nn", "math", "layers", "initializers", "io.gfile", "nn.rnn_cell"):
        found = runtime
        for part in namespace.split("."):
            found = getattr(found, part)
        names = [name for name in dir(found) if not name.startswith("__")]
        assert names and all(hasattr(found, name) for name in names)


def _loaded_after(statements: str) -> set[str]:
    program = f"import sys; {statements}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_runtime_imports_no_operations() -> None:
    """Not even NumPy: that comes with the first name that needs it."""
    loaded = _loaded_after("import runtime")
    assert "numpy" not in loaded and "runtime.graph.ops.math" not in loaded


@pytest.mark.parametrize("name", ["runtime.graph.ops.convolution", "runtime.graph.layers"])
def test_a_graph_imports_only_what_it_uses(name: str) -> None:
    """A perceptron needs no convolution."""
    loaded = _loaded_after("import runtime as tf; tf.nn.relu(tf.constant([1.0]) * 2)")
    assert "runtime.graph.ops.activation" in loaded and name not in loaded


@pytest.mark.parametrize("first", sorted({"runtime.graph.ops.math", "runtime.train", "runtime.nn"}))
def test_a_module_can_be_imported_first(first: str) -> None:
    """Whatever is imported first, the interpreter gets to the end."""
    assert first in _loaded_after(f"import {first}")
