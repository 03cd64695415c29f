"""Rules that every file of the repository keeps."""

import ast
import gzip
import hashlib
import importlib.metadata
import lzma
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = re.compile(r"(^|/)(\.[^/]*|__pycache__|build|dist|demo-run|[^/]*\.egg-info)(/|$)")

# Written in pieces, or this file would break its own rules.
FORBIDDEN = {
    "a directory of one machine": r"/(wor" r"k|roo" r"t|hom" r"e|Users)/[a-z.]",
    "the address of a package registry": r"pypi\.or" r"g|pythonhosted\.or" r"g|npmjs\.co" r"m",
    "work left open": r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
}


UNPICKLERS = {"pickle", "_pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"}


def files() -> Iterator[Path]:
    """Every file that belongs to the repository, `.ci` included."""
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT).as_posix()
        if path.is_file() and (not MADE.search(relative) or relative.startswith(".ci/")):
            yield path


def text_of(path: Path) -> str:
    """The file's text, decompressed where it is compressed."""
    openers = {".gz": gzip.open, ".xz": lzma.open}
    with openers.get(path.suffix, open)(path, "rb") as file:
        return file.read().decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of every file, by its path."""
    return {path.relative_to(ROOT).as_posix(): text_of(path) for path in files()}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str, texts: dict[str, str]) -> None:
    """The repository speaks of itself alone, and holds for every machine."""
    pattern = re.compile(FORBIDDEN[what])
    found = {path: match.group() for path, text in texts.items() if (match := pattern.search(text))}
    assert found == {}


def executed_by(tree: ast.AST) -> Iterator[str]:
    """What a module has in it that could run what a file says."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name in UNPICKLERS)
            case ast.ImportFrom(module=str(module)) if module in UNPICKLERS:
                yield module
            case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
                yield name
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield "allow_pickle"


def test_the_packages_execute_nothing_that_they_read() -> None:
    """Logs and checkpoints come from anywhere: no module can unpickle or evaluate them.

    One place evaluates: it makes kernels from the templates that operations are defined with.
    """
    found = {
        path.relative_to(ROOT).as_posix(): what
        for package in ("statemachine", "runtime")
        for path in (ROOT / package).rglob("*.py")
        for what in executed_by(ast.parse(path.read_text()))
    }
    assert found == {"runtime/graph/definition.py": "eval"}


def test_the_digits_are_those_that_their_description_names() -> None:
    """examples/data/README.md states digest, number and range of the images as they are."""
    data = ROOT / "examples" / "data"
    compressed = (data / "digits.csv.gz").read_bytes()
    rows = [list(map(int, line.split(b","))) for line in gzip.decompress(compressed).splitlines()]
    assert hashlib.sha256(compressed).hexdigest() in (data / "README.md").read_text()
    assert len(rows) == 1797
    assert {len(row) for row in rows} == {65}
    assert (min(map(min, rows)), max(max(row[:64]) for row in rows)) == (0, 16)
    assert {row[64] for row in rows} == set(range(10))


def test_the_changelog_knows_the_version() -> None:
    """The installed version is the one of pyproject.toml, and the changelog tells of it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert importlib.metadata.version("monitored-session") == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_guide_is_reachable_from_the_readme() -> None:
    """Each link of README and guides to a file leads to a file, and each guide is linked."""
    linked = set()
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if "://" not in target:
                path = (document.parent / target).resolve()
                assert path.exists(), f"{document.name} links to {target}"
                linked.add(path)
    assert set((ROOT / "docs").glob("*.md")) <= linked
