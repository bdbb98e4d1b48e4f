"""Which peers answer on a tunnel, and whether they answer on another one as well."""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from edge.policy.model import EdgePolicy, PeerPath
from edge.selection.evaluate import PeerState
from edge.wireguard.active_keys import InterfaceName
from inventory.model import CircuitName, DeviceName

PeerStates: TypeAlias = Mapping[DeviceName, PeerState]


def tunnel_circuit(policy: EdgePolicy, name: InterfaceName) -> CircuitName | None:
    """Return the circuit of a tunnel; None for the care tunnel."""
    return next((u.circuit for u in policy.underlays if u.tunnel == name), None)


def answering_peers(
    policy: EdgePolicy, peer_states: PeerStates, name: InterfaceName
) -> frozenset[DeviceName]:
    """Return the peers that answer over a tunnel; over the care tunnel, that answer at all."""
    circuit = tunnel_circuit(policy, name)
    return frozenset(
        peer.device
        for peer in policy.peers
        for path in peer.paths
        if circuit in {None, path.circuit} and _answers(peer_states[peer.device], path)
    )


def is_backed(
    policy: EdgePolicy,
    peer_states: PeerStates,
    name: InterfaceName,
    peers: Collection[DeviceName],
) -> bool:
    """Return whether each of some peers answers on another tunnel, or has no other one."""
    circuit = tunnel_circuit(policy, name)
    others = {p.device: [q for q in p.paths if q.circuit != circuit] for p in policy.peers}
    return circuit is None or all(
        not others[peer] or any(_answers(peer_states[peer], path) for path in others[peer])
        for peer in peers
    )


def _answers(state: PeerState, path: PeerPath) -> bool:
    health = state.healths[path.name]
    return not health.dead and bool(health.delay_ms)
