"""How the switches of the whole country are joined: named fibre routes, then proposals."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from inventory.country.geography import fibre_delay_ms, great_circle_km, microwave_delay_ms
from inventory.country.places import Route
from inventory.country.sites import CAPITAL, CENTRE, Hierarchy
from inventory.model import Circuit, CircuitEnd, Device, DeviceName, Level, Medium, Site, SiteName

BACKBONE: Final = "backbone"
HUBS: Final = (CAPITAL, "douala")
IN_TOWN_KM: Final = 4.0
TOWN_FIBRE_KM: Final = 15.0
LTE_KM: Final = 20.0
RADIO_KM: Final = 100.0
SECOND_WAY_KM: Final = 75.0


@dataclass(frozen=True, slots=True)
class Carriage:
    """What a circuit of a kind offers: Mbit/s up and down, one-way delay in ms where fixed.

    cost is written where a circuit must not draw traffic while cables hold.
    """

    medium: Medium
    up: float
    down: float
    delay: float = 0.0
    metered: bool = False
    cost: int | None = None


TRUNK: Final = Carriage(Medium.FIBRE, 10_000, 10_000)
BRANCH: Final = Carriage(Medium.FIBRE, 1_000, 1_000)
INSIDE: Final = Carriage(Medium.FIBRE, 10_000, 10_000, 0.05)
RADIO: Final = Carriage(Medium.MICROWAVE, 200, 200)
# One-way delays: a gateway at Lagos within reach, rural LTE, a geostationary satellite.
SUBSCRIBER: Final[Mapping[Medium, Carriage]] = {
    Medium.LEO: Carriage(Medium.LEO, 13, 60, 30, cost=9),
    Medium.LTE: Carriage(Medium.LTE, 5, 20, 35, metered=True, cost=10),
    Medium.VSAT: Carriage(Medium.VSAT, 2, 8, 290, metered=True, cost=10),
}
# Where the operator hands everyone's traffic over: its own gateway or core, reached by cable.
HANDOVER: Final[Mapping[Medium, Carriage]] = {
    Medium.LEO: Carriage(Medium.LEO, 1_000, 1_000, 8, cost=9),
    Medium.LTE: Carriage(Medium.LTE, 1_000, 1_000, 2, cost=10),
    Medium.VSAT: Carriage(Medium.VSAT, 200, 200, 5, cost=10),
}


@dataclass(frozen=True, slots=True)
class PlannedCircuit:
    """A circuit, the file and the heading it is written under."""

    circuit: Circuit
    file: str
    heading: str


@dataclass(slots=True)
class CircuitPlan:
    """Circuits as they are laid; hands out numbers, the less used router, the next interface."""

    sites: Hierarchy
    routers: Mapping[SiteName, tuple[DeviceName, ...]]
    laid: list[PlannedCircuit] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    neighbours: set[frozenset[SiteName]] = field(default_factory=set)
    file: str = BACKBONE
    first: int = 1
    heading: str = ""

    def open(self, file: str, first: int) -> None:
        """Turn to another file, whose circuits are numbered from first."""
        self.file, self.first = file, first

    def km(self, a: SiteName, b: SiteName) -> float:
        """Return how far two sites are apart."""
        return great_circle_km(self.sites.sites[a].place, self.sites.sites[b].place)

    def fibre(self, a: SiteName, b: SiteName, carriage: Carriage, suffix: str = "") -> None:
        """Lay fibre between two sites."""
        name = f"{a}-{b}-fibre{suffix}"
        delay = fibre_delay_ms(self.km(a, b))
        self._lay(name, (self._end(a), self._end(b)), carriage, delay)

    def radio(self, a: SiteName, b: SiteName) -> None:
        """Set up microwave between two sites."""
        delay = microwave_delay_ms(self.km(a, b))
        self._lay(f"{a}-{b}-microwave", (self._end(a), self._end(b)), RADIO, delay)

    def inside(self, site: SiteName) -> None:
        """Join the two routers of a site."""
        one, two = self.routers[site]
        ends = (self._interface(one), self._interface(two))
        self._lay(f"{site}-r1-r2", ends, INSIDE, INSIDE.delay)

    def subscribe(self, site: SiteName, medium: Medium) -> None:
        """Take a site's own circuit into an operator's network."""
        carriage = SUBSCRIBER[medium]
        self._lay(f"{site}-{medium}", (self._end(site), None), carriage, carriage.delay)

    def hand_over(self, site: SiteName, medium: Medium) -> None:
        """Let an operator hand over everyone's traffic at a hub."""
        carriage = HANDOVER[medium]
        self._lay(f"{site}-{medium}-hub", (self._end(site), None), carriage, carriage.delay)

    def _end(self, site: SiteName) -> CircuitEnd:
        return self._interface(min(self.routers[site], key=self.used.__getitem__))

    def _interface(self, device: DeviceName) -> CircuitEnd:
        self.used[device] += 1
        return CircuitEnd(device, f"eth{self.used[device]}")

    def _lay(
        self,
        name: str,
        ends: tuple[CircuitEnd, CircuitEnd | None],
        carriage: Carriage,
        delay: float,
    ) -> None:
        near, far = ends
        number = self.first + self.used[f"file {self.file}"]
        self.used[f"file {self.file}"] += 1
        if far:
            joined = (near.device.rpartition("-")[0], far.device.rpartition("-")[0])
            self.neighbours.add(frozenset(joined))
        circuit = Circuit(
            name=name,
            number=number,
            a=near,
            b=far,
            provider=None if far else f"{carriage.medium}-operator",
            medium=carriage.medium,
            rate_up_mbps=carriage.up,
            rate_down_mbps=carriage.down,
            delay_ms=delay,
            metered=carriage.metered,
            cost=carriage.cost,
        )
        self.laid.append(PlannedCircuit(circuit, self.file, self.heading))


def national_circuits(
    sites: Hierarchy, routers: tuple[Device, ...], routes: tuple[Route, ...]
) -> tuple[PlannedCircuit, ...]:
    """Return every circuit of the country, in the order in which they are numbered."""
    at = {name: tuple(d.name for d in routers if d.site == name) for name in sites.sites}
    ledger = CircuitPlan(sites, at)
    on_route = _lay_routes(ledger, routes)
    _lay_centres(ledger)
    _lay_seats(ledger, on_route)
    _lay_arrondissements(ledger, on_route)
    return tuple(ledger.laid)


def _lay_routes(ledger: CircuitPlan, routes: tuple[Route, ...]) -> set[SiteName]:
    stops: set[SiteName] = set()
    for route in routes:
        ledger.heading = _route_heading(route)
        for line in route.lines:
            names = [stop.site for stop in line if stop.site]
            stops.update(names)
            for a, b in pairwise(names):
                ledger.fibre(a, b, TRUNK, f"-{route.name.lower()}")
    return stops


def _route_heading(route: Route) -> str:
    towns = "; ".join(" - ".join(stop.town for stop in line) for line in route.lines)
    source = f", {route.source}" if route.source else ""
    return f"{route.name} [{route.tag}{source}]: {towns}\n{route.state}"


def _lay_centres(ledger: CircuitPlan) -> None:
    """Join what stands in the capitals: routers of a site, hubs, second ways of the regions."""
    doubled = [site for site, routers in ledger.routers.items() if len(routers) > 1]
    ledger.heading = "Between the two routers of a site"
    for site in doubled:
        ledger.inside(site)
    ledger.heading = "Proposal: the Centre region's switch stands in Yaoundé, on two fibres"
    for pair in ("-1", "-2"):
        ledger.fibre(CAPITAL, ledger.sites.regional[CENTRE], TRUNK, pair)
    ledger.heading = "Proposal: where operators hand over the traffic of all their circuits"
    for medium in HANDOVER:
        for hub in HUBS:
            ledger.hand_over(hub, medium)
    ledger.heading = "Proposal: satellite and mobile for every regional switch that is no hub"
    for site in doubled:
        if site not in HUBS:
            ledger.subscribe(site, Medium.LEO)
            ledger.subscribe(site, Medium.LTE)


def _lay_seats(ledger: CircuitPlan, on_route: set[SiteName]) -> None:
    """Give every departmental switch two ways: fibre, and fibre or satellite."""
    seats = {site.name: site for site in ledger.sites.at(Level.DEPARTMENTAL)}
    in_capital = {name for name, site in seats.items() if _in_capital(ledger, site)}
    lit = {*ledger.sites.regional.values(), *(on_route & seats.keys())} - in_capital
    feeds = dict(_feeds(ledger, lit, seats.keys() - in_capital - lit))
    for number, region in enumerate(ledger.sites.regional, 1):
        ledger.open(region, 1000 * number)
        here = [site for site in seats.values() if site.region == region]
        _lay_town_seats(ledger, [site for site in here if site.name in in_capital])
        away = [site.name for site in here if site.name not in in_capital]
        _lay_far_seats(ledger, away, feeds)
    for number, region in enumerate(ledger.sites.regional, 1):
        ledger.open(region, 1000 * number)
        _lay_second_ways(ledger, region, seats.keys() - in_capital)


def _in_capital(ledger: CircuitPlan, site: Site) -> bool:
    return ledger.km(site.name, site.parent or site.name) <= IN_TOWN_KM


def _feeds(
    ledger: CircuitPlan, lit: set[SiteName], dark: set[SiteName]
) -> Iterator[tuple[SiteName, SiteName]]:
    """Yield (dark seat, lit site) in the order in which fibre grows to the nearest dark seat."""
    lit, dark = set(lit), set(dark)
    while dark:
        _, seat, feed = min((ledger.km(d, site), d, site) for d in dark for site in lit)
        yield seat, feed
        dark.remove(seat)
        lit.add(seat)


def _lay_town_seats(ledger: CircuitPlan, seats: list[Site]) -> None:
    ledger.heading = "Proposal: a department seated in the region's capital, on two town fibres"
    for site in seats:
        for pair in ("-1", "-2"):
            ledger.fibre(site.parent or CAPITAL, site.name, BRANCH, pair)


def _lay_far_seats(
    ledger: CircuitPlan, seats: list[SiteName], feeds: Mapping[SiteName, SiteName]
) -> None:
    ledger.heading = (
        "Proposal: fibre to departmental seats off the routes, from the nearest lit one"
    )
    for name in seats:
        if name in feeds:
            ledger.fibre(feeds[name], name, BRANCH)
    ledger.heading = "Proposal: satellite as the independent second way of departmental seats"
    for name in seats:
        ledger.subscribe(name, Medium.LEO)


def _lay_second_ways(ledger: CircuitPlan, region: str, seats: set[SiteName]) -> None:
    """Set up microwave from a seat to the nearest seat or capital it has no fibre to."""
    ledger.heading = (
        "Proposal: microwave to the nearest seat (up to 75 km) that no fibre joins directly"
    )
    others = {*seats, *ledger.sites.regional.values()}
    for name in sorted(seats):
        if ledger.sites.sites[name].region != region:
            continue
        near = [
            (ledger.km(name, other), other)
            for other in others - {name}
            if frozenset({name, other}) not in ledger.neighbours
        ]
        distance, other = min(near)
        if distance <= SECOND_WAY_KM:
            ledger.radio(other, name)


def _lay_arrondissements(ledger: CircuitPlan, on_route: set[SiteName]) -> None:
    for number, region in enumerate(ledger.sites.regional, 1):
        ledger.open(region, 1000 * number)
        for department in ledger.sites.at(Level.DEPARTMENTAL):
            if department.region == region:
                ledger.heading = f"Proposal: arrondissements of {department.title}"
                _lay_department(ledger, department, on_route)


def _lay_department(ledger: CircuitPlan, department: Site, on_route: set[SiteName]) -> None:
    for name, row in ledger.sites.rows.items():
        if ledger.sites.sites[name].parent == department.name:
            _lay_arrondissement(
                ledger, department.name, name, urban=row.urban, lit=name in on_route
            )


def _lay_arrondissement(
    ledger: CircuitPlan, seat: SiteName, name: SiteName, *, urban: bool, lit: bool
) -> None:
    """Choose by distance: fibre in town, microwave to 100 km, beyond that satellites alone."""
    distance = ledger.km(seat, name)
    in_town = distance <= (TOWN_FIBRE_KM if urban else IN_TOWN_KM)
    if in_town and frozenset({seat, name}) not in ledger.neighbours:
        ledger.fibre(seat, name, BRANCH)
    elif not lit and distance <= RADIO_KM:
        ledger.radio(seat, name)
    if in_town or lit or distance <= LTE_KM:
        ledger.subscribe(name, Medium.LTE)
    else:
        ledger.subscribe(name, Medium.LEO)
    if not in_town and not lit and distance > RADIO_KM:
        ledger.subscribe(name, Medium.VSAT)
