"""Endpoints at which far ends were last seen, for an interface that has to be made again.

A listening end knows its far ends' endpoints only from their packets. When its interface dies, so
does that knowledge, and far ends notice only after 15 s that nobody answers. An end that remembers
speaks first, with its next packet.
"""

from collections.abc import Mapping
from dataclasses import replace

from edge.policy.model import TunnelEndpoint
from edge.wireguard.diff import Served
from edge.wireguard.model import Tunnel, TunnelPeer
from vpn.key_text import PublicKey


class RememberedEndpoints:
    """Remembers endpoints, by interface and public key."""

    def __init__(self) -> None:
        self._endpoints: dict[str, dict[PublicKey, TunnelEndpoint]] = {}

    def note(self, name: str, served: Served) -> None:
        """Remember what an interface knows now, besides what it knew before."""
        known = self._endpoints.setdefault(name, {})
        for key, peer in served.peers.items():
            if peer.state.endpoint:
                known[key] = peer.state.endpoint

    def forget(self, name: str) -> None:
        """Forget an interface that is to be no more."""
        self._endpoints.pop(name, None)

    def filled(self, tunnel: Tunnel, now: Served) -> Tunnel:
        """Return a tunnel whose new peers have the endpoints that they were once seen at."""
        known = self._endpoints.get(tunnel.name, {})
        new = {peer.public_key for peer in tunnel.peers} - now.peers.keys()
        peers = (_filled(peer, known) if peer.public_key in new else peer for peer in tunnel.peers)
        return replace(tunnel, peers=tuple(peers))


def _filled(peer: TunnelPeer, known: Mapping[PublicKey, TunnelEndpoint]) -> TunnelPeer:
    return replace(peer, endpoint=peer.endpoint or known.get(peer.public_key))
