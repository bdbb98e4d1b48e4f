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


STRANGER = 12345
giving = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def shared(tmp_path):
    """Return a folder in which everyone may write, and nobody removes what others made."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def linked(link, target, *, owner=None):
    link.symlink_to(target)
    if owner is not None:
        os.chown(link, owner, owner, follow_symlinks=False)
    return link


@giving
def test_a_strangers_link_in_a_shared_folder_is_refused_and_leads_nowhere(tmp_path, shared):
    precious, absent = tmp_path / "precious", tmp_path / "absent"
    precious.write_bytes(b"precious")
    for name, target in (("map.svg", precious), ("new.svg", absent)):
        link = linked(shared / name, target, owner=STRANGER)
        with pytest.raises(OSError, match="somebody else") as raised:
            replace_file(link, b"planted")
        assert raised.value.strerror == (
            "is a symbolic link that somebody else made; name another file"
        )
        assert raised.value.filename == str(link)
        assert link.is_symlink()
    assert (precious.read_bytes(), absent.exists()) == (b"precious", False)
    assert sorted(path.name for path in shared.iterdir()) == ["map.svg", "new.svg"]


@giving
def test_ones_own_link_in_a_shared_folder_is_written_through(tmp_path, shared):
    """The control: the folder is the same, and so is what the link leads to."""
    link = linked(shared / "map.svg", tmp_path / "mine")
    replace_file(link, b"mine")
    assert (link.is_symlink(), (tmp_path / "mine").read_bytes()) == (True, b"mine")


@giving
@pytest.mark.parametrize("way", ["folder", "chain"])
def test_a_strangers_link_on_the_way_is_not_followed_either(tmp_path, shared, way):
    there = tmp_path / "there"
    there.mkdir()
    if way == "folder":
        planted = linked(shared / "maps", there, owner=STRANGER)
        file = planted / "map.svg"
    else:
        planted = linked(shared / "map.svg", there / "map.svg", owner=STRANGER)
        file = linked(tmp_path / "map.svg", planted)
    with pytest.raises(OSError, match="somebody else") as raised:
        replace_file(file, b"planted")
    assert raised.value.strerror == (
        f"leads through {planted}, a symbolic link that somebody else made; name another file"
    )
    assert list(there.iterdir()) == []
    os.chown(planted, os.geteuid(), -1, follow_symlinks=False)
    replace_file(file, b"mine")
    assert (there / "map.svg").read_bytes() == b"mine"


def test_links_that_lead_round_in_circles_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to(tmp_path / "there" / ".." / "a")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        replace_file(tmp_path / "a", b"answer")


@giving
def test_whose_link_it_is_decides_where_everyone_writes(tmp_path):
    shared, link = tmp_path / "own", tmp_path / "own" / "map.svg"
    shared.mkdir()
    link.symlink_to(tmp_path / "precious")
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    replace_file(link, b"mine")
    shared.chmod(0o1777)
    with pytest.raises(OSError, match="somebody else made"):
        replace_file(link, b"planted")
    os.chown(shared, STRANGER, -1)
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
