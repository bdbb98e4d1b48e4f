"""Reachability checks of a plan: the pairs of devices that an apply is verified by."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from controller.intended.overlay import Overlay
from controller.planning.waves import ChangeGraph
from inventory.model import Device, DeviceName, Intent, Level, Role, SiteName

Pairs: TypeAlias = tuple[tuple[DeviceName, DeviceName], ...]

# Up to here every router is checked against every other, beyond against the ones that matter.
ALL_PAIRS: Final = 20


def routers(intent: Intent) -> Mapping[DeviceName, Device]:
    """Return the routers of an intent."""
    return {name: d for name, d in intent.devices.items() if d.role is Role.ROUTER}


def check_pairs(
    intent: Intent, planned: Sequence[DeviceName], form: ChangeGraph, laid: Overlay
) -> Pairs:
    """Return the pairs of devices to check: the first of a pair is the farther one, and asks.

    Every router is checked against every other in a small network; in a large one against the
    central and its regional ones, and against the next by name, so that nobody is left out. An
    edge is checked against its hubs, through the tunnels.
    """
    own = routers(intent)
    devices = tuple(name for name in planned if name in own)
    island = _islands(form, devices, own)
    if len(devices) <= ALL_PAIRS:
        pairs = {(a, b) for i, a in enumerate(devices) for b in devices[i + 1 :]}
    else:
        pairs = {(n, above) for n, near in _superiors(intent).items() for above in near}
        pairs |= set(pairwise((*devices, devices[0])))
    known = frozenset(devices)
    fit = {
        (a, b) if form.depth[a] >= form.depth[b] else (b, a)
        for a, b in pairs
        if a != b and {a, b} <= known and island[a] == island[b]
    }
    return tuple(sorted(fit | _tunnels(laid, planned)))


def outside_pairs(
    intent: Intent, devices: Sequence[DeviceName], form: ChangeGraph, laid: Overlay
) -> Iterator[tuple[DeviceName, DeviceName]]:
    """Yield the pairs that planned devices must not lose with devices outside the plan."""
    known, own = frozenset(devices), routers(intent).keys()
    for edge, hub in laid.pairs:
        if len({edge, hub} & known) == 1:
            yield (edge, hub) if edge in known else (hub, edge)
    others = own - known
    superiors = _superiors(intent) if others else {}
    for name in own & known if others else ():
        near = form.neighbours.get(name, frozenset()).union(superiors[name])
        yield from ((name, other) for other in near & others)


def _superiors(intent: Intent) -> Mapping[DeviceName, tuple[DeviceName, ...]]:
    """Return for every device those at the central site and at the regional one above it."""
    at = defaultdict[SiteName, list[DeviceName]](list)
    for device in intent.devices.values():
        at[device.site].append(device.name)
    central = [s.name for s in intent.sites.values() if s.level is Level.CENTRAL]
    return {
        name: tuple(n for site in (*central, _region(intent, d.site)) for n in at[site])
        for name, d in intent.devices.items()
    }


def _region(intent: Intent, site: SiteName) -> SiteName:
    """Return the regional site at or above a site; for the central one itself."""
    here = intent.sites[site]
    while here.parent and here.level is not Level.REGIONAL:
        here = intent.sites[here.parent]
    return here.name


def _islands(
    form: ChangeGraph, devices: Sequence[DeviceName], routers: Collection[DeviceName]
) -> Mapping[DeviceName, int]:
    """Return for every device the number of the part that routers alone connect it with."""
    island: dict[DeviceName, int] = {}
    for number, start in enumerate(devices):
        todo = [start] if start not in island else []
        while todo:
            name = todo.pop()
            if name not in island:
                island[name] = number
                todo += (n for n in form.neighbours.get(name, ()) if n in routers)
    return island


def adjacent(
    intent: Intent, form: ChangeGraph, devices: Sequence[DeviceName], laid: Overlay
) -> Pairs:
    """Return the neighbours: routers by a circuit, edges and hubs by their tunnels."""
    known = routers(intent).keys() & set(devices)
    circuits = {(a, b) for a in known for b in form.neighbours.get(a, frozenset()) & known if a < b}
    tunnels = {(min(pair), max(pair)) for pair in _tunnels(laid, devices)}
    return tuple(sorted(circuits | tunnels))


def _tunnels(laid: Overlay, devices: Sequence[DeviceName]) -> frozenset[tuple[str, str]]:
    """Return the edges and hubs that are both among some devices."""
    known = frozenset(devices)
    return frozenset(pair for pair in laid.pairs if known.issuperset(pair))
