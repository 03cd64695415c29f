"""The scaffold: pieces that are given, looked up or made; finalizing."""

import numpy as np
import pytest

import runtime as tf
from runtime.saver import Saver
from runtime.scaffold import Scaffold

KEYS = {
    "init_op": tf.GraphKeys.INIT_OP,
    "ready_op": tf.GraphKeys.READY_OP,
    "ready_for_local_init_op": tf.GraphKeys.READY_FOR_LOCAL_INIT_OP,
    "local_init_op": tf.GraphKeys.LOCAL_INIT_OP,
    "saver": tf.GraphKeys.SAVERS,
}
PIECES = [*KEYS, "summary_op", "init_feed_dict", "local_init_feed_dict", "init_fn"]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def test_nothing_is_made_before_finalize() -> None:
    """A new scaffold has no pieces, and the graph no operations."""
    scaffold = Scaffold()
    assert [getattr(scaffold, piece) for piece in PIECES] == [None] * len(PIECES)
    assert tf.get_default_graph().get_operations() == []


def test_finalize_makes_what_is_missing(graph) -> None:
    """After finalize all pieces are there, in their collections, and the graph is finalized."""
    tf.get_variable("w", initializer=1.0)
    scaffold = Scaffold()
    assert scaffold.finalize() is scaffold
    assert graph.finalized
    for piece, key in KEYS.items():
        assert getattr(scaffold, piece) is not None
        assert graph.get_collection(key) == [getattr(scaffold, piece)]
    assert isinstance(scaffold.saver, Saver)
    assert scaffold.summary_op is None


def test_what_is_given_stays() -> None:
    """Pieces that are given are neither replaced nor looked up."""
    given = {
        "init_op": tf.no_op(),
        "ready_op": tf.constant([], tf.string),
        "ready_for_local_init_op": tf.constant([], tf.string),
        "local_init_op": tf.no_op(),
        "summary_op": tf.constant(b""),
        "saver": Saver(allow_empty=True),
        "init_feed_dict": {"x": 1},
        "local_init_feed_dict": {"y": 2},
    }
    tf.add_to_collection(tf.GraphKeys.INIT_OP, tf.no_op())
    tf.add_to_collection(tf.GraphKeys.INIT_OP, tf.no_op())
    scaffold = Scaffold(**given).finalize()
    for piece, value in given.items():
        assert getattr(scaffold, piece) is value


def test_what_is_in_a_collection_is_used() -> None:
    """A single element of the collection becomes the piece."""
    init_op = tf.no_op()
    tf.add_to_collection(tf.GraphKeys.INIT_OP, init_op)
    assert Scaffold().finalize().init_op is init_op


@pytest.mark.parametrize("piece", KEYS)
def test_a_collection_with_two_elements_is_ambiguous(piece: str, graph) -> None:
    """Two elements: RuntimeError that names collection and argument; the graph stays open."""
    for _ in range(2):
        tf.add_to_collection(KEYS[piece], tf.no_op())
    with pytest.raises(RuntimeError, match="More than one item in the collection") as caught:
        Scaffold().finalize()
    assert f'"{KEYS[piece]}"' in str(caught.value)
    assert f"tf.Scaffold({piece}=item to use)" in str(caught.value)
    assert not graph.finalized


def test_two_scaffolds_on_one_graph_share_what_was_made(graph) -> None:
    """The second scaffold finds the pieces of the first, even in a finalized graph."""
    tf.get_variable("w", initializer=1.0)
    first, second = Scaffold().finalize(), Scaffold().finalize()
    for piece in KEYS:
        assert getattr(first, piece) is getattr(second, piece)


def test_a_scaffold_can_be_finalized_again(graph) -> None:
    """A second finalize changes nothing."""
    scaffold = Scaffold().finalize()
    before = [getattr(scaffold, piece) for piece in KEYS]
    assert scaffold.finalize() is scaffold
    assert [getattr(scaffold, piece) for piece in KEYS] == before


def test_a_graph_that_is_finalized_by_hand_lacks_the_pieces(graph) -> None:
    """The default pieces can't be added to a finalized graph: RuntimeError."""
    graph.finalize()
    with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified"):
        Scaffold().finalize()


def test_the_default_pieces_initialize_the_model() -> None:
    """Before: both ready ops name the variables; after init and local init: nothing."""
    tf.get_variable("w", initializer=1.0)
    tf.get_variable("lv", initializer=2.0, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    scaffold = Scaffold().finalize()
    with tf.Session() as session:
        assert session.run(scaffold.ready_for_local_init_op).tolist() == [b"w"]
        assert sorted(session.run(scaffold.ready_op).tolist()) == [b"lv", b"w"]
        session.run(scaffold.init_op)
        assert session.run(scaffold.ready_for_local_init_op).tolist() == []
        assert session.run(scaffold.ready_op).tolist() == [b"lv"]
        session.run(scaffold.local_init_op)
        assert session.run(scaffold.ready_op).tolist() == []


def test_a_graph_without_variables_is_ready() -> None:
    """Without variables the default pieces exist, do nothing and name nothing."""
    scaffold = Scaffold().finalize()
    with tf.Session() as session:
        session.run([scaffold.init_op, scaffold.local_init_op])
        assert session.run(scaffold.ready_op).shape == (0,)
        assert scaffold.saver.save(session, "nowhere/model.ckpt") is None


def test_init_fn_gets_scaffold_and_session() -> None:
    """init_fn is called with the scaffold and the session that it is given."""
    calls = []
    scaffold = Scaffold(init_fn=lambda *arguments: calls.append(arguments))
    scaffold.init_fn("session")
    assert calls == [(scaffold, "session")]


def test_copying_takes_what_is_not_given() -> None:
    """Pieces of the other scaffold fill the gaps; init_fn then gets the new scaffold."""
    calls = []
    old = Scaffold(
        init_op=tf.no_op(),
        ready_op=tf.constant([], tf.string),
        init_feed_dict={},
        init_fn=lambda *arguments: calls.append(arguments),
    )
    own = tf.no_op()
    new = Scaffold(init_op=own, copy_from_scaffold=old)
    assert new.init_op is own
    assert new.ready_op is old.ready_op
    assert new.init_feed_dict == {}
    new.init_fn("session")
    assert calls == [(new, "session")]


def test_only_a_scaffold_can_be_copied() -> None:
    """Anything else: TypeError that says what it is."""
    with pytest.raises(TypeError, match=r"copy_from_scaffold is not a Scaffold instance: .* str"):
        Scaffold(copy_from_scaffold="x")


def test_get_or_default_keeps_what_it_makes() -> None:
    """What the constructor makes is put into the collection; None is not."""
    made = tf.no_op()
    assert Scaffold.get_or_default("x", "xs", lambda: made) is made
    assert Scaffold.get_or_default("x", "xs", tf.no_op) is made
    assert Scaffold.get_or_default("y", "ys", lambda: None) is None
    assert tf.get_collection("ys") == []


def test_the_default_local_init_op_for_own_use() -> None:
    """default_local_init_op initializes local variables, for use in an own local_init_op."""
    local = tf.get_variable(
        "lv", initializer=np.float32(2.0), collections=[tf.GraphKeys.LOCAL_VARIABLES]
    )
    operation = Scaffold.default_local_init_op()
    with tf.Session() as session:
        session.run(operation)
        assert session.run(local) == 2.0
