"""Unpacking takes plain files and folders, and nothing that leads out of the folder."""

import io
import stat
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.backups.unpacking import unpack

NAMES = st.text("abc", min_size=1, max_size=3)
FILES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary())


def packed(*members):
    """Return an archive of members with their octets, to be read from its start."""
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w|gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    octets.seek(0)
    return tarfile.open(fileobj=octets, mode="r|gz")


def member(name, kind=tarfile.REGTYPE, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, 0o4777
    return made


@given(FILES)
def test_files_are_there_for_their_owner_alone(tmp_path_factory, files):
    names = set(files)
    plain = {n: c for n, c in files.items() if not any(o.startswith(f"{n}/") for o in names)}
    folder = tmp_path_factory.mktemp("unpacked")
    unpack(packed(*((member(name), content) for name, content in plain.items())), folder)
    found = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file()}
    assert {name: file.read_bytes() for name, file in found.items()} == plain
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in found.values())


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (member("/etc/passwd"), "leads out"),
        (member("a/../../b"), "leads out"),
        (member("a", tarfile.SYMTYPE, "/etc"), "neither"),
        (member("a", tarfile.LNKTYPE, "b"), "neither"),
        (member("a", tarfile.FIFOTYPE), "neither"),
        (member("a", tarfile.CHRTYPE), "neither"),
    ],
)
def test_what_is_something_else_or_leads_elsewhere_is_refused(tmp_path, bad, why):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(tarfile.TarError, match=why):
        unpack(packed((bad, b"")), inside)
    assert list(inside.iterdir()) == []
    assert list(tmp_path.iterdir()) == [inside]


def test_a_file_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(FileExistsError):
        unpack(packed((member("a"), b"1"), (member("a"), b"2")), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"1"
