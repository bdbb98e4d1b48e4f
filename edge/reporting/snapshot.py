"""The full state that every message carries: each path, and what travels on it."""

from collections.abc import Mapping

from edge.policy.model import EdgePolicy, Peer
from edge.reporting.summaries import Octets, WayKey, path_state
from edge.selection import evaluate
from edge.selection.evaluate import PeerState
from edge.telemetry.model import PathNow
from edge.wireguard.active_keys import ActiveKeys
from edge.wireguard.model import TunnelState
from inventory.model import DeviceName
from policies.model import CARE_CLASSES

PeerStates = Mapping[DeviceName, PeerState]


def carried_classes(policy: EdgePolicy, peer_states: PeerStates) -> dict[WayKey, tuple[str, ...]]:
    """Return every path of a policy with the classes that travel on it."""
    found: dict[WayKey, tuple[str, ...]] = {}
    care = evaluate.care_class(policy.classes)
    for peer in policy.peers:
        state = peer_states.get(peer.device)
        for path in peer.paths:
            found[peer.device, path.circuit] = tuple(
                entry.service.name
                for entry in policy.classes
                if state and _path_of(state, entry.service.name, care) == path.name
            )
    return found


def _path_of(state: PeerState, service: str, care: str | None) -> str | None:
    deciding = care if care and service in CARE_CLASSES else service
    return evaluate.previous(state, deciding).path


def paths_now(policy: EdgePolicy, peer_states: PeerStates) -> tuple[PathNow, ...]:
    """Return every path as it is at this moment."""
    carries = carried_classes(policy, peer_states)
    return tuple(
        now
        for peer in policy.peers
        if peer.device in peer_states
        for now in _of_peer(peer, peer_states[peer.device], carries)
    )


def _of_peer(
    peer: Peer, state: PeerState, carries: Mapping[WayKey, tuple[str, ...]]
) -> list[PathNow]:
    made = []
    for path in peer.paths:
        health = state.healths[path.name]
        carried = carries[peer.device, path.circuit]
        in_call = state.consultation and not {*CARE_CLASSES}.isdisjoint(carried)
        made.append(
            PathNow(
                peer.device,
                path.circuit,
                path.medium.value,
                path_state(health),
                health.delay_ms,
                min(1.0, health.loss_out),
                min(1.0, health.loss_in),
                health.mos,
                carried,
                in_call,
            )
        )
    return made


def tunnel_octets(
    policy: EdgePolicy, tunnels: Mapping[str, TunnelState], generations: ActiveKeys
) -> dict[WayKey, Octets]:
    """Return the counters of each path's tunnel, sent and received."""
    found: dict[WayKey, Octets] = {}
    for peer in policy.peers:
        for path in peer.paths:
            name = policy.underlay(path.circuit).tunnel
            tunnel = tunnels.get(name)
            state = tunnel.peers.get(generations.far_key(name, peer)) if tunnel else None
            if state is not None:
                found[peer.device, path.circuit] = (state.sent_octets, state.received_octets)
    return found
