"""From the VPN's sections of a folder to its access policy, or everything that is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from inventory import addressing
from inventory.documents.entries import DocumentEntry, Documents, repeated_names
from inventory.documents.messages import Misread
from inventory.errors import Fault, Location
from inventory.model import Intent, Role, Segment
from vpn.grants import expectations
from vpn.grants.access import NEVER
from vpn.grants.expectations import Sentence
from vpn.grants.schema import GatewayDocument, GrantDocument, GroupDocument, HostDocument
from vpn.model import AccessPolicy


@dataclass(frozen=True, slots=True)
class Test:
    """A sentence that a policy must keep, and where it is written."""

    sentence: Sentence
    where: Location


@dataclass(frozen=True, slots=True)
class Written:
    """What the VPN's sections say."""

    policy: AccessPolicy
    tests: tuple[Test, ...]


def check_access(
    documents: Documents, intent: Intent | None
) -> tuple[Written | None, tuple[Fault, ...]]:
    """Return the access policy of a folder and its tests, or every fault in file order.

    Names of places are checked where an intent is given; without one, nothing is returned but
    faults. Whether the tests hold is another question, which expectations.evaluate() answers.
    """
    groups, faults = documents.written("groups", GroupDocument)
    hosts, host_faults = documents.written("hosts", HostDocument)
    grants, grant_faults = documents.written("grants", GrantDocument)
    gateways, gateway_faults = documents.written("gateways", GatewayDocument)
    faults += [*host_faults, *grant_faults, *gateway_faults]
    faults += repeated_names(groups, lambda group: group.name, "this group")
    faults += repeated_names(
        hosts, lambda host: (host.service, host.zone), "this host of a service"
    )
    faults += repeated_names(gateways, lambda gateway: gateway.device, "this gateway")
    faults += repeated_names(gateways, lambda gateway: gateway.number, "this number of a gateway")
    tests: tuple[Test, ...] = ()
    if intent is not None:
        known = _Known(intent, documents, frozenset(group.name for _, group in groups))
        faults += known.faults(groups, hosts, grants)
        faults += known.gateway_faults(gateways)
        tests, test_faults = known.tests(grants)
        faults += test_faults
    if faults or intent is None:
        return None, tuple(sorted(set(faults)))
    policy = AccessPolicy(
        tuple(group.to_model() for _, group in groups),
        tuple(grant.to_model() for _, grant in grants),
        tuple(host.to_model() for _, host in hosts),
        tuple(one.to_model(intent.devices[one.device].public_key) for _, one in gateways),
    )
    return Written(policy, tests), ()


@dataclass(frozen=True, slots=True)
class _Known:
    """The names that the sections may speak of."""

    intent: Intent
    documents: Documents
    groups: frozenset[str]

    def faults(
        self,
        groups: Sequence[tuple[DocumentEntry, GroupDocument]],
        hosts: Sequence[tuple[DocumentEntry, HostDocument]],
        grants: Sequence[tuple[DocumentEntry, GrantDocument]],
    ) -> Iterator[Fault]:
        """Yield what is wrong with names and places."""
        for entry, group in groups:
            where = entry.where("under")
            yield from self.documents.unknown(where, "site", group.under, self.intent.sites)
        for entry, host in hosts:
            yield from self.host_faults(entry, host)
        for entry, grant in grants:
            yield from self.grant_faults(entry, grant)

    @property
    def services(self) -> frozenset[str]:
        """Return the services that any zone offers."""
        return frozenset(s for zone in self.intent.zones.values() for s in zone.services)

    def host_faults(self, entry: DocumentEntry, host: HostDocument) -> Iterator[Fault]:
        """Yield what is wrong with where a service answers."""
        zone = self.intent.zones.get(host.zone)
        yield from self.documents.unknown(entry.where("zone"), "zone", host.zone, self.intent.zones)
        if zone is None:
            return
        where = entry.where("service")
        yield from self.documents.unknown(where, "service", host.service, zone.services)
        plan, number = self.intent.network.plan, self.intent.sites[zone.site].number
        own = (addressing.site_block4(plan, number), addressing.site_block6(plan, number))
        for index, address in enumerate(host.addresses):
            if not any(addressing.prefixes_overlap(block, ip_network(address)) for block in own):
                what = f"{address} is no address of {zone.site}, where zone {zone.name} is"
                hint = f"write one within {own[0]} or {own[1]}"
                yield Fault(entry.where("addresses", index), what, hint)
            elif fault := addressing.lan_edge_fault(plan, number, address):
                hint = "write the address of the server itself"
                yield Fault(entry.where("addresses", index), fault, hint)

    def gateway_faults(
        self, gateways: Sequence[tuple[DocumentEntry, GatewayDocument]]
    ) -> Iterator[Fault]:
        """Yield what is wrong with the hubs that people are to dial."""
        zones = {zone.site for zone in self.intent.zones.values()}
        for entry, gateway in gateways:
            where, device = entry.where("device"), self.intent.devices.get(gateway.device)
            yield from self.documents.unknown(where, "device", gateway.device, self.intent.devices)
            if device and not (device.role is Role.EDGE and device.site in zones):
                what = f"{gateway.device} is no edge at the site of a zone, which others dial"
                yield Fault(where, what, "name such an edge; it has tunnels to all the others")
            yield from _port_faults(entry, gateway)

    def grant_faults(self, entry: DocumentEntry, grant: GrantDocument) -> Iterator[Fault]:
        """Yield what is wrong with an exception to default deny."""
        yield from self.documents.unknown(entry.where("group"), "group", grant.group, self.groups)
        targets = {*Segment, *self.services}
        for index, name in enumerate(grant.reach):
            where = entry.where("reach", index)
            yield from self.documents.unknown(where, "target", name, targets)
            if name in NEVER:
                what = f"this grant would open {name}, the public's own LANs"
                yield Fault(where, what, "remove it; nobody reaches them over the VPN")
        segments = [name for name in grant.reach if name in set(Segment)]
        if grant.at and segments and len(segments) < len(grant.reach):
            what = "the grant opens services and segments at places of its own"
            hint = "write two grants: services answer at zones, segments lie at sites"
            yield Fault(entry.where("at"), what, hint)
            return
        noun, places = ("site", self.intent.sites) if segments else ("zone", self.intent.zones)
        for index, name in enumerate(grant.at):
            yield from self.documents.unknown(entry.where("at", index), noun, name, places)

    def tests(
        self, grants: Sequence[tuple[DocumentEntry, GrantDocument]]
    ) -> tuple[tuple[Test, ...], list[Fault]]:
        """Return the tests of all grants, and the faults of those that are not tests."""
        tests, faults = list[Test](), list[Fault]()
        for entry, grant in grants:
            for index, text in enumerate(grant.expect):
                where, read = entry.where("expect", index), expectations.parse_access_test(text)
                if isinstance(read, Misread):
                    faults.append(Fault(where, read.what, read.hint))
                    continue
                faults += self._sentence_faults(where, read)
                tests.append(Test(read, where))
        return tuple(tests), faults

    def _sentence_faults(self, where: Location, sentence: Sentence) -> Iterator[Fault]:
        yield from self.documents.unknown(where, "site", sentence.site, self.intent.sites)
        targets = {*Segment, *self.services}
        yield from self.documents.unknown(where, "target", sentence.target, targets)
        if sentence.place is not None:
            lies = isinstance(sentence.target, Segment)
            noun, places = ("site", self.intent.sites) if lies else ("zone", self.intent.zones)
            yield from self.documents.unknown(where, noun, sentence.place, places)


def _port_faults(entry: DocumentEntry, gateway: GatewayDocument) -> Iterator[Fault]:
    """Yield what is wrong with the UDP ports at which a gateway is to listen for people."""
    dialled, asked = gateway.endpoint.port, gateway.enrolment_port
    if dialled in addressing.TUNNEL_PORTS:
        what = f"the edge's own tunnels listen at UDP port {dialled}"
        yield Fault(entry.where("endpoint"), what, "write another one, as 51820")
    if asked == dialled or asked in addressing.TUNNEL_PORTS:
        what = f"the gateway's tunnels listen at UDP port {asked}"
        yield Fault(entry.where("enrolment_port"), what, "write another one, as 51830")
