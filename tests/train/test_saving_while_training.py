"""A save that goes on while another thread trains: nothing torn, nothing copied in vain."""

import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import runtime as tf
from runtime import errors
from runtime.background_hash import BackgroundHash
from runtime.checkpoint_file import CheckpointReader
from runtime.saver import Saver


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def initialized() -> tf.Session:
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return session


def trained_by(make_optimizer, size: int = 4):
    variable = tf.Variable(np.ones(size, np.float32), name="w")
    loss = tf.reduce_sum(variable * 0.5)
    return variable, make_optimizer().minimize(loss)


OPTIMIZERS = {
    "descent": lambda: tf.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_pinned_array_is_not_trained_on(optimizer: str) -> None:
    """An optimizer's step leaves a pinned array as it is and goes on with a copy."""
    variable, step = trained_by(OPTIMIZERS[optimizer])
    with initialized() as session:
        session.run(step)
        with session.pinned_variables(tf.global_variables()) as pinned:
            before = {name: np.array(value) for name, value in pinned.items()}
            session.run(step)
            session.run(step)
            for name, value in before.items():
                assert np.array_equal(pinned[name], value)
            assert not np.array_equal(session.run(variable), before[variable])


def test_a_pinned_array_is_not_added_to() -> None:
    """assign_add leaves a pinned array as it is."""
    variable = tf.Variable([1.0, 2.0])
    add = tf.assign_add(variable, [1.0, 1.0]).op
    with initialized() as session:
        with session.pinned_variables([variable]) as pinned:
            session.run(add)
            assert pinned[variable].tolist() == [1.0, 2.0]
        assert session.run(variable).tolist() == [2.0, 3.0]


def test_without_a_pin_an_update_writes_in_place() -> None:
    """After the block, and for what two readers have pinned one after the other, too."""
    variable, step = trained_by(OPTIMIZERS["descent"])
    with initialized() as session:
        with session.pinned_variables([variable]), session.pinned_variables([variable]):
            pass
        with session.pinned_variables([variable]) as pinned:
            array = pinned[variable]
        session.run(step)
        with session.pinned_variables([variable]) as pinned:
            assert pinned[variable] is array


def test_two_readers_of_one_array() -> None:
    """The pin lasts until the last reader has ended."""
    variable, step = trained_by(OPTIMIZERS["descent"])
    with initialized() as session, session.pinned_variables([variable]) as outer:
        with session.pinned_variables([variable]):
            pass
        session.run(step)
        assert outer[variable].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_what_cannot_be_pinned() -> None:
    """No value: FailedPreconditionError that names the variable; closed session: RuntimeError."""
    empty, full = tf.Variable(1.0, name="empty"), tf.Variable([1.0], name="full")
    session = tf.Session()
    session.run(full.initializer)
    with (
        pytest.raises(errors.FailedPreconditionError, match="uninitialized value empty"),
        session.pinned_variables([full, empty]),
    ):
        pass
    session.close()
    with pytest.raises(RuntimeError, match="closed Session"), session.pinned_variables([full]):
        pass


def test_a_checkpoint_saved_while_training_is_not_torn(tmp_path: Path) -> None:
    """Each variable in it has the value of one moment: all its elements are equal."""
    _variable, step = trained_by(OPTIMIZERS["descent"], size=300_000)
    saver, stop = Saver(), threading.Event()
    with initialized() as session:

        def train() -> None:
            while not stop.is_set():
                session.run(step)

        thread = threading.Thread(target=train)
        thread.start()
        paths = [saver.save(session, str(tmp_path / "m"), global_step=i) for i in range(5)]
        stop.set()
        thread.join()
    seen = set()
    for path in paths:
        with CheckpointReader(f"{path}.safetensors") as reader:
            value = reader.read(["w"])["w"]
        assert value.min() == value.max()
        seen.add(float(value[0]))
    assert len(seen) > 1


def test_saving_and_restoring_do_not_double_the_memory(tmp_path: Path) -> None:
    """A save takes a few megabytes beside 64; a restore the new arrays and a few megabytes."""
    for index in range(4):
        tf.Variable(tf.fill([1 << 21], np.float64(index)), name=f"w{index}")
    saver = Saver()
    with initialized() as session:
        tracemalloc.start()
        try:
            path = saver.save(session, str(tmp_path / "m"))
            _, saving = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            saver.restore(session, path)
            _, restoring = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert saving < 10 << 20
    assert restoring < (64 << 20) + (20 << 20)


def test_pieces_are_hashed_in_order() -> None:
    """Small and large pieces give the hash of them all together, and the thread ends."""
    import hashlib

    pieces = [b"a" * 10, b"b" * (3 << 20), b"c", b"d" * (1 << 20)]
    with BackgroundHash() as sha256:
        for piece in pieces:
            sha256.update(memoryview(piece))
        assert sha256.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert not any(thread.name == "checkpoint hash" for thread in threading.enumerate())


def test_a_failure_to_hash_comes_out() -> None:
    """An error in the thread is raised where the hash is asked for, and nobody waits forever."""
    holes = memoryview(bytes(4 << 20))[::2]
    with BackgroundHash() as sha256:
        for _ in range(40):
            sha256.update(holes)
        with pytest.raises(BufferError):
            sha256.hexdigest()


def test_a_failed_write_ends_the_thread(tmp_path: Path) -> None:
    """Nothing goes on hashing after an error."""
    variable = tf.Variable(np.zeros(1 << 20))
    with initialized() as session, pytest.raises(errors.OpError):
        Saver([variable]).save(session, str(tmp_path / ("m" * 300)))
    time.sleep(0.01)
    assert not any(thread.name == "checkpoint hash" for thread in threading.enumerate())
