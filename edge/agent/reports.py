"""The reporter of a running edge, wired to what it reports."""

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.identity import trust
from edge.reporting import snapshot
from edge.reporting.disk import SpoolThread
from edge.reporting.reporter import ReportSources, TelemetryReporter
from edge.reporting.spool import Spool
from edge.reporting.summaries import Octets, WayKey
from edge.reporting.uplink import LinkIdentity
from inventory.errors import EdgeError

if TYPE_CHECKING:
    from edge.agent.parts import EdgeParts

# What the controller tells apart: the edge alone ends, the machine does, or its power.
STOPPED: Final = "stop"
SHUTDOWN: Final = "shutdown"
POWER: Final = "power"
# What systemd makes when the machine is going down; the edge's unit may not ask it.
SHUTDOWN_SIGNS: Final = (Path("/run/nologin"), Path("/run/systemd/shutdown/scheduled"))


def make_reporter(edge: "EdgeParts") -> TelemetryReporter:
    """Return the reporter of an edge; it reports once a policy says to whom."""
    identity = LinkIdentity(
        edge.device,
        lambda: trust.trusted_key(edge.folder),
        lambda: tuple(edge.dataplane.ring.values()),
    )

    async def octets() -> Mapping[WayKey, Octets]:
        return await tunnel_octets(edge)

    sources = ReportSources(
        policy=lambda: edge.installer.policy,
        peer_states=lambda: edge.selector.peer_states,
        octets=octets,
        live_calls=lambda: edge.call_detector.live,
        faults=edge.faults.current,
        repairs=lambda: edge.installer.repairs,
        announced=lambda told: edge.consultations.take(told),  # noqa: PLW0108 - as the others
        about=lambda: about_edge(edge.folder),
    )
    return TelemetryReporter(identity, SpoolThread(Spool(edge.folder)), edge.clock, sources)


def about_edge(folder: Path) -> Mapping[str, Any]:
    """Return this edge's version and how full the disk with its folder is."""
    try:
        use = shutil.disk_usage(folder)
    except OSError:
        return {}
    return {"version": version("sanaga"), "free_octets": use.free, "whole_octets": use.total}


async def tunnel_octets(edge: "EdgeParts") -> Mapping[WayKey, Octets]:
    """Return the counters of each path's tunnel; nothing if the kernel does not say."""
    policy = edge.installer.policy
    if policy is None:
        return {}
    try:
        tunnels = await edge.dataplane.tunnels(policy.tunnels)
    except (EdgeError, OSError):
        return {}
    return snapshot.tunnel_octets(policy, tunnels, edge.dataplane.generations)


def reason_to_end() -> tuple[str, str]:
    """Return why the edge's process is told to end: the state, and in words."""
    if any(sign.exists() for sign in SHUTDOWN_SIGNS):
        return SHUTDOWN, "the machine shuts down"
    return STOPPED, "the edge's program was told to end"
