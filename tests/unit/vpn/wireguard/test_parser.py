"""wg-quick's files: what is written is read again, and WireGuard's own tool takes it."""

import subprocess
from ipaddress import ip_interface, ip_network

import pytest

from inventory.errors import IntentError
from vpn.model import Endpoint
from vpn.wireguard import config as wireguard_config
from vpn.wireguard import keys, parser
from vpn.wireguard.config import Config, PeerSection

TABLET = """\
# dr-ngono's tablet
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 172.26.0.5/32, fd5a:6e61:6700::5/128
DNS = 172.16.0.1, internal
MTU = 1280

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.0.3.128/26, fd5a:6e61:6700:10::/60
Endpoint = 198.51.100.7:51850
PersistentKeepalive = 25
"""


def test_a_file_is_read_and_written_the_same():
    config = parser.parse_config(TABLET, "tablet.conf")
    assert config.addresses[0] == ip_interface("172.26.0.5/32")
    assert config.peers[0].endpoint == Endpoint("198.51.100.7", 51850)
    assert config.peers[0].allowed[0] == ip_network("10.0.3.128/26")
    assert wireguard_config.render_config(config, remark="dr-ngono's\ntablet") == TABLET


def test_keys_and_sections_may_be_in_any_case_and_lists_may_grow():
    text = (
        "[INTERFACE]\nprivatekey=yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\r\n"
        "address = 10.0.0.1/32 # mine\nADDRESS = 10.0.0.2\n[peer]\n"
        "publickey=xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nallowedips=\n"
        "persistentkeepalive = off\n"
    )
    config = parser.parse_config(text, "x")
    assert [str(address) for address in config.addresses] == ["10.0.0.1/32", "10.0.0.2/32"]
    assert config.peers == (PeerSection("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="),)


@pytest.mark.parametrize(
    "written", ["hub.example.cm:51820", "[2001:db8::7]:51820", "198.51.100.7:1"]
)
def test_an_endpoint_is_an_address_or_a_name_and_a_port(written):
    public = keys.public_of(keys.generate_private())
    text = f"[Interface]\n[Peer]\nPublicKey={public}\nEndpoint={written}\n"
    (peer,) = parser.parse_config(text, "x").peers
    assert str(peer.endpoint) == written


@pytest.mark.parametrize("value", ["off", "auto", "1234"])
def test_what_has_no_effect_here_is_told(value):
    assert parser.parse_config(f"[Interface]\nTable = {value}\n", "x").unused == ("Table",)


@pytest.mark.parametrize("key", ["PreUp", "PostUp", "PreDown", "PostDown"])
def test_no_command_is_taken_over(key):
    with pytest.raises(IntentError, match="commands are not taken over"):
        parser.parse_config(f"[Interface]\n{key} = touch /tmp/x\n", "x")


def test_a_file_without_the_private_key_says_where_it_belongs():
    text = wireguard_config.render_config(Config(addresses=(ip_interface("10.0.0.1/32"),)))
    assert "# PrivateKey =" in text
    assert parser.parse_config(text, "x").private_key is None


def test_a_huge_file_is_refused_unread():
    with pytest.raises(IntentError, match="more than a million characters") as refused:
        parser.parse_config("x\n" * 2_000_000, "x")
    assert len(refused.value.faults) == 1


def test_of_very_many_faults_the_first_hundred_are_told():
    with pytest.raises(IntentError) as refused:
        parser.parse_config("[Interface]\n" + "x\n" * 1000, "x")
    assert len(refused.value.faults) == parser.MOST_FAULTS


def test_wg_itself_reads_what_is_written_for_it():
    """The tool reads a whole file before it looks for the interface, which is not there."""
    peers = [
        PeerSection(
            keys.public_of(keys.generate_private()),
            (ip_network("10.0.0.0/24"), ip_network("fd00::/64")),
            Endpoint("2001:db8::7", 51820),
            keys.generate_preshared(),
            25,
        ),
        PeerSection(keys.public_of(keys.generate_private())),
    ]
    good = asked_wg(wireguard_config.render_peers(peers))
    assert good
    assert "parsing error" not in good
    assert "parsing error" in asked_wg(wireguard_config.render_peers(peers) + "Nonsense = 1\n")


def asked_wg(text: str) -> str:
    done = subprocess.run(
        ["wg", "syncconf", "no-such-if", "/dev/stdin"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("sanaga.conf", True),
        ("a-ngono-tablets.conf", True),
        ("a-ngono-tablets2.conf", False),
        ("a ngono.conf", False),
        ("ngono", False),
        (".conf", False),
    ],
)
def test_names_that_wg_quick_refuses_are_known(name, taken):
    assert (wireguard_config.quick_name_fault(name) == "") is taken
