"""Which outer packets of the care tunnel are copied, and onto which other transport.

nft copies each of them 'to' an address that stands for its peer and the tunnel it leaves by, and
that exists nowhere: its route says which other tunnel the copy takes. So what is copied where moves
with all other routes, in the same exchange, and nft's rules never change.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from edge.forwarding.steering import PeerSteering
from edge.policy.model import EdgePolicy, Peer, PeerPath
from topology.quality.health import PathName

# Of the reserved addresses of RFC 1112, which no network uses and the kernel routes like others.
ALIASES: Final = IPv4Network("240.90.0.0/16")
MOST_UNDERLAYS: Final = 32


def duplicate_address(policy: EdgePolicy, place: int, path: PeerPath) -> IPv4Address:
    """Return what stands for the copies of what goes to the peer in a place by one of its paths."""
    underlays = [underlay.circuit for underlay in policy.underlays]
    return ALIASES[place * MOST_UNDERLAYS + underlays.index(path.circuit)]


def duplicate_paths(peer: Peer, steering: PeerSteering) -> Iterator[tuple[PeerPath, PathName]]:
    """Yield, for each path that consultations may leave by, the path that their copies take.

    What leaves by one of a pair is copied onto the other; what the kernel sends by a third, since
    an interface vanished, onto one of the two. Without a second path there is nothing to yield.
    """
    names = {path.name for path in peer.paths}
    if steering.second not in names:
        return
    pair = [name for name in (steering.second, steering.care) if name in names]
    for path in peer.paths:
        onto = next((name for name in pair if name is not None and name != path.name), None)
        if onto is not None:
            yield path, onto
