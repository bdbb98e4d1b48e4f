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
from edge.telemetry.debian_updates import WaitingUpdates
from inventory.errors import EdgeError

if TYPE_CHECKING:
    from edge.agent.parts import EdgeParts

# What the controller tells apart: the edge alone ends, the machine does, or its power.
STOPPED: Final = "stop"
SHUTDOWN: Final = "shutdown"
POWER: Final = "power"
# Of packages that wait for an update no more are named.
MOST_NAMES: Final = 8
LONGEST_FAULT: Final = 200
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
        about=lambda: {**about_edge(edge.folder), **about_updates(edge.updates)},
    )
    return TelemetryReporter(identity, SpoolThread(Spool(edge.folder)), edge.clock, sources)


def about_edge(folder: Path) -> Mapping[str, Any]:
    """Return this edge's version and how full the disk with its folder is."""
    try:
        use = shutil.disk_usage(folder)
    except OSError:
        return {}
    return {"version": version("sanaga"), "free_octets": use.free, "whole_octets": use.total}


def about_updates(updates: WaitingUpdates | None) -> Mapping[str, Any]:
    """Return which security updates wait, or why that is not known; nothing before it was asked."""
    if updates is None:
        return {}
    if updates.stale_s is not None:
        days = updates.stale_s / 86_400
        return {"updates_unknown": f"apt's lists of packages are {days:.0f} days old"}
    if updates.fault:
        return {"updates_unknown": updates.fault[:LONGEST_FAULT]}
    names = list(updates.packages[:MOST_NAMES])
    return {"updates": len(updates.packages), "update_names": names}


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
