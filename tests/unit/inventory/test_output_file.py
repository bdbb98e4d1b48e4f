"""Files that a person names: whole or not at all, and never what is no plain file."""

import errno
import os
import stat

import pytest

from inventory import output_file
from inventory.output_file import create_file, replace_file


@pytest.fixture
def full_disk(monkeypatch):
    """Let nothing reach the disk any more."""

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path):
    file = tmp_path / "answer"
    replace_file(file, b"old")
    file.chmod(0o640)
    replace_file(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)
    replace_file(file, b"secret", mode=0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["answer"]


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "answer", tmp_path / "link"
    link.symlink_to(target)
    for octets in (b"made", b"again"):
        replace_file(link, octets)
        assert link.is_symlink()
        assert target.read_bytes() == octets


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to a device"])
def test_what_is_no_plain_file_is_refused_and_stays_what_it_is(tmp_path, kind):
    thing = tmp_path / "thing"
    match kind:
        case "pipe":
            os.mkfifo(thing)
        case "folder":
            thing.mkdir()
        case "device":
            thing = type(thing)("/dev/null")
        case _:
            thing.symlink_to("/dev/null")
    was = thing.stat()
    with pytest.raises(OSError, match="no plain file") as raised:
        replace_file(thing, b"answer")
    assert raised.value.filename == str(thing)
    now = thing.stat()
    assert (now.st_ino, now.st_rdev, stat.S_IFMT(now.st_mode)) == (
        was.st_ino,
        was.st_rdev,
        stat.S_IFMT(was.st_mode),
    )


def test_a_link_that_is_not_trusted_is_not_followed(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    target, link = tmp_path / "precious", shared / "map.svg"
    target.write_text("precious")
    link.symlink_to(target)
    replace_file(link, b"mine")
    monkeypatch.setattr(output_file, "_trusted", lambda _link: False)
    with pytest.raises(OSError, match="somebody else made"):
        replace_file(link, b"planted")
    assert target.read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_whose_link_it_is_decides_where_everyone_writes(tmp_path):
    shared, link = tmp_path / "shared", tmp_path / "shared" / "map.svg"
    shared.mkdir()
    link.symlink_to(tmp_path / "precious")
    os.chown(link, 12345, -1, follow_symlinks=False)
    replace_file(link, b"mine")
    shared.chmod(0o1777)
    with pytest.raises(OSError, match="somebody else made"):
        replace_file(link, b"planted")
    os.chown(shared, 12345, -1)
    replace_file(link, b"by whose folder it is")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file_or_none_and_is_named(tmp_path):
    there = tmp_path / "there"
    there.write_bytes(b"old")
    for write, file in ((replace_file, there), (create_file, tmp_path / "new")):
        with pytest.raises(OSError, match="No space left") as raised:
            write(file, b"x" * 100)
        assert raised.value.filename == str(file)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("there", b"old")]


def test_a_file_that_is_there_is_not_created_again(tmp_path):
    create_file(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
