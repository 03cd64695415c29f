"""What saving and restoring a checkpoint costs, beside the bare work and beside its peers.

500 MB in 20 variables are saved by `Saver.save` and restored by `Saver.restore`. Beside a save
stand a raw write and fsync of the same bytes, `numpy.savez`, `torch.save` and TensorFlow's own
`tf.train.Saver`, each followed by an fsync, as a save of ours ends on the disk; beside a restore,
reading the file and hashing it with SHA-256. All are measured in one process, in turns, so that
what slows the machine down slows all of them down; the ratios are formed within a turn, and their
median is shown.

Run it with `python -m benchmarks.checkpoint` where the packages are installed. A peer that is not
installed is named and left out. Nothing is asserted: the targets are only printed.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib.util
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import runtime

VARIABLES = 20
Work = Callable[[], None]


def contents(megabytes: int) -> dict[str, np.ndarray]:
    """Arrays that a disk cannot compress, of float32 and together of that size."""
    rng = np.random.default_rng(0)
    count = megabytes * 1_000_000 // VARIABLES // 4
    return {f"w{index:02}": rng.random(count, np.float32) for index in range(VARIABLES)}


def raw_write(arrays: dict[str, np.ndarray], path: Path) -> Work:
    """The least that a save can be: write the bytes, and make sure that they are on the disk."""

    def save() -> None:
        with open(path, "wb", buffering=0) as file:
            for array in arrays.values():
                piece = memoryview(array).cast("B")
                while len(piece):
                    piece = piece[file.write(piece[: 1 << 22]) :]
            os.fsync(file.fileno())

    return save


def read_and_hash(path: Path) -> Work:
    """The least that a restore can be: read the file into memory, and hash it."""

    def restore() -> None:
        content = path.read_bytes()
        hashlib.sha256(content).digest()

    return restore


def ours(arrays: dict[str, np.ndarray], directory: Path) -> tuple[Work, Work]:
    """`Saver.save` and `Saver.restore` of a session that holds the arrays."""
    graph = runtime.Graph()
    with graph.as_default():
        variables = [
            runtime.get_variable(name, array.shape, initializer=runtime.zeros_initializer())
            for name, array in arrays.items()
        ]
        saver = runtime.train.Saver(max_to_keep=1)
    session = runtime.Session(graph=graph)
    by_name = {variable.op.name: variable for variable in variables}
    session.write_variables({by_name[name]: array.copy() for name, array in arrays.items()})
    prefix = str(directory / "ours")
    return (
        lambda: saver.save(session, prefix, write_state=False),
        lambda: saver.restore(session, prefix),
    )


def on_disk(save: Work, *paths: Path) -> Work:
    """A save that ends when its files are on the disk, as ours does; the peers don't see to it."""

    def save_and_sync() -> None:
        save()
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    return save_and_sync


def numpy_save(arrays: dict[str, np.ndarray], path: Path) -> Work:
    return on_disk(lambda: np.savez(path, **arrays), path)


def torch_save(arrays: dict[str, np.ndarray], path: Path) -> Work:
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return on_disk(lambda: torch.save(tensors, path), path)


def tensorflow_save(arrays: dict[str, np.ndarray], directory: Path) -> Work:
    import tensorflow.compat.v1 as tf

    tf.disable_eager_execution()
    graph = tf.Graph()
    with graph.as_default():
        fed = tf.placeholder(tf.float32, [None])
        variables = {name: tf.get_variable(name, array.shape) for name, array in arrays.items()}
        assigns = {name: tf.assign(variables[name], fed) for name in arrays}
        saver = tf.train.Saver()
    session = tf.Session(graph=graph)
    for name, array in arrays.items():
        session.run(assigns[name].op, {fed: array})

    def save() -> None:
        saver.save(session, str(directory / "tf"), write_meta_graph=False, write_state=False)

    return on_disk(save, directory / "tf.data-00000-of-00001", directory / "tf.index")


def peers(arrays: dict[str, np.ndarray], directory: Path) -> dict[str, Work]:
    """The saves of other libraries; one that can't be imported is named and left out."""
    found = {"numpy.savez": numpy_save(arrays, directory / "numpy.npz")}
    makers = {
        "torch": ("torch.save", lambda: torch_save(arrays, directory / "torch.pt")),
        "tensorflow": ("tf.train.Saver", lambda: tensorflow_save(arrays, directory)),
    }
    for module, (name, make) in makers.items():
        if importlib.util.find_spec(module) is None:
            print(f"{module} is not installed: {name} is left out")
        else:
            found[name] = make()
    return found


def seconds(work: Work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_turns(works: dict[str, Work], rounds: int) -> dict[str, list[float]]:
    """The times of each, one after the other in each round; the first round doesn't count.

    The order changes from round to round: whoever comes after a work finds the disk busy with
    what that one has left behind, and that must not always be the same one.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    order, shuffled = list(works), random.Random(0)
    for number in range(rounds + 1):
        for name in order:
            os.sync()
            gc.collect()
            spent = seconds(works[name])
            if number:
                times[name].append(spent)
        shuffled.shuffle(order)
    return times


def largest_growth(work: Work) -> float:
    """By how many bytes the resident memory grows while something is done, at most."""
    page, done, largest = resource.getpagesize(), threading.Event(), [0]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * page

    def watch() -> None:
        while not done.wait(0.002):
            largest[0] = max(largest[0], resident())

    before = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return max(0, largest[0] - before)


def show(times: dict[str, list[float]], base: str) -> None:
    for name, spent in times.items():
        ratios = [own / other for own, other in zip(spent, times[base], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        print(
            f"  {name:<22}{statistics.median(spent):7.3f} s   {middle:5.2f} × {base}"
            f"   (quartiles {low:.2f} – {high:.2f})"
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", help="where the files go; by default a temporary one")
    chosen = parser.parse_args(arguments)
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} processors"
    )
    print(f"{chosen.megabytes} MB in {VARIABLES} variables, {chosen.rounds} rounds")
    arrays = contents(chosen.megabytes)
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        directory = Path(name)
        save, restore = ours(arrays, directory)
        raw: dict[str, Work] = {
            "write + fsync": raw_write(arrays, directory / "raw"),
            "Saver.save": save,
        }
        print("Saving (wanted: at most 1.3 × write + fsync, and less than each of the others):")
        show(in_turns(raw | peers(arrays, directory), chosen.rounds), "write + fsync")
        reading = {"read + SHA-256": read_and_hash(directory / "ours.safetensors")}
        print("Restoring (wanted: at most 1.2 × read + SHA-256):")
        show(in_turns(reading | {"Saver.restore": restore}, chosen.rounds), "read + SHA-256")
        growth = largest_growth(save) / 1e6
        print(f"Memory that a save takes beside the variables: {growth:.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
