"""HTML built from values: whatever is not built here is escaped."""

from html import escape
from typing import Final

from statemachine.cli.plain_text import plain

_VOID: Final = frozenset({"meta", "link", "br", "hr", "rect", "circle", "path", "line"})

Content = object
"""A child of an element: an `Html` as it is, None for nothing, all else as escaped text."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(words: object) -> Html:
    """A text as HTML: control characters spelled out, then escaped."""
    return Html(escape(plain(words)))


def element(name: str, /, *children: Content, **attributes: object) -> Html:
    """An element.

    Args:
        name: Its name.
        *children: What it holds.
        **attributes: Its attributes; underscores stand for hyphens, one at the end is dropped,
            None and False leave an attribute out.

    Example:
        >>> print(element("p", "1 < 2", class_="sum"))
        <p class="sum">1 &lt; 2</p>
    """
    start = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID and not children:
        return Html(f"<{start}>" if name in ("meta", "link", "br", "hr") else f"<{start}/>")
    return Html(f"<{start}>{joined(*children)}</{name}>")


def joined(*children: Content) -> Html:
    """Several pieces, one after the other."""
    return Html("".join(c if isinstance(c, Html) else text(c) for c in children if c is not None))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'


def table(headings: list[Content], rows: list[list[Content]], **attributes: object) -> Html:
    """A table; a heading that begins with `>` is that of a column of numbers."""
    numbers = [str(heading).startswith(">") for heading in headings]
    classes = ["number" if number else None for number in numbers]
    head = [
        element("th", str(heading).removeprefix(">"), class_=class_, scope="col")
        for heading, class_ in zip(headings, classes, strict=True)
    ]
    body = [
        element("tr", *(element("td", c, class_=k) for c, k in zip(row, classes, strict=True)))
        for row in rows
    ]
    inner = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", inner, class_="scroll", **attributes)
