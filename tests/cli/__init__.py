"""The command line: what it prints, what it exits with, and that it never shows a traceback."""
