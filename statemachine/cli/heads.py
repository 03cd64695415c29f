"""Keys and heads as options of commands name them."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure
from statemachine.cli.source import Source
from statemachine.cli.units import count
from statemachine.errors import LogError
from statemachine.head import Head
from statemachine.signed_note import SigningKey, VerifierKey
from statemachine.witness import HEADS_SUFFIX, Published, read_heads

_DIGEST: Final = re.compile("[0-9a-fA-F]{64}")


@contextlib.contextmanager
def usable(what: str, path: object) -> Iterator[None]:
    """Turn what can go wrong with a file that an option names into a `Failure`."""
    try:
        yield
    except (ImportError, LogError) as error:
        raise Failure(ExitCode.USAGE, f"can't use {what} {path}: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(ExitCode.USAGE, f"can't use {what} {path}: {reason}") from error


def signing_key(path: Path) -> SigningKey:
    """The private key that an option names."""
    with usable("the private key", path):
        return SigningKey.load(path)


def verifier_key(text: str) -> VerifierKey:
    """The public key that an option names: its text, or a file."""
    with usable("the public key", text):
        if "+" in text and not Path(text).exists():
            return VerifierKey.parse(text)
        return VerifierKey.load(text)


def heads_beside(source: Source) -> Path:
    """Where the heads of a log lie that no option names."""
    of_log = "" if source.log is None else f".{source.log}"
    return Path(f"{source.path}{of_log}{HEADS_SUFFIX}")


def heads_in(path: Path) -> list[Published]:
    """What a file of heads holds.

    Raises:
        Failure: If it can't be read.
    """
    try:
        return read_heads(path)
    except OSError as error:
        raise Failure(
            ExitCode.UNREADABLE, f"can't read the file of heads {path}: {error.strerror or error}"
        ) from error


@attrs.frozen
class Expected:
    """What `--expect-head` names.

    Attributes:
        heads: Heads.
        digests: Digests of heads, each as 64 hexadecimal digits.
    """

    heads: tuple[Head, ...] = ()
    digests: tuple[str, ...] = ()

    @classmethod
    def named(cls, texts: Iterable[str]) -> "Expected":
        """What texts name: a digest, or a file of heads each.

        Raises:
            Failure: If a file can't be read, or holds no head.
        """
        heads, digests = list[Head](), list[str]()
        for text in texts:
            if _DIGEST.fullmatch(text) and not Path(text).exists():
                digests.append(text.lower())
            elif Path(text).is_file():
                heads += _heads_of(Path(text))
            else:
                raise Failure(
                    ExitCode.USAGE,
                    f"--expect-head {text}: this is neither a digest of 64 hexadecimal digits nor "
                    "a file of heads",
                )
        return cls(tuple(heads), tuple(digests))

    def of(self, session: str) -> tuple[Head | str, ...]:
        """What is expected of the log of a session, if other logs are looked at, too."""
        return (*(head for head in self.heads if head.session == session), *self.digests)

    def of_only(self, session: str) -> tuple[Head | str, ...]:
        """What is expected of the only log: if no head is of its session, that is a fault."""
        return self.of(session) or self.heads[-1:]

    def missing(self, sessions: Iterable[str]) -> list[Head]:
        """The newest expected head of each session that has no log."""
        newest: dict[str, Head] = {}
        there = set(sessions)
        for head in sorted(self.heads, key=lambda head: head.blocks):
            if head.session not in there:
                newest[head.session] = head
        return list(newest.values())


def _heads_of(path: Path) -> list[Head]:
    heads = [one.head for one in heads_in(path) if one.head is not None]
    if not heads:
        raise Failure(
            ExitCode.UNREADABLE,
            f"{path} holds no head of a log: --expect-head takes a file of heads, or a digest of "
            "64 hexadecimal digits",
        )
    return heads


def head_words(head: Head) -> str:
    """A head in one line."""
    end = "complete" if head.complete else "not complete"
    covered = f"{count(head.blocks, 'block')}, {count(head.events, 'event')}"
    return f"{head.digest} ({covered}, {end})"
