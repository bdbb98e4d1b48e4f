"""Detection of consultations, by the flows that leave here in their classes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from edge.policy.model import EdgePolicy
from inventory.model import DeviceName

# A pause, a muted microphone or a page being turned does not end a consultation.
LASTS_S: Final = 20.0
_BEGINS: Final = {True: "has begun", False: "is over"}


class CallDetector:
    """The peers with which a consultation is going on."""

    def __init__(self) -> None:
        self._until_s: Mapping[DeviceName, float] = {}

    @property
    def live(self) -> frozenset[DeviceName]:
        """Return the peers that count as consulting."""
        return frozenset(self._until_s)

    def observe(
        self,
        policy: EdgePolicy,
        destinations: Collection[IPv4Address | IPv6Address],
        now_s: float,
    ) -> Iterator[str]:
        """Yield which consultations began or ended, after a look at where flows go."""
        before, self._until_s = self.live, calls_until(self._until_s, policy, destinations, now_s)
        for device in sorted(before ^ self.live):
            yield f"a consultation with {device} {_BEGINS[device in self.live]}"


def calls_until(
    until_s: Mapping[DeviceName, float],
    policy: EdgePolicy,
    destinations: Iterable[IPv4Address | IPv6Address],
    now_s: float,
) -> Mapping[DeviceName, float]:
    """Return until when each peer counts as consulting, after a look at the flows there are."""
    seen = {peer_behind(policy, address) for address in destinations}
    known = {peer.device for peer in policy.peers}
    kept = {device: until for device, until in until_s.items() if until > now_s}
    fresh = {device: now_s + LASTS_S for device in seen if device is not None}
    return {device: until for device, until in {**kept, **fresh}.items() if device in known}


def peer_behind(policy: EdgePolicy, address: IPv4Address | IPv6Address) -> DeviceName | None:
    """Return the peer that an address is behind, by the longest of the prefixes it is in."""
    matching = [
        (prefix.prefixlen, peer.device)
        for peer in policy.peers
        for prefix in peer.prefixes
        if prefix.version == address.version and address in prefix
    ]
    return max(matching)[1] if matching else None
