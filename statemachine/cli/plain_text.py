"""Texts of a log made fit to be seen: nothing in a log may steer a terminal."""

import unicodedata
from typing import Final

_KEPT: Final = frozenset({"\u00ad", "\u200c", "\u200d"})


def plain(text: object) -> str:
    r"""A text in which every character that a terminal might obey or hide is spelled out.

    Control characters, marks of writing direction, line separators, lone surrogates and
    characters without a meaning become ``\x1b``, ``\u202e`` and the like.

    Example:
        >>> plain("red \x1b[31m")
        'red \\x1b[31m'
    """
    words = str(text)
    if words.isascii() and words.isprintable():
        return words
    return "".join(c if c in _KEPT or c.isprintable() else _spelled(c) for c in words)


def _spelled(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode()


def shortened(text: str, width: int) -> str:
    """A text cut to a width in characters, the cut shown.

    Example:
        >>> shortened("checkpoint", 6)
        'check…'
    """
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
