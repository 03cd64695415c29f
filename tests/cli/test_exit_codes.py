"""The exit code says what an audit found."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import UnreadableLog, Verdict, audit
from statemachine.cli.exit_codes import ExitCode, lowest
from tests.cli import logs
from tests.cli.running import run, run_json

READERS = (
    ("show",),
    ("state",),
    ("stats",),
    ("audit",),
    ("recover",),
    ("export", "--format", "jsonl", "-o", "-"),
    ("report", "-o", "-"),
)


def expected(path):
    """The exit code that the verdicts of an audit stand for."""
    try:
        report = audit(path)
    except (UnreadableLog, OSError):
        return 2
    verdicts = (report.integrity, report.completeness, report.conformance, report.lineage)
    return min((c for c, v in enumerate(verdicts, start=3) if v is Verdict.FAIL), default=0)


def test_the_codes_are_those_that_are_documented():
    """0 all well, 1 usage, 2 unreadable, 3 to 6 for the four verdicts, 7 different."""
    assert [int(code) for code in ExitCode][:8] == list(range(8))
    assert ExitCode.TAMPERED == 3
    assert ExitCode.LINEAGE_BROKEN == 6


def test_where_several_hold_the_lowest_counts():
    """Tampered comes before incomplete, and anything before all well."""
    assert lowest([ExitCode.OK, ExitCode.DIFFERENT, ExitCode.TAMPERED]) is ExitCode.TAMPERED
    assert lowest([]) is ExitCode.OK


def test_each_verdict_has_its_exit_code(
    closed_log, killed_log, tampered_log, disordered_log, tmp_path
):
    """All well, tampered, incomplete and out of order each give their own code."""
    assert run("audit", closed_log).exit_code == 0
    assert run("audit", tampered_log).exit_code == 3
    assert run("audit", killed_log).exit_code == 4
    assert run("audit", disordered_log).exit_code == 5
    directory = logs.related(tmp_path / "related")
    (directory / "first.arrows").unlink()
    logs.closed(directory / "stranger.arrows")
    assert run("audit", directory).exit_code == 6


def test_several_logs_give_the_lowest_code(closed_log, killed_log, disordered_log):
    """A log out of order and an incomplete one together are incomplete."""
    assert run("audit", closed_log, disordered_log, killed_log).exit_code == 4


@pytest.mark.parametrize("command", READERS)
def test_a_missing_file_is_unreadable(command, tmp_path):
    """Exit code 2, and the file is named."""
    result = run(command[0], tmp_path / "none.arrows", *command[1:])
    assert result.exit_code == 2
    assert f"there is no file {tmp_path}/none.arrows" in result.stderr


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("content", [b"", b"not a log", b"\xff" * 64, b"\0" * 4096])
def test_what_is_no_log_is_unreadable(command, content, tmp_path):
    """Exit code 2, and the message names the file."""
    path = tmp_path / "other.arrows"
    path.write_bytes(content)
    result = run(command[0], path, *command[1:])
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert path.read_bytes() == content


@pytest.mark.parametrize("command", [reader for reader in READERS if reader[0] != "audit"])
def test_a_tampered_log_is_told_of_whatever_reads_it(command, tampered_log):
    """Exit code 3, with the byte at which the damage begins."""
    before = tampered_log.read_bytes()
    result = run(command[0], tampered_log, *command[1:])
    assert result.exit_code == 3
    assert "message at byte" in result.stderr
    assert tampered_log.read_bytes() == before


@pytest.mark.parametrize("command", [reader for reader in READERS if reader[0] != "recover"])
def test_a_directory_is_no_log(command, tmp_path):
    """One log is wanted: exit code 2; an audit finds nothing in an empty directory, also 2."""
    result = run(command[0], tmp_path, *command[1:])
    assert result.exit_code == 2
    assert "directory" in result.stderr


def test_wrong_usage_is_1(closed_log):
    """Where click says 2, the exit code is 1, and the message says how to get help."""
    for arguments in (["show"], ["nonsense"], ["show", closed_log, "--nonsense"], ["--nonsense"]):
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert "Usage: " in result.stderr
        assert "--help" in result.stderr


def test_help_and_version_are_well():
    """Exit code 0; the help names every exit code."""
    shown = run("--help")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    for code in ExitCode:
        assert f"{int(code)} {code.meaning}" in words
    assert run("--version").stdout.startswith("monitored-session ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("state",), "Missing argument 'LOG'"),
        (("state", "x", "--at", "-1"), "is not in the range"),
        (("state", "x", "--nonsense"), "No such option"),
        (("nonsense",), "No such command"),
    ],
    ids=lambda told: "",
)
def test_wrong_usage_is_json_too_if_json_was_asked_for(arguments, words):
    """Also where the arguments could not be told apart."""
    told, code = run_json(*arguments)
    assert (code, told["schema"], told["exit_code"]) == (1, "monitored-session/error/1", 1)
    assert words in told["error"]


def test_errors_are_json_too_if_json_was_asked_for(tmp_path):
    """The message is on standard error as ever, and an object on standard output."""
    told, code = run_json("state", tmp_path / "none.arrows")
    assert code == told["exit_code"] == 2
    assert told["schema"] == "monitored-session/error/1"
    assert "none.arrows" in told["error"]


@given(
    at=st.integers(0, 1 << 20),
    bit=st.integers(0, 7),
    cut=st.none() | st.integers(0, 5000),
)
def test_damage_gives_the_code_of_the_verdicts(closed_log, tmp_path_factory, at, bit, cut):
    """Whatever bit is changed and wherever the log is cut, the exit code is what audit says."""
    path = logs.flipped(closed_log, at, tmp_path_factory.mktemp("damaged") / "log.arrows", bit)
    if cut is not None:
        path.write_bytes(path.read_bytes()[:cut])
    assert run("audit", path).exit_code == expected(path)
    for command in ("show", "state", "stats"):
        assert run(command, path).exit_code in (0, 2, 3)


@given(
    where=st.integers(0, 1000),
    other=st.integers(0, 1000),
    change=st.sampled_from(["drop", "swap", "repeat", "alter", "cut"]),
    ended=st.booleans(),
)
def test_forged_logs_give_the_code_of_the_verdicts(
    closed_log, tmp_path_factory, where, other, change, ended
):
    """With a right chain over wrong events, the exit code is still what audit says."""
    codes = logs.codes_of(closed_log)
    a, b = where % len(codes), other % len(codes)
    if change == "drop":
        del codes[a]
    elif change == "swap":
        codes[a], codes[b] = codes[b], codes[a]
    elif change == "repeat":
        codes.insert(a, codes[b])
    elif change == "alter":
        codes[a] ^= 1 << (b % 31)
    else:
        del codes[a:]
    path = logs.forged(
        tmp_path_factory.mktemp("forged") / "log.arrows", codes, logs.details_of(closed_log)
        if change == "swap" else None, ended=ended,
    )  # fmt: skip
    result = run("audit", path, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == told["exit_code"] == expected(path)
    if "error" not in told["logs"][0]:
        report = audit(path)
        for name in ("integrity", "completeness", "conformance", "lineage"):
            assert told["logs"][0][name] == getattr(report, name).value
