"""Events of changes to access over the VPN while they go on, as values that travel."""

from dataclasses import dataclass

from inventory.model import DeviceName


@dataclass(frozen=True, slots=True)
class RosterOutcome:
    """What became of a gateway: devices is how many it lets in, None where it was not reached.

    left_out are devices with its own key, cut those whose consultation ended with this. fault is
    why it was not reached, and unpinned whether its host key is why. at is of when the roster is
    that it uses, None if it never had one, and behind how many changes it lacks. With cleared it
    was to let nobody in any more.
    """

    gateway: DeviceName
    devices: int | None
    left_out: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    fault: str = ""
    unpinned: bool = False
    at: str | None = None
    behind: int = 0
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class TermsAccepted:
    """Other terms hold; sealed is how many preshared keys that took."""

    sealed: int


@dataclass(frozen=True, slots=True)
class EdgesRevoked:
    """The keys of edges are on record as revoked; other edges are about to be sent the list."""

    edges: tuple[DeviceName, ...]
