"""``tf.app``: running a program's `main`, with its flags parsed."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from runtime import flags
from runtime.flags import absl

__all__ = ["flags", "run"]


def run(
    main: Callable[[list[str]], Any] | None = None, argv: Sequence[str] | None = None
) -> NoReturn:
    """Parses the command line, calls `main` with what is no flag, and exits.

    Source of the rule: tf.compat.v1.app.run documentation.

    Args:
        main: The program; the function ``main`` of the module that was started if None.
        argv: The arguments, the program's name first; those of the command line if None.

    Raises:
        SystemExit: Always: with what `main` returned.
        ImportError: The extra ``flags`` is not installed.
    """
    chosen = main or sys.modules["__main__"].main
    absl("app").run(chosen, list(argv) if argv is not None else None)
    raise SystemExit(0)  # never reached: absl exits
