"""A device's own key pair."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.identity import private_key
from inventory.errors import EdgeError
from vpn import key_text
from vpn.wireguard.keys import generate_pair

# RFC 7748, section 6.1: Bob's key pair.
PRIVATE = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where a key may be stored."""
    return tmp_path / "key"


def stored(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def test_a_public_key_is_written_as_wireguard_writes_it():
    assert key_text.public_text(PRIVATE) == base64.b64encode(PUBLIC).decode()


def test_a_key_is_made_once_and_read_ever_after(path: Path):
    made = private_key.ensure_private_key(path, generate_pair)
    assert len(made) == 32
    assert (
        private_key.ensure_private_key(path, generate_pair)
        == private_key.read_private_key(path)
        == made
    )


def test_a_key_is_its_owners_alone(path: Path):
    private_key.ensure_private_key(path, generate_pair)
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_but_the_key_is_left_in_the_folder(path: Path):
    private_key.ensure_private_key(path, generate_pair)
    assert list(path.parent.iterdir()) == [path]


def test_all_that_make_a_key_at_once_get_the_same(path: Path):
    with ThreadPoolExecutor(8) as pool:
        assert (
            len(set(pool.map(private_key.ensure_private_key, [path] * 32, [generate_pair] * 32)))
            == 1
        )


def test_a_key_made_by_wg_is_read(path: Path):
    assert (
        private_key.read_private_key(stored(path, base64.b64encode(PRIVATE).decode() + "\n"))
        == PRIVATE
    )


def test_a_missing_key_is_told_apart_from_a_bad_one(path: Path):
    with pytest.raises(FileNotFoundError):
        private_key.read_private_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_or_write_is_refused_with_its_cure(path: Path, mode: int):
    text = base64.b64encode(PRIVATE).decode()
    with pytest.raises(EdgeError, match="chmod 600") as caught:
        private_key.read_private_key(stored(path, text, mode))
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "not base64!", "c2hvcnQ=", "A" * 88, "\x7f" * 44])
def test_what_is_no_key_is_refused_and_never_replaced(path: Path, text: str):
    stored(path, text)
    with pytest.raises(EdgeError, match="no WireGuard private key"):
        private_key.ensure_private_key(path, generate_pair)
    assert path.read_text(encoding="ascii") == text


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(EdgeError, match="the folder must exist"):
        private_key.ensure_private_key(tmp_path / "absent" / "key", generate_pair)


def test_a_key_that_is_a_folder_is_an_error_with_a_name(path: Path):
    path.mkdir()
    with pytest.raises(EdgeError, match="cannot read the private key"):
        private_key.read_private_key(path)
