"""Forged logs: right digests over whatever somebody likes. Every command has an answer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import logs
from tests.cli.running import run

DETAILS = (
    '{"path":5,"step":"x","size":-1,"sha256":[]}',
    '{"error":{"type":5,"bases":"x"}}',
    '{"error":null,"instead_of":7,"call":5,"signature":{}}',
    '{"by":[1],"hook":"x"}',
    '{"hook":99999,"by":"hook.after_run"}',
    "[1]",
    '{"text":"\\ud800\\u0000"}',
    '{"detail":{"a":1e999}}',
    '{"step":true,"size":123456789012345678901234567890}',
)
HEADERS = (
    {},
    {"started": 0},
    {"started": -(1 << 70)},
    {"started": 1 << 62},
    {"clock": 1 << 80},
    {"session": "\x1b\ud800"},
    {"versions": {"\ud800": [1]}},
    {"vocabulary": {}},
)
HOOKS = (("a", "b"), (), ("\ud800", "\x1b"), ("x",) * 300)

codes = st.integers(0, 40) | st.integers(64, 74) | st.integers(-(1 << 31), (1 << 31) - 1)


@settings(max_examples=max(settings.default.max_examples // 3, 1))
@given(
    changes=st.dictionaries(st.integers(0, 40), codes, max_size=5),
    details=st.dictionaries(st.integers(0, 40), st.sampled_from(DETAILS), max_size=6),
    header=st.sampled_from(HEADERS),
    hooks=st.sampled_from(HOOKS),
    ended=st.booleans(),
)
def test_every_command_has_an_answer(
    closed_log, tmp_path_factory, changes, details, header, hooks, ended
):
    """An exit code that is documented, and never an error that was not foreseen."""
    directory = tmp_path_factory.mktemp("hostile")
    forged = logs.codes_of(closed_log)
    for at, code in changes.items():
        forged[at] = code
    path = directory / "log.arrows"
    logs.forged(path, forged, details, hooks=hooks, ended=ended, **header)
    out = directory / "out"
    for command in (
        ("show", path),
        ("show", path, "--json"),
        ("show", path, "--follow"),
        ("state", path),
        ("audit", path),
        ("audit", path, closed_log, "--json"),
        ("stats", path),
        ("stats", path, "--json"),
        ("diff", closed_log, path),
        ("diff", path, closed_log, "--json"),
        *(("export", path, "-o", out, "-f", f) for f in ("csv", "parquet", "chrome-trace", "xes")),
        ("report", path, "-o", out),
        ("recover", path),
    ):
        assert run(*command).exit_code in {0, 2, 3, 4, 5, 7}, command
