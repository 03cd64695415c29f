"""``python -m statemachine.cli`` is ``monitored-session``."""

import sys

from statemachine.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
