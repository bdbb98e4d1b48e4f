"""What edges tell of themselves over their link: version, disk and updates, for weekly reports."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.notices.texts import clean
from controller.reports.document import State
from controller.reports.findings import Check, Finding
from inventory.model import DeviceName, Intent

# An edge tells every hour; what is older says nothing of today.
FRESH_S: Final = 2 * 86_400.0
_LEAST_SHARE, _LOW_SHARE = 0.1, 0.2
_GIGA: Final = 10**9
_LONGEST_VERSION: Final = 40
_MOST_OCTETS: Final = 1 << 60
_MOST_UPDATES: Final = 100_000
_LONGEST_NAME: Final = 80
_LONGEST_WORDS: Final = 400
# A disk that fills by less is no news within an hour.
_NEWS_SHARE: Final = 0.02
_NEWS_S: Final = 3_000.0


@dataclass(frozen=True, slots=True)
class EdgeFacts:
    """An edge's version, and the octets of its disk, at a time (Unix seconds).

    updates is how many security updates wait on it, None where it does not know; update_words are
    the names of some, or why it does not know.
    """

    device: str
    at_s: float
    version: str
    free_octets: int
    whole_octets: int
    updates: int | None = None
    update_words: str = ""

    @property
    def free_share(self) -> float:
        """Return which share of the disk is free."""
        return self.free_octets / self.whole_octets


def read_facts(device: DeviceName, told: Mapping[str, Any], at_s: float) -> EdgeFacts | None:
    """Return what an edge tells of itself; None where that makes no sense."""
    version, free, whole = (told.get(key) for key in ("version", "free_octets", "whole_octets"))
    if not isinstance(version, str) or type(free) is not int or type(whole) is not int:
        return None
    if not 0 <= free <= whole or not 0 < whole < _MOST_OCTETS:
        return None
    # An edge's own wheel has the same version with a local part (PEP 440).
    plain = clean(version[: 2 * _LONGEST_VERSION]).partition("+")[0][:_LONGEST_VERSION]
    return EdgeFacts(device, at_s, plain, free, whole, *_updates(told))


def _updates(told: Mapping[str, Any]) -> tuple[int | None, str]:
    many, names, why = (told.get(key) for key in ("updates", "update_names", "updates_unknown"))
    if type(many) is int and 0 <= many < _MOST_UPDATES:
        named = names if isinstance(names, list) else []
        words = ", ".join(clean(one[:_LONGEST_NAME]) for one in named if isinstance(one, str))
        return many, words[:_LONGEST_WORDS]
    return None, clean(why[:_LONGEST_WORDS]) if isinstance(why, str) else ""


def is_news(one: EdgeFacts, known: EdgeFacts | None) -> bool:
    """Return whether facts differ enough from those that are known to be kept."""
    if known is None or _steady(one) != _steady(known):
        return True
    aged = abs(one.at_s - known.at_s) >= _NEWS_S
    return aged or abs(one.free_share - known.free_share) >= _NEWS_SHARE


def _steady(one: EdgeFacts) -> tuple[object, ...]:
    return one.version, one.whole_octets, one.updates, one.update_words


def disk_findings(
    intent: Intent, edges: Iterable[DeviceName], facts: Mapping[DeviceName, EdgeFacts]
) -> Iterator[Finding]:
    """Yield how full the disks of edges are, and of how many that is not known."""
    told, silent = list[EdgeFacts](), 0
    for name in edges:
        if one := facts.get(name):
            told.append(one)
        else:
            silent += 1
    low = [one for one in told if one.free_share < _LOW_SHARE]
    for one in low:
        yield _disk(one, intent)
    if calm := len(told) - len(low):
        values: dict[str, str | float] = {"edges": calm}
        yield Finding(Check.DISK, "edges", "", State.GOOD, "disk-edges-calm", values)
    if silent:
        values = {"edges": silent}
        yield Finding(Check.DISK, "edges", "", State.UNKNOWN, "disk-edges-silent", values)
    yield Finding(Check.DISK, "routers", "", State.UNKNOWN, "disk-routers", {})


def edges_to_update(facts: Iterable[EdgeFacts]) -> frozenset[DeviceName]:
    """Return the edges on which security updates wait."""
    return frozenset(one.device for one in facts if one.updates)


def update_findings(
    intent: Intent, edges: Iterable[DeviceName], facts: Mapping[DeviceName, EdgeFacts]
) -> Iterator[Finding]:
    """Yield on which edges security updates wait, and of how many that is not known."""
    check, calm, silent = Check.SECURITY_UPDATES, 0, 0
    for name in edges:
        one = facts.get(name)
        site = intent.devices[name].site if name in intent.devices else ""
        if one is None or (one.updates is None and not one.update_words):
            silent += 1
        elif one.updates is None:
            why = {"reason": one.update_words}
            yield Finding(check, name, site, State.UNKNOWN, "updates-edge-unread", why)
        elif one.updates:
            waiting: dict[str, str | float] = {"packages": one.updates, "names": one.update_words}
            yield Finding(check, name, site, State.ACT, "updates-edge", waiting)
        else:
            calm += 1
    if calm:
        yield Finding(check, "edges", "", State.GOOD, "updates-edges-calm", {"edges": calm})
    if silent:
        yield Finding(check, "edges", "", State.UNKNOWN, "updates-edges-silent", {"edges": silent})


def _disk(one: EdgeFacts, intent: Intent) -> Finding:
    state = State.ACT if one.free_share < _LEAST_SHARE else State.NOTE
    free, whole = (f"{octets / _GIGA:,.1f} GB" for octets in (one.free_octets, one.whole_octets))
    values: dict[str, str | float] = {
        "free": free,
        "whole": whole,
        "free_share": one.free_share,
    }
    return Finding(Check.DISK, one.device, intent.devices[one.device].site, state, "disk", values)
