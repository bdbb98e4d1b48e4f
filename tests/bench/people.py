"""People's access at national scale: 10,000 devices in one store, and whole commands beside it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

from controller.access import people_list
from controller.access.devices import DeviceFiles
from controller.access.registrar import Registrar
from controller.load import load
from inventory.errors import Location
from tests.bench.measure import Figure, call, figure, sanaga
from tests.rigs.people.people_rig import ACT, NGONO, TERMS, make_registrar
from vpn.people.device_config import roster_peers
from vpn.people.people_list import ListedDevice
from vpn.people.terms import SitePlace
from vpn.wireguard.config import render_config, render_peers

PEOPLE: Final = 10_000
CHANGED: Final = 100


class _Files:
    """Devices' files as text, and nowhere else."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def deliver(self, handover: DeviceFiles) -> None:
        self.texts += [render_config(config) for config in handover.files.values()]

    def written(self) -> None:
        """Leave them: no disk has them."""

    def settled(self) -> None:
        """Leave them: they are texts already."""

    def withdrawn(self) -> None:
        self.texts.clear()


def store(folder: Path, runs: int) -> Iterator[Figure]:
    """Provision, render and diff 10,000 devices, and whole commands against their store."""
    sanaga("init", folder / "country", "--national")
    sites = load(folder / "country").intent.sites.values()
    terms = replace(TERMS, sites={site.name: SitePlace(site.parent) for site in sites})
    rounds = []
    for number in range(min(runs, 3)):
        registrar = make_registrar(folder / f"state-{number}", terms)
        rounds.append(_round(registrar, [site.name for site in sites]))
        registrar.close()
    provisioned, rendered, compared = zip(*rounds, strict=True)
    yield figure("10,000 devices: keys, files and record", provisioned, None)
    yield figure("10,000 devices: the peers of a gateway", rendered, None)
    yield figure("10,000 devices: what another list changes", compared, None)
    whole = [sum(parts) for parts in rounds]
    yield figure("10,000 devices: provision, render and diff", whole, 5)
    yield from _commands(folder, folder / "state-0", runs)


def _round(registrar: Registrar, sites: list[str]) -> tuple[float, float, float]:
    files = _Files()
    wanted = [_listed(number, sites[number % len(sites)]) for number in range(PEOPLE)]

    def provision() -> None:
        for _ in people_list.apply_list(
            registrar, people_list.plan_list(registrar, wanted, prune=True), ACT, files
        ):
            pass

    def compare() -> None:
        steps = people_list.plan_list(registrar, wanted[CHANGED:], prune=True)
        assert len(steps) == CHANGED

    def rendered() -> None:
        gateway_roster = registrar.roster("yaounde-e1")
        assert render_peers(roster_peers(gateway_roster.roster, gateway_roster.preshared))

    seconds = call(provision), call(rendered), call(compare)
    assert len(files.texts) == PEOPLE * len(TERMS.gateways)
    return seconds


def _listed(number: int, site: str) -> ListedDevice:
    person = replace(NGONO, name=f"p-{number:05}", site=site, until=None)
    return ListedDevice(person, "tablet", None, Location("people.csv", number + 2))


def _commands(folder: Path, state: Path, runs: int) -> Iterator[Figure]:
    person = ("--title", "T", "--role", "oncologist", "--site", "yaounde", "--because", "b")
    names = (f"new-{number}" for number in count())
    # Half of what a picture takes beyond a file is segno's, the other half loading it.
    for way, limit in (("--file", 0.2), ("--png", None)):
        seconds = []
        for _ in range(2 * runs + 1):
            name = next(names)
            words = ("vpn", "person", "add", name, *person, way, folder / name)
            seconds.append(sanaga(*words, state=state))
        yield figure(f"person add {way} beside 10,000, whole process", seconds, limit)
    revoked = [
        sanaga("vpn", "person", "revoke", f"p-{number:05}", "--because", "b", state=state)
        for number in range(2 * runs + 1)
    ]
    yield figure("person revoke beside 10,000, whole process", revoked, 0.2)
    listed = [sanaga("vpn", "person", "list", "-o", "json", state=state) for _ in range(runs)]
    yield figure("person list of 10,000, whole process", listed, None)
