"""How recipes are followed that speak to no device."""

import re
import shutil
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from controller.backups.daily import DailyBackups
from controller.store.audit import Actor
from controller.store.place import ADDRESS, PASSWORD_FILE, StorePlace
from database.engine import postgresql_url
from inventory import credentials
from tests.rigs.documents.follow import Guide, appended, replaced
from tests.rigs.documents.shell import Shell
from tests.rigs.people.people_rig import NGONO, make_registrar, nowhere
from tests.simulated_time import START, TestClock

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


ANOTHER_MACHINE: Final = "it installs packages, users or services on machines of their own"
BACKED_UP: Final = datetime(2026, 11, 30, 1, tzinfo=UTC)
PASSPHRASE: Final = "six random words"  # noqa: S105 - of a test


def install_for_production(folder: Path, made: Shell) -> Guide:
    """Return how two controllers are installed; what is written for them is checked."""
    written: dict[str, str] = {}

    def unit(text: str) -> None:
        found = ConfigParser(strict=False, interpolation=None)
        found.optionxform = str  # type: ignore[assignment,method-assign]
        found.read_string(text)
        started = found["Service"]["ExecStart"].split()
        asked = made.run("COLUMNS=200 sanaga serve --help")
        known = " ".join(asked.lines)
        assert [one for one in started if one.startswith("--") and one not in known] == []
        assert "%h" not in text

    def variables(text: str) -> None:
        for line in text.splitlines():
            name, _, value = line.partition("=")
            written[name] = value
        known = {"SANAGA_STATE_DIR", ADDRESS, PASSWORD_FILE, credentials.PASSPHRASE}
        assert written.keys() == known
        assert postgresql_url(written[ADDRESS]).host == "db.example.cm"

    def proxy(text: str) -> None:
        assert "proxy_buffering off;" in text
        assert text.count("{") == text.count("}")

    elsewhere = (
        "apt install postgresql", "sudo -u postgres createuser", "sudo -u postgres createdb",
        "apt install python3-venv", "useradd", "python3 -m venv", "/opt/sanaga/bin/pip", "ln -s",
        "install -d", "git clone", "chown", "systemctl daemon-reload", "systemctl enable",
        "journalctl", "rsync", "curl", "sudo -u sanaga",
    )  # fmt: skip
    return Guide(
        documents={"SANAGA_STATE_DIR=": variables, "[Unit]": unit, "server {": proxy},
        not_run=dict.fromkeys(elsewhere, ANOTHER_MACHINE),
    )


def restore_after_a_fire(folder: Path, made: Shell) -> Guide:
    """Return how a new machine gets the records and keys of one that is gone."""
    state = folder / "state"
    with closing(make_registrar(state)) as registrar:
        registrar.add(NGONO, "tablet", Actor("marie", "test"), nowhere)
    clock = TestClock()
    clock.pause((BACKED_UP - START).total_seconds())
    DailyBackups(StorePlace(state), folder / "backups", PASSPHRASE, clock).step(print)
    shutil.rmtree(state)
    return Guide(typed={"IFS= read": [("", PASSPHRASE)]})


GUIDES: Final[Mapping[str, Callable[[Path, Shell], Guide]]] = {
    "write-an-intent": write_an_intent,
    "import-an-inventory": import_an_inventory,
    "describe-the-country": describe_the_country,
    "find-the-risks": find_the_risks,
    "install-for-production": install_for_production,
    "restore-after-a-fire": restore_after_a_fire,
}
