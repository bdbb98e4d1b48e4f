"""Status report of an edge, as one JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from edge.clock import Moment, rfc3339
from edge.policy.model import EdgePolicy, Peer, PeerPath, TunnelEndpoint
from edge.probes.probe_set import ProbeSet
from edge.selection import evaluate
from edge.selection.evaluate import PeerState
from edge.wireguard.active_keys import ActiveKeys
from edge.wireguard.model import PeerStatus, TunnelState
from inventory.model import CircuitName
from policies.model import CARE_CLASSES
from policies.path_selection.decide import Memory
from topology.quality.health import LinkHealth
from vpn.model import Endpoint as Written

Json: TypeAlias = Mapping[str, Any]
# A session without a newer handshake is over (WireGuard's Reject-After-Time).
SESSION_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Repairs:
    """How often the kernel was repaired since the start, and the last repair."""

    count: int = 0
    at_unix_s: float = 0.0
    last: str = ""

    def plain(self) -> Json:
        """Return the repairs as JSON knows them."""
        at = rfc3339(self.at_unix_s) if self.count else None
        return {"count": self.count, "at": at, "last": self.last}


@dataclass(frozen=True, slots=True)
class StatusInputs:
    """Sources of the figures of a report; tunnels are by the name of the interface.

    drained are circuits that nothing is sent over for a moment.
    """

    policy: EdgePolicy
    probes: ProbeSet
    tunnels: Mapping[str, TunnelState]
    now: Moment
    generations: ActiveKeys
    drained: frozenset[CircuitName]


def peer_report(sources: StatusInputs, one: Peer, peer_state: PeerState) -> Json:
    """Return the status of one peer: its paths, and what each class takes."""
    return {
        "device": one.device,
        "consultation": peer_state.consultation,
        "paths": [_path(sources, one, path, peer_state) for path in one.paths],
        "classes": [_class(sources, c.service.name, peer_state) for c in sources.policy.classes],
    }


def _path(sources: StatusInputs, one: Peer, path: PeerPath, peer_state: PeerState) -> Json:
    health, key = peer_state.healths[path.name], (one.device, path.name)
    pace_s = sources.probes.pace_s(key)
    state, reason = _state(health, sources.probes.fault(key))
    if path.circuit in sources.drained:
        state, reason = "drained", "its tunnel moves to another key"
    return {
        "name": path.name,
        "circuit": path.circuit,
        "medium": path.medium.value,
        "metered": path.metered,
        "state": state,
        "reason": reason,
        "rtt_ms": _rounded(health.delay_ms),
        "base_ms": _rounded(health.base_ms),
        "jitter_ms": _rounded(health.jitter_ms),
        "loss_out": round(health.loss_out, 5),
        "loss_in": round(health.loss_in, 5),
        "mos": _rounded(health.mos),
        "pace_ms": None if pace_s is None else round(pace_s * 1000),
        **_carried(sources, path, one),
        "counters": sources.probes.counters(key),
    }


def _carried(sources: StatusInputs, path: PeerPath, one: Peer) -> Json:
    name = sources.policy.underlay(path.circuit).tunnel
    tunnel = sources.tunnels.get(name)
    state = tunnel.peers.get(sources.generations.far_key(name, one)) if tunnel else None
    if state is None:
        return dict.fromkeys(("sent_octets", "received_octets", "handshake_at", "handshake_age_s"))
    return _session(state, sources.now)


def _session(state: PeerStatus, now: Moment) -> Json:
    """Return a session by this device's own clock, which others may not share."""
    at_s = state.handshake_at_s
    return {
        "sent_octets": state.sent_octets,
        "received_octets": state.received_octets,
        "handshake_at": rfc3339(at_s) if at_s else None,
        "handshake_age_s": max(0, round(now.unix_s - at_s)) if at_s else None,
    }


def sessions(tunnel: TunnelState | None, now: Moment) -> Json | None:
    """Return how many clients shook hands lately, and the octets; None without a tunnel."""
    if tunnel is None:
        return None
    peers = tunnel.peers.values()
    return {
        "alive": sum(now.unix_s - peer.handshake_at_s < SESSION_S for peer in peers),
        "ever": sum(peer.handshake_at_s > 0 for peer in peers),
        "sent_octets": sum(peer.sent_octets for peer in peers),
        "received_octets": sum(peer.received_octets for peer in peers),
    }


def client_sessions(tunnel: TunnelState | None, now: Moment) -> list[Json]:
    """Return the session of every client that ever shook hands, by its key, latest first."""
    peers = tunnel.peers.items() if tunnel else ()
    there = [(key, peer) for key, peer in peers if peer.handshake_at_s]
    return [
        {
            "key": key,
            "endpoint": _written(peer.endpoint) if peer.endpoint else None,
            **_session(peer, now),
        }
        for key, peer in sorted(there, key=lambda one: -one[1].handshake_at_s)
    ]


def _written(endpoint: TunnelEndpoint) -> str:
    return str(Written(str(endpoint.address), endpoint.port))


def _state(health: LinkHealth, fault: str) -> tuple[str, str]:
    if health.dead:
        silence = f"nothing received for {health.silent_s:.1f} s"
        return ("down", fault) if fault else ("dead", silence)
    if health.delay_ms is None:
        return "unknown", fault or "no answer yet"
    return ("handover", "changes its satellite") if health.handover else ("up", fault)


def _class(sources: StatusInputs, service: str, peer_state: PeerState) -> Json:
    care = evaluate.care_class(sources.policy.classes)
    deciding = care if care and service in CARE_CLASSES else service
    decision, memory = peer_state.decisions.get(deciding), evaluate.previous(peer_state, deciding)
    return {
        "name": service,
        "path": memory.path,
        "second": memory.second if service in CARE_CLASSES else None,
        "since": _since(memory, sources.now),
        "reason": decision.reason if decision else "",
    }


def _since(memory: Memory, now: Moment) -> str | None:
    if not memory.moves:
        return None
    return rfc3339(now.unix_s - (now.monotonic_s - memory.moves[-1]))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
