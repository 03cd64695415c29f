"""`keygen`, `sign`, `verify` and `--expect-head`: what the command line says of heads."""

import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statemachine import EventLog, Head, SigningKey, Witness, audit
from statemachine.form import END_MARKER
from statemachine.sql_store import SqlStore
from statemachine.witness import read_heads
from tests.cli import logs
from tests.cli.running import finished, run, run_json
from tests.cli.test_json import check
from tests.statemachine.histories import HOOKS, Writer


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The file of a private key; the public one lies beside it."""
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    assert run("keygen", path, "--name", "training.example.org").exit_code == 0
    return path


@pytest.fixture
def public(key):
    return f"{key}.pub"


@pytest.fixture
def log(closed_log, tmp_path):
    """A log that may be changed."""
    path = tmp_path / "log.arrows"
    path.write_bytes(closed_log.read_bytes())
    return path


def test_keygen_makes_a_pair(tmp_path):
    """The private half is for its owner alone; the public one is printed."""
    told, code = run_json("keygen", tmp_path / "key", "--name", "me")
    check(told, "keygen")
    assert code == 0
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key.pub").read_text() == told["verifier_key"] + "\n"
    assert str(SigningKey.load(tmp_path / "key").verifier) == told["verifier_key"]


def test_keygen_overwrites_nothing(tmp_path):
    """Neither half: wrong usage."""
    for name in ("key", "key.pub"):
        (tmp_path / name).write_text("mine")
        result = run("keygen", tmp_path / "key")
        assert result.exit_code == 1
        assert "a key is never overwritten" in result.stderr
        (tmp_path / name).unlink()


def test_keygen_wants_a_name_of_one_word(tmp_path):
    """As signed notes do: wrong usage, and no file."""
    result = run("keygen", tmp_path / "key", "--name", "two words")
    assert result.exit_code == 1
    assert "without spaces" in result.stderr
    assert not (tmp_path / "key").exists()


def test_a_directory_is_not_signed(key, tmp_path, monkeypatch):
    """Not even the one that one is in, whose name is empty."""
    monkeypatch.chdir(tmp_path)
    result = run("sign", ".", "--key", key)
    assert result.exit_code == 2
    assert "it is a directory: name one of the logs in it" in result.stderr


def test_what_was_signed_is_verified(log, key, public):
    """The heads lie beside the log if no other place is named."""
    told, code = run_json("sign", log, "--key", key)
    check(told, "sign")
    assert (code, told["output"]) == (0, f"{log}.heads")
    told, code = run_json("verify", log, "--key", public)
    check(told, "verify")
    assert (code, told["integrity"], told["completeness"]) == (0, "pass", "pass")
    assert told["covered_events"] == told["head"]["events"] == len(EventLog.open(log))
    shown = run("verify", log, "--key", (key.parent / "key.pem.pub").read_text().strip())
    assert shown.exit_code == 0
    assert "1 of 1 are heads of this log" in shown.stdout


def test_a_log_that_is_signed_twice_has_one_head(log, key):
    """Signing again says so, and adds nothing."""
    run("sign", log, "--key", key)
    before = (log.parent / "log.arrows.heads").read_bytes()
    assert "holds this head" in run("sign", log, "--key", key).stderr
    assert (log.parent / "log.arrows.heads").read_bytes() == before


def test_a_note_goes_to_standard_output_if_that_is_wanted(log, key):
    """To be kept somewhere else."""
    shown = run("sign", log, "--key", key, "-o", "-")
    assert Head.parse(shown.stdout.split("\n\n")[0] + "\n") == audit(log).head
    assert not (log.parent / "log.arrows.heads").exists()


def test_a_changed_log_is_neither_signed_nor_verified(log, key, public, tampered_log):
    """Exit code 3, whether its digests are wrong or were computed anew."""
    assert run("sign", tampered_log, "--key", key).exit_code == 3
    run("sign", log, "--key", key)
    heads = log.parent / "log.arrows.heads"
    before = heads.read_bytes()
    codes, details = logs.codes_of(log), logs.details_of(log)
    session = EventLog.open(log).header.session
    forged = logs.forged(log.parent / "forged.arrows", codes, details, session=session)
    assert run("audit", forged).exit_code == 0
    result = run("verify", forged, "--key", public, "--witness", heads)
    assert result.exit_code == 3
    assert "computed anew" in result.stdout
    result = run("sign", forged, "--key", key, "-o", heads)
    assert result.exit_code == 3
    assert "is not signed" in result.stderr
    assert heads.read_bytes() == before


def test_a_cut_off_end_is_incomplete(log, key, public):
    """Exit code 4, also by a head that was kept elsewhere, without a key."""
    run("sign", log, "--key", key)
    log.write_bytes(log.read_bytes()[: -len(END_MARKER)])
    assert run("verify", log, "--key", public).exit_code == 4
    told, code = run_json("audit", log, "--expect-head", f"{log}.heads")
    assert code == 4
    assert "log-reaches-heads" in {one["rule"] for one in told["logs"][0]["findings"]}


def test_a_digest_that_was_kept_elsewhere_is_expected(log, disordered_log):
    """What `audit` prints as the head of a log can be noted down and asked for."""
    told, _ = run_json("audit", log)
    digest = told["logs"][0]["head"]["sha256"]
    assert digest in run("audit", log).stdout
    assert run("audit", log, "--expect-head", digest).exit_code == 0
    result = run("audit", disordered_log, "--expect-head", digest)
    assert result.exit_code == 3
    assert "was changed or cut off" in result.stdout


def test_a_head_of_another_log_is_told(log, killed_log, key):
    """The log that was expected is another one."""
    run("sign", log, "--key", key)
    result = run("audit", killed_log, "--expect-head", f"{log}.heads")
    assert result.exit_code == 3
    assert "the head of another session" in result.stdout


def test_a_log_that_is_gone_is_told(tmp_path, key):
    """Where several logs are audited: whose head is expected must be there."""
    paths = [logs.closed(tmp_path / name) for name in ("a.arrows", "b.arrows", "c.arrows")]
    heads = tmp_path / "heads"
    for path in paths:
        run("sign", path, "--key", key, "-o", heads)
    assert run("audit", tmp_path, "--expect-head", heads).exit_code == 0
    gone = EventLog.open(paths[0]).header.session
    paths[0].unlink()
    told, code = run_json("audit", tmp_path, "--expect-head", heads)
    check(told, "audit")
    assert (code, [head["session"] for head in told["missing"]]) == (4, [gone])
    result = run("audit", tmp_path, "--expect-head", heads)
    assert f"no log of session {gone}, whose head was expected" in result.stdout


def test_an_unfinished_log_is_signed_as_far_as_it_is_sealed(tmp_path, key, public):
    """And verified as incomplete."""
    path = logs.killed(tmp_path / "log.arrows", sealed=2)
    result = run("sign", path, "--key", key)
    assert result.exit_code == 0
    assert "the log is not complete" in result.stderr
    result = run("verify", path, "--key", public)
    assert result.exit_code == 4
    assert "nobody vouches for the" in result.stdout


def test_heads_of_a_session_are_verified(tmp_path, key, public):
    """Those that a witness published while the log was written."""
    path = tmp_path / "log.arrows"
    log = EventLog(path, witness=Witness(tmp_path / "heads", key))
    Writer(log.begin(HOOKS)).start().steps(3).close()
    assert run("verify", path, "--key", public, "--witness", tmp_path / "heads").exit_code == 0


def test_a_log_in_a_database_is_signed_and_verified(tmp_path, key, public):
    """As one in a file."""
    log = EventLog(SqlStore(tmp_path / "runs.db", "one"))
    Writer(log.begin(HOOKS)).start().close()
    name = f"sqlite:///{tmp_path}/runs.db#one"
    assert run("sign", name, "--key", key).exit_code == 0
    assert run("verify", name, "--key", public).exit_code == 0
    assert (tmp_path / "runs.db.one.heads").exists()


def test_the_wrong_file_is_told(log, key, public, tmp_path):
    """Of keys and of heads: each message names it, and what it should be."""
    none = tmp_path / "none"
    for arguments, code, told in (
        (["sign", log, "--key", none], 1, "can't use the private key"),
        (["sign", log, "--key", public], 1, "no private key in PEM"),
        (["verify", log, "--key", key], 1, "this is a private key"),
        (["verify", log, "--key", none], 1, "can't use the public key"),
        (["verify", log, "--key", "a+b+c"], 1, "not the verifier key"),
        (["verify", log, "--key", public], 2, "can't read the file of heads"),
        (["audit", log, "--expect-head", none], 1, "neither a digest"),
        (["audit", log, "--expect-head", log], 2, "holds no head of a log"),
        (["sign", log, "--key", key, "-o", none / "heads"], 1, "can't write"),
    ):
        result = run(*arguments)
        assert result.exit_code == code, arguments
        assert told in result.stderr


def test_heads_are_not_appended_to_a_log(log, key):
    """Named by mistake, it stays as it is: wrong usage."""
    before = log.read_bytes()
    result = run("sign", log, "--key", key, "-o", log)
    assert result.exit_code == 1
    assert "nothing is appended to it" in result.stderr
    assert log.read_bytes() == before


def test_a_digest_goes_with_one_log(log, closed_log):
    """Of several it can't be said which one it is of: wrong usage."""
    result = run("audit", log, closed_log, "--expect-head", "0" * 64)
    assert result.exit_code == 1
    assert "name a file of heads" in result.stderr


@settings(max_examples=max(settings.default.max_examples // 2, 1))
@given(at=st.integers(0, 1 << 16), junk=st.binary(max_size=30) | st.text().map(str.encode))
def test_hostile_heads_and_keys_have_an_answer(closed_log, key, tmp_path_factory, at, junk):
    """Whatever stands in the files, the exit code is a documented one."""
    directory = tmp_path_factory.mktemp("hostile")
    heads, public = directory / "heads", directory / "public"
    assert run("sign", closed_log, "--key", key, "-o", heads).exit_code == 0
    public.write_bytes((key.parent / "key.pem.pub").read_bytes())
    for path in (heads, public):
        content = path.read_bytes()
        place = at % (len(content) + 1)
        path.write_bytes(content[:place] + junk + content[place + 1 :])
        result = run("verify", closed_log, "--key", public, "--witness", heads)
        assert result.exit_code in {0, 1, 3, 4}
        assert run("audit", closed_log, "--expect-head", heads).exit_code in {0, 2, 3, 4}
        private = directory / "private"
        secret = key.read_bytes()
        private.write_bytes(secret[: at % len(secret)] + junk + secret[at % len(secret) + 1 :])
        result = run("sign", closed_log, "--key", private, "-o", heads)
        assert result.exit_code in {0, 1, 3}


def test_without_cryptography_the_extra_is_named(log, key):
    """Wrong usage, and no traceback."""
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from statemachine.cli.application import run\n"
        f"sys.exit(run(['sign', {str(log)!r}, '--key', {str(key)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'monitored-session[sign]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_signs_and_verifies(log, key, public):
    """From a shell."""
    assert finished("sign", log, "--key", key).returncode == 0
    assert finished("verify", log, "--key", public).returncode == 0
    assert len(read_heads(f"{log}.heads")) == 1
