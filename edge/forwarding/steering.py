"""Which path each class of traffic to each peer takes now: what decisions become."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.model import DeviceName
from policies.model import ServiceName
from topology.quality.health import PathName


@dataclass(frozen=True, slots=True)
class PeerSteering:
    """The paths to one peer: of each service, of the care tunnel, and of the care tunnel's copies.

    A path that is None or unknown leaves the choice to the kernel, which takes the cheapest tunnel
    that exists. second None means that nothing is copied. bare sends consultations over their
    transport as everything else, while the care tunnel cannot be used.
    """

    services: Mapping[ServiceName, PathName] = field(default_factory=dict)
    care: PathName | None = None
    second: PathName | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Steering:
    """The paths to every peer, by the peer's name; a peer that is missing has no preferences."""

    peers: Mapping[DeviceName, PeerSteering] = field(default_factory=dict)

    def of(self, device: DeviceName) -> PeerSteering:
        """Return the paths to a peer."""
        return self.peers.get(device, PeerSteering())
