"""The file `checkpoint`: writing, strict reading, paths; which checkpoint is the newest."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import errors
from runtime.checkpoint_state import (
    CheckpointState,
    checkpoint_exists,
    checkpoint_file_name,
    checkpoint_prefix,
    format_checkpoint_state,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    parse_checkpoint_state,
    remove_checkpoint,
    update_checkpoint_state,
)

PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TIMES = st.floats(allow_nan=False)


def made(directory: Path, *names: str) -> list[str]:
    """Files of checkpoints, and their prefixes."""
    for name in names:
        (directory / f"{name}.safetensors").write_bytes(b"")
    return [str(directory / name) for name in names]


def state_file(directory: Path, text: str) -> Path:
    path = directory / "checkpoint"
    path.write_text(text)
    return path


@given(
    st.lists(st.tuples(PATHS, TIMES), min_size=1),
    st.none() | TIMES,
    st.booleans(),
)
def test_what_is_written_is_read(paths, preserved, with_times: bool) -> None:
    """Any state comes back equal from its text, whatever characters the paths have."""
    state = CheckpointState(
        paths[-1][0],
        [path for path, _ in paths],
        [at for _, at in paths] if with_times else [],
        preserved,
    )
    text = format_checkpoint_state(state)
    assert parse_checkpoint_state(text.encode("ascii"), "test") == state


def test_the_text_is_tensorflows() -> None:
    """The golden form of the file, which TensorFlow itself can read."""
    state = CheckpointState('a"b\\c', ["ü", 'a"b\\c'], [1.5, 2e9], 1.5)
    assert format_checkpoint_state(state) == (
        'model_checkpoint_path: "a\\"b\\\\c"\n'
        'all_model_checkpoint_paths: "\\303\\274"\n'
        'all_model_checkpoint_paths: "a\\"b\\\\c"\n'
        "all_model_checkpoint_timestamps: 1.5\n"
        "all_model_checkpoint_timestamps: 2000000000.0\n"
        "last_preserved_timestamp: 1.5\n"
    )


def test_the_text_that_people_write_is_read() -> None:
    """Indentation, comments, single quotes, adjacent strings, separators, escapes: all is read."""
    text = rb"""
        # newest
        model_checkpoint_path: './model' ".ckpt\x2d2" ; last_preserved_timestamp: -inf,
        all_model_checkpoint_paths: "a\tb\061" # old
        all_model_checkpoint_timestamps : 1e3
    """
    state = parse_checkpoint_state(text, "test")
    assert state == CheckpointState("./model.ckpt-2", ["a\tb1"], [1000.0], float("-inf"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no model_checkpoint_path"),
        ("# nothing\n", "no model_checkpoint_path"),
        ('all_model_checkpoint_paths: "a"', "no model_checkpoint_path"),
        ("model_checkpoint_path: 7", "line 1: expected a path in quotes"),
        ("model_checkpoint_path:", "line 1: expected a path in quotes .* 'end of file'"),
        ("model_checkpoint_path", "line 1: expected a colon after model_checkpoint_path"),
        ('model_checkpoint_path "a"', "line 1: expected a colon"),
        ('model_checkpoint_path: ""', "line 1: '' is no path"),
        ('\n\nmodel_checkpoint_path: "a', "line 3: cannot be read: '\"a'"),
        ('model_checkpoint_path: "a\nb"', "line 1: cannot be read"),
        ('model_checkpoint_path: "a\\0"', "line 1: .* is no path"),
        ('model_checkpoint_path: "a\\q"', "line 1: unknown escape"),
        ('model_checkpoint_path: "a\\777"', "line 1: unknown escape"),
        ('model_checkpoint_path: "a"\nmodel_checkpoint_path: "b"', "line 2: .*a second time"),
        ('model_checkpoint_path: "a"\nevil: "b"', "line 2: unknown field evil; known are"),
        ('model_checkpoint_path: "a"\nlast_preserved_timestamp: "b"', "line 2: expected a number"),
        ('model_checkpoint_path: "a" {', "line 1: cannot be read"),
        ('"a"', "line 1: expected the name of a field"),
        (
            'model_checkpoint_path: "a"\nall_model_checkpoint_timestamps: 1.0',
            "must match checkpoint paths",
        ),
        ("\0\0\0", "line 1: cannot be read"),
        ("PK\x03\x04", "line 1: expected a colon|cannot be read"),
    ],
)
def test_anything_else_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    """A damaged file is an error that names file and line and says what to do."""
    path = state_file(tmp_path, text)
    with pytest.raises(ValueError, match=complaint) as caught:
        get_checkpoint_state(tmp_path)
    assert f"Invalid checkpoint state loaded from {path}" in str(caught.value)
    assert "correct the file, or remove it" in str(caught.value)


@given(st.binary(max_size=200))
def test_hostile_bytes_give_only_value_errors(content: bytes) -> None:
    """Whatever the bytes are, the parser gives a state or ValueError."""
    try:
        assert parse_checkpoint_state(content, "test").model_checkpoint_path
    except ValueError as error:
        assert "Invalid checkpoint state loaded from test" in str(error)


def test_a_huge_file_is_refused_without_being_parsed(tmp_path: Path) -> None:
    """A state file of more than 16 MiB is none."""
    with open(tmp_path / "checkpoint", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="larger than 16777216 bytes"):
        get_checkpoint_state(tmp_path)


def test_a_directory_without_the_file_has_no_state(tmp_path: Path) -> None:
    """No file, or no directory: None."""
    assert get_checkpoint_state(tmp_path) is None
    assert get_checkpoint_state(tmp_path / "none") is None
    assert latest_checkpoint(tmp_path) is None


def test_a_state_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A directory in the file's place: an error, not 'no checkpoint'."""
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(errors.FailedPreconditionError, match="Reading the checkpoint state"):
        get_checkpoint_state(tmp_path)


def test_relative_paths_get_the_directory(tmp_path: Path) -> None:
    """Relative paths in the file are relative to the file; absolute ones stay."""
    state_file(
        tmp_path,
        'model_checkpoint_path: "./b"\nall_model_checkpoint_paths: "/a"\n'
        'all_model_checkpoint_paths: "./b"\n',
    )
    state = get_checkpoint_state(tmp_path)
    assert state is not None
    assert state.model_checkpoint_path == str(tmp_path) + "/./b"
    assert state.all_model_checkpoint_paths == ("/a", str(tmp_path) + "/./b")


def test_a_directory_can_be_moved(tmp_path: Path) -> None:
    """Paths inside the directory are written relative, so that they hold after a move."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    one, two = made(before, "m-1", "m-2")
    update_checkpoint_state(before, two, ["/elsewhere/m-0", one, two])
    before.rename(after)
    state = get_checkpoint_state(after)
    assert state == CheckpointState(
        str(after / "m-2"), ["/elsewhere/m-0", str(after / "m-1"), str(after / "m-2")]
    )
    assert latest_checkpoint(after) == str(after / "m-2")


def test_a_relative_directory(tmp_path: Path, monkeypatch) -> None:
    """With a relative directory the paths stay relative to the working directory."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("train")
    state = generate_checkpoint_state_proto("train", "train/m-1")
    assert state == CheckpointState("m-1", ["m-1"])
    update_checkpoint_state("train", "train/m-1")
    read = get_checkpoint_state("train")
    assert read is not None
    assert read.model_checkpoint_path == "train/m-1"


def test_the_newest_is_added_to_all_paths() -> None:
    """The newest checkpoint is always the last of all."""
    assert generate_checkpoint_state_proto("/d", "/d/2", ["/d/1"]).all_model_checkpoint_paths == (
        "/d/1",
        "/d/2",
    )
    assert generate_checkpoint_state_proto("/d", "/d/2", ["/d/2"]).all_model_checkpoint_paths == (
        "/d/2",
    )


def test_time_stamps_must_match_the_paths() -> None:
    """As many time stamps as paths, or none: else ValueError that shows both."""
    with pytest.raises(ValueError, match=r"must match checkpoint paths .*/d/2.*1\.0, 2\.0"):
        generate_checkpoint_state_proto("/d", "/d/2", ["/d/2"], [1.0, 2.0])


def test_a_checkpoint_cannot_have_the_name_of_the_state_file(tmp_path: Path) -> None:
    """A conflict of names is refused before anything is written."""
    with pytest.raises(RuntimeError, match="conflicts with path used for checkpoint state"):
        update_checkpoint_state(tmp_path, str(tmp_path / "checkpoint"))
    assert os.listdir(tmp_path) == []


def test_another_name_of_the_state_file(tmp_path: Path) -> None:
    """latest_filename names another state file, for writing and for reading."""
    (prefix,) = made(tmp_path, "m-1")
    update_checkpoint_state(tmp_path, prefix, latest_filename="best")
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path, "best") == prefix


def test_a_newest_checkpoint_that_is_gone(tmp_path: Path, caplog) -> None:
    """A state file that names a file that is gone: None, and an error in the log."""
    update_checkpoint_state(tmp_path, str(tmp_path / "m-1"))
    with caplog.at_level(logging.ERROR, logger="tensorflow"):
        assert latest_checkpoint(tmp_path) is None
    assert "Couldn't match files for checkpoint" in caplog.text


def test_a_checkpoint_has_two_names(tmp_path: Path) -> None:
    """A checkpoint goes by its prefix and by its file name."""
    (prefix,) = made(tmp_path, "m-1")
    assert checkpoint_file_name(prefix) == checkpoint_file_name(prefix + ".safetensors")
    assert checkpoint_prefix(prefix) == checkpoint_prefix(prefix + ".safetensors") == prefix
    assert checkpoint_exists(prefix)
    assert checkpoint_exists(Path(prefix + ".safetensors"))
    assert not checkpoint_exists(str(tmp_path / "m-2"))
    assert not checkpoint_exists(tmp_path)
    assert not checkpoint_exists("nul\0byte")


def test_the_times_of_checkpoints(tmp_path: Path) -> None:
    """Modification times of those that exist, in order; the others are left out."""
    one, two = made(tmp_path, "m-1", "m-2")
    os.utime(one + ".safetensors", (5, 5))
    os.utime(two + ".safetensors", (7, 7))
    assert get_checkpoint_mtimes([two, "none", one]) == [7.0, 5.0]


def test_removing_a_checkpoint(tmp_path: Path) -> None:
    """The file is gone after it; a checkpoint that doesn't exist is no error."""
    one, _ = made(tmp_path, "m-1", "m-2")
    remove_checkpoint(one)
    remove_checkpoint(one)
    assert os.listdir(tmp_path) == ["m-2.safetensors"]
    os.mkdir(tmp_path / "m-3.safetensors")
    with pytest.raises(errors.OpError, match="Removing the checkpoint"):
        remove_checkpoint(str(tmp_path / "m-3"))
