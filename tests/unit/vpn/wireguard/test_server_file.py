"""Servers' files: what an import takes of them, and what it says of the rest."""

import pytest

from inventory.errors import IntentError
from vpn.wireguard import keys, server_import
from vpn.wireguard.server_file import read_server_file

KEYS = [keys.public_of(keys.generate_private()) for _ in range(4)]
PRIVATE = keys.generate_private()
HEAD = (
    f"[Interface]\nPrivateKey = {PRIVATE.reveal()}\nAddress = 10.8.0.1/24\nListenPort = 51820\n\n"
)


def names(text):
    return [peer.name for peer in read_server_file(text, "wg0.conf").peers]


def notices(text):
    return [str(one) for one in read_server_file(text, "wg0.conf").notices]


def peer(number, *lines):
    return "\n".join(["[Peer]", f"PublicKey = {KEYS[number]}", *lines, ""])


def test_every_line_that_is_skipped_is_told_and_none_that_only_is_not_needed():
    text = (
        "[Interface]\nPrivateKey = x\nPostUp = iptables -A FORWARD -j ACCEPT\nPreUp =\nMTU = 1420\n"
        "Nonsense\nColour = red\n[Strange]\nA = 1\n[Peer]\nPublicKey = x\n[Peer]\n"
        f"publickey={KEYS[0]}\nAllowedIPs = 10.8.0.300/32\nEndpoint = (none)\n[Peer]\n"
    )
    unread = "cannot be read; skipped; an import needs keys and names alone"
    assert notices(text) == [
        f"wg0.conf:2:1: the value of 'PrivateKey' {unread}",
        "wg0.conf:3:1: commands are not taken over; see what they do for people",
        "wg0.conf:6:1: the line is no 'Key = value'; skipped; an import needs keys and names alone",
        "wg0.conf:7:1: [Interface] has 'Colour' where a key should be; skipped; an import needs "
        "keys and names alone",
        "wg0.conf:8:1: this begins no [Interface] and no [Peer]; skipped, whole",
        f"wg0.conf:11:1: the value of 'PublicKey' {unread}",
        f"wg0.conf:14:1: the value of 'AllowedIPs' {unread}",
        "wg0.conf:16:1: the peer has no PublicKey; skipped",
    ]


def test_a_notice_repeats_no_secret():
    secret = keys.generate_private().reveal()
    text = f"{HEAD}{secret}\n{secret} = x\nPrivateKey = {secret[:-3]}x==\n{peer(0, secret)}"
    assert len(notices(text)) == 4
    assert not any(secret[:20] in one for one in notices(text))


def test_a_key_that_stands_twice_is_listed_once_by_the_name_that_there_is():
    text = HEAD + peer(0) + "\n# Ateba\n" + peer(0)
    assert names(text) == ["Ateba"]
    assert notices(text)[0].endswith("the key is that of the peer at line 6; listed once")


def test_the_servers_own_key_is_nobodys():
    own = keys.public_of(PRIVATE)
    text = f"{HEAD}[Peer]\nPublicKey = {own}\n"
    assert read_server_file(text, "x").peers == ()
    assert "the server's own key" in notices(text)[0]


def test_a_peer_with_two_keys_has_nobodys_name():
    text = (
        HEAD + f"[Peer]\n# Ateba\nPublicKey = {KEYS[0]}\n#[Peer]\n# Biya\nPublicKey = {KEYS[1]}\n"
    )
    (found,) = read_server_file(text, "x").peers
    assert (found.public_key, found.name) == (KEYS[1], "")


def test_where_names_may_stand_before_or_behind_nobody_gets_anothers():
    text = HEAD + f"{peer(0)}# Ateba\n{peer(1)}# Biya\n"
    assert names(text) == ["", "Biya"]
    assert "the remark may be of either peer" in notices(text)[0]
    assert names(HEAD + f"# Ateba\n{peer(0)}# Biya\n{peer(1)}") == ["Ateba", "Biya"]


def test_a_remark_behind_a_peer_and_before_a_blank_line_is_that_peers():
    assert names(HEAD + peer(0) + "# Ateba\n\n" + peer(1)) == ["Ateba", ""]


@pytest.mark.parametrize(
    ("address", "allowed", "dialled"),
    [
        ("198.51.100.60:40000", "10.8.0.2/32", False),
        ("[2001:db8::60]:40000", "10.8.0.2/32, fd00::2/128", False),
        ("198.51.100.60:40000", "10.8.0.0/24", False),
        ("198.51.100.60:51820", "10.8.0.2/32, 192.168.5.0/24", True),
        ("198.51.100.60:51820", "0.0.0.0/0", True),
        ("hub.example.cm:51820", "10.8.0.2/32", True),
    ],
)
def test_where_a_person_was_seen_last_makes_nobody_a_site(address, allowed, dialled):
    text = HEAD + peer(0, f"AllowedIPs = {allowed}", f"Endpoint = {address}")
    (found,) = read_server_file(text, "x").peers
    assert found.dialled is dialled


def test_a_device_that_listens_nowhere_dials_its_server():
    text = "[Interface]\nAddress = 10.8.0.2/32\n" + peer(0, "Endpoint = 198.51.100.1:51820")
    (found,) = read_server_file(text, "x").peers
    assert found.dialled


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_other_machines_are_read(encoding):
    octets = (HEAD + "# Éliane\n" + peer(0)).replace("\n", "\r\n").encode(encoding)
    found = server_import.people_of_servers([("wg0.conf", octets)])
    assert [one.name for one in found.people] == ["Éliane"]


def test_a_key_in_two_files_is_listed_once():
    files = [("a.conf", (HEAD + peer(0)).encode()), ("b.conf", (HEAD + peer(0)).encode())]
    found = server_import.people_of_servers(files)
    assert len(found.people) == 1
    assert "the key is that of a peer in a.conf" in str(found.notices[0])


@pytest.mark.parametrize("text", ["", "name,title\n", "\x00\x01", "x" * 8_000_001])
def test_what_is_no_servers_file_is_refused_in_one_line(text):
    with pytest.raises(IntentError) as refused:
        read_server_file(text, "x")
    assert len(refused.value.faults) == 1


def test_a_file_none_of_whose_peers_can_be_read_is_refused_with_the_reasons():
    with pytest.raises(IntentError, match=r"wg0.conf:2:1: .*PublicKey"):
        server_import.people_of_servers([("wg0.conf", b"[Peer]\nPublicKey = x\n")])
