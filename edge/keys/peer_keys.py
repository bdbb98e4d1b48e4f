"""Keys of peers that move their tunnels to another key: the one that shook hands last counts."""

from collections.abc import Mapping

from edge.policy.model import EdgePolicy, Peer
from edge.wireguard.active_keys import ActiveKeys, InterfaceName, newest_key
from edge.wireguard.model import TunnelState
from inventory.model import DeviceName
from vpn.key_text import PublicKey


class PeerKeys:
    """Keys of the peers that have two, by interface and device; moving are those peers.

    An entry that is missing means the first key of the policy.
    """

    def __init__(self) -> None:
        self.moving: tuple[Peer, ...] = ()
        self.by_tunnel: dict[tuple[InterfaceName, DeviceName], PublicKey] = {}

    def open(self, far: Mapping[tuple[InterfaceName, DeviceName], PublicKey]) -> None:
        """Take the keys that an earlier process wrote down."""
        self.by_tunnel = dict(far)

    def take(self, policy: EdgePolicy | None) -> None:
        """Follow the peers of a policy from now on; keys that nobody moves to are forgotten."""
        self.moving = tuple(peer for peer in policy.peers if peer.next_key) if policy else ()
        if policy is None:
            return
        known = {(peer.device, peer.next_key) for peer in self.moving}
        self.by_tunnel = {at: key for at, key in self.by_tunnel.items() if (at[1], key) in known}

    def follow(self, tunnels: Mapping[InterfaceName, TunnelState]) -> tuple[str, ...]:
        """Take the keys that moving peers shook hands with last; return what changed, in words."""
        return tuple(
            f"{peer.device} shakes hands on {name} with its other key"
            for name, tunnel in tunnels.items()
            for peer in self.moving
            if self._follow_one(name, tunnel, peer)
        )

    def _follow_one(self, name: InterfaceName, tunnel: TunnelState, peer: Peer) -> bool:
        before = ActiveKeys(far=self.by_tunnel).far_key(name, peer)
        after = newest_key(tunnel, peer, before)
        if after == before:
            return False
        self.by_tunnel[name, peer.device] = after
        return True
