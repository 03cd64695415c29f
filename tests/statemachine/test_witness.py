"""Heads are signed and published while a log is written, and a failing witness costs no event."""

import base64
import contextlib
import hashlib
import logging
import stat
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import (
    EventLog,
    Head,
    LogWriteFailed,
    SigningKey,
    UnreadableHead,
    UnusableKey,
    VerifierKey,
    Witness,
    audit,
)
from statemachine.signed_note import Note
from statemachine.witness import HeadFile, published_in, read_heads
from tests.statemachine.histories import HOOKS, Writer

KEY = SigningKey.generate("training.example.org")
HEAD = Head("0" * 32, 3, 81920, "ab" * 32, complete=True)


def write(path, witness, steps=3, seals=0):
    """The log of a session that did some steps, which were sealed again and again."""
    log = EventLog(path, witness=witness)
    writer = Writer(log.begin(HOOKS)).start()
    for _ in range(seals):
        seal(writer, path)
        writer.steps(1)
    writer.steps(steps).close()
    return path


def seal(writer, path):
    """Have what was written sealed, and wait until it is."""
    before = blocks_of(path)
    while blocks_of(path) == before:
        writer.journal.seal()  # it does nothing while an earlier block is being sealed
        threading.Event().wait(0.002)


def blocks_of(path):
    """How many blocks of a log are sealed."""
    reading = EventLog.open(path).read()
    for _ in reading:
        pass
    return reading.sealed


# What is published


def test_a_head_is_published_at_each_seal_and_at_the_close(tmp_path):
    """The last one says that the log is complete, and is the head that an audit tells."""
    texts = []
    path = write(tmp_path / "log.arrows", Witness(texts.append), seals=2)
    heads = [Head.parse(text) for text in texts]
    assert [head.complete for head in heads[-2:]] == [False, True]
    assert {1, 2, 3} <= {head.blocks for head in heads}
    assert heads[-1] == audit(path).head
    assert heads[-1].events == len(EventLog.open(path))


def test_a_head_is_published_when_its_blocks_are_synced(tmp_path, monkeypatch):
    """So that a log that lost its power is never behind a head that was published of it."""
    told = []
    log = EventLog(tmp_path / "log.arrows", witness=Witness(lambda text: told.append("head")))
    store = log._store
    sync = store.sync
    monkeypatch.setattr(store, "sync", lambda: (sync(), told.append("sync")))
    Writer(log.begin(HOOKS)).start().steps(1).close()
    assert told[0] == "sync"
    assert told[-2:] == ["sync", "head"]


def test_heads_are_appended_to_a_file_one_after_another(tmp_path):
    """Several logs may share it; each entry is a signed note."""
    heads = tmp_path / "heads"
    for name in ("a", "b"):
        write(tmp_path / f"{name}.arrows", Witness(heads, KEY))
    found = read_heads(heads)
    assert [one.damage for one in found] == [None] * len(found)
    assert len({one.head.session for one in found}) == 2
    assert all(KEY.verifier.signed(one.note) for one in found)


def test_a_note_that_was_torn_hides_no_later_one(tmp_path):
    """After a writer died in the middle of one, the next begins after an empty line."""
    heads = HeadFile(tmp_path / "heads")
    text = str(KEY.sign(str(HEAD)))
    heads.append(text)
    whole = heads.path.read_bytes()
    for size in range(len(whole) + 1):
        heads.path.write_bytes(whole[:size])
        heads.append(text)
        found = read_heads(heads.path)
        assert found[-1].head == HEAD, size
        assert KEY.verifier.signed(found[-1].note), size


def test_a_log_in_memory_takes_no_witness():
    """Its last events are never sealed, so that no head would cover them."""
    with pytest.raises(ValueError, match=r"no heads for a witness: name a path"):
        EventLog(witness=Witness(print))


def test_a_witness_wants_a_path_or_a_callable():
    """Anything else is refused at once, and not when the first head is to be published."""
    with pytest.raises(TypeError, match=r"heads go to a path or to a callable, not to 5"):
        Witness(5)


def test_a_file_of_heads_that_cannot_be_written_is_refused_at_once(tmp_path):
    """Before a session begins."""
    with pytest.raises(FileNotFoundError):
        Witness(tmp_path / "none" / "heads", KEY)


@pytest.mark.parametrize("content", [b"\xff\xff\xff\xff", b"SQLite format 3", b"my notes", b"\n"])
def test_nothing_is_appended_to_what_is_no_file_of_heads(tmp_path, content):
    """A log, a database or a key that is named by mistake stays what it is."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(UnreadableHead, match="other is no file of heads"):
        Witness(path)
    assert path.read_bytes() == content


# A witness that fails


class Flaky:
    """A place that takes no head for as long as it is broken."""

    def __init__(self):
        self.broken = True
        self.texts = []

    def __call__(self, text):
        if self.broken:
            raise ConnectionError("the line is dead")
        self.texts.append(text)


def test_a_later_head_makes_up_for_one_that_could_not_be_published(tmp_path, caplog):
    """The failure is logged once and noted in the log; the training goes on."""
    place = Flaky()
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path, witness=Witness(place)).begin(HOOKS)).start()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            seal(writer, path)
            writer.steps(1)
    place.broken = False
    writer.close()
    assert Head.parse(place.texts[-1]).complete
    assert len(caplog.records) == 1
    assert "the line is dead" in caplog.text
    notes = [event for event in EventLog.open(path) if event.kind.value == "note"]
    assert len(notes) == 1
    assert "the line is dead" in notes[0].detail["text"]
    assert audit(path).passed


def test_closing_raises_if_the_last_head_cannot_be_published(tmp_path):
    """The log is complete all the same, and the message says how to sign it later."""
    path = tmp_path / "log.arrows"
    with pytest.raises(LogWriteFailed, match=r"log.arrows to Flaky.*dead.*monitored-session sign"):
        write(path, Witness(named(Flaky())))
    assert audit(path).passed


def named(place):
    place.__qualname__ = "Flaky"
    return place


def test_a_log_that_may_fail_is_closed_without_its_last_head(tmp_path, caplog):
    """With `on_log_error="warn"` the end of the training does not raise; it is warned of."""
    path = tmp_path / "log.arrows"
    log = EventLog(path, witness=Witness(named(Flaky())), on_log_error="warn")
    Writer(log.begin(HOOKS)).start().close()
    assert audit(path).passed
    assert "The log itself is complete" in caplog.text


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_nothing_that_a_callable_raises_ends_the_sealing(tmp_path, error):
    """Not even what ends a process: it is raised on another thread than the user's."""

    def publish(text):
        if "log open" in text:
            raise error

    path = write(tmp_path / "log.arrows", Witness(publish), seals=2)
    assert audit(path).passed


def test_a_slow_witness_holds_up_no_step(tmp_path):
    """While it has not answered, the session goes on, and its events are in the log."""
    asked, answer = threading.Event(), threading.Event()

    def publish(text):
        asked.set()
        assert answer.wait(60)

    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path, witness=Witness(publish)).begin(HOOKS)).start()
    writer.journal.seal()
    assert asked.wait(60)
    writer.steps(100)
    assert sum(event.kind.value == "step.end" for event in EventLog.open(path)) == 100
    answer.set()
    writer.close()


def test_a_full_disk_of_the_witness_is_told(tmp_path):
    """As an error of the log, with the path of the heads and the cause."""
    with pytest.raises(LogWriteFailed, match=r"log.arrows to /dev/full.*No space left") as raised:
        write(tmp_path / "log.arrows", Witness("/dev/full", KEY))
    assert raised.value.errno == 28
    assert audit(tmp_path / "log.arrows").passed


# The form of a head


def test_the_form_of_a_head_is_the_published_one():
    """Five lines; base64 of the digest; the numbers in decimal."""
    assert str(HEAD).split("\n") == [
        "monitored-session/head/1/" + "0" * 32,
        "3",
        base64.b64encode(b"\xab" * 32).decode(),
        "events 81920",
        "log complete",
        "",
    ]


numbers = st.integers(0, 10**18 - 1)
heads = st.builds(
    Head,
    session=st.text("0123456789abcdef", min_size=32, max_size=32),
    blocks=numbers,
    events=numbers,
    digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
    complete=st.booleans(),
)


@given(heads)
def test_a_head_is_read_back_as_it_was(head):
    """Text and value say the same."""
    assert Head.parse(str(head)) == head


@given(heads, st.data())
def test_a_changed_head_is_another_head_or_none(head, data):
    """No two texts state one head, so that a signature leaves nothing open."""
    text = str(head)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    try:
        assert (Head.parse(changed) == head) == (changed == text)
    except UnreadableHead:
        assert changed != text


@given(st.text() | st.lists(st.sampled_from([str(HEAD), "\n", "— a AAAAAAAA\n", "x"])).map("".join))
def test_whatever_a_file_of_heads_holds_is_read(text):
    """What is no head is told of with its line, and no error comes out."""
    for one in published_in(text):
        assert (one.damage is None) == (one.head is not None)
        assert 1 <= one.line <= text.count("\n") + 1


# Keys and notes


def test_a_verifier_key_has_the_form_of_the_specification():
    """Name, SHA-256(name, newline, 1, key) cut to four bytes, and 1 with the key in base64."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert key.name == "PeterNeumann"
    known = hashlib.sha256(b"PeterNeumann\n\x01" + key.public).digest()[:4]
    assert known.hex() == "c74f20a3"
    assert str(key).startswith("PeterNeumann+c74f20a3+ARpc2Qc")


def test_a_note_of_another_program_is_verified():
    """The example of Go's package `note`, with its key."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = Note.parse(
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
        "tpRZb6KE6RyyBwJnAM=\n"
    )
    assert key.signed(note) is True
    changed = Note(note.text.replace("don't", "do"), note.signatures)
    assert key.signed(changed) is False
    assert KEY.verifier.signed(note) is None


def test_a_private_key_is_for_its_owner_alone(tmp_path):
    """The file has the mode 0600, and is never overwritten."""
    path = tmp_path / "key.pem"
    KEY.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        KEY.save(path)
    assert SigningKey.load(path).verifier == KEY.verifier
    assert SigningKey.load(path, "other").verifier.name == "other"


def test_a_key_of_openssl_is_taken(tmp_path):
    """PKCS #8 in PEM, and the public half as PEM, which has no name."""
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    for arguments in (
        ["genpkey", "-algorithm", "ed25519", "-out", private],
        ["pkey", "-in", private, "-pubout", "-out", public],
    ):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    key = SigningKey.load(private, "mine")
    assert VerifierKey.load(public).signed(key.sign("text\n")) is True
    assert VerifierKey.load(public).signed(KEY.sign("text\n")) is None
    named = tmp_path / "named.pem"
    key.save(named)
    subprocess.run(["openssl", "pkey", "-in", named, "-noout"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no private key"),
        (b"\xff\xfe", "not a text"),
        (b"x" * 100_000, "too long"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
    ],
)
def test_what_is_no_private_key_is_told(tmp_path, content, told):
    """The file is named."""
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(UnusableKey, match=f"key.pem.*{told}"):
        SigningKey.load(path)


def test_a_private_key_does_not_verify(tmp_path):
    """Where the public one belongs, the message says so."""
    KEY.save(tmp_path / "key.pem")
    with pytest.raises(UnusableKey, match=r"private key.*\*\.pub"):
        VerifierKey.load(tmp_path / "key.pem")


@given(st.text(max_size=100) | st.just(str(KEY.verifier)), st.data())
def test_a_damaged_verifier_key_is_refused(text, data):
    """Whatever its text is: it is the key, or there is a clear error."""
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    try:
        key = VerifierKey.parse(changed)
        assert str(key) == changed.strip()
    except UnusableKey as error:
        assert "key" in str(error)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_of_a_key_is_one_word(name):
    """As the specification wants it."""
    with pytest.raises(UnusableKey, match="can't be called"):
        SigningKey.generate(name)


@given(st.text())
def test_whatever_is_read_as_a_note_is_one_or_is_refused(text):
    """And what is one is written as it was read."""
    with contextlib.suppress(UnreadableHead):
        assert str(Note.parse(text)) == text


def test_without_cryptography_the_extra_is_named(tmp_path):
    """A log is still audited; signing and verifying say what to install."""
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from statemachine import SigningKey, Witness\n"
        "Witness(print)\n"
        "try:\n    SigningKey.generate()\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'monitored-session[sign]'" in done.stdout


@pytest.mark.parametrize("wrong", [5, "log.heads", print], ids=repr)
def test_what_is_no_witness_is_refused_before_the_training(tmp_path, wrong):
    """Not when the first head is to be published, hours later."""
    with pytest.raises(TypeError, match="witness is a Witness, or None, not"):
        EventLog(tmp_path / "log.arrows", witness=wrong)


@pytest.mark.parametrize("wrong", [5, b"", print], ids=repr)
def test_what_is_no_key_is_refused_before_the_training(wrong):
    """Else every publication failed, one after the other."""
    with pytest.raises(TypeError, match="signed by a SigningKey, or the file of one, not by"):
        Witness(print, wrong)
