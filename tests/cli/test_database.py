"""Every command reads logs in a database, named by its path or URL."""

import subprocess
import sys

import pytest

from statemachine import EventKind, EventLog
from statemachine.cli.follow import Follower
from statemachine.cli.source import Source
from statemachine.sql_store import SqlStore, open_log
from tests.cli import logs
from tests.cli.running import finished, run, run_json
from tests.statemachine.histories import HOOKS, Writer

CHECKPOINT = {"path": "model.ckpt-3", "step": 3, "size": 64, "sha256": logs.DIGEST}


def stored(database, name, steps=3, kind=None):
    """A closed log in a database."""
    writer = Writer(EventLog(SqlStore(database, name)).begin(HOOKS)).start()
    if kind is not None:
        writer.journal.add(kind, CHECKPOINT)
    writer.steps(steps).close()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Two logs, the second of which restored what the first saved."""
    path = tmp_path_factory.mktemp("database") / "runs.db"
    stored(path, "monday", 3, EventKind.CHECKPOINT_SAVED)
    stored(path, "tuesday", 2, EventKind.CHECKPOINT_RESTORED)
    return path


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A database of one log."""
    path = tmp_path_factory.mktemp("single") / "run"
    stored(path, "only")
    return path


@pytest.mark.parametrize("form", ["sqlite:///{}", "{}"])
@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("show", "--follow"),
        ("state",),
        ("stats",),
        ("audit",),
        ("export", "--format", "jsonl", "-o", "-"),
        ("report", "-o", "-"),
    ],
)
def test_a_log_in_a_database_is_read(command, form, single):
    """By the path or the URL; the only log needs no name, but takes it."""
    name = form.format(single)
    result = run(command[0], name, *command[1:])
    assert result.exit_code == 0
    assert result.stdout
    named = run(command[0], f"{name}#only", *command[1:])
    assert named.exit_code == 0


def test_state_tells_of_the_log_that_is_named(database):
    """And its JSON names it as messages do."""
    told, code = run_json("state", f"sqlite:///{database}#tuesday")
    assert (code, told["steps_done"], told["log"]) == (0, 2, f"{database}#tuesday")


def test_diff_compares_two_logs_of_a_database(database):
    """Or one of a database with a file."""
    told, code = run_json("diff", f"{database}#monday", f"{database}#tuesday")
    assert (code, told["a"]) == (7, f"{database}#monday")
    assert run("diff", f"{database}#monday", f"{database}#monday").exit_code == 0


def test_a_database_is_audited_as_a_directory_is(database, closed_log):
    """All its logs, in the order of their start, with their lineage."""
    told, code = run_json("audit", f"sqlite:///{database}", closed_log)
    assert code == 0
    names = [one["log"] for one in told["logs"]]
    assert names == [f"{database}#monday", f"{database}#tuesday", str(closed_log)]
    assert [(one["parent"], one["child"]) for one in told["lineage"]] == [
        (f"{database}#monday", f"{database}#tuesday")
    ]
    assert [one["lineage"] for one in told["logs"]] == ["pass"] * 3


def test_a_report_knows_the_other_logs_of_a_database(database, tmp_path):
    """As `--known` it stands for all of them."""
    page = tmp_path / "page.html"
    result = run("report", f"{database}#tuesday", "-o", page, "--known", database)
    assert result.exit_code == 0
    assert "runs.db#monday" in page.read_text()


def test_one_of_several_logs_has_to_be_named(database):
    """The message lists them: wrong usage."""
    result = run("state", database)
    assert result.exit_code == 1
    assert "holds 2 logs: name one of them, as runs.db#monday, runs.db#tuesday" in result.stderr


def test_a_log_that_is_not_there_is_unreadable(database, tmp_path):
    """With the names of those that are, or of the missing database."""
    result = run("state", f"{database}#friday")
    assert result.exit_code == 2
    assert "no log named 'friday'; logs in it: monday, tuesday" in result.stderr
    result = run("audit", f"sqlite:///{tmp_path}/none.db")
    assert result.exit_code == 2
    assert "there is no file" in result.stderr


def test_a_database_of_other_things_is_unreadable(tmp_path):
    """Also an empty one, and one that is damaged."""
    import sqlite3

    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE things (a)")
    connection.commit()
    connection.close()
    for path in (other, tmp_path / "damaged.db"):
        if not path.exists():
            path.write_bytes(b"SQLite format 3\0" + bytes(5000))
        for command in ("audit", "show", "state"):
            assert run(command, path).exit_code == 2, (path, command)


def test_a_tampered_log_in_a_database_is_found(tmp_path):
    """The digests cover its blocks there, too."""
    import sqlite3

    path = tmp_path / "runs.db"
    stored(path, "one")
    connection = sqlite3.connect(path)
    (message,) = connection.execute("SELECT message FROM blocks WHERE number = 1").fetchone()
    changed = message[:-20] + bytes([message[-20] ^ 1]) + message[-19:]
    connection.execute("UPDATE blocks SET message = ? WHERE number = 1", (changed,))
    connection.commit()
    connection.close()
    assert run("audit", path).exit_code == 3


def test_a_growing_log_in_a_database_is_followed(tmp_path):
    """Sealed blocks are read once, and what the tail holds is shown."""
    path = tmp_path / "runs.db"
    log = EventLog(SqlStore(path, "one"))
    writer = Writer(log.begin(HOOKS)).start()
    follower = Follower(open_log(path, "one"))
    seen = 0
    for _ in range(3):
        writer.steps(2)
        writer.journal.seal()
        seen += sum(int(growth.fresh.sum()) for growth in follower.look())
        assert seen == len(log)
        assert follower.running
    writer.close()
    seen += sum(int(growth.fresh.sum()) for growth in follower.look())
    assert follower.ended
    assert seen == len(log)


def test_recover_is_for_files(single):
    """A log in a database is read as it is: wrong usage."""
    result = run("recover", single)
    assert result.exit_code == 1
    assert "only a log in a file can be recovered" in result.stderr


def test_no_output_is_written_over_a_database(single, closed_log):
    """It may hold logs."""
    before = single.read_bytes()
    assert run("export", closed_log, "-f", "csv", "-o", single).exit_code == 1
    assert single.read_bytes() == before


def test_a_file_may_have_a_name_like_a_log_in_a_database(tmp_path):
    """What is there as a file is meant as a file."""
    path = logs.closed(tmp_path / "runs.db#monday")
    assert Source.named(str(path)) == Source(path)
    assert run("state", path).exit_code == 0


def test_without_sqlalchemy_the_extra_is_named(single):
    """Wrong usage, and no traceback."""
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from statemachine.cli.application import run\n"
        f"sys.exit(run(['state', {str(single)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'monitored-session[sql]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_takes_a_url(single):
    """From a shell."""
    assert finished("audit", f"sqlite:///{single}").returncode == 0
