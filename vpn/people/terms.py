"""What giving people access needs to know of an intent, small enough to be kept beside them.

Whoever adds a person must not wait for a national intent to be read; this is what was accepted of
it last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Final, TypeAlias

from inventory.addressing import Prefix
from inventory.model import AddressPlan, DeviceName, Intent, Management, SiteName
from vpn.grants import access
from vpn.grants import openings as grants_openings
from vpn.grants.coverage import Way, ways_opened
from vpn.grants.packet_filter import FilterOpening
from vpn.model import (
    AccessPolicy,
    Endpoint,
    Gateway,
    Group,
    GroupName,
    Person,
    RoleName,
)
from vpn.people import dns_names, roster
from vpn.people.dns_names import Names

Json: TypeAlias = Mapping[str, Any]
# So many prefixes of what a group reaches are told.
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class SitePlace:
    """A site, as far as access is concerned: what is above it."""

    parent: SiteName | None


@dataclass(frozen=True, slots=True)
class AccessTerms:
    """The terms under which people are given access; gateways are in order of their numbers.

    openings are what groups reach, names what people may say instead of addresses. doors say how
    the controller reaches gateways, from a network namespace where one is named.
    """

    network: str
    plan: AddressPlan
    sites: Mapping[SiteName, SitePlace]
    groups: tuple[Group, ...]
    gateways: tuple[Gateway, ...]
    openings: tuple[FilterOpening, ...] = ()
    names: Names = ()
    doors: Mapping[DeviceName, Management] = field(default_factory=dict)
    namespace: str | None = None

    @property
    def roles(self) -> tuple[RoleName, ...]:
        """Return the roles that groups are made of."""
        return tuple(sorted({group.role for group in self.groups}))

    def groups_of(self, person: Person) -> tuple[Group, ...]:
        """Return the groups that somebody belongs to by role and place; none at no known site."""
        if person.site not in self.sites:
            return ()
        return access.groups_of(self.groups, self.sites, person)


def access_terms(intent: Intent, policy: AccessPolicy) -> AccessTerms:
    """Return the terms that follow from an intent."""
    gateways = tuple(sorted(policy.gateways, key=lambda gateway: gateway.number))
    return AccessTerms(
        intent.network.name,
        intent.network.plan,
        {name: SitePlace(site.parent) for name, site in intent.sites.items()},
        policy.groups,
        gateways,
        grants_openings.openings(policy, intent),
        dns_names.dns_names(intent, policy),
        {
            gateway.device: management
            for gateway in gateways
            if (management := intent.devices[gateway.device].management)
        },
        intent.network.management_namespace,
    )


def reasons_to_refuse(terms: AccessTerms, person: Person, today: date) -> Iterator[str]:
    """Yield everything that speaks against giving a person access."""
    if person.site not in terms.sites:
        yield unknown_name("site", person.site, terms.sites)
    if person.role not in terms.roles:
        yield unknown_name("role", person.role, dict.fromkeys(terms.roles))
    elif person.site in terms.sites and not terms.groups_of(person):
        yield f"no group takes in {person.role} at {person.site}; write one in the section groups"
    yield from _untimely(person, today)


def _untimely(person: Person, today: date) -> Iterator[str]:
    if person.licence_until and not person.licence:
        yield "the licence has an end and no number; name it with --licence"
    if person.expired(today):
        yield f"access would have ended on {person.until}; name a later day with --until"
    if person.until and person.licence_until and person.until > person.licence_until:
        yield (
            f"access until {person.until} would outlast the licence, which ends on "
            f"{person.licence_until}; name an earlier day with --until"
        )


def diff_terms(before: AccessTerms | None, after: AccessTerms) -> Iterator[str]:
    """Yield what other terms bring, line by line, with '+', '-' or '~' as diffs have it."""
    if before is None:
        yield f"+ network {after.network} with {len(after.sites):,} sites"
    elif before.network != after.network:
        yield f"~ network {before.network} becomes {after.network}"
    if before and before.plan != after.plan:
        yield "~ the addressing plan: every device needs another file"
    if before and before.sites != after.sites:
        yield f"~ sites: {dns_names.moved_names(before.sites, after.sites)}"
    old_groups = {g.name: _group(g) for g in before.groups} if before else {}
    yield from _changed("group", old_groups, {g.name: _group(g) for g in after.groups})
    titles = {g.name: g.title for g in before.groups} if before else {}
    kept = {g.name: g.title for g in after.groups if g.name in titles}
    yield from _changed("the title of", {name: titles[name] for name in kept}, kept)
    old_gateways = {g.device: _gateway(g) for g in before.gateways} if before else {}
    yield from _changed("gateway", old_gateways, {g.device: _gateway(g) for g in after.gateways})
    yield from _opened(before.openings if before else (), after.openings)
    if told := dns_names.moved_names(dict(before.names) if before else {}, dict(after.names)):
        yield f"~ names: {told}"
    old_doors = {name: _door(door) for name, door in before.doors.items()} if before else {}
    yield from _changed("the way to", old_doors, {n: _door(d) for n, d in after.doors.items()})
    if before and before.namespace != after.namespace:
        yield f"~ gateways are reached from {after.namespace or 'the host itself'}"


def _changed(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        was, becomes = before.get(name), after.get(name)
        if was is None:
            yield f"+ {kind} {name}: {becomes}"
        elif becomes is None:
            yield f"- {kind} {name}: {was}"
        elif was != becomes:
            yield f"~ {kind} {name}: {was} becomes {becomes}"


def _group(group: Group) -> str:
    return f"{group.role} at or below {group.under}"


def _gateway(gateway: Gateway) -> str:
    answers = ", answers for names" if gateway.resolver else ""
    takes = f", takes devices in at port {gateway.enrolment_port}" if gateway.enrolment_port else ""
    kept = " of people's own" if gateway.kept else ""
    return (
        f"number {gateway.number}, {gateway.endpoint}, key {gateway.public_key}{kept}"
        f"{answers}{takes}"
    )


def _opened(before: tuple[FilterOpening, ...], after: tuple[FilterOpening, ...]) -> Iterator[str]:
    """Yield for every group how what is open to it changes, however little that is."""
    had, has = _ways(before), _ways(after)
    for group in sorted(had.keys() | has.keys()):
        was, becomes = had.get(group, frozenset()), has.get(group, frozenset())
        more, less = becomes - was, was - becomes
        if was and becomes and (more or less):
            parts = [f"{sign} {_listed(ways)}" for sign, ways in (("+", more), ("-", less)) if ways]
            yield f"~ what is open to {group}: {'; '.join(parts)}"
        elif more or less:
            yield f"{'+' if more else '-'} what is open to {group}: {_listed(more or less)}"


def _ways(openings: tuple[FilterOpening, ...]) -> dict[GroupName, frozenset[Way]]:
    found: dict[GroupName, list[Way]] = {}
    for one in openings:
        found.setdefault(one.group, []).extend(ways_opened((one,)))
    return {group: frozenset(every) for group, every in found.items()}


def _listed(every: frozenset[Way]) -> str:
    """Return prefixes by the ports on which they are open, in short."""
    by_ports: dict[str, list[Prefix]] = {}
    for prefix, ports in every:
        by_ports.setdefault(str(ports or "all ports"), []).append(prefix)
    return "; ".join(_some_of(by_ports[ports], ports) for ports in sorted(by_ports))


def _some_of(prefixes: list[Prefix], ports: str) -> str:
    prefixes.sort(key=lambda one: (one.version, int(one.network_address), one.prefixlen))
    some = ", ".join(map(str, prefixes[:_SHOWN]))
    more = len(prefixes) - _SHOWN
    return f"{some}{f' and {more:,} more' if more > 0 else ''} on {ports}"


def _door(door: Management) -> str:
    pinned = f"host key …{door.host_key[-12:]}" if door.host_key else "no host key pinned"
    return f"{door.username}@{door.address} port {door.port}, {door.credential}, {pinned}"


def unknown_name(kind: str, name: str, known: Mapping[str, object]) -> str:
    """Return what to say of a name that nothing bears, with what may have been meant."""
    near = get_close_matches(name, known, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else f"known: {_some(known)}"
    return f"no {kind} is called {name!r}; {advice}"


def _some(known: Mapping[str, object]) -> str:
    names = sorted(known)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) + more) or "none"


def terms_plain(terms: AccessTerms) -> dict[str, Any]:
    """Return terms as JSON knows them; reading that back gives the same terms."""
    plan = terms.plan
    return {
        "network": terms.network,
        "plan": {name: str(getattr(plan, name)) for name in plan.__slots__},
        "sites": {name: place.parent for name, place in terms.sites.items()},
        "groups": [[g.name, g.title, g.role, g.under] for g in terms.groups],
        "gateways": [
            [
                *(g.device, g.number, g.endpoint.host, g.endpoint.port, g.public_key),
                *(g.resolver, g.kept, g.enrolment_port),
            ]
            for g in terms.gateways
        ],
        "openings": roster.openings_plain(terms.openings),
        "names": roster.names_plain(terms.names),
        "doors": {name: _door_plain(door) for name, door in terms.doors.items()},
        "namespace": terms.namespace,
    }


def read_terms(written: Json) -> AccessTerms:
    """Return the terms that plain() wrote."""
    return AccessTerms(
        written["network"],
        AddressPlan(**{name: _prefix(text) for name, text in written["plan"].items()}),
        {name: SitePlace(parent) for name, parent in written["sites"].items()},
        tuple(Group(*group) for group in written["groups"]),
        tuple(
            Gateway(device, number, Endpoint(host, port), key, *rest)
            for device, number, host, port, key, *rest in written["gateways"]
        ),
        # Terms of before are without the rest, and so open nothing and lead nowhere.
        roster.openings_read(written.get("openings", ())),
        roster.names_read(written.get("names", ())),
        {name: _door_read(door) for name, door in written.get("doors", {}).items()},
        written.get("namespace"),
    )


def _door_plain(door: Management) -> dict[str, Any]:
    return {**asdict(door), "address": str(door.address)}


def _door_read(written: Json) -> Management:
    return Management(**{**written, "address": IPv4Address(written["address"])})


def _prefix(text: str) -> Any:
    return IPv6Network(text) if ":" in text else IPv4Network(text)
