"""The file of a checkpoint: what is written is read, and anything else is refused."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from runtime import errors
from runtime.checkpoint_file import CheckpointReader, StoredVariable, write_checkpoint

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name != "__metadata__"
)
NUMBERS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: np_st.arrays(dtype, np_st.array_shapes(min_dims=0, min_side=0, max_side=3))
)
STRINGS = np_st.arrays(
    object, np_st.array_shapes(min_dims=0, min_side=0, max_side=3), elements=st.binary(max_size=9)
)


def read(path: Path | str, *names: str) -> dict[str, np.ndarray]:
    with CheckpointReader(str(path)) as reader:
        return reader.read(names or reader.contents())


def checkpoint(tmp_path: Path, **values) -> Path:
    path = tmp_path / "model.ckpt-1.safetensors"
    write_checkpoint(str(path), {name: np.asarray(value) for name, value in values.items()}, 1)
    return path


def crafted(path: Path, header: object, data: bytes = b"") -> Path:
    """A file with the layout of safetensors and any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@given(st.dictionaries(NAMES, NUMBERS | STRINGS, max_size=4), st.none() | st.integers(0, 1 << 62))
def test_what_is_written_is_read(tmp_path_factory, values, step) -> None:
    """Every type and shape, empty and scalar ones too, comes back bit by bit."""
    path = tmp_path_factory.mktemp("ckpt") / "c.safetensors"
    digest = write_checkpoint(str(path), values, step)
    content = path.read_bytes()
    assert (digest.size, digest.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with CheckpointReader(str(path)) as reader:
        assert reader.digest() == digest
        assert set(reader.contents()) == set(values)
        restored = reader.read(values)
    for name, value in values.items():
        assert restored[name].shape == value.shape
        assert restored[name].dtype == value.dtype
        if value.dtype == object:
            assert restored[name].tolist() == value.tolist()
        else:
            assert restored[name].tobytes() == value.tobytes()


def test_the_file_is_a_safetensors_file(tmp_path: Path) -> None:
    """Any program that reads safetensors reads the file."""
    values = {"w": np.arange(6, dtype="float32").reshape(2, 3), "b": np.array(True)}
    path = checkpoint(tmp_path, **values)
    loaded = safetensors.numpy.load_file(path)
    for name, value in values.items():
        np.testing.assert_array_equal(loaded[name], value)


def test_a_file_of_another_program_can_be_read(tmp_path: Path) -> None:
    """A safetensors file without our metadata is a checkpoint, too."""
    path = tmp_path / "other.safetensors"
    safetensors.numpy.save_file({"w": np.ones((2, 2), "float16")}, path)
    with CheckpointReader(str(path)) as reader:
        assert reader.contents() == {"w": StoredVariable("float16", (2, 2))}
        np.testing.assert_array_equal(reader.read(["w"])["w"], np.ones((2, 2)))


def test_a_type_that_the_graph_lacks(tmp_path: Path) -> None:
    """A variable of a type that only other programs have is listed, and can't be read."""
    header = {"a": entry("BF16", [2], 0, 4), "b": entry("U8", [1], 4, 5)}
    path = crafted(tmp_path / "c.safetensors", header, b"\0" * 5)
    with CheckpointReader(str(path)) as reader:
        assert reader.contents()["a"] == StoredVariable("BF16", (2,))
        assert reader.read(["b"])["b"].tolist() == [0]
        with pytest.raises(errors.InvalidArgumentError, match=r"doesn't have: .'a BF16\[2\]'"):
            reader.read(["a"])


def test_the_header_tells_names_types_shapes_and_step(tmp_path: Path) -> None:
    """The metadata hold what a person or a program wants to know without reading the values."""
    path = checkpoint(tmp_path, w=np.zeros((2, 3)), s=np.array([b"x"], object))
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert metadata["global_step"] == "1"
    assert json.loads(metadata["variables"]) == {"s": ["string", [1]], "w": ["float64", [2, 3]]}


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    """The order of the variables makes no difference, nor does the time."""
    one, two = np.ones(3), np.zeros((2, 2), "int8")
    first = write_checkpoint(str(tmp_path / "a"), {"one": one, "two": two}, 5)
    second = write_checkpoint(str(tmp_path / "b"), {"two": two, "one": one}, 5)
    assert first == second


def test_every_tensor_is_aligned(tmp_path: Path) -> None:
    """Each tensor starts at a multiple of its element's size."""
    path = checkpoint(tmp_path, a=np.ones(3, "int8"), b=np.ones(3), c=np.ones(1, "float16"))
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    sizes = {"a": 1, "b": 8, "c": 2}
    for name, size in sizes.items():
        assert (8 + length + header[name]["data_offsets"][0]) % size == 0


@pytest.mark.parametrize("array", [np.arange(6, dtype=">i4"), np.arange(6).reshape(2, 3).T])
def test_other_byte_orders_and_layouts(array: np.ndarray, tmp_path: Path) -> None:
    """Big-endian and non-contiguous arrays are stored by value."""
    np.testing.assert_array_equal(read(checkpoint(tmp_path, a=array), "a")["a"], array)


def test_python_strings_are_stored_as_utf8(tmp_path: Path) -> None:
    """Elements of type str come back as the bytes of their UTF-8 form."""
    assert read(checkpoint(tmp_path, a=np.array(["ü", b"x"], object)))["a"].tolist() == [
        "ü".encode(),
        b"x",
    ]


@pytest.mark.parametrize("value", [b"a\0", "a\0", np.array([b"a", b"bc"])])
def test_strings_outside_of_object_arrays(value, tmp_path: Path) -> None:
    """A bare string keeps zeros at its end; NumPy's own arrays of strings are taken, too."""
    write_checkpoint(str(tmp_path / "c"), {"a": value})
    expected = value.encode() if isinstance(value, str) else value
    restored = read(tmp_path / "c")["a"]
    assert restored.tolist() == (expected if isinstance(expected, bytes) else expected.tolist())
    assert restored.dtype == object


def test_what_was_read_can_be_written_to(tmp_path: Path) -> None:
    """The arrays belong to the reader's caller alone."""
    value = read(checkpoint(tmp_path, a=np.zeros(3)))["a"]
    value += 1
    assert value.tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["", "__metadata__", "\udc80"])
def test_names_that_the_format_does_not_have(name: str, tmp_path: Path) -> None:
    """A name that safetensors can't hold is refused before anything is written."""
    with pytest.raises(errors.InvalidArgumentError, match="cannot hold a variable with the name"):
        write_checkpoint(str(tmp_path / "c"), {name: np.zeros(1)})
    assert os.listdir(tmp_path) == []


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    """An object that is no string is refused, naming the variable."""
    with pytest.raises(
        errors.InvalidArgumentError, match=r"'a' holds a dict; .* Nothing is ever pickled"
    ):
        write_checkpoint(str(tmp_path / "c"), {"a": np.array([{}], object)})


def test_types_that_the_format_does_not_have(tmp_path: Path) -> None:
    """A type that can't be stored is refused, naming the variable and what is allowed."""
    with pytest.raises(errors.InvalidArgumentError, match=r"'a' has the type datetime64.*float32"):
        write_checkpoint(str(tmp_path / "c"), {"a": np.zeros(1, "datetime64[s]")})


def test_a_missing_file(tmp_path: Path) -> None:
    """NotFoundError that names the file."""
    with pytest.raises(errors.NotFoundError, match=r"none\.safetensors"):
        CheckpointReader(str(tmp_path / "none.safetensors"))


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    """A file that lacks any number of bytes at its end is DataLossError, with what to do."""
    path = checkpoint(tmp_path, w=np.arange(4.0), s=np.array([b"ab"], object))
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(errors.DataLossError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "Restore an older checkpoint" in str(caught.value)


def test_bytes_after_the_end_are_noticed(tmp_path: Path) -> None:
    """A file with something after the tensors is refused."""
    path = checkpoint(tmp_path, w=np.arange(4.0))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(errors.DataLossError, match="is not a checkpoint, or it is damaged"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"not a checkpoint", pickle.dumps({"a": 1}), b"\xff" * 64]
)
def test_files_that_are_no_checkpoints(content: bytes, tmp_path: Path) -> None:
    """Anything that is no safetensors file is DataLossError."""
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(errors.DataLossError, match="is not a checkpoint"):
        read(path)


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def declared(variables: str) -> dict[str, object]:
    return {"variables": variables}


HOSTILE = {
    "shape and bytes disagree": ({"a": entry("F32", [1000], 0, 4)}, 4),
    "overlap": ({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 0, 4)}, 4),
    "hole": ({"a": entry("U8", [2], 2, 4)}, 4),
    "offsets backwards": ({"a": entry("U8", [2], 4, 2)}, 4),
    "shape overflows": ({"a": entry("U8", [1 << 62, 1 << 62], 0, 4)}, 4),
    "negative shape": ({"a": entry("U8", [-4], 0, 4)}, 4),
    "unknown type": ({"a": entry("X9", [4], 0, 4)}, 4),
    "no object": ([1, 2, 3], 4),
    "deep": (b"[" * 100_000, 0),
    "huge length": (b" " * 8, 0),
    "metadata are no JSON": (
        {"__metadata__": declared("{"), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "metadata are too deep": (
        {"__metadata__": declared("[" * 100_000), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "metadata are a list": (
        {"__metadata__": declared("[]"), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "metadata name others": (
        {"__metadata__": declared('{"b":["uint8",[4]]}'), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "metadata tell another type": (
        {"__metadata__": declared('{"a":["int8",[4]]}'), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "metadata tell another shape": (
        {"__metadata__": declared('{"a":["uint8",[5]]}'), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "a type that is no text": (
        {"__metadata__": declared('{"a":[7,[4]]}'), "a": entry("U8", [4], 0, 4)},
        4,
    ),
    "a length that is no number": (
        {"__metadata__": declared('{"a":["string",[true]]}'), "a": entry("U8", [8], 0, 8)},
        8,
    ),
    "more strings than bytes": (
        {"__metadata__": declared('{"a":["string",[4611686018427387903]]}')}
        | {"a": entry("U8", [8], 0, 8)},
        8,
    ),
    "strings with bytes left": (
        {"__metadata__": declared('{"a":["string",[1]]}'), "a": entry("U8", [9], 0, 9)},
        9,
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_headers(case: str, tmp_path: Path) -> None:
    """A header that lies is DataLossError that names the file, and allocates nothing large."""
    header, size = HOSTILE[case]
    path = crafted(tmp_path / "c.safetensors", header, b"\0" * size)
    with pytest.raises(errors.DataLossError, match=r"c\.safetensors' is not a checkpoint, or it"):
        read(path)


@pytest.mark.parametrize("length", [-1, 3, 1 << 62])
def test_strings_with_wrong_lengths(length: int, tmp_path: Path) -> None:
    """Lengths of strings that are negative or too large are noticed."""
    data = length.to_bytes(8, "little", signed=True) + b"ab"
    header = {"__metadata__": declared('{"a":["string",[]]}'), "a": entry("U8", [10], 0, 10)}
    with pytest.raises(errors.DataLossError, match="the strings of variable 'a' do not fit"):
        read(crafted(tmp_path / "c.safetensors", header, data))


def test_truth_values_are_zero_or_one(tmp_path: Path) -> None:
    """A bool that is stored as 2 is neither, and is refused."""
    path = crafted(tmp_path / "c.safetensors", {"a": entry("BOOL", [1], 0, 1)}, b"\2")
    with pytest.raises(errors.DataLossError, match="neither 0 nor 1"):
        read(path)


@given(st.data())
def test_a_changed_byte_gives_values_or_data_loss(tmp_path_factory, data) -> None:
    """Whatever byte is changed, reading gives values or DataLossError, nothing else."""
    directory = tmp_path_factory.mktemp("flip")
    path = checkpoint(directory, w=np.arange(4.0), s=np.array([b"ab"], object), c=np.array(1j))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        assert isinstance(read(path), dict)
    except errors.DataLossError as error:
        assert "is not a checkpoint, or it is damaged" in str(error)


def test_a_file_that_is_replaced_while_it_is_read(tmp_path: Path) -> None:
    """What was hashed is what is decoded: a file that is replaced in between is refused."""
    path = checkpoint(tmp_path, w=np.zeros(3))
    with CheckpointReader(str(path)) as reader:
        reader.digest()
        checkpoint(tmp_path, w=np.ones(3))
        with pytest.raises(errors.DataLossError, match="replaced while it was being read"):
            reader.contents()


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    """An error while the values are written leaves the checkpoint of before."""
    path = checkpoint(tmp_path, w=np.zeros(3))
    before = path.read_bytes()

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(errors.ResourceExhaustedError, match="No space left on device"):
        checkpoint(tmp_path, w=np.ones(3))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
