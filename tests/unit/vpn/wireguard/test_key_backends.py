"""Both makers of WireGuard's keys make WireGuard's keys, and the one that is chosen makes them."""

import base64
import logging
import subprocess
import sys

import pytest

from edge.dataplane import thread as dataplane_thread
from edge.identity import enrolment, keyring, private_key
from edge.identity.device import KEY, WIREGUARD_PY
from edge.wireguard import kernel
from inventory.errors import ExtraError
from tests.rigs.edge.edge_policies import SIGNER
from vpn.wireguard import key_backends
from vpn.wireguard.key_backends import KeyMaker, key_backend

BUILDS = sys.version_info < (3, 13)
needs_wireguard_py = pytest.mark.skipif(not BUILDS, reason="wireguard-py is for Python < 3.13")
MAKERS = [
    KeyMaker.CRYPTOGRAPHY,
    pytest.param(KeyMaker.WIREGUARD_PY, marks=needs_wireguard_py),
]


@pytest.fixture
def made(monkeypatch) -> list[bytes]:
    """Give every private key that wireguard-py makes from now on."""
    library, every = key_backends.wireguard_py(""), list[bytes]()
    make = library.gen_priv_key

    def heard() -> bytes:
        every.append(make())
        return every[-1]

    monkeypatch.setattr(library, "gen_priv_key", heard)
    return every


@pytest.fixture
def without(monkeypatch):
    """Take wireguard-py away."""
    monkeypatch.setitem(sys.modules, "wireguard_py", None)


def writes(folder) -> kernel.Write:
    """Return what sets the kernel's WireGuard."""
    return dataplane_thread._of_the_kernel(folder)._write


def enrol(folder, **options):
    return enrolment.enrol(folder, "kolofata-e1", SIGNER.public_key(), **options)


@pytest.mark.parametrize("name", MAKERS)
class TestMakers:
    """The contract of what makes key pairs."""

    def test_wg_derives_the_same_public_key(self, name):
        private, public = key_backend(name, "")()
        said = subprocess.run(
            ["wg", "pubkey"], input=private.reveal(), capture_output=True, text=True, check=True
        )
        assert public == said.stdout.strip()

    def test_no_two_keys_are_alike(self, name):
        pairs = [key_backend(name, "")() for _ in range(50)]
        assert len({private.octets for private, _ in pairs}) == len({key for _, key in pairs}) == 50

    def test_a_key_shows_itself_in_no_text(self, name):
        private, public = key_backend(name, "")()
        assert private.reveal() not in repr((private, public))


@needs_wireguard_py
def test_an_edge_that_is_enrolled_with_it_makes_all_its_keys_by_it(tmp_path, made):
    line = enrol(tmp_path, wireguard_py=True)
    keyring.make_next_key(tmp_path, line.split()[1])
    assert [base64.b64decode(key) for key in made] == list(keyring.private_keys(tmp_path).values())
    assert len(made) == 2


@needs_wireguard_py
def test_an_edge_that_is_enrolled_without_it_makes_none_by_it(tmp_path, made):
    line = enrol(tmp_path, wireguard_py=False)
    keyring.make_next_key(tmp_path, line.split()[1])
    assert not made


@needs_wireguard_py
def test_the_choice_stays_until_another_is_made(tmp_path):
    enrol(tmp_path, wireguard_py=True)
    before = private_key.read_private_key(tmp_path / KEY)
    enrol(tmp_path)
    assert (tmp_path / WIREGUARD_PY).exists()
    assert writes(tmp_path) is not kernel.by_netlink
    enrol(tmp_path, wireguard_py=False)
    enrol(tmp_path, wireguard_py=False)
    assert not (tmp_path / WIREGUARD_PY).exists()
    assert writes(tmp_path) is kernel.by_netlink
    assert private_key.read_private_key(tmp_path / KEY) == before


@pytest.mark.usefixtures("without")
def test_what_is_not_installed_cannot_be_chosen_and_nothing_is_made(tmp_path):
    with pytest.raises(ExtraError, match=r"\.whl\[wireguard-py\]'; or enrol without"):
        enrol(tmp_path, wireguard_py=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without")
def test_an_edge_that_lost_it_keeps_its_tunnels_and_says_so(tmp_path, caplog):
    line = enrol(tmp_path)
    (tmp_path / WIREGUARD_PY).touch()
    assert enrol(tmp_path) == line
    with caplog.at_level(logging.WARNING):
        assert writes(tmp_path) is kernel.by_netlink
    assert "until then the kernel is set over netlink" in caplog.text
    with pytest.raises(ExtraError, match="--no-wireguard-py"):
        keyring.make_next_key(tmp_path, "")
