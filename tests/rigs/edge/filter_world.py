"""A gateway with its five LANs between hosts, and everything else of the network beyond it.

Whatever is sent is either seen where it comes out or counted where it is dropped.
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Final, TypeAlias
from uuid import uuid4

from controller.intended.segments import LAN_INTERFACE
from edge.nftables.ruleset import base_tables
from edge.policy.model import EdgePolicy
from inventory import addressing
from inventory.addressing import Prefix
from inventory.model import Intent, Segment
from policies.packet_filter.model import PacketFilter
from simulations.netns import capabilities, namespaces
from simulations.netns.waiting import eventually
from tests.factories import hierarchy
from tests.rigs.edge.crafted_packets import (
    Address,
    Crafted,
    Inmate,
    Observer,
    Sender,
    inmate,
    observer,
    sender,
)
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.segments import HERE, PEER, SERVER, THERE, packet_filter

# A segment, 'far' for the other sites, 'outside' for a provider's network, 'gate' for the gateway.
Where: TypeAlias = str
WHERES: Final[tuple[Where, ...]] = (*Segment, "far", "outside")
OUTSIDE: Final = "out0"
FAR: Final = "wan0"
HOST: Final = 10
STRANGER: Final = IPv4Address("172.16.0.33")
INTERNET: Final[tuple[Address, ...]] = (IPv4Address("203.0.113.9"), ip_address("2001:db8::9"))
# A network of a hospital's own, behind a host of the clinical LAN.
BEHIND: Final = IPv4Network("192.168.7.0/24")
MANAGEMENT_PORT: Final = 22
GOSSIP_PORT: Final = 8620
WITHIN_S: Final = 60.0
_LINKS: Final = {FAR: ("198.18.50", "fd00:50::"), OUTSIDE: ("198.18.51", "fd00:51::")}


@dataclass(frozen=True, slots=True)
class FilterWorld:
    """The gateway's namespace and those around it, and the filter that it may have."""

    mark: str
    intent: Intent
    wanted: PacketFilter

    def space(self, where: Where) -> str:
        """Return the namespace of a place."""
        return f"sgf-{self.mark}-{where}"

    def lan(self, site: str, segment: Segment, version: int) -> Prefix:
        """Return a LAN of a site."""
        plan, number = self.intent.network.plan, self.intent.sites[site].number
        lan_of = addressing.segment4 if version == 4 else addressing.segment6
        return lan_of(plan, number, segment)

    def host(self, site: str, segment: Segment, version: int, host: int = HOST) -> Address:
        """Return the address of a host in a segment of a site."""
        return self.lan(site, segment, version)[host]

    def own(self, segment: Segment, version: int) -> Address:
        """Return the gateway's address on a LAN."""
        return self.host(HERE, segment, version, 1)

    @property
    def management(self) -> IPv4Address:
        """Return the address at which the controller reaches the gateway."""
        assert self.wanted.management is not None
        return self.wanted.management.address

    def policy(self, wanted: PacketFilter | None) -> EdgePolicy:
        """Return the policy of the gateway with a filter, whose only peer is the other site."""
        mine, theirs = (
            tuple(
                block(self.intent.network.plan, self.intent.sites[site].number)
                for block in (addressing.site_block4, addressing.site_block6)
            )
            for site in (HERE, THERE)
        )
        (peer,) = edge_policy().peers
        return edge_policy(
            lans=tuple(LAN_INTERFACE.values()),
            prefixes=mine,
            peers=(replace(peer, prefixes=theirs),),
            packet_filter=wanted,
        )

    def load(self, wanted: PacketFilter | None) -> None:
        """Put the rules of an edge with that filter into the gateway's kernel."""
        text = "flush ruleset\n" + base_tables(self.policy(wanted))
        with namespaces.entered_namespace(self.space("gate")):
            subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

    def dropped(self) -> int:
        """Return how many packets the gateway has dropped since its rules were loaded."""
        with namespaces.entered_namespace(self.space("gate")):
            said = subprocess.run(
                ["nft", "-j", "list", "table", "inet", "sanaga"], capture_output=True, check=True
            )
        rules = (
            part["rule"]["expr"] for part in json.loads(said.stdout)["nftables"] if "rule" in part
        )
        return sum(_counted(rule) for rule in rules)

    def passed(self, sent: Iterable[tuple[Where, Crafted]]) -> dict[Crafted, Crafted]:
        """Send packets from places; return those that came out where they should, as they were.

        Whatever did not come out was counted as dropped.
        """
        several = list(sent)
        with _opened(self) as (doors, ears):
            before, found = self.dropped(), dict[Crafted, Crafted]()
            for where, packet in several:
                doors[where].send(packet)
            wanted = {packet for _, packet in several}
            assert len(wanted) == len(several), "two packets cannot be told apart"

            def settled() -> bool:
                for ear in ears:
                    found.update((one, one) for one in ear.heard() if one in wanted)
                return len(found) + self.dropped() - before >= len(several)

            eventually(settled, within_s=WITHIN_S, what="an end of every packet")
        return found


def _counted(rule: list[Mapping[str, Mapping[str, int]]]) -> int:
    return sum(part["counter"]["packets"] for part in rule if "counter" in part)


@contextmanager
def _opened(made: FilterWorld) -> Iterator[tuple[dict[Where, Sender], list[Observer | Inmate]]]:
    with ExitStack() as held:
        doors = {where: held.enter_context(sender(made.space(where))) for where in WHERES}
        ears = [held.enter_context(observer(made.space(where), "net0")) for where in WHERES]
        yield doors, [*ears, held.enter_context(inmate(made.space("gate")))]


@contextmanager
def filter_world() -> Iterator[FilterWorld]:
    """Build the namespaces, and remove them afterwards."""
    capabilities.require_root()
    wanted = replace(packet_filter(), outside=(OUTSIDE,))
    made = FilterWorld(uuid4().hex[:4], hierarchy(), wanted)
    spaces = [made.space(where) for where in (*WHERES, "gate")]
    try:
        namespaces.run_ip_batch(f"netns add {space}" for space in spaces)
        _build(made)
        yield made
    finally:
        for space in filter(namespaces.namespace_exists, spaces):
            namespaces.run_ip_batch([f"netns del {space}"])


def _build(made: FilterWorld) -> None:
    gate = made.space("gate")
    ports: dict[Where, str] = {"far": FAR, "outside": OUTSIDE}
    ports |= {segment.value: port for segment, port in LAN_INTERFACE.items()}
    for space in (gate, *map(made.space, WHERES)):
        namespaces.set_sysctls(space, _settings(forwards=space == gate))
    namespaces.run_ip_batch(
        f"link add net0 netns {made.space(where)} type veth peer name {port} netns {gate}"
        for where, port in ports.items()
    )
    own = [PEER + 1, made.management]
    namespaces.run_ip_batch(
        ["link set lo up", *(f"addr add {a}/32 dev lo" for a in own), *_gateway(made)], gate
    )
    for segment in Segment:
        namespaces.run_ip_batch(_host(made, segment), made.space(segment))
    for where, (four, six) in (("far", _LINKS[FAR]), ("outside", _LINKS[OUTSIDE])):
        namespaces.run_ip_batch(_beyond(four, six), made.space(where))


def _settings(*, forwards: bool) -> Iterator[tuple[str, str]]:
    yield "net/ipv6/conf/default/accept_dad", "0"
    yield "net/ipv6/conf/all/accept_dad", "0"
    # What a host says by itself would count as dropped, too: it asks for no router, and tells its
    # groups at once (in ms) instead of twice within a second.
    yield "net/ipv6/conf/default/router_solicitations", "0"
    for version in (1, 2):
        yield f"net/ipv6/conf/default/mldv{version}_unsolicited_report_interval", "1"
    yield "net/ipv4/conf/all/rp_filter", "0"
    yield "net/ipv4/conf/default/rp_filter", "0"
    for version in (4, 6):
        yield f"net/ipv{version}/conf/all/forwarding", "1" if forwards else "0"


def _gateway(made: FilterWorld) -> Iterator[str]:
    for segment, port in LAN_INTERFACE.items():
        yield f"link set {port} up"
        for version in (4, 6):
            length = made.lan(HERE, segment, version).prefixlen
            yield f"addr add {made.own(segment, version)}/{length} dev {port}"
    for port, (four, six) in _LINKS.items():
        yield f"link set {port} up"
        yield f"addr add {four}.1/24 dev {port}"
        yield f"addr add {six}1/64 dev {port} nodad"
    yield f"route add {BEHIND} via {made.host(HERE, Segment.CLINICAL, 4)}"
    four, six = _LINKS[FAR]
    yield f"route add default via {four}.2"
    yield f"route add ::/0 via {six}2"


def _host(made: FilterWorld, segment: Segment) -> Iterator[str]:
    yield "link set lo up"
    yield "link set net0 up"
    for version in (4, 6):
        lan = made.lan(HERE, segment, version)
        for host in (HOST, SERVER):
            yield f"addr add {lan[host]}/{lan.prefixlen} dev net0"
        yield f"route add {'default' if version == 4 else '::/0'} via {lan[1]}"


def _beyond(four: str, six: str) -> Iterator[str]:
    yield "link set lo up"
    yield "link set net0 up"
    yield f"addr add {four}.2/24 dev net0"
    yield f"addr add {six}2/64 dev net0 nodad"
    yield f"route add default via {four}.1"
    yield f"route add ::/0 via {six}1"
