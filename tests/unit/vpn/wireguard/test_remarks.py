"""Names in the remarks of servers' files, and what is never a name."""

import pytest

from vpn.wireguard import keys
from vpn.wireguard.remarks import Rank, best_name, name_in

UUID = "0b1c2d3e-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    ("remark", "name"),
    [
        ("Dr Éliane Ngono", "Dr Éliane Ngono"),
        (f"Client: Marie Essomba ({UUID})", "Marie Essomba"),
        ("## Client marie", "marie"),
        ("BEGIN_PEER ateba", "ateba"),
        ("## begin marie ###", "marie"),
        ("marie start", "marie"),
        ("Name:         ateba", "ateba"),
        ("+Name = Dr Bello", "Dr Bello"),
        ("Name# = marie", "marie"),
        ("friendly_name=Dr Ateba", "Dr Ateba"),
        ("-WGP- friendly_name=Dr Ateba", "Dr Ateba"),
        ("-WGP- Peer: uid-1 / Updated: 2024-01-01 / Created: 2024-01-01", "uid-1"),
        ('friendly_json={"username": "Marie E", "id": 482}', "Marie E"),
        ("Alice / alice@hosp.example / Updated: 2024-01-01", "Alice"),
        ("peer_marie", "marie"),
        ("Peer 3", "Peer 3"),
        ("Nom : Awa Bello", "Awa Bello"),
        ("Email: ateba@hosp.example", "ateba@hosp.example"),
        ("Description: tablet of Bih", "tablet of Bih"),
        ("=== Marie ===", "Marie"),
        ("May", "May"),
        ("Endeley Marie", "Endeley Marie"),
    ],
)
def test_names_are_read_as_panels_and_people_write_them(remark, name):
    found = name_in(remark)
    assert found is not None
    assert found.text == name


@pytest.mark.parametrize(
    "remark",
    [
        *("", "#", "---", "677 00 00 00", "END_PEER ateba", "## end marie ###", "marie end"),
        *("PrivateKey = (none)", "PresharedKey: x", "AllowedIPs=10.0.0.0/8", "PostUp = ip route"),
        *("2024-01-01", "2023-05-02 10:00:00 +0000 UTC", "Mon Jan 5 10:00:00 2023", "5 mai 2023"),
        *("Created at: 2023-05-02", "expires 2024-01-01", "Updated: today", "ID: cg2abc", UUID),
        *("Telegram:", "10.77.0.2", "10.77.0.2/32", "fd00::2/128", "vpn.example.cm:51820"),
        *("password: hunter2", "mot de passe hunter2", "psk abc", "https://panel.example/peer/3"),
        *("cg2abc3def4ghi5", "disabled", "Enabled = true", "friendly_json={", "friendly_json=[1]"),
        *("[Peer]", "note: left in 2023", "the private key is in the safe"),
    ],
)
def test_what_is_no_name_gives_none(remark):
    assert name_in(remark) is None


@pytest.mark.parametrize("shape", ["{}", "PrivateKey = {}", "Name: {}", "Marie {}", "Client {}"])
def test_a_remark_with_a_key_gives_no_name(shape):
    assert name_in(shape.format(keys.generate_private().reveal())) is None


def test_the_surest_name_is_taken_and_then_the_first():
    assert best_name(["tablet", "Client: Marie", "Name: Dr Essomba"]) == "Dr Essomba"
    assert best_name(["=== Doctors ===", "x@hosp.example", "Marie", "tablet"]) == "Marie"
    assert best_name(["2024-01-01"]) == ""


def test_a_name_is_one_short_line():
    found = name_in("x" * 5000)
    assert found is not None
    assert (len(found.text), found.rank) == (60, Rank.PLAIN)
