"""What telemetry tells of a consultation that was: its ends, and what their edges measured."""

from collections.abc import Iterator, Sequence
from typing import Final

from controller.consultations.report import EndHistory
from controller.telemetry.history import History, PathKey
from inventory.model import DeviceName, Intent, SiteName

# A slice of an edge that was cut off for long may have begun so much earlier.
_LONGEST_SLICE_S: Final = 3600


def read_ends(
    history: History, intent: Intent, sites: Sequence[SiteName], began_s: float, ended_s: float
) -> tuple[EndHistory, ...]:
    """Return what the edges at some sites measured within a time, by device."""
    return tuple(_ends(history, intent, frozenset(sites), (began_s, ended_s)))


def _ends(
    history: History, intent: Intent, sites: frozenset[SiteName], bounds: tuple[float, float]
) -> Iterator[EndHistory]:
    there = [one.name for one in intent.devices.values() if one.site in sites]
    every = history.paths_of(there)
    devices = sorted({one.device for one in every})
    began_s, ended_s = bounds
    for device in devices:
        paths = _between([one for one in every if one.device == device], intent, sites)
        peers = {one.peer for one in paths}
        slices = [
            found
            for path in paths
            for found in history.slices(path, int(began_s) - _LONGEST_SLICE_S, int(ended_s) + 1)
        ]
        changes = history.changes(device, began_s, ended_s)
        own = [one for one in changes if one.peer in peers]
        yield EndHistory(device, intent.devices[device].site, slices, own)


def _between(
    paths: Sequence[PathKey], intent: Intent, sites: frozenset[SiteName]
) -> Sequence[PathKey]:
    """Return the paths of an edge to the other sites; to its hubs where it has none to them."""
    direct = [one for one in paths if _site(one.peer, intent) in sites]
    return direct or paths


def _site(device: DeviceName, intent: Intent) -> SiteName:
    found = intent.devices.get(device)
    return found.site if found else ""
