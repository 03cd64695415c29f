"""The sentences of the documentation that the rules of the ordering come from."""

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Final

_FILE: Final = "sentences.toml"


@lru_cache(maxsize=1)
def sentences() -> dict[str, str]:
    """For each rule's id the sentence of the documentation, or what was observed."""
    text = resources.files("statemachine").joinpath(_FILE).read_text("utf-8")
    return {str(rule): str(sentence) for rule, sentence in tomllib.loads(text).items()}


def sentence(rule: str) -> str:
    """The sentence that a rule comes from."""
    return sentences()[rule]
