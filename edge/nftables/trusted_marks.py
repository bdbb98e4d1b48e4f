"""Whose packets an edge takes for consultations, and how many of each host.

A code point of consultations is trusted from the LAN of consultation rooms, from hosts at which
services answer, and of flows that were announced. From another LAN it is taken off the packet, so
that no later device trusts it. What a host sends of consultations beyond a rate is ordinary, too.
A packet out of a tunnel was judged where it entered.
"""

from collections.abc import Iterator
from ipaddress import collapse_addresses
from typing import Final

from edge.forwarding import marks
from edge.forwarding.htb import OCTETS_PER_S
from edge.forwarding.routes import Version, ip_versions
from edge.nftables.words import FLOW, IP, dynamic_set, named_set, names_of, set_of
from edge.policy.model import EdgePolicy
from inventory.model import Segment
from inventory.names import PEOPLE, interface_name

# A room holds one consultation. A second one is there while a call changes over, and the third
# stands for what headers and a picture's peaks add to the rates of the classes.
SESSIONS: Final = 3
MOST_HOSTS: Final = 4096
HELD_S: Final = 60


def people_interface(policy: EdgePolicy) -> str:
    """Return the interface that people dial, where this device is a gateway of theirs."""
    return interface_name(policy.network, policy.device, PEOPLE)


def host_limit(policy: EdgePolicy) -> int:
    """Return what a host may send of consultations in octets per second."""
    rates = (policy.classes[index].service.rate_mbps for index in marks.care_indexes(policy))
    return int(SESSIONS * sum(rates) * OCTETS_PER_S)


def limits(policy: EdgePolicy) -> bool:
    """Return whether marks are trusted by segments; without a packet filter all are trusted."""
    return policy.packet_filter is not None and bool(marks.care_indexes(policy))


def trust_sets(policy: EdgePolicy, version: Version) -> Iterator[str]:
    """Yield the hosts at which services answer, and those that send consultations lately."""
    typed = f"typeof {IP[version]} saddr"
    yield from named_set(f"set answering{version}", typed, "interval", _answering(policy, version))
    yield from dynamic_set(f"speaking{version}", typed, MOST_HOSTS, HELD_S)


def trust_chains(policy: EdgePolicy) -> Iterator[str]:
    """Yield the chains that take a code point off a packet."""
    ordinary = marks.CLASS_MARK + marks.ordinary_index(policy)
    for version in ip_versions(policy):
        yield f"\tchain distrust{version} {{"
        flow = FLOW.format(ip=IP[version])
        yield f"\t\tmeta mark set {flow} map @calls{version}"
        yield f"\t\tmeta mark {care_marks(policy)} return"
        yield f"\t\tcounter {IP[version]} dscp set cs0"
        yield "\t}"
    yield "\tchain surplus {"
    yield from (f"\t\tcounter {ip} dscp set cs0" for ip in IP.values())
    yield f"\t\tmeta mark set {ordinary:#x}"
    yield "\t}"


def distrusting_rules(policy: EdgePolicy) -> Iterator[str]:
    """Yield the rules for what comes from LANs whose marks are not trusted."""
    wanted = policy.packet_filter
    lans = wanted.lans if wanted else ()
    trusted = {lan.interface for lan in lans if lan.segment is Segment.CLINICAL}
    if others := [name for name in policy.lans if name not in trusted]:
        points = set_of(
            f"{policy.classes[i].service.dscp:#04x}" for i in marks.care_indexes(policy)
        )
        for version in ip_versions(policy):
            ip = IP[version]
            unless = f"{ip} saddr != @answering{version}"
            condition = f"iifname {names_of(others)} {ip} dscp {points} {unless}"
            yield f"\t\t{condition} jump distrust{version}"


def limiting_rule(policy: EdgePolicy, version: Version) -> str:
    """Return the rule that lets a host send consultations up to a rate."""
    near = names_of([*policy.lans, people_interface(policy)])
    host = f"{IP[version]} saddr"
    condition = f"meta mark {care_marks(policy)} iifname {near} {host} != @answering{version}"
    over = f"limit rate over {host_limit(policy)} bytes/second"
    return f"\t\t{condition} update @speaking{version} {{ {host} {over} }} goto surplus"


def care_marks(policy: EdgePolicy) -> str:
    """Return the marks of consultations as a set; there must be one."""
    return set_of(f"{marks.CLASS_MARK + index:#x}" for index in marks.care_indexes(policy))


def _answering(policy: EdgePolicy, version: Version) -> list[str]:
    openings = policy.packet_filter.openings if policy.packet_filter else ()
    prefixes = [
        prefix
        for opening in openings
        for prefix in opening.prefixes
        if opening.ports and prefix.version == version
    ]
    return [str(prefix) for prefix in collapse_addresses(prefixes)]  # type: ignore[type-var]
