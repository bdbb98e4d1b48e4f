"""When to shake hands again with a peer that we dial: before a call needs a session that ran out.

WireGuard itself tries a lost handshake again after 5 s, gives up after 90 s, and lets a session end
after 180 s; who listened when it began renews it only while packets arrive. Dialling forgets the
session there is: a circuit that comes back after a fault would wait 5 s for another. So a session
that lives is given up only when nothing answers at all, since then the far end may have lost it,
and nothing arrives in it: what does says that the far end has it, and only its daemon is down.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edge.clock import Moment
from edge.policy.model import EdgePolicy, Peer
from edge.selection.evaluate import PeerState
from edge.wireguard.active_keys import SETTLED, ActiveKeys
from edge.wireguard.model import PeerStatus, TunnelState
from inventory.model import DeviceName
from vpn.key_text import PublicKey

# A session that nobody has renewed for so long has ended; one that still lives is left alone.
STALE_S: Final = 181.0
# A peer that is lost for so long is dialled again, then ever more rarely.
FIRST_S: Final = 2.0
LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Handshake:
    """A tunnel's interface, and the peer to shake hands with in it."""

    tunnel: str
    peer: PublicKey


class HandshakeRetrier:
    """Remembers how often each peer has been dialled in vain, and what had arrived from it."""

    def __init__(self) -> None:
        self._waits: dict[Handshake, tuple[float, float]] = {}
        self._received: dict[Handshake, int] = {}

    def due(
        self,
        policy: EdgePolicy,
        peer_states: Mapping[DeviceName, PeerState],
        tunnels: Mapping[str, TunnelState],
        now: Moment,
        generations: ActiveKeys = SETTLED,
    ) -> tuple[Handshake, ...]:
        """Return the peers to dial now; one that answers again starts from the shortest wait."""
        sessions = _Sessions(tunnels, generations, now, self._received)
        lost = frozenset(_lost(policy, peer_states, sessions))
        self._received = sessions.received
        self._waits = {dial: wait for dial, wait in self._waits.items() if dial in lost}
        return tuple(dial for dial in sorted(lost, key=_name) if self._is_due(dial, now))

    def _is_due(self, dial: Handshake, now: Moment) -> bool:
        at_s, wait_s = self._waits.get(dial, (now.monotonic_s, FIRST_S))
        due = now.monotonic_s >= at_s and dial in self._waits
        if due:
            at_s, wait_s = now.monotonic_s + wait_s, min(LONGEST_S, 2 * wait_s)
        elif dial not in self._waits:
            at_s += FIRST_S
        self._waits[dial] = (at_s, wait_s)
        return due


def _name(dial: Handshake) -> tuple[str, PublicKey]:
    return dial.tunnel, dial.peer


def tunnels_to_check(
    policy: EdgePolicy, peer_states: Mapping[DeviceName, PeerState]
) -> tuple[str, ...]:
    """Return the tunnels whose state must be known to choose which peers to dial."""
    dead = {
        policy.underlay(path.circuit).tunnel: None
        for peer in policy.peers
        for path in peer.paths
        if peer.device in peer_states and peer_states[peer.device].healths[path.name].dead
    }
    return (policy.care.interface, *dead)


@dataclass(frozen=True, slots=True)
class _Sessions:
    """The sessions with peers, by the keys that they have on each tunnel.

    before are the octets that had been received when they were looked at before.
    """

    tunnels: Mapping[str, TunnelState]
    generations: ActiveKeys
    now: Moment
    before: Mapping[Handshake, int]

    @property
    def received(self) -> dict[Handshake, int]:
        """Return the octets that have been received until now."""
        return {
            Handshake(tunnel, key): peer.received_octets
            for tunnel, state in self.tunnels.items()
            for key, peer in state.peers.items()
        }

    def dial(self, tunnel: str, peer: Peer) -> Handshake:
        """Return how to dial a peer on a tunnel."""
        return Handshake(tunnel, self.generations.far_key(tunnel, peer))

    def of(self, tunnel: str, peer: Peer) -> PeerStatus | None:
        """Return the session with a peer on a tunnel."""
        dial = self.dial(tunnel, peer)
        return self.tunnels[tunnel].peers.get(dial.peer) if tunnel in self.tunnels else None

    def lives(self, tunnel: str, peer: Peer) -> bool:
        """Return whether there is a session that somebody renewed lately."""
        state = self.of(tunnel, peer)
        return state is not None and not _stale(state, self.now)

    def silent(self, tunnel: str, peer: Peer) -> bool:
        """Return whether nothing has arrived since the look before, as far as anybody knows."""
        state = self.of(tunnel, peer)
        octets = state.received_octets if state else 0
        return octets == self.before.get(self.dial(tunnel, peer), octets)


def _lost(
    policy: EdgePolicy, peer_states: Mapping[DeviceName, PeerState], sessions: _Sessions
) -> Iterator[Handshake]:
    for peer in policy.peers:
        peer_state = peer_states.get(peer.device)
        dialled = [path for path in peer.paths if path.endpoint] if peer_state else []
        if peer_state is None or not dialled:
            continue
        alone = all(health.dead for health in peer_state.healths.values())
        for path in dialled:
            tunnel = policy.underlay(path.circuit).tunnel
            given_up = alone and sessions.silent(tunnel, peer)
            if peer_state.healths[path.name].dead and (
                given_up or not sessions.lives(tunnel, peer)
            ):
                yield sessions.dial(tunnel, peer)
        care = policy.care.interface
        answers = is_answering(peer_state)
        if answers and _ended(sessions.of(care, peer), peer_state, sessions.now):
            yield sessions.dial(care, peer)


def is_answering(peer_state: PeerState) -> bool:
    """Return whether a peer answers on any path."""
    return any(
        health.delay_ms is not None and not health.dead for health in peer_state.healths.values()
    )


def _ended(state: PeerStatus | None, peer_state: PeerState, now: Moment) -> bool:
    """Return whether there is no session any more, nor a call that would renew it."""
    if state is None or (peer_state.consultation and state.handshake_at_s):
        return False
    return _stale(state, now)


def _stale(state: PeerStatus, now: Moment) -> bool:
    return not state.handshake_at_s or now.unix_s - state.handshake_at_s > STALE_S
