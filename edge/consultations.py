"""Which peers a consultation is going on with, told by the flows that leave here in its classes."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from edge.policy import EdgePolicy
from inventory.model import DeviceName

# A pause, a muted microphone or a page being turned does not end a consultation.
LASTS_S: Final = 20.0


def heard(
    until_s: Mapping[DeviceName, float],
    policy: EdgePolicy,
    destinations: Iterable[IPv4Address | IPv6Address],
    now_s: float,
) -> Mapping[DeviceName, float]:
    """Return until when each peer counts as consulting, after a look at the flows there are."""
    seen = {behind(policy, address) for address in destinations}
    known = {peer.device for peer in policy.peers}
    kept = {device: until for device, until in until_s.items() if until > now_s}
    fresh = {device: now_s + LASTS_S for device in seen if device is not None}
    return {device: until for device, until in {**kept, **fresh}.items() if device in known}


def behind(policy: EdgePolicy, address: IPv4Address | IPv6Address) -> DeviceName | None:
    """Return the peer that an address is behind, by the longest of the prefixes it is in."""
    matching = [
        (prefix.prefixlen, peer.device)
        for peer in policy.peers
        for prefix in peer.prefixes
        if prefix.version == address.version and address in prefix
    ]
    return max(matching)[1] if matching else None
