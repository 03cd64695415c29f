"""Signed notes, as https://c2sp.org/signed-note has them, and the Ed25519 keys that sign them.

A note is a text that ends with a newline, an empty line, and one line for each signature: an em
dash, the name of the key, and in base64 four bytes that identify the key and the signature itself::

    monitored-session/head/1/3f6c…
    …

    — training.example.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5…

The signature covers the text with its last newline. What a key is called is part of what
identifies it. Signing and verifying need `cryptography`: the extra ``sign``.
"""

import base64
import binascii
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from statemachine.errors import UnreadableHead, UnusableKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DEFAULT_NAME: Final = "monitored-session"
"""What a key is called that was given no name."""

_DASH: Final = "\u2014 "
_ED25519: Final = b"\x01"
_ID_SIZE: Final = 4
_KEY_SIZE: Final = 32
_MOST_SIGNATURES: Final = 16
_MOST_BYTES: Final = 1 << 16
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_SIGNATURE: Final = re.compile(rf"{_DASH}([^\s+\x00-\x1f\x7f]{{1,200}}) ([A-Za-z0-9+/]+={{0,2}})")
_NAME_LINE: Final = re.compile(r"^Name: (\S+)$", re.MULTILINE)


def _key_id(name: str, public: bytes) -> bytes:
    """The four bytes that the specification identifies a key by."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_ID_SIZE]


def _cryptography() -> tuple[Any, Any]:  # modules: they are only here if the extra is
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise ImportError(
            "signing heads and verifying them needs cryptography: "
            "pip install 'monitored-session[sign]'"
        ) from error
    return ed25519, serialization


@attrs.frozen
class Signature:
    """One signature of a note.

    Attributes:
        name: The name of the key, as the note has it.
        key_id: The four bytes that identify the key.
        value: The signature itself.
    """

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}"


@attrs.frozen
class Note:
    """A text with its signatures.

    Attributes:
        text: The text, with its last newline.
        signatures: Those that it carries; nothing says that they are right.
    """

    text: str
    signatures: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        lines = "".join(f"{signature}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}" if lines else self.text

    @classmethod
    def parse(cls, text: str) -> "Note":
        """The note that a text is.

        Raises:
            UnreadableHead: If it is not in the form of a signed note.
        """
        body, blank, lines = text.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise UnreadableHead("a signed note is a text, an empty line, and lines of signatures")
        signatures = tuple(_signature_of(line) for line in lines[:-1].split("\n"))
        if len(signatures) > _MOST_SIGNATURES:
            raise UnreadableHead(f"a note with more than {_MOST_SIGNATURES} signatures is not read")
        return cls(body + "\n", signatures)


def is_signature(line: str) -> bool:
    """Whether a line has the look of a signature."""
    return line.startswith(_DASH)


def _signature_of(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    try:
        data = base64.b64decode(found[2], validate=True) if found else b""
    except binascii.Error:
        data = b""
    if found is None or len(data) <= _ID_SIZE:
        raise UnreadableHead(f"{line[:60]!r} is not the line of a signature")
    return Signature(found[1], data[:_ID_SIZE], data[_ID_SIZE:])


@attrs.frozen
class VerifierKey:
    """The public half of a key.

    Its text (`str(key)`) is the specification's: name, identifier and key, joined by ``+``.

    Attributes:
        public: The key, 32 bytes.
        name: What it is called; None if that is not known, as of a PEM file: then whatever name a
            note gives it is right.
    """

    public: bytes
    name: str | None

    def __str__(self) -> str:
        name = self.name or DEFAULT_NAME
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{name}+{_key_id(name, self.public).hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key that a text holds: a verifier key, or a public key in PEM.

        Raises:
            UnusableKey: If it holds none, or one of another kind.
            ImportError: If it is PEM and `cryptography` is missing.
        """
        if not isinstance(text, str):
            raise TypeError(f"a verifier key is read from a text, not from {text!r}")
        if "-----BEGIN" in text:
            return cls._of_pem(text)
        name, identifier, key, *_ = *text.strip().split("+", 2), "", ""
        try:
            data = base64.b64decode(key, validate=True)
        except ValueError:
            data = b""
        if not _NAME.fullmatch(name) or len(data) != 1 + _KEY_SIZE or data[:1] != _ED25519:
            raise UnusableKey(
                f"{text.strip()[:60]!r} is not the verifier key of an Ed25519 key: that is its "
                "name, its identifier and the key itself, joined by '+'"
            )
        if identifier != _key_id(name, data[1:]).hex():
            raise UnusableKey(
                f"the verifier key {name}+{identifier[:8]}+… is damaged: its identifier is not "
                "that of its name and key"
            )
        return cls(data[1:], name)

    @classmethod
    def _of_pem(cls, text: str) -> "VerifierKey":
        if "PRIVATE KEY" in text:
            raise UnusableKey(
                "this is a private key, which signs; verifying takes the public one, that keygen "
                "wrote beside it (*.pub)"
            )
        ed25519, serialization = _cryptography()
        try:
            key = serialization.load_pem_public_key(text.encode())
        except Exception as error:  # cryptography raises many kinds for what it can't decode
            raise UnusableKey(f"this is not a public key in PEM: {error}") from error
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise UnusableKey("this public key is of another kind than Ed25519")
        found = _NAME_LINE.search(text)
        return cls(key.public_bytes_raw(), found[1] if found else None)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "VerifierKey":
        """The key that a file holds, in either form.

        Raises:
            OSError: If it can't be read.
            UnusableKey: If it holds no such key.
        """
        return cls.parse(_read_key_file(Path(path)))

    def signed(self, note: Note) -> bool | None:
        """Whether the key signed a note: True, False for a wrong signature, None without one."""
        found = None
        for signature in note.signatures:
            name = signature.name if self.name is None else self.name
            if signature.name == name and signature.key_id == _key_id(name, self.public):
                if self._is_right(signature.value, note.text):
                    return True
                found = False
        return found

    def _is_right(self, signature: bytes, text: str) -> bool:
        ed25519, _ = _cryptography()
        from cryptography.exceptions import InvalidSignature

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):  # the second for what is no point of the curve
            return False
        return True


class SigningKey:
    """An Ed25519 key that signs heads, with its name.

    Args:
        private: The key of `cryptography`.
        name: What it is called: best a name that is yours alone, as ``training.example.org``.

    Raises:
        UnusableKey: If the name is empty, or holds spaces or ``+``.
    """

    def __init__(self, private: "Ed25519PrivateKey", name: str = DEFAULT_NAME) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UnusableKey(f"a key can't be called {name!r}: take a name without spaces and '+'")
        self._private = private
        self.name = name
        self.verifier = VerifierKey(private.public_key().public_bytes_raw(), name)

    @classmethod
    def generate(cls, name: str = DEFAULT_NAME) -> "SigningKey":
        """A new key.

        Raises:
            ImportError: If `cryptography` is missing.
        """
        ed25519, _ = _cryptography()
        return cls(ed25519.Ed25519PrivateKey.generate(), name)

    @classmethod
    def load(cls, path: str | os.PathLike[str], name: str | None = None) -> "SigningKey":
        """The key in a file: PKCS #8 in PEM, not encrypted, as `save` and OpenSSL write it.

        Args:
            path: The file.
            name: What the key is called; None takes the name that `save` wrote into the file.

        Raises:
            OSError: If the file can't be read.
            UnusableKey: If it holds no such key.
            ImportError: If `cryptography` is missing.
        """
        text = _read_key_file(Path(path))
        ed25519, serialization = _cryptography()
        try:
            private = serialization.load_pem_private_key(text.encode(), None)
        except Exception as error:  # cryptography raises many kinds for what it can't decode
            raise UnusableKey(
                f"{path} holds no private key in PEM without a password: {error}"
            ) from error
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise UnusableKey(f"{path} holds a key of another kind than Ed25519")
        found = _NAME_LINE.search(text)
        return cls(private, name or (found[1] if found else DEFAULT_NAME))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key into a new file that only its owner may read.

        The name stands in a line before the PEM, which other programs skip.

        Raises:
            FileExistsError: If there is a file already: no key is ever overwritten.
            OSError: If it can't be written.
        """
        _, serialization = _cryptography()
        pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(file, "wb") as opened:
            opened.write(f"Name: {self.name}\n".encode() + pem)
            opened.flush()
            os.fsync(file)

    def sign(self, text: str) -> Note:
        """A text, which must end with a newline, as a note with this key's signature."""
        key_id = _key_id(self.name, self.verifier.public)
        value = self._private.sign(text.encode())
        return Note(text, (Signature(self.name, key_id, value),))

    def __repr__(self) -> str:
        return f"<SigningKey {self.verifier}>"


def _read_key_file(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    try:
        if len(content) > _MOST_BYTES:
            raise UnusableKey(f"{path} is too long for the file of a key")
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UnusableKey(f"{path} holds no key: it is not a text") from None
