"""Valid intents made in code: single values, small hierarchies, synthetic networks of any size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Final

from inventory.model import (
    AddressPlan,
    Circuit,
    CircuitEnd,
    ConsultationRoom,
    DataCentreZone,
    Device,
    EquipmentKind,
    Facility,
    FacilityKind,
    Intent,
    Level,
    Management,
    Medium,
    Network,
    Place,
    Platform,
    Role,
    Site,
)

HOST_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1nHs/yxB/H52sa8qtaifX7VNKGWsRs0k60FyzqNrgz"
_LETTERS: Final = ("CE", "AD", "EN", "ES", "LT", "NO", "NW", "OU", "SU", "SW")
REGIONS: Final = tuple(f"CM-{letters}" for letters in _LETTERS)
SERVICES: Final = ("records", "imaging", "portal")


def address_plan() -> AddressPlan:
    """Return the address plan that every test network uses."""
    return AddressPlan(
        ipv4_sites=IPv4Network("10.0.0.0/8"),
        ipv4_loopbacks=IPv4Network("172.16.0.0/14"),
        ipv4_links=IPv4Network("172.20.0.0/14"),
        ipv6=IPv6Network("fd5a:6e61:6700::/40"),
    )


def network(**changes: Any) -> Network:
    """Return a network named test with the usual plan."""
    return replace(Network(name="test", asn=65000, plan=address_plan()), **changes)


def site(name: str, number: int, parent: Site | None = None, **changes: Any) -> Site:
    """Return a site one level below its parent (the central one without), on a grid of points."""
    levels = tuple(Level)
    level = levels[levels.index(parent.level) + 1] if parent else Level.CENTRAL
    made = Site(
        name=name,
        number=number,
        level=level,
        parent=parent.name if parent else None,
        title=name.replace("-", " ").title(),
        region=parent.region if parent and parent.parent else REGIONS[(number - 1) % 10],
        place=Place(2.0 + number % 100 / 10, 9.0 + number // 100 % 60 / 10, "surveyed"),
        population=1000 + number,
        facilities=(Facility(f"Hospital of {name}", FacilityKind.DISTRICT),),
        rooms=(ConsultationRoom("room-1", {EquipmentKind.SDWAN_ROUTER: 1}),),
    )
    return replace(made, **changes)


def device(at: Site, number: int = 1, **changes: Any) -> Device:
    """Return the site's router of that number, SITE-rNUMBER; the first one carries the LANs."""
    made = Device(
        name=f"{at.name}-r{number}",
        site=at.name,
        number=number,
        role=Role.ROUTER,
        platform=Platform.FRR,
        management=Management(
            address=IPv4Address("198.18.0.0") + at.number * 8 + number,
            credential="env:SANAGA_TEST_KEY",
            host_key=HOST_KEY,
        ),
        lan=number == 1,
    )
    return replace(made, **changes)


# Typical one-way delays and rates (down, up) of the media, used when a test does not care.
_TYPICAL: Final = {
    Medium.FIBRE: (2.0, 1000.0, 1000.0),
    Medium.MICROWAVE: (3.0, 200.0, 200.0),
    Medium.LEO: (25.0, 150.0, 20.0),
    Medium.LTE: (35.0, 40.0, 15.0),
    Medium.VSAT: (290.0, 20.0, 5.0),
}


def circuit(name: str, number: int, ends: tuple[str, str], **changes: Any) -> Circuit:
    """Return a circuit between two ends written "device/interface" or "provider:NAME"."""
    a, b = ends
    medium = Medium(changes.pop("medium", Medium.FIBRE))
    delay, down, up = _TYPICAL[medium]
    made = Circuit(
        name=name,
        number=number,
        a=_end(a),
        b=None if b.startswith("provider:") else _end(b),
        provider=b.removeprefix("provider:") if b.startswith("provider:") else None,
        medium=medium,
        rate_up_mbps=up,
        rate_down_mbps=down,
        delay_ms=delay,
        metered=medium in {Medium.LTE, Medium.LEO},
    )
    return replace(made, **changes)


def _end(text: str) -> CircuitEnd:
    owner, _, interface = text.partition("/")
    return CircuitEnd(owner, interface)


def intent(
    sites: Iterable[Site],
    devices: Iterable[Device],
    circuits: Iterable[Circuit],
    zones: Iterable[DataCentreZone] = (),
    **changes: Any,
) -> Intent:
    """Return the intent holding these values by name; changes go to the network."""
    return Intent(
        network=network(**changes),
        sites={s.name: s for s in sites},
        devices={d.name: d for d in devices},
        circuits={c.name: c for c in circuits},
        zones={z.name: z for z in zones},
    )


@dataclass
class Draft:
    """A network being written down: hands out site, circuit and interface numbers."""

    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    zones: dict[str, DataCentreZone] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def site(self, name: str, parent: str | None = None, **changes: Any) -> Site:
        """Add a site with its first router."""
        above = self.sites[parent] if parent else None
        made = site(name, len(self.sites) + 1, above, **changes)
        self.sites[name] = made
        self.device(name, 1)
        return made

    def device(self, at: str, number: int, **changes: Any) -> Device:
        """Add a router to a site."""
        made = device(self.sites[at], number, **changes)
        self.devices[made.name] = made
        return made

    def circuit(self, name: str, a: str, b: str, **changes: Any) -> Circuit:
        """Add a circuit on the next free ports; b is a device or "provider:NAME"."""
        far = b if b.startswith("provider:") else self._port(b)
        made = circuit(name, len(self.circuits) + 1, (self._port(a), far), **changes)
        self.circuits[name] = made
        return made

    def zone(self, name: str, at: str) -> DataCentreZone:
        """Add a data-centre zone offering the usual services."""
        self.zones[name] = DataCentreZone(name, at, SERVICES)
        return self.zones[name]

    def intent(self, **changes: Any) -> Intent:
        """Return what was written down; changes go to the network."""
        values = self.sites.values(), self.devices.values(), self.circuits.values()
        return intent(*values, self.zones.values(), **changes)

    def _port(self, name: str) -> str:
        self.ports[name] = self.ports.get(name, 0) + 1
        return f"{name}/eth{self.ports[name]}"


def hierarchy(regions: int = 2, departments: int = 2, arrondissements: int = 2) -> Intent:
    """Return a full hierarchy of that many children per parent, dual-homed down to departments.

    Names: yaounde, region-1, department-1-2, arrondissement-1-2-1; circuits are CHILD-fibre to
    the parent, ring circuits region-N-ring between neighbouring regions, CHILD-leo to a provider
    for departments; arrondissements have the fibre alone.
    """
    draft = Draft()
    draft.site("yaounde")
    draft.zone("yaounde", "yaounde")
    for name, parent in _family(regions, departments, arrondissements):
        draft.site(name, parent)
        draft.circuit(f"{name}-fibre", f"{parent}-r1", f"{name}-r1")
        if name.startswith("department"):
            draft.circuit(f"{name}-leo", f"{name}-r1", "provider:leo-operator", medium=Medium.LEO)
    for i in range(1, regions if regions < 3 else regions + 1):
        ends = f"region-{i}-r1", f"region-{i % regions + 1}-r1"
        draft.circuit(f"region-{i}-ring", *ends, medium=Medium.MICROWAVE)
    draft.circuit("yaounde-leo", "yaounde-r1", "provider:leo-operator", medium=Medium.LEO)
    return draft.intent()


def _family(regions: int, departments: int, arrondissements: int) -> Iterator[tuple[str, str]]:
    for r in range(1, regions + 1):
        yield f"region-{r}", "yaounde"
        for d in range(1, departments + 1):
            yield f"department-{r}-{d}", f"region-{r}"
            for a in range(1, arrondissements + 1):
                yield f"arrondissement-{r}-{d}-{a}", f"department-{r}-{d}"


def synthetic(sites: int) -> Intent:
    """Return a network of that many sites (1 to 32,767): one router and two circuits each.

    One central, up to 10 regional, one departmental site for every six arrondissements; each
    site has a fibre to its parent and a second circuit: regional sites to the next region,
    the others to a satellite or a mobile operator that the central site also uses.
    """
    draft = Draft()
    draft.site("yaounde")
    draft.zone("yaounde", "yaounde")
    draft.circuit("yaounde-leo", "yaounde-r1", "provider:leo-operator", medium=Medium.LEO)
    draft.circuit("yaounde-lte", "yaounde-r1", "provider:lte-operator", medium=Medium.LTE)
    regional = min(10, max(0, sites - 1))
    departmental = (sites - 1 - regional + 6) // 7
    for i in range(1, sites):
        if i <= regional:
            _join(draft, f"region-{i}", "yaounde", f"region-{i % regional + 1}-r1")
        elif i <= regional + departmental:
            _join(draft, f"department-{i}", f"region-{i % regional + 1}", "provider:leo-operator")
        else:
            parent = f"department-{regional + 1 + i % departmental}"
            operator = ("leo", "lte")[i % 2]
            _join(draft, f"arrondissement-{i}", parent, f"provider:{operator}-operator")
    return draft.intent()


def _join(draft: Draft, name: str, parent: str, second: str) -> None:
    draft.site(name, parent)
    draft.circuit(f"{name}-fibre", f"{parent}-r1", f"{name}-r1")
    if second == f"{name}-r1":  # the only region: no neighbour, so a second fibre
        second = f"{parent}-r1"
    medium = Medium(second.removeprefix("provider:")[:3]) if "provider:" in second else Medium.FIBRE
    draft.circuit(f"{name}-second", f"{name}-r1", second, medium=medium)
