"""Files that somebody names: what is no regular file of text is refused, and never waited for."""

import os
from pathlib import Path

import pytest

from inventory.documents.text_file import read_text_file
from inventory.errors import IntentError


def test_text_is_read_and_lines_end_alike(tmp_path):
    (tmp_path / "list.csv").write_bytes("name\r\né\n".encode())
    assert read_text_file(tmp_path / "list.csv") == "name\né\n"


def test_link_to_a_file_is_read(tmp_path):
    (tmp_path / "list.csv").write_text("name")
    (tmp_path / "link").symlink_to("list.csv")
    assert read_text_file(tmp_path / "link") == "name"


def test_device_is_refused():
    with pytest.raises(IntentError, match="/dev/zero: this is no regular file; save it in a file"):
        read_text_file(Path("/dev/zero"))


def test_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IntentError, match="no regular file"):
        read_text_file(tmp_path / "pipe")


def test_folder_is_refused(tmp_path):
    with pytest.raises(IntentError, match="this is a folder; name a file"):
        read_text_file(tmp_path)


def test_long_file_is_refused(tmp_path):
    (tmp_path / "long").touch()
    os.truncate(tmp_path / "long", 2_000_001)
    with pytest.raises(IntentError, match="longer than 2 MB; split it"):
        read_text_file(tmp_path / "long", most=2_000_000)


def test_what_is_no_utf_8_is_refused_unless_it_may_be(tmp_path):
    (tmp_path / "odd").write_bytes(b"n\xe9")
    with pytest.raises(IntentError, match="not UTF-8; save it as UTF-8"):
        read_text_file(tmp_path / "odd")
    assert read_text_file(tmp_path / "odd", errors="replace") == "n\ufffd"


def test_missing_file_is_an_error_of_the_machine(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_text_file(tmp_path / "none")
