"""Whether packets between the segments of two sites of a laboratory pass as the rules say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from itertools import permutations
from typing import Final

from controller.load import Loaded
from inventory.errors import LabError
from inventory.model import Device, DeviceName, Intent, Role, Segment, SiteName
from policies.model import Access, Policies
from policies.segmentation import allowed_flows
from policies.sentences import SegmentNeverReaches, SegmentReaches, SegmentSentence, parse_sentence
from simulations.lab.datagrams import Exchange, Way, exchange_between
from simulations.lab.guests import guests_in
from simulations.lab.lab import Lab
from simulations.lab.probe import Address, answering_devices
from simulations.netns.blueprint import Host
from simulations.netns.design import draw_guest
from simulations.netns.registry import locked_registry
from simulations.netns.shutdown import raised_as_interrupt
from simulations.netns.waiting import eventually

GATEWAY_WITHIN_S: Final = 120.0
VERSIONS: Final = (4, 6)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of datagrams from a host to another, and what the rules say of them."""

    source_site: SiteName
    source: Segment
    target_site: SiteName
    target: Segment
    version: int
    allowed: bool
    because: str
    arrived: bool
    answered: bool
    agrees: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether an expectation about two segments holds for the packets that were sent."""

    expectation: str
    holds: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """Every pair of segments between the LANs of some gateways, and expectations about them."""

    laboratory: str
    gateways: tuple[DeviceName, ...]
    tried: tuple[Tried, ...]
    expectations: tuple[Kept, ...]
    agrees: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """A host and the segment in which it stands; guests are there for a while."""

    segment: Segment
    host: Host
    guest: bool

    def address(self, version: int) -> Address:
        """Return the host's IPv4 or IPv6 address."""
        return self.host.ipv4.ip if version == 4 else self.host.ipv6.ip


def compare_segments(lab: Lab, loaded: Loaded, *, within_s: float) -> SegmentReport:
    """Send packets between the segments of two sites, an edge's and a router's where there are.

    Hosts stand in their LANs meanwhile, and are always taken away again. Raises LabError when no
    gateway filters packets, or the laboratory does not come to rest.
    """
    gateways = _gateways(loaded.intent)
    places = [_place(lab, loaded.intent, d, segment) for d in gateways for segment in Segment]
    guests = [place.host for place in places if place.guest]
    stub = lab.folder.read().stub
    with (
        raised_as_interrupt(),
        locked_registry(lab.folder),
        guests_in(guests, stub=stub),
    ):
        for place in places:
            _await_gateway(place)
        lab.sessions.wait(list[str], within_s)
        tried = tuple(_tried(loaded.policies, places, within_s))
    kept = tuple(_expectations(loaded.policies, tried))
    agrees = all(t.agrees for t in tried) and all(k.holds for k in kept)
    return SegmentReport(lab.name, tuple(d.name for d in gateways), tried, kept, agrees)


def _gateways(intent: Intent) -> Sequence[Device]:
    """Return the first edge and the first router whose filter keeps segments apart."""
    filtering = [d for d in intent.devices.values() if d.lan and d.packet_filter]
    if not (filtering and intent.network.segmentation):
        raise LabError(
            f"{intent.network.name}: no device with LANs filters packets; write "
            "'segmentation: true' under network, or 'packet_filter: true' for a device with LANs"
        )
    edges = [device for device in filtering if device.role is Role.EDGE]
    others = [device for device in filtering if device.role is not Role.EDGE]
    return (*edges[:1], *others[:1]) if edges and others else filtering[:2]


def _place(lab: Lab, intent: Intent, device: Device, segment: Segment) -> _Place:
    guest = draw_guest(intent, device, segment)
    standing = [host for host in lab.blueprint.hosts if host.router == guest.router]
    return _Place(segment, standing[0] if standing else guest, guest=not standing)


def _await_gateway(place: _Place) -> None:
    """Wait until a host's gateway answers it: a router gives a new interface its addresses."""
    own = [ip_address(text) for text in (place.host.gateway4, place.host.gateway6)]
    ask = partial(answering_devices, place.host.namespace, own, within_s=1.0)
    what = f"an answer of the gateway of {place.segment} at {place.host.site}"
    eventually(lambda: ask() == {*own}, within_s=GATEWAY_WITHIN_S, what=what)


def _tried(policies: Policies, places: Sequence[_Place], within_s: float) -> Iterator[Tried]:
    pairs = [
        (one, other, version) for one, other in permutations(places, 2) for version in VERSIONS
    ]
    ways = {pair: _way(*pair) for pair in pairs}
    says = {pair: _access(policies, pair[0], pair[1]) for pair in pairs}
    open_ = frozenset(ways[pair] for pair in pairs if says[pair].allowed)
    with exchange_between([place.host for place in places]) as exchange:
        exchange.try_ways(frozenset(ways.values()) - open_, open_, within_s=within_s)
    for one, other, version in pairs:
        pair = one, other, version
        yield _found(pair, says[pair], exchange)


def _way(one: _Place, other: _Place, version: int) -> Way:
    return one.address(version), other.address(version)


def _access(policies: Policies, one: _Place, other: _Place) -> Access:
    return allowed_flows(policies, one.segment, other.segment)


def _found(pair: tuple[_Place, _Place, int], access: Access, exchange: Exchange) -> Tried:
    one, other, version = pair
    arrived, answered = (_way(*pair) in ways for ways in (exchange.arrived, exchange.answered))
    return Tried(
        source_site=one.host.site,
        source=one.segment,
        target_site=other.host.site,
        target=other.segment,
        version=version,
        allowed=access.allowed,
        because=access.because,
        arrived=arrived,
        answered=answered,
        agrees=answered if access.allowed else not arrived,
    )


def _expectations(policies: Policies, tried: Sequence[Tried]) -> Iterator[Kept]:
    """Yield what packets say of the expectations about segments; those of services are not sent."""
    for expectation in policies.expectations:
        sentence = parse_sentence(expectation.text)
        if isinstance(sentence, SegmentReaches | SegmentNeverReaches):
            pair = sentence.source, sentence.target
            if mine := [one for one in tried if (one.source, one.target) == pair]:
                yield _kept(expectation.text, sentence, mine)


def _kept(text: str, sentence: SegmentSentence, mine: Sequence[Tried]) -> Kept:
    if isinstance(sentence, SegmentReaches):
        came, holds = sum(one.answered for one in mine), all(one.answered for one in mine)
    else:
        came, holds = sum(one.arrived for one in mine), not any(one.arrived for one in mine)
    return Kept(text, holds, f"packets passed on {came} of {len(mine)} ways")
