"""Which keys tunnels have at the moment, while a device or its peers move to other ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from edge.policy.model import Peer
from edge.wireguard.model import NO_PRESHARED_KEY, TunnelState
from inventory.model import DeviceName
from vpn.key_text import PublicKey

InterfaceName: TypeAlias = str


@dataclass(frozen=True, slots=True)
class ActiveKeys:
    """Our own key by interface, and a peer's by interface and device; the others have their first.

    preshared are the keys that both ends know, 32 octets each; the others have no such key.

    A peer that moves is known by both keys on every interface. What lies behind it belongs to the
    one that this names; the other may shake hands, and nothing else.
    """

    own: Mapping[InterfaceName, PublicKey] = field(default_factory=dict)
    far: Mapping[tuple[InterfaceName, DeviceName], PublicKey] = field(default_factory=dict)
    preshared: Mapping[tuple[InterfaceName, DeviceName], bytes] = field(
        default_factory=dict, repr=False
    )

    def far_key(self, interface: InterfaceName, peer: Peer) -> PublicKey:
        """Return which of its keys a peer has on an interface."""
        known = self.far.get((interface, peer.device), "")
        return known if known and known == peer.next_key else peer.public_key

    def preshared_key(self, interface: InterfaceName, peer: Peer) -> bytes:
        """Return what is mixed into handshakes with a peer on an interface."""
        return self.preshared.get((interface, peer.device), NO_PRESHARED_KEY)

    def other_key(self, interface: InterfaceName, peer: Peer) -> PublicKey:
        """Return the other of a peer's two keys, nothing where it has one."""
        if not peer.next_key:
            return ""
        moved = self.far_key(interface, peer) == peer.next_key
        return peer.public_key if moved else peer.next_key


# Nobody moves.
SETTLED: Final = ActiveKeys()


def newest_key(state: TunnelState, peer: Peer, current: PublicKey) -> PublicKey:
    """Return the key with which a peer shook hands last; of two that never did, the current."""
    keys = (peer.public_key, peer.next_key)
    known = {key: state.peers[key].handshake_at_s for key in keys if key in state.peers}
    newest = max(known, key=lambda key: (known[key], key == current), default=current)
    return newest if known.get(newest) else current
