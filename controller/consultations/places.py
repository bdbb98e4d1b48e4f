"""Where consultations are in the network: sites of addresses, and what edges have to know."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, TypeAlias

from controller.consultations.model import Announcement
from inventory import addressing
from inventory.model import DeviceName, Intent, Role, Segment, SiteName

Address: TypeAlias = IPv4Address | IPv6Address
# So many consultations fit what an edge takes at once; those that begin first are told.
MOST: Final = 40


def site_at(intent: Intent, address: Address) -> SiteName | None:
    """Return the site that an address is at; None where it is in no site's networks."""
    plan = intent.network.plan
    block = addressing.site_block4 if address.version == 4 else addressing.site_block6
    here = (site.name for site in intent.sites.values() if address in block(plan, site.number))
    return next(here, None)


def edges_by_site(intent: Intent) -> Mapping[SiteName, tuple[DeviceName, ...]]:
    """Return the edges at each site that has any."""
    found: dict[SiteName, tuple[DeviceName, ...]] = {}
    for device in intent.devices.values():
        if device.role is Role.EDGE:
            found[device.site] = (*found.get(device.site, ()), device.name)
    return found


def told_to_site(
    intent: Intent, site: SiteName, announced: Iterable[Announcement], now_s: float
) -> list[dict[str, Any]]:
    """Return what the edges of a site are told: their consultations, in seconds from now."""
    own = (one for one in announced if site in one.sites and one.cancelled_s is None)
    first = sorted((one for one in own if one.ends_s > now_s), key=lambda one: one.begins_s)
    return [_told(intent, site, one, now_s) for one in first[:MOST]]


def _told(intent: Intent, site: SiteName, one: Announcement, now_s: float) -> dict[str, Any]:
    located = [(text, site_at(intent, ip_address(text))) for text in one.addresses]
    return {
        "name": one.name,
        "service": one.service,
        "begins_in_s": round(one.begins_s - now_s, 1),
        "ends_in_s": round(one.ends_s - now_s, 1),
        "far": [_landmark(intent, far) for far in one.sites if far != site and far in intent.sites],
        "here": [text for text, where in located if where == site],
        "there": [text for text, where in located if where != site],
    }


def _landmark(intent: Intent, site: SiteName) -> str:
    """Return an address at a site, by which edges know behind which peer it is."""
    number = intent.sites[site].number
    clinical = addressing.segment4(intent.network.plan, number, Segment.CLINICAL)
    return str(clinical.network_address + 1)
