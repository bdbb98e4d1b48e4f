"""Who reaches what, and why: nobody anything, but for grants.

Pure: the same people and policy give the same answer on the command line, in a policy's tests and
in what hubs and edges are told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from inventory import addressing
from inventory.model import Intent, Ports, Segment, SiteName, ZoneName
from vpn.model import AccessPolicy, Address, Grant, Group, Person, ServiceHost, Target

Place: TypeAlias = SiteName | ZoneName
Where: TypeAlias = Address | addressing.Prefix

# No grant of any group opens these: patients' LANs are the public's.
NEVER: Final = frozenset({Segment.PATIENTS})


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """Whether somebody reaches a target, and why, in one sentence."""

    allowed: bool
    because: str


@dataclass(frozen=True, slots=True)
class Destination:
    """What one grant opens to somebody: a service at a zone, or a segment at a site.

    No ports are all of them.
    """

    target: Target
    place: Place
    where: tuple[Where, ...]
    ports: tuple[Ports, ...]
    grant: Grant


class Placed(Protocol):
    """A site, as far as access is concerned: it knows what is above it."""

    @property
    def parent(self) -> SiteName | None:
        """Return the site above, nothing at the top."""
        ...


Sites: TypeAlias = Mapping[SiteName, Placed]


def places_above(sites: Sites, site: SiteName) -> Iterator[SiteName]:
    """Yield a site and everything above it in the hierarchy. Raises KeyError."""
    at: SiteName | None = site
    while at is not None:
        yield at
        at = sites[at].parent


def groups_of(groups: Iterable[Group], sites: Sites, person: Person) -> tuple[Group, ...]:
    """Return the groups that somebody belongs to by role and place. Raises KeyError."""
    places = frozenset(places_above(sites, person.site))
    return tuple(g for g in groups if g.role == person.role and g.under in places)


def destinations(policy: AccessPolicy, intent: Intent, person: Person) -> tuple[Destination, ...]:
    """Return all that somebody reaches, in the order of the grants; nothing twice."""
    names = {group.name for group in groups_of(policy.groups, intent.sites, person)}
    found: dict[tuple[Target, Place], Destination] = {}
    for grant in policy.grants:
        if grant.group in names:
            for one in _opened(policy, intent, grant):
                found.setdefault((one.target, one.place), one)
    return tuple(found.values())


def answer_access(
    policy: AccessPolicy, intent: Intent, person: Person, target: Target, place: Place | None
) -> AccessAnswer:
    """Return whether somebody reaches a target at a place; without one, wherever it is offered."""
    opened = [d for d in destinations(policy, intent, person) if d.target == target]
    offered = places_of(policy, intent, target) if place is None else (place,)
    missing = [p for p in offered if p not in {one.place for one in opened}]
    if offered and not missing:
        grant = next(one.grant for one in opened if one.place in offered)
        return AccessAnswer(
            allowed=True, because=f"a grant lets {grant.group} reach {target}: {grant.because}"
        )
    return AccessAnswer(allowed=False, because=_denied(policy, intent, person, target, missing))


def places_of(policy: AccessPolicy, intent: Intent, target: Target) -> tuple[Place, ...]:
    """Return the zones that offer a service, or the sites that have a segment: all of them."""
    if isinstance(target, Segment):
        return tuple(intent.sites)
    return tuple(host.zone for host in policy.hosts if host.service == target)


def _denied(
    policy: AccessPolicy,
    intent: Intent,
    person: Person,
    target: Target,
    missing: Sequence[Place],
) -> str:
    groups = groups_of(policy.groups, intent.sites, person)
    if not groups:
        return f"no group takes in {person.role} at {person.site}, and what no grant opens is shut"
    names = " nor ".join(group.name for group in groups)
    some = f" at {missing[0]}" if missing else ""
    return f"no grant lets {names} reach {target}{some}, and what no grant opens is shut"


def _opened(policy: AccessPolicy, intent: Intent, grant: Grant) -> Iterator[Destination]:
    for target in grant.reach:
        if isinstance(target, Segment):
            yield from _segments(intent, grant, target)
        else:
            yield from (_host(host, grant) for host in policy.hosts if _offers(host, grant, target))


def _offers(host: ServiceHost, grant: Grant, target: Target) -> bool:
    return host.service == target and (not grant.at or host.zone in grant.at)


def _host(host: ServiceHost, grant: Grant) -> Destination:
    return Destination(host.service, host.zone, host.addresses, host.ports, grant)


def _segments(intent: Intent, grant: Grant, segment: Segment) -> Iterator[Destination]:
    if segment in NEVER:
        return
    plan, wanted = intent.network.plan, frozenset(grant.at)
    for site in intent.sites.values():
        if not wanted or wanted.intersection(places_above(intent.sites, site.name)):
            where = (
                addressing.segment4(plan, site.number, segment),
                addressing.segment6(plan, site.number, segment),
            )
            yield Destination(segment, site.name, where, (), grant)
