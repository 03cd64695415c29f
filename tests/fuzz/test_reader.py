"""Whatever bytes a log is made of, only errors of ours come out of reading it."""

import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.reading import read_in_every_way, seeds

ROOT = Path(__file__).parents[2]
RUNS = 20_000
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))


@pytest.mark.parametrize("name", sorted(seeds()))
def test_what_the_fuzzing_starts_from_can_be_read(name):
    """The golden logs and a tail, and what a few random changes make of them."""
    seed, chance = seeds()[name], random.Random(name)
    read_in_every_way(seed)
    for _ in range(10):
        changed = bytearray(seed)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(1, len(seed))] = chance.randrange(256)
        read_in_every_way(bytes(changed))


@pytest.mark.deep
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it has no wheel for every version of Python",
)
def test_fuzzing_finds_no_other_error(tmp_path):
    """Guided by coverage; no input takes longer than 20 seconds or more than 2 GB of memory."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, seed in seeds().items():
        (corpus / name).write_bytes(seed)
    end = time.monotonic() + SECONDS
    while (left := round(end - time.monotonic())) > 0:
        fuzz(corpus, left, tmp_path)


def fuzz(corpus: Path, seconds: int, artifacts: Path) -> None:
    """One process, which goes on from the corpus; atheris itself keeps some 40 KB of each run."""
    options = [f"-max_total_time={seconds}", f"-runs={RUNS}", "-timeout=20", "-max_len=65536"]
    options += ["-rss_limit_mb=2048", "-malloc_limit_mb=512", f"-artifact_prefix={artifacts}/"]
    command = [sys.executable, "-m", "tests.fuzz", str(corpus), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    found = [path.read_bytes() for path in artifacts.iterdir() if path.is_file()]
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}\ninput: {found}"
    assert "Done " in done.stderr, done.stderr[-2000:]
