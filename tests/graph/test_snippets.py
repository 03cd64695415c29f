"""What an expression makes has the name, the type and the static shape that TensorFlow gives it."""

import json

import pytest

import runtime as tf
from tests.graph.snippets import FILE, SNIPPETS, made

RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_an_expression_makes_what_tensorflow_makes(snippet: str) -> None:
    """Tensors with their names, types and shapes, the names it takes from others, or its error."""
    found = json.loads(json.dumps(made(tf, snippet)))
    assert found == RECORDED[snippet]
