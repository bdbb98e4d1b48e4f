"""Who may reach what between the segments of all sites: nobody, but for rules.

Traffic between two sites' segments of one kind needs a rule as well. A rule to a segment opens
none of the services that segment may reach, since nothing is passed on.
"""

from collections.abc import Iterable
from typing import Final

from inventory.model import Segment
from policies.model import Access, Policies, ServiceName, ZoneRule

FORBIDDEN: Final[frozenset[tuple[Segment, Segment]]] = frozenset(
    {(Segment.PATIENTS, Segment.MANAGEMENT)}
)


def allowed_flows(policies: Policies, source: Segment, target: Segment | ServiceName) -> Access:
    """Return whether hosts of a segment may reach another segment or a service, and why."""
    if (source, target) in FORBIDDEN:
        return Access(allowed=False, because=f"{source} may never reach {target}, by any rule")
    for rule in policies.rules:
        if rule.source == source and rule.target == target:
            return Access(
                allowed=True, because=f"a rule lets {source} reach {target}: {rule.because}"
            )
    return Access(
        allowed=False,
        because=f"no rule lets {source} reach {target}, and what no rule allows is denied",
    )


def entitled_zones(policies: Policies, target: Segment | ServiceName) -> tuple[Segment, ...]:
    """Return the segments whose hosts may reach a segment or a service."""
    return tuple(s for s in Segment if allowed_flows(policies, s, target).allowed)


def merge_rules(rules: Iterable[ZoneRule], more: Iterable[ZoneRule]) -> tuple[ZoneRule, ...]:
    """Return rules with more added; of two for the same pair the later one tells why."""
    by_pair = {(rule.source, rule.target): rule for rule in (*rules, *more)}
    return tuple(by_pair.values())
