"""Lists made from a server's file: whatever its remarks say, each key stands there once."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from inventory.names import is_name
from vpn.people import people_list
from vpn.wireguard import keys, parser, server_import
from vpn.wireguard.config import PeerSection

KEYS = [keys.public_of(keys.generate_private()) for _ in range(6)]
remarks = st.lists(st.text(max_size=90), max_size=len(KEYS))


def rows(text):
    return list(csv.DictReader(StringIO(text)))


@given(remarks)
def test_every_device_is_listed_once_by_a_name_of_its_own(said):
    peers = [PeerSection(key, remark=text) for key, text in zip(KEYS, said, strict=False)]
    found = rows(server_import.listed_devices(peers, "nurse", "mora"))
    assert [row["public_key"] for row in found] == [peer.public_key for peer in peers]
    names = [row["name"] for row in found]
    assert all(map(is_name, names))
    assert len(set(names)) == len(names)


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), max_size=6))
def test_a_list_is_read_back_as_what_the_file_said(said):
    words = [text.replace("#", "x")[:60] for text in said]
    sections = [
        f"# {word}\n[Peer]\nPublicKey = {key}\n" for word, key in zip(words, KEYS, strict=False)
    ]
    config = parser.parse_config("[Interface]\nMTU = 1280\n" + "".join(sections), "wg0.conf")
    assert [peer.remark for peer in config.peers] == words
    listed = people_list.read_people_list(
        "people.csv", server_import.listed_devices(config.peers, "nurse", "mora")
    )
    assert [one.public_key for one in listed] == [peer.public_key for peer in config.peers]
    assert {one.person.role for one in listed} <= {"nurse"}
