"""How recipes are followed that speak to no device."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.rigs.documents.follow import Guide, appended, replaced
from tests.rigs.documents.shell import Shell

SITES: Final = """\
name,slug,region,latitude,longitude
Yaoundé,yaounde,CM-CE,3.866,11.517
Ebolowa,ebolowa,CM-SU,2.9,11.15
"""
DEVICES: Final = """\
Name,Status,Site,Role,Platform,IP Address
yaounde-r1,active,Yaoundé,Router,FRR,198.18.0.1/24
ebolowa-r1,active,Ebolowa,Router,FRR,198.18.0.2/24
"""
NETWORK: Final = """\
network:
  name: two-hospitals
  asn: 65000
  addressing:
    ipv4_sites: 10.0.0.0/8
    ipv4_loopbacks: 172.16.0.0/14
    ipv4_links: 172.20.0.0/14
    ipv6: "fd5a:6e61:6700::/40"
"""


def describe_the_country(folder: Path, made: Shell) -> Guide:
    """Return how the national data is written, edited, drawn and exported."""
    circuits = folder / "country" / "circuits" / "extreme-nord.yaml"
    network = folder / "country" / "network.yaml"

    def put_fibre(text: str) -> None:
        before = circuits.read_text(encoding="utf-8")
        entry = re.compile(
            r"  - \{name: mayo-sava-kolofata-microwave,.*?delay_ms: [\d.]+\}\n", re.S
        )
        after, found = entry.subn(lambda _: text, before)
        assert found == 1
        circuits.write_text(after, encoding="utf-8")

    return Guide(
        documents={"- {name: mora-kolofata-fibre": put_fibre},
        before={
            "sanaga topology risks": lambda: replaced(
                network, "  disabled_media: []", "  disabled_media: [leo]"
            )
        },
    )


def find_the_risks(folder: Path, made: Shell) -> Guide:
    """Return how the national data is asked, as 'describe the country' wrote it."""
    assert made.run("sanaga init country --national").code == 0
    return Guide()


def write_an_intent(folder: Path, made: Shell) -> Guide:
    """Return how two sites are written by hand, with a mistake in between."""
    mine = folder / "mine"
    mine.mkdir()
    sites = mine / "sites.yaml"
    names = ("network", "sites", "devices", "zones")
    right, wrong = "    parent: yaounde\n", "    parent: yaunde\n"
    return Guide(
        documents={f"{name}:": appended(mine / f"{name}.yaml") for name in names},
        before={
            "sanaga validate mine @2": lambda: replaced(sites, right, wrong),
            "sanaga show": lambda: replaced(sites, wrong, right),
        },
        codes={"sanaga validate mine @2": 1, "sanaga plan": 2},
    )


def import_an_inventory(folder: Path, made: Shell) -> Guide:
    """Return how NetBox's files become an intent, which is then corrected by hand."""
    mine = folder / "mine"
    mine.mkdir()
    (folder / "sites.csv").write_text(SITES, encoding="utf-8")
    (folder / "devices.csv").write_text(DEVICES, encoding="utf-8")

    def correct() -> None:
        imported = mine / "imported.yaml"
        replaced(imported, "- name: yaounde\n", "- name: yaounde\n  level: central\n")
        below = "- name: ebolowa\n  level: regional\n  parent: yaounde\n"
        replaced(imported, "- name: ebolowa\n", below)
        (mine / "network.yaml").write_text(NETWORK, encoding="utf-8")

    return Guide(before={"sanaga inventory export nornir": correct})


GUIDES: Final[Mapping[str, Callable[[Path, Shell], Guide]]] = {
    "write-an-intent": write_an_intent,
    "import-an-inventory": import_an_inventory,
    "describe-the-country": describe_the_country,
    "find-the-risks": find_the_risks,
}
