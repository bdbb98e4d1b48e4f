"""How the edges carry a call at this moment, as their own daemons tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge.control import client as control
from inventory.errors import EdgeError
from inventory.model import DeviceName, Intent, Medium, SiteName
from simulations.lab.lab import Lab
from simulations.netns.waiting import eventually
from simulations.traffic import VOICE

CLASS: Final = "consultation-audio"
READY_WITHIN_S: Final = 120.0
# So many ways must answer before a consultation counts as protected.
WAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Carried:
    """The paths that carry a consultation between two edges: the first one, and the copy's.

    states are those of all paths in the order of the policy; reason is the daemon's own.
    """

    here: DeviceName
    there: DeviceName
    paths: tuple[tuple[str, Medium], ...]
    states: tuple[tuple[str, str], ...]
    reason: str

    @property
    def circuits(self) -> tuple[str, ...]:
        """Return the paths by which the call goes."""
        return tuple(name for name, _ in self.paths)

    @property
    def whole(self) -> bool:
        """Return whether the call has a path at all."""
        return bool(self.paths)

    def __str__(self) -> str:
        """Return the carriage as a sentence would name it."""
        names = " and, as a copy, ".join(f"{name} ({medium})" for name, medium in self.paths)
        return f"{self.here} to {self.there} over {names or 'nothing'}"


def overlay_state(lab: Lab, intent: Intent, source: SiteName, target: SiteName) -> Carried:
    """Return how the edge of one site carries a call to the edge of another.

    Raises EdgeError when its daemon does not answer.
    """
    here, there = _edge(intent, source), _edge(intent, target)
    status = control.request(lab.edge_folder(here), "status")["status"]
    peers: Mapping[str, Any] = {peer["device"]: peer for peer in status["peers"]}
    return _carried(here, there, peers.get(there, {}))


def wait_ready(lab: Lab, intent: Intent, source: SiteName, target: SiteName) -> None:
    """Wait until two paths answer from either end, and a packet of a consultation comes through.

    Raises LabError when they do not.
    """
    eventually(
        lambda: (
            _ready(lab, intent, source, target)
            and _ready(lab, intent, target, source)
            and _crosses(lab, source, target)
        ),
        within_s=READY_WITHIN_S,
        what=f"two answering paths between the edges of {source} and {target}",
    )


def stop_overlay(lab: Lab) -> None:
    """Let every edge take back all it put into its kernel, and end."""
    for edge in lab.blueprint.edges:
        control.request(lab.edge_folder(edge.device), "stop")


def start_overlay(lab: Lab) -> None:
    """Start the daemon of every edge again."""
    for edge in lab.blueprint.edges:
        lab.restart_edge(edge.device)


def _ready(lab: Lab, intent: Intent, source: SiteName, target: SiteName) -> bool:
    try:
        carried = overlay_state(lab, intent, source, target)
    except EdgeError:
        return False
    answering = [name for name, state in carried.states if state == "up"]
    return len(answering) >= WAYS and len(carried.paths) >= WAYS


def _crosses(lab: Lab, source: SiteName, target: SiteName) -> bool:
    """Return whether a packet marked as sound gets an answer between two hosts."""
    goal = str(lab.blueprint.host(target).ipv4.ip)
    argv = ["ping", "-n", "-q", "-c", "1", "-W", "1", "-Q", str(VOICE.tos), goal]
    return lab.exec(lab.blueprint.host(source).namespace, argv).returncode == 0


def _edge(intent: Intent, site: SiteName) -> DeviceName:
    return next(device.name for device in intent.devices_at(site) if device.lan)


def _carried(here: DeviceName, there: DeviceName, peer: Mapping[str, Any]) -> Carried:
    paths: Mapping[str, Any] = {path["name"]: path for path in peer.get("paths", ())}
    classes: Mapping[str, Any] = {one["name"]: one for one in peer.get("classes", ())}
    care: Mapping[str, Any] = classes.get(CLASS, {})
    taken = [str(care[key]) for key in ("path", "second") if care.get(key) in paths]
    return Carried(
        here,
        there,
        tuple((name, Medium(paths[name]["medium"])) for name in taken),
        tuple((name, str(path["state"])) for name, path in paths.items()),
        str(care.get("reason", "")),
    )
