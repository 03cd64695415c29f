"""Each test of the graph has a graph of its own."""

from collections.abc import Iterator

import pytest

import runtime as tf

# Run by another interpreter, in which TensorFlow is installed.
collect_ignore_glob = ["tensorflow_*.py"]


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def session(graph: tf.Graph) -> Iterator[tf.Session]:
    with tf.Session(graph=graph) as session:
        yield session
