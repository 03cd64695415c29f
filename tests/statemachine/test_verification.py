"""Somebody without the key changes a log, or its heads: whatever they do is found."""

import itertools
import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import (
    EventLog,
    Head,
    SigningKey,
    UnusableKey,
    Verdict,
    VerifierKey,
    Witness,
    audit,
    verify,
)
from statemachine.block import Block
from statemachine.cli.recovery import recover
from statemachine.form import END_MARKER, ChainWriter
from tests.cli import logs
from tests.statemachine.forging import chained, messages
from tests.statemachine.test_witness import HOOKS, Writer, seal, write

KEY = SigningKey.generate("training.example.org")
OTHER = SigningKey.generate("mallory.example.org")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("signed")


@pytest.fixture(scope="module")
def notes():
    """Every note that was published of the log, in order."""
    return []


@pytest.fixture(scope="module")
def log(shared, notes):
    """A log of several blocks whose heads were published."""
    return write(shared / "log.arrows", Witness(notes.append, KEY), seals=3)


@pytest.fixture
def copy(log, tmp_path):
    """A copy of it, to be changed."""
    path = tmp_path / "copy.arrows"
    path.write_bytes(log.read_bytes())
    return path


def heads(directory, texts):
    path = directory / "heads"
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def check(path, texts, key=KEY):
    return verify(path, key.verifier, heads(path.parent, texts))


def rules(verification):
    return {finding.rule for finding in verification.findings}


def parts(path):
    """The messages of a log, without the end marker."""
    return messages(path)


def written(path, parts, ended=True):
    path.write_bytes(b"".join(parts) + (END_MARKER if ended else b""))


def test_a_log_with_its_heads_is_verified(copy, notes):
    """Everything is covered by a signed head that says that the log is complete."""
    done = check(copy, notes)
    assert done.passed
    assert done.findings == done.remarks == ()
    assert done.covered == len(EventLog.open(copy))
    assert done.head == audit(copy).head
    assert len(done.heads) == len(notes) >= 4


def test_a_log_that_was_computed_anew_is_found(copy, notes):
    """A block is changed and all digests are computed anew: an audit passes, no head fits."""
    first, *blocks = parts(copy)
    header = EventLog.open(copy).header
    writer = ChainWriter(header)
    digest, out = writer.schema_digest, [first]
    for block in EventLog.open(copy).read():
        changed = Block(
            block.sequence, block.step, block.time, block.elapsed + 1, block.codes, block.details
        )
        message, digest = writer.encode(changed, digest)
        out.append(message)
    assert len(out) == len(blocks) + 1
    written(copy, out)
    assert audit(copy).integrity is Verdict.PASS
    done = check(copy, notes)
    assert done.integrity is Verdict.FAIL
    assert "computed anew" in str(done)
    assert rules(done) >= {"head-in-chain"}


def test_a_cut_off_end_is_found(copy, notes):
    """Wherever it is cut: between two blocks no digest tells of it, but a head does."""
    whole = parts(copy)
    for kept in range(1, len(whole)):
        written(copy, whole[:kept], ended=False)
        done = check(copy, notes)
        assert (done.integrity, done.completeness) == (Verdict.PASS, Verdict.FAIL)
        assert "log-reaches-heads" in rules(done)
        assert "its end was cut off" in str(done)


def test_a_missing_end_marker_is_found(copy, notes):
    """The log was complete, and is no longer."""
    written(copy, parts(copy), ended=False)
    assert "its end marker is missing" in str(check(copy, notes))


def test_a_log_that_was_rolled_back_and_closed_is_found(copy, notes):
    """An older part of it with an end of its own: other blocks, or just the end marker."""
    whole = parts(copy)
    written(copy, whole[:3])
    done = check(copy, notes)
    assert done.integrity is Verdict.FAIL
    assert "a false end" in str(done)

    writer = ChainWriter(EventLog.open(copy).header)
    (*_, last) = EventLog.open(copy).read()
    codes = np.array(logs.codes_of(copy)[-1:], np.int32)
    elapsed = np.ones(1, np.int64)
    more = Block(last.sequence_after, last.step_after, last.time_after, elapsed, codes, {})
    message, _ = writer.encode(more, audit(copy).head.digest)
    written(copy, [*whole[:3], message])
    assert audit(copy).integrity is Verdict.PASS
    assert "computed anew" in str(check(copy, notes))


def test_heads_that_are_rolled_back_with_the_log_leave_it_unfinished(copy, notes):
    """Who takes back log and heads together gets what a killed process leaves, and no more."""
    whole = parts(copy)
    written(copy, whole[:3], ended=False)
    older = [text for text in notes if Head.parse(text.split("\n\n")[0] + "\n").blocks <= 2]
    done = check(copy, older)
    assert (done.integrity, done.completeness) == (Verdict.PASS, Verdict.FAIL)
    assert "the log is not complete" in str(done)
    written(copy, whole[:3])
    done = check(copy, older)
    assert "no signed head says that the log ends here" in str(done)
    elsewhere = verify(copy, KEY.verifier, heads(copy.parent, older), expected=[last_head(notes)])
    assert elsewhere.integrity is Verdict.FAIL


def last_head(notes):
    return Head.parse(notes[-1].split("\n\n")[0] + "\n")


def test_blocks_after_a_complete_log_are_found(copy, notes):
    """A head that says that the log is complete leaves no room for more."""
    whole = parts(copy)
    writer = ChainWriter(EventLog.open(copy).header)
    empty = np.empty(0, np.int64)
    (*_, last) = EventLog.open(copy).read()
    more = Block(
        last.sequence_after, last.step_after, last.time_after, empty, empty.astype(np.int32), {}
    )
    message, _ = writer.encode(more, last_head(notes).digest)
    written(copy, [*whole, message])
    assert "1 blocks were added after" in str(check(copy, notes))


def test_what_no_head_covers_is_told(copy, notes):
    """Without the last heads it is told how much nobody vouches for."""
    done = check(copy, notes[:2])
    assert done.completeness is Verdict.FAIL
    assert rules(done) == {"heads-cover-log"}
    more = len(EventLog.open(copy)) - done.covered
    assert f"nobody vouches for the {more}" in str(done)


def test_a_wrong_key_vouches_for_nothing(copy, notes):
    """The message names the key that was expected, and those that signed."""
    done = check(copy, notes, OTHER)
    assert done.integrity is Verdict.FAIL
    assert rules(done) == {"head-signed"}
    assert "mallory.example.org signed: are log, heads and key right?" in str(done)
    assert "are not of the given keys, but of training.example.org" in str(done)


def test_a_key_that_only_has_the_same_name_vouches_for_nothing(copy, notes):
    """A name is no proof."""
    assert check(copy, notes, SigningKey.generate(KEY.name)).integrity is Verdict.FAIL


def test_one_of_several_keys_is_enough(copy, notes):
    """As after a change of keys."""
    keys = [OTHER.verifier, KEY.verifier]
    assert verify(copy, keys, heads(copy.parent, notes)).passed


def test_heads_of_another_session_vouch_for_nothing(copy, notes, tmp_path):
    """Swapped files: nothing in them is of this log."""
    theirs = []
    write(tmp_path / "theirs.arrows", Witness(theirs.append, KEY))
    done = check(copy, theirs)
    assert done.integrity is Verdict.FAIL
    assert "heads are of other sessions" in str(done)
    assert check(copy, [*theirs, *notes]).passed


def test_a_changed_head_is_found(copy, notes):
    """Its signature is wrong, even if a later head would do."""
    changed = notes[0].replace("events ", "events 1")
    done = check(copy, [changed, *notes[1:]])
    assert rules(done) == {"head-signed"}
    assert "the head was changed" in str(done)


def test_repeated_heads_are_well(copy, notes):
    """A head that stands there twice says the same twice."""
    assert check(copy, [n for note in notes for n in (note, note)]).passed


def test_heads_out_of_order_are_told(copy, notes):
    """Each of them is still one that the log had."""
    done = check(copy, notes[::-1])
    assert done.passed
    assert "this head is older than the one before" in str(done)


def test_two_heads_of_one_length_cannot_both_be_right(copy, notes):
    """Who has the key and tells two stories is found out."""
    head = last_head(notes)
    second = Head(head.session, head.blocks, head.events, "cd" * 32, complete=True)
    done = check(copy, [*notes, str(KEY.sign(str(second)))])
    assert done.integrity is Verdict.FAIL


def test_a_head_that_counts_other_events_is_found(copy, notes):
    """Even where its digest is right."""
    head = last_head(notes)
    other = Head(head.session, head.blocks, head.events + 1, head.digest, complete=True)
    done = check(copy, [str(KEY.sign(str(other)))])
    assert done.integrity is Verdict.FAIL
    assert f"counts {head.events + 1} events" in str(done)


def test_heads_without_a_signature_prove_nothing(copy, notes):
    """They can be kept where nobody else may write, and expected."""
    bare = [str(last_head(notes))]
    done = check(copy, bare)
    assert done.integrity is Verdict.FAIL
    assert "but of nobody" in str(done)


def test_a_damaged_log_is_found_with_its_heads(copy, notes):
    """The heads before the damage still hold; those after it can't be judged."""
    content = bytearray(copy.read_bytes())
    content[-20] ^= 1
    copy.write_bytes(content)
    done = check(copy, notes)
    assert done.integrity is Verdict.FAIL
    assert rules(done) == {"chain-unbroken"}
    assert done.heads[0].fault is None
    assert done.heads[-1].fault == "it covers what is damaged"


def test_a_log_damaged_in_its_first_message_is_found(copy, notes):
    """Nothing of it can be read, and that is told."""
    content = bytearray(copy.read_bytes())
    content[200] ^= 1
    copy.write_bytes(content)
    assert check(copy, notes).integrity is Verdict.FAIL


def test_a_killed_session_is_verified_as_far_as_it_was_sealed(tmp_path):
    """What recovery seals is in the same chain, and nobody vouches for it until it is signed."""
    texts = []
    living = tmp_path / "living.arrows"
    writer = Writer(EventLog(living, witness=Witness(texts.append, KEY)).begin(HOOKS)).start()
    seal(writer, living)
    while not texts:
        threading.Event().wait(0.002)
    writer.steps(2)
    path = logs.left_by_a_kill(living, tmp_path / "killed.arrows")
    published = list(texts)
    writer.close()
    done = check(path, published)
    assert (done.integrity, done.completeness) == (Verdict.PASS, Verdict.FAIL)
    assert "the log is not complete" in str(done)
    recover(path)
    assert "no signed head says that the log ends here" in str(check(path, published))
    signed = str(KEY.sign(str(audit(path).head)))
    assert check(path, [*published, signed]).passed


def test_a_head_kept_elsewhere_shows_what_was_changed(copy, log):
    """No key is needed: `audit` takes heads, or their digests."""
    head = audit(log).head
    assert audit(copy, expected=[head, head.digest]).passed
    written(copy, parts(copy)[:-1], ended=False)
    report = audit(copy, expected=[head])
    assert "log-reaches-heads" in {finding.rule for finding in report.findings}
    report = audit(copy, expected=[head.digest])
    assert report.integrity is Verdict.FAIL
    assert audit(copy, expected=[head.digest.upper()]).findings == report.findings
    for judge in (audit, partial(verify, keys=KEY.verifier, heads=[])):
        with pytest.raises(TypeError, match="goes into a list"):
            judge(copy, expected=head.digest)
        with pytest.raises(TypeError, match="heads, or digests as texts, and not None"):
            judge(copy, expected=[None])


def test_heads_that_got_other_ends_of_lines_are_read(copy, log, notes, tmp_path):
    """As by mail, or by version control on Windows: what was signed is the same."""
    path = tmp_path / "windows.heads"
    path.write_bytes("\n".join(notes).replace("\n", "\r\n").encode())
    verification = verify(copy, KEY.verifier, path)
    assert verification.passed, verification
    assert len(verification.heads) == len(notes)


def test_a_mistyped_digest_accuses_no_log(copy):
    """It is an error of who asks, and no verdict."""
    for judge in (audit, partial(verify, keys=KEY.verifier, heads=[])):
        with pytest.raises(ValueError, match="'ab12' is no digest of a head: that has 64 hex"):
            judge(copy, expected=["ab12"])


@pytest.mark.parametrize("wrong", [5, "x", None, [5], ["x"]], ids=str)
def test_what_is_no_key_is_refused(copy, wrong):
    """And the message says what makes one."""
    with pytest.raises(TypeError, match=r"VerifierKey\.parse\(text\) or \.load\(path\) makes one"):
        verify(copy, wrong, [])


@pytest.mark.parametrize("wrong", [5, None, [5], ["x"]], ids=str)
def test_what_are_no_heads_is_refused(copy, wrong):
    """Heads are named by the path of their file, or as it was read."""
    with pytest.raises(TypeError, match="the path of a file of heads, or what it holds, not"):
        verify(copy, KEY.verifier, wrong)


def test_a_key_is_read_from_a_text_and_called_by_one():
    """Anything else is told as what it is."""
    with pytest.raises(TypeError, match="read from a text, not from 5"):
        VerifierKey.parse(5)
    with pytest.raises(UnusableKey, match="a key can't be called 5"):
        SigningKey.generate(5)


@given(st.data())
def test_no_other_log_has_the_heads(shared, log, notes, data):
    """Blocks dropped, swapped, repeated or cut, with all digests computed anew."""
    first, *blocks = parts(log)
    order = data.draw(st.lists(st.integers(0, len(blocks) - 1), max_size=len(blocks) + 1))
    ended = data.draw(st.booleans())
    path = shared / "forged.arrows"
    content = chained([first, *(blocks[at] for at in order)])
    path.write_bytes(content if ended else content[: -len(END_MARKER)])
    done = check(path, notes)
    assert done.passed == (order == list(range(len(blocks))) and ended)
    if not done.passed:
        assert done.findings


@given(st.data())
def test_no_damage_of_the_heads_hides_another_log(shared, log, notes, data):
    """Whatever is done to the text: a log that is another one is never verified."""
    path = shared / "rolled-back.arrows"
    written(path, parts(log)[:3])
    text = "".join(f"{note}\n" for note in notes)
    for _ in range(data.draw(st.integers(0, 3))):
        a, b = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
        text = data.draw(
            st.sampled_from([text[:a] + text[b:], text[:b] + text[a:], text[:a] + "\n" + text[a:]])
        )
    place = shared / "damaged-heads"
    place.write_text(text)
    assert not verify(path, KEY.verifier, place).passed


def test_each_pair_of_heads_is_judged_alike(copy, notes):
    """In whatever order two of the right heads stand, no fault is found with either."""
    for pair in itertools.permutations(notes, 2):
        assert not [one for one in check(copy, pair).heads if one.fault]
