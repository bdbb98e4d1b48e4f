"""What has to change on a WireGuard device, as values: the same for every implementation.

A peer is touched only when it differs itself. A peer that gains a prefix takes it from its holder,
so a peer's prefixes are replaced only where one of them goes to nobody. Gains come first and peers
that are gone last: a prefix that moves, as when a far end has a new key, is held at every moment.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge.policy.model import Prefix, TunnelEndpoint
from edge.wireguard.model import NO_PRESHARED_KEY, PeerStatus, Tunnel, TunnelPeer, TunnelState
from inventory.errors import TunnelError
from vpn.key_text import PublicKey, public_text

# So many changed peers are named, more are counted.
MOST_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class ServedPeer:
    """A far end, as the process or kernel that serves the interface reports it."""

    state: PeerStatus
    allowed: frozenset[Prefix] = frozenset()
    keepalive_s: int = 0
    preshared_key: bytes = field(default=NO_PRESHARED_KEY, repr=False)


@dataclass(frozen=True, slots=True)
class Served:
    """A WireGuard device as it is served; private_key is None before the first."""

    private_key: bytes | None = field(repr=False)
    listen_port: int
    mark: int
    peers: Mapping[PublicKey, ServedPeer]

    def state(self, *, index: int, mtu: int) -> TunnelState:
        """Return what others may know of it, together with its interface's index and MTU."""
        peers = {key: peer.state for key, peer in self.peers.items()}
        return TunnelState(index, mtu, self.listen_port, self.mark, peers)


@dataclass(frozen=True, slots=True)
class PeerChange:
    """What to do with one peer; None leaves a setting as it is. words say it to a person."""

    public_key: PublicKey
    words: str
    remove: bool = False
    create: bool = False
    replace_allowed: bool = False
    allowed: tuple[Prefix, ...] = ()
    endpoint: TunnelEndpoint | None = None
    keepalive_s: int | None = None
    preshared_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do with a device, in this order; None leaves a setting as it is."""

    private_key: bytes | None = field(repr=False)
    listen_port: int | None
    mark: int | None
    peers: tuple[PeerChange, ...]

    def words(self, name: str) -> tuple[str, ...]:
        """Return in words what changes on an interface."""
        return tuple(self._words(name))

    def _words(self, name: str) -> Iterator[str]:
        if self.private_key is not None:
            yield f"{name}: set the private key"
        if self.listen_port is not None:
            yield f"{name}: set the listening port to {self.listen_port}"
        if self.mark is not None:
            yield f"{name}: set the mark of outer packets to {self.mark:#x}"
        yield from (f"{name}: {words}" for words in self._words_of_peers())

    def _words_of_peers(self) -> Iterator[str]:
        if len(self.peers) <= MOST_NAMED:
            yield from (change.words for change in self.peers)
            return
        added = sum(change.create for change in self.peers)
        removed = sum(change.remove for change in self.peers)
        changed = len(self.peers) - added - removed
        counts = {"added": added, "changed": changed, "removed": removed}
        yield " and ".join(f"{verb} {number} peers" for verb, number in counts.items() if number)


def diff_device(now: Served, tunnel: Tunnel, private_key: bytes) -> Changes:
    """Return what makes a device what a tunnel says.

    A listening port of 0 is any. Raises TunnelError when the tunnel contradicts itself: a peer
    with our own key, a peer or a prefix named twice.
    """
    _check(tunnel, private_key)
    return Changes(
        private_key=None if now.private_key == private_key else private_key,
        listen_port=None if tunnel.listen_port in {0, now.listen_port} else tunnel.listen_port,
        mark=None if tunnel.mark == now.mark else tunnel.mark,
        peers=tuple(_peer_changes(now, tunnel)),
    )


def _check(tunnel: Tunnel, private_key: bytes) -> None:
    own, keys_of_peers = public_text(private_key), [peer.public_key for peer in tunnel.peers]
    fault = ""
    if own in keys_of_peers:
        fault = f"the peer {own} has this device's own key"
    elif twice := _twice(keys_of_peers):
        fault = f"the peer {twice} is named twice"
    elif twice := _twice(str(p) for peer in tunnel.peers for p in set(peer.allowed)):
        fault = f"{twice} is behind two peers"
    if fault:
        raise TunnelError(f"{tunnel.name}: {fault}; correct the policy")


def _twice(names: Iterable[str]) -> str | None:
    return next((name for name, times in Counter(names).items() if times > 1), None)


def _peer_changes(now: Served, tunnel: Tunnel) -> Iterator[PeerChange]:
    wanted = {peer.public_key: peer for peer in tunnel.peers}
    claimed = frozenset(prefix for peer in tunnel.peers for prefix in peer.allowed)
    yield from (_addition(peer) for key, peer in wanted.items() if key not in now.peers)
    adapted = (
        change
        for key, peer in wanted.items()
        if key in now.peers and (change := _adaptation(now.peers[key], peer, claimed))
    )
    yield from sorted(adapted, key=lambda change: change.replace_allowed)
    for key in sorted(now.peers.keys() - wanted.keys()):
        yield PeerChange(key, f"removed the peer {short_key(key)}", remove=True)


def _addition(peer: TunnelPeer) -> PeerChange:
    return PeerChange(
        peer.public_key,
        f"added the peer {short_key(peer.public_key)}",
        create=True,
        allowed=peer.allowed,
        endpoint=peer.endpoint,
        keepalive_s=peer.keepalive_s,
        preshared_key=peer.preshared_key,
    )


def _adaptation(now: ServedPeer, peer: TunnelPeer, claimed: frozenset[Prefix]) -> PeerChange | None:
    withdrawn = bool(now.allowed - claimed)
    gained = tuple(prefix for prefix in peer.allowed if prefix not in now.allowed)
    keepalive = now.keepalive_s != peer.keepalive_s
    moved = peer.endpoint not in {None, now.state.endpoint}
    rekeyed = peer.preshared_key != now.preshared_key
    parts = {
        "endpoint": moved,
        "keepalive": keepalive,
        "allowed prefixes": withdrawn or bool(gained),
        "preshared key": rekeyed,
    }
    if not any(parts.values()):
        return None
    named = " and ".join(part for part, differs in parts.items() if differs)
    return PeerChange(
        peer.public_key,
        f"changed the {named} of the peer {short_key(peer.public_key)}",
        replace_allowed=withdrawn,
        allowed=peer.allowed if withdrawn else gained,
        endpoint=peer.endpoint if moved else None,
        keepalive_s=peer.keepalive_s if keepalive else None,
        preshared_key=peer.preshared_key if rekeyed else None,
    )


def short_key(key: PublicKey) -> str:
    """Return enough of a public key to recognise it."""
    return f"{key[:8]}…"
