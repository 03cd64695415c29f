"""Feeds the reader with what atheris makes up: `python -m tests.fuzz CORPUS [OPTION...]`."""

import sys


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["statemachine"]):
        from tests.fuzz.reading import read_in_every_way
    atheris.Setup(sys.argv, read_in_every_way)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
