"""Output into a folder where everyone may write, in which a stranger has left links."""

import os

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

STRANGER = 12345


@pytest.fixture
def shared(sanaga):
    """Return a folder in which everyone may write, and nobody removes what others made."""
    folder = sanaga.folder / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("topology", "draw", "shared/out.svg", "--dir", "small"), 0),
        (("plan", "small", "--running", "blank", "--out", "shared/out.svg"), 2),
    ],
    ids=["draw", "plan"],
)
@pytest.mark.usefixtures("small", "blank")
def test_a_strangers_link_is_refused_and_ones_own_is_written_through(sanaga, shared, words, code):
    precious, link = sanaga.folder / "precious", shared / "out.svg"
    precious.write_bytes(b"precious")
    link.symlink_to(precious)
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    refused = sanaga(*words)
    assert refused.code == 1, refused.err
    assert refused.err.endswith(
        "sanaga: shared/out.svg: cannot be written "
        "(is a symbolic link that somebody else made; name another file)\n"
    )
    assert precious.read_bytes() == b"precious"
    os.chown(link, os.geteuid(), os.getegid(), follow_symlinks=False)
    own = sanaga(*words)
    assert own.code == code, own.err
    assert link.is_symlink()
    assert precious.read_bytes() != b"precious"
