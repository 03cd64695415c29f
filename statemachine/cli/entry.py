"""The entry point, which works without the command line's libraries, if only to say so."""

import sys
from importlib.util import find_spec
from typing import Final

from statemachine.cli.exit_codes import ExitCode

LIBRARIES: Final = ("click", "rich")
"""What the extra ``cli`` installs."""


def main() -> int:
    """Run the command that the program's arguments name.

    Returns:
        The exit code; see `ExitCode`.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        print(
            f"monitored-session: the command line needs {' and '.join(missing)}, which "
            "can't be found here; install the extra that brings what it needs:\n"
            "    pip install 'monitored-session[cli]'",
            file=sys.stderr,
        )
        return ExitCode.USAGE
    from statemachine.cli.application import run

    return run()
