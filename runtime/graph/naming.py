"""Writes `runtime.names`: which module defines which public names.

``python -m runtime.graph.naming`` imports all modules of the graph and asks what they export; to
this come the names that `runtime` imports for type checkers.
"""

import ast
import importlib
import pkgutil
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Final

import runtime
import runtime.contrib
import runtime.graph
from runtime.graph.export import owners

TARGET: Final = Path(runtime.__file__).parent / "names.py"
_HEAD: Final = '''"""Which module defines which public names; written by `runtime.graph.naming`."""

from typing import Final

# The names below `tf`, by module.
# fmt: off
MODULES: Final = {
'''
_WIDTH: Final = 86
# The families of operations outside of runtime.graph.
_OTHERS: Final = (
    "runtime.behavior",
    "runtime.data.structures",
    "runtime.example_parsing",
    "runtime.files",
    "runtime.image_files",
    "runtime.input_pipeline",
    "runtime.parsing",
    "runtime.readers",
    "runtime.record_file",
    "runtime.unit_tests",
)


def rendered() -> str:
    """The text of `runtime.names`.

    Returns:
        The source of the module.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in [*_modules_of_the_graph(), *_OTHERS]:
        importlib.import_module(module)
    for name, module in owners().items():
        found[module].add(name)
    for module, names in _imported_for_checkers():
        found[module] |= names - set(owners())
    return _HEAD + "".join(_entry(module, found[module]) for module in sorted(found)) + "}\n"


def _modules_of_the_graph() -> list[str]:
    walked = [
        *pkgutil.walk_packages(runtime.graph.__path__, "runtime.graph."),
        *pkgutil.walk_packages(runtime.contrib.__path__, "runtime.contrib."),
    ]
    return [module.name for module in walked if not module.name.endswith(".naming")]


def _imported_for_checkers() -> list[tuple[str, set[str]]]:
    """What `runtime` imports from modules whose names are no modules themselves."""
    tree = ast.parse(Path(runtime.__file__).read_text(encoding="utf-8"))
    return [
        (str(node.module), {alias.name for alias in node.names})
        for block in tree.body
        if isinstance(block, ast.If)  # only `if TYPE_CHECKING`
        for node in block.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runtime.")
    ]


def _entry(module: str, names: set[str]) -> str:
    """The lines of a module."""
    lines = textwrap.wrap(" ".join(sorted(names)), _WIDTH, break_on_hyphens=False)
    if not lines:
        return ""
    spaced = [f"{line} " for line in lines[:-1]] + lines[-1:]
    return f'    "{module}": (\n' + "".join(f'        "{line}"\n' for line in spaced) + "    ),\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
