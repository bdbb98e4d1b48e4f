"""Files of servers as panels and people write them: keys and names come out, and nothing else.

Every file is made of peers whose names are known, in one of the ways in which names are written,
with what stands between them in real files.
"""

import csv
from dataclasses import dataclass
from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.free_text import holds_key
from inventory.names import is_name
from vpn.people import people_list
from vpn.wireguard import keys, server_import
from vpn.wireguard.server_file import ServerPeer

PUBLIC = [keys.public_of(keys.generate_private()) for _ in range(12)]
SECRETS = [keys.generate_private().reveal() for _ in range(8)]
NAMES = st.sampled_from(
    ["Dr Éliane Ngono", "ateba", "Marie Essomba", "b-oumarou", "Awa 2", "Jean-Pierre Mbarga", "May",
     "Endeley", "Cherif (Mora)", "phone of Bih"]
)  # fmt: skip
UUID = "0b1c2d3e-1111-4222-8333-444455556666"
DATES = ["2023-05-02", "2023-05-02 10:00:00 +0000 UTC", "Tue May 2 10:00:00 2023", "02/05/2023"]


def rows(text):
    return list(csv.DictReader(StringIO(text)))


def people(text):
    return server_import.people_of_servers([("wg0.conf", text.encode())])


# How a name stands right before [Peer]; the last ones also have a line for the end of the peer.
BEFORE = [
    "# {}", "#{}", "## {}", "### Client {}", "# Client: {} (" + UUID + ")", "# Name = {}", "; {}",
    "#+Name = {}", "# BEGIN_PEER {}", "### begin {} ###", "# {} start", "# friendly_name={}",
    "#\n# -WGP- Peer: uid-1 / Updated: 2024-01-01 10:00:00\n# -WGP- friendly_name={}",
    "# ID:           cg2abc\n# Name:         {}\n# Email:        x@hosp.example\n"
    "# Telegram:     \n# Created at:   2023-05-02 10:00:00 +0000 UTC",
    "# {} / x@hosp.example / Updated: 2024-01-01 / Created: 2024-01-01",
    '# friendly_json={{"username": "{}", "id": 482}}', "# Nom : {}",
]  # fmt: skip
AFTER = ["# {}", "#{}", "# peer: {}", "#Name# = {}", "#+Name = {}", "# {}\n# 677 00 00 00"]
ENDS = {"# BEGIN_PEER {}": "# END_PEER {}", "### begin {} ###": "### end {} ###",
        "# {} start": "# {} end"}  # fmt: skip
JUNK = st.sampled_from(
    [
        *(f"# {date}" for date in DATES),
        *(f"# PrivateKey = {SECRETS[0]}", f"#PresharedKey={SECRETS[1]}", f"# {SECRETS[2]}"),
        *(f"# {UUID}", "# AllowedIPs = 10.0.0.0/8", "#", "# password: hunter2", "# 10.77.0.9"),
    ]
)
RETIRED = st.sampled_from(
    [
        "#[Peer]\n#PublicKey = {key}\n#AllowedIPs = 10.77.0.3/32\n# Retired, left in 2023",
        "# Retired\n# [Peer]\n# PublicKey = {key}\n# AllowedIPs = 10.77.0.3/32",
        "#[Peer]\n# Name = Retired\n#PublicKey = {key}\n\n# Name: Retired\n#AllowedIPs = ::3/128",
        "#-# Retired\n#-[Peer]\n#-PublicKey = {key}",
        ";[Peer]\n;PublicKey = {key}\n; Retired",
        "# Name: Retired\n\n#[Peer]\n#PublicKey = {key}",
        "# Retired\n#PublicKey = {key}\n#AllowedIPs = 10.77.0.3/32",
        "[Peer]\n#PublicKey = {key}\n#AllowedIPs = 10.77.0.3/32\n# Retired",
    ]
)
NEEDLESS = st.sampled_from(
    [
        *("PreUp = ", "PostUp = iptables -A FORWARD -j ACCEPT", "PostDown =", "SaveConfig = true"),
        *("Table = auto", "MTU = 1420", "DNS = 1.1.1.1", "Jc = 4", "Nonsense", "MTU = big"),
    ]
)


@dataclass(frozen=True)
class Written:
    """A peer as text, and the name that belongs to it."""

    text: str
    name: str


@st.composite
def written_peers(draw, number):
    """A peer with its name somewhere, or with none."""
    name = draw(st.one_of(st.just(""), NAMES))
    place = draw(st.sampled_from(["before", "after", "inline", "last"])) if name else ""
    before = draw(st.sampled_from(BEFORE)) if place == "before" else ""
    lines = [before.format(name)] if before else []
    lines += draw(st.lists(JUNK.filter(lambda line: "AllowedIPs" not in line), max_size=1))
    lines.append(draw(st.sampled_from(["[Peer]", "[peer]", " [ Peer ]", "[PEER] "])))
    lines += [draw(st.sampled_from(AFTER)).format(name)] if place == "after" else []
    lines += draw(st.lists(JUNK, max_size=1))
    spelt = draw(st.sampled_from(["PublicKey = {}", "publickey={}", "PUBLICKEY\t=  {}  "]))
    inline = f" # {name}" if place == "inline" else ""
    lines.append(spelt.format(PUBLIC[number]) + inline)
    host = draw(st.sampled_from([f"10.77.0.{number}/32", f"10.77.0.{number}/24", "10.77.0.9/32"]))
    settings_ = [f"AllowedIPs = {host}", f"PresharedKey = {SECRETS[3]}", "PersistentKeepalive = 25"]
    lines += draw(st.permutations(settings_))
    lines += draw(st.sampled_from([[], ["Endpoint = 198.51.100.60:51820"], ["Endpoint = (none)"]]))
    lines += [f"# {name}"] if place == "last" else []
    lines += [ENDS[before].format(name)] if before in ENDS else []
    return Written("\n".join(lines), name)


@st.composite
def servers(draw):
    """A server's file, and its peers by key with the names that belong to them."""
    head = draw(st.lists(NEEDLESS, max_size=3))
    parts = [
        f"# made by a panel\n\n[Interface]\nPrivateKey = {SECRETS[7]}\nListenPort = 51820\n"
        "Address = 10.77.0.1/24\n" + "\n".join(head)
    ]
    known = {}
    for number in range(draw(st.integers(0, 5))):
        parts += [draw(RETIRED).format(key=PUBLIC[11])] if draw(st.booleans()) else []
        one = draw(written_peers(number))
        known[PUBLIC[number]] = one.name
        parts.append(one.text)
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return "\n\n".join(parts).replace("\n", ending) + ending, known


@given(servers())
@settings(max_examples=60)
def test_every_peer_has_its_own_name_or_none_and_no_other(server):
    text, known = server
    found = people(text)
    assert {peer.public_key: peer.name for peer in found.people} == known
    listed = server_import.listed_devices(found.people, "nurse", "mora")
    assert "etired" not in listed
    said = listed + "\n".join(map(str, found.notices))
    assert not any(secret[:20] in said for secret in SECRETS)


@given(servers())
def test_what_is_listed_is_read_as_a_list_of_people(server):
    found = people(server[0])
    listed = people_list.read_people_list(
        "people.csv", server_import.listed_devices(found.people, "nurse", "mora")
    )
    assert [one.public_key for one in listed] == [peer.public_key for peer in found.people]


@given(st.lists(st.text(max_size=90), max_size=6))
def test_every_device_is_listed_once_by_a_name_of_its_own(said):
    peers = [ServerPeer(key, text, 1) for key, text in zip(PUBLIC, said, strict=False)]
    found = rows(server_import.listed_devices(peers, "nurse", "mora"))
    assert [row["public_key"] for row in found] == [peer.public_key for peer in peers]
    names = [row["name"] for row in found]
    assert all(map(is_name, names))
    assert len(set(names)) == len(names)


@given(st.lists(st.text(max_size=60), max_size=6))
@settings(max_examples=60)
def test_whatever_remarks_say_a_list_comes_out_that_can_be_planned(said):
    remarks = ["".join(f"# {line}\n" for line in text.splitlines()) for text in said]
    sections = [
        f"{remark}[Peer]\nPublicKey = {key}\n" for remark, key in zip(remarks, PUBLIC, strict=False)
    ]
    found = people("[Interface]\nMTU = 1280\n\n" + "\n".join(sections))
    text = server_import.listed_devices(found.people, "nurse", "mora")
    assert not any(holds_key(row["title"]) for row in rows(text))
    listed = people_list.read_people_list("people.csv", text)
    assert [one.public_key for one in listed] == PUBLIC[: len(said)]
