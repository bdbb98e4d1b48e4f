"""When to shake hands anew with a peer that we dial: before a call needs a session that ran out.

WireGuard itself tries a lost handshake again after 5 s, gives up after 90 s, and lets a session end
after 180 s; who listened when it began renews it only while packets arrive.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edge.clock import Moment
from edge.dataplane.wireguard import PeerState, PublicKey, TunnelState
from edge.loop import Mind
from edge.policy import EdgePolicy, Peer
from inventory.model import DeviceName
from topology.health import LinkHealth

# A session that nobody has renewed for so long has ended; one that still lives is left alone.
STALE_S: Final = 181.0
# A path is dialled anew when it has been dead for so long, then ever more rarely.
FIRST_S: Final = 2.0
LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Dial:
    """A tunnel's interface, and the peer to shake hands with in it."""

    tunnel: str
    peer: PublicKey


class Dialler:
    """Remembers how often each peer has been dialled in vain."""

    def __init__(self) -> None:
        self._waits: dict[Dial, tuple[float, float]] = {}

    def due(
        self,
        policy: EdgePolicy,
        minds: Mapping[DeviceName, Mind],
        tunnels: Mapping[str, TunnelState],
        now: Moment,
    ) -> tuple[Dial, ...]:
        """Return whom to dial now; whoever answers again starts from the shortest wait."""
        lost = frozenset(_lost(policy, minds, tunnels, now))
        self._waits = {dial: wait for dial, wait in self._waits.items() if dial in lost}
        return tuple(dial for dial in sorted(lost, key=_name) if self._is_due(dial, now))

    def _is_due(self, dial: Dial, now: Moment) -> bool:
        at_s, wait_s = self._waits.get(dial, (now.monotonic_s, FIRST_S))
        due = now.monotonic_s >= at_s and dial in self._waits
        if due:
            at_s, wait_s = now.monotonic_s + wait_s, min(LONGEST_S, 2 * wait_s)
        elif dial not in self._waits:
            at_s += FIRST_S
        self._waits[dial] = (at_s, wait_s)
        return due


def _name(dial: Dial) -> tuple[str, PublicKey]:
    return dial.tunnel, dial.peer


def _lost(
    policy: EdgePolicy,
    minds: Mapping[DeviceName, Mind],
    tunnels: Mapping[str, TunnelState],
    now: Moment,
) -> Iterator[Dial]:
    for peer in policy.peers:
        mind = minds.get(peer.device)
        dialled = [path for path in peer.paths if path.endpoint] if mind else []
        if mind is None or not dialled:
            continue
        for path in dialled:
            if mind.healths[path.name].dead:
                yield Dial(policy.underlay(path.circuit).tunnel, peer.public_key)
        state = _state(tunnels, policy.care.interface, peer)
        if state and _answers(mind.healths.values()) and _stale(state, mind, now):
            yield Dial(policy.care.interface, peer.public_key)


def _answers(healths: Iterable[LinkHealth]) -> bool:
    return any(health.delay_ms is not None and not health.dead for health in healths)


def _state(tunnels: Mapping[str, TunnelState], name: str, peer: Peer) -> PeerState | None:
    return tunnels[name].peers.get(peer.public_key) if name in tunnels else None


def _stale(state: PeerState, mind: Mind, now: Moment) -> bool:
    """Return whether there is no session any more, nor a call that would renew it."""
    if state.handshake_at_s == 0:
        return True
    return not mind.consultation and now.unix_s - state.handshake_at_s > STALE_S
