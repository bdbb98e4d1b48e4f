"""What wireguard-go is told and tells."""

from base64 import b64encode
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest

from edge.policy.model import TunnelEndpoint
from edge.wireguard import uapi
from edge.wireguard.diff import Changes, PeerChange

KEY, ONE, TWO = (bytes([number]) * 32 for number in (1, 2, 3))
FIRST, SECOND = (b64encode(key).decode() for key in (ONE, TWO))
NOTHING = Changes(private_key=None, listen_port=None, mark=None, peers=())

ANSWER = f"""\
private_key={KEY.hex()}
listen_port=51820
fwmark=23056
public_key={ONE.hex()}
preshared_key={"0" * 64}
protocol_version=1
endpoint=192.0.2.2:51821
last_handshake_time_sec=1700000000
last_handshake_time_nsec=250000000
tx_bytes=148
rx_bytes=92
persistent_keepalive_interval=25
allowed_ip=172.24.0.2/32
allowed_ip=fd5a:6e61:6702::/48
public_key={TWO.hex()}
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
errno=0

"""


def test_a_device_is_read_with_its_settings():
    served = uapi.parse_device(ANSWER)
    assert (served.private_key, served.listen_port, served.mark) == (KEY, 51820, 0x5A10)
    assert list(served.peers) == [FIRST, SECOND]


def test_a_peer_is_read_with_everything_that_is_known_of_it():
    peer = uapi.parse_device(ANSWER).peers[FIRST]
    assert peer.state.endpoint == TunnelEndpoint(IPv4Address("192.0.2.2"), 51821)
    assert peer.state.handshake_at_s == 1_700_000_000.25
    assert (peer.state.received_octets, peer.state.sent_octets) == (92, 148)
    assert peer.keepalive_s == 25
    assert peer.allowed == {ip_network("172.24.0.2/32"), ip_network("fd5a:6e61:6702::/48")}


def test_a_peer_that_was_never_heard_has_no_endpoint_and_no_handshake():
    peer = uapi.parse_device(ANSWER).peers[SECOND]
    assert peer.state.endpoint is None
    assert peer.state.handshake_at_s == 0


def test_an_endpoint_over_ipv6_is_read_as_none():
    answer = ANSWER.replace("192.0.2.2:51821", "[2001:db8::2]:51821")
    assert uapi.parse_device(answer).peers[FIRST].state.endpoint is None


def test_a_device_that_was_never_set_up_is_read():
    served = uapi.parse_device("listen_port=40000\nerrno=0\n\n")
    assert (served.private_key, served.mark, served.peers) == (None, 0, {})


def test_a_read_device_does_not_show_its_private_key():
    assert str(KEY) not in repr(uapi.parse_device(ANSWER))


@pytest.mark.parametrize(
    "answer", ["", "\n\n", "errno=0", "listen_port=1\n\n", ANSWER.removesuffix("\n"), ANSWER[:90]]
)
def test_an_answer_that_is_cut_short_is_refused(answer: str):
    with pytest.raises(ValueError, match=r"cut short|no KEY=VALUE"):
        uapi.parse_device(answer)


@pytest.mark.parametrize("number", ["98", "-98"])
def test_a_refusal_says_why_in_words(number: str):
    with pytest.raises(ValueError, match="Address already in use"):
        uapi.accepted_fields(f"errno={number}\n\n")


def test_nothing_to_change_is_an_empty_request():
    assert uapi.set_text(NOTHING) == "set=1\n\n"


def test_a_device_gets_its_mark_before_it_may_open_its_port():
    changes = replace(NOTHING, private_key=KEY, listen_port=51820, mark=0x5A10)
    assert uapi.set_text(changes) == (
        f"set=1\nprivate_key={KEY.hex()}\nfwmark=23056\nlisten_port=51820\n\n"
    )


def test_a_mark_and_a_keepalive_of_nothing_are_said():
    peer = PeerChange(FIRST, "", keepalive_s=0)
    text = uapi.set_text(replace(NOTHING, mark=0, peers=(peer,)))
    assert "\nfwmark=0\n" in text
    assert "\npersistent_keepalive_interval=0\n" in text


def test_a_new_peer_is_created_with_all_it_needs():
    peer = PeerChange(
        FIRST,
        "",
        create=True,
        allowed=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")),
        endpoint=TunnelEndpoint(IPv4Address("192.0.2.2"), 51820),
        keepalive_s=25,
    )
    assert uapi.set_text(replace(NOTHING, peers=(peer,))) == (
        f"set=1\npublic_key={ONE.hex()}\nendpoint=192.0.2.2:51820\n"
        "persistent_keepalive_interval=25\nallowed_ip=10.1.0.0/16\nallowed_ip=fd00::/8\n\n"
    )


def test_a_peer_that_is_changed_is_never_created_by_the_change():
    peer = PeerChange(FIRST, "", replace_allowed=True, allowed=(ip_network("10.1.0.0/16"),))
    assert uapi.set_text(replace(NOTHING, peers=(peer,))) == (
        f"set=1\npublic_key={ONE.hex()}\nupdate_only=true\nreplace_allowed_ips=true\n"
        "allowed_ip=10.1.0.0/16\n\n"
    )


def test_a_peer_that_goes_is_only_named():
    peer = PeerChange(FIRST, "", remove=True)
    assert uapi.set_text(replace(NOTHING, peers=(peer,))) == (
        f"set=1\npublic_key={ONE.hex()}\nremove=true\n\n"
    )
