"""The controller's signing key: made once, kept to its owner, the same ever after."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controller.keys.signing import FILE, public_text, signing_key
from inventory.errors import CredentialError


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path):
    first = signing_key(tmp_path / "state")
    assert public_text(signing_key(tmp_path / "state")) == public_text(first)
    assert stat.S_IMODE((tmp_path / "state" / FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "state").iterdir()] == [FILE]


def test_the_public_text_is_32_octets_and_nothing_of_the_private_half(tmp_path):
    text = public_text(signing_key(tmp_path))
    assert len(base64.b64decode(text)) == 32
    assert text.encode() not in (tmp_path / FILE).read_bytes()


def test_several_makers_at_once_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: public_text(signing_key(tmp_path)), range(16)))
    assert len(set(made)) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path):
    signing_key(tmp_path)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(CredentialError, match="chmod 600"):
        signing_key(tmp_path)


def _other_kind() -> bytes:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("text", [b"", b"torn", _other_kind()], ids=["empty", "torn", "other"])
def test_a_file_that_is_no_such_key_is_refused_and_kept(tmp_path, text):
    (tmp_path / FILE).write_bytes(text)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(CredentialError, match="no Ed25519 private key; restore it"):
        signing_key(tmp_path)
    assert (tmp_path / FILE).read_bytes() == text


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError, match="SANAGA_STATE_DIR"):
        signing_key(tmp_path / "file" / "state")
