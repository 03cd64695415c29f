"""Runs every Python block of the README and of the guides as a test.

The blocks of one document build on each other: parallel runs need `--dist loadfile`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Each document is read by somebody in an empty directory, with a graph of their own."""
    import runtime as tf

    directory = tmp_path_factory.mktemp("reader")
    before = Path.cwd()
    os.chdir(directory)
    with tf.Graph().as_default():
        yield directory
    os.chdir(before)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], patterns=["*.md"], fixtures=["reader"]
).pytest()
