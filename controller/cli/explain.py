"""Why a site, circuit or device is as it is, in sentences."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.terminal import sentences as terminal_sentences
from controller.terminal.completion import complete_thing
from controller.terminal.folders import FolderOption
from controller.terminal.output import Format, FormatOption, emit, say, write
from controller.wording import count, listing

if TYPE_CHECKING:
    from controller.load import Loaded
    from inventory.model import Circuit, Device, Site
    from policies.model import Finding
    from topology.model import BlastRadius, Topology
    from topology.model import Path as Way

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about one thing."""

    name: str
    kind: str
    sentences: tuple[str, ...]
    ways_out: tuple["Way", ...]
    cut_off_by: tuple[str, ...]
    blast_radius: "BlastRadius | None"
    expectations: tuple["Finding", ...]


@app.command(epilog="Example: sanaga explain kolofata --dir my-network")
def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Site, circuit or device.", autocompletion=complete_thing
        ),
    ],
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Explain a site, circuit or device: what it is, its ways out, and what fails with it."""
    from controller.load import load, unknown
    from topology.build import build_topology

    loaded = load(folder)
    topology, found = build_topology(loaded.intent), _meant(loaded, name)
    if not found:
        intent = loaded.intent
        known = {**intent.sites, **intent.circuits, **intent.devices}
        raise unknown("site, circuit or device", name, known)
    (kind, named), *others = found.items()
    explainers: dict[str, Callable[..., Explanation]] = {
        "site": _site,
        "circuit": _circuit,
        "device": _device,
    }
    about = explainers[kind](loaded, topology, named)
    emit(about, output, lambda: write("\n".join(_text(about))))
    for other, _ in others:
        say(f"a {other} is called {name}, too: 'sanaga explain {other}:{name}'")


def _meant(loaded: "Loaded", name: str) -> dict[str, Any]:
    """Return what bears a name, by its kind; 'device:NAME' and so on mean one kind alone."""
    intent = loaded.intent
    kinds: dict[str, Mapping[str, Any]] = {
        "site": intent.sites,
        "circuit": intent.circuits,
        "device": intent.devices,
    }
    kind, colon, rest = name.partition(":")
    if colon and kind in kinds:
        kinds, name = {kind: kinds[kind]}, rest
    return {kind: things[name] for kind, things in kinds.items() if name in things}


def _text(found: Explanation) -> Iterator[str]:
    yield from found.sentences
    if found.ways_out:
        yield f"It has {count(len(found.ways_out), 'way')} out that share no device on the way:"
        yield from (f"  {terminal_sentences.way(path)}" for path in found.ways_out)
    if found.cut_off_by:
        cuts = [terminal_sentences.failure(name) for name in found.cut_off_by]
        yield f"It is cut off by the failure of {listing(cuts, joint='or')} alone."
    if found.blast_radius:
        yield "If it fails:"
        yield from (f"  {sentence}" for sentence in terminal_sentences.radius(found.blast_radius))
    if found.expectations:
        yield "Expected of it:"
        yield from (f"  {sentence}" for sentence in terminal_sentences.findings(found.expectations))


def _site(loaded: "Loaded", topology: "Topology", site: "Site") -> Explanation:
    from topology.failures.resilience import blast_radius, every_blast_radius
    from topology.paths import disjoint_paths

    devices = loaded.intent.devices_at(site.name)
    zones = [zone for zone in loaded.intent.zones.values() if zone.site == site.name]
    node = f"site:{site.name}"
    central = node in topology.anchors
    ways = [way for anchor in topology.anchors for way in disjoint_paths(topology, node, anchor)]
    own = {node, *(device.name for device in devices)}
    every = every_blast_radius(topology).items()
    cuts = [thing for thing, blast in every if site.name in blast.disconnected and thing not in own]
    return Explanation(
        name=site.name,
        kind="site",
        sentences=tuple(_site_sentences(loaded, topology, site)),
        ways_out=() if central else tuple(ways),
        cut_off_by=() if central else tuple(cuts),
        blast_radius=blast_radius(topology, [node]),
        expectations=_touching(loaded, topology, {site.name, *(zone.name for zone in zones), *own}),
    )


def _site_sentences(loaded: "Loaded", topology: "Topology", site: "Site") -> Iterator[str]:
    from topology.failures.cut_off import cut_off_sites

    above = list(_ancestors(loaded, site))
    below = f", below {listing(above)}" if above else ", which all others must reach"
    article = "an" if site.level.value[0] == "a" else "a"
    yield (
        f"{site.title} ({site.name}) is {article} {site.level} site in {site.region}{below}; "
        f"its number in the addressing plan is {site.number}."
    )
    yield _served(site)
    if site.place.quality != "surveyed":
        yield f"Its coordinates are from public data, quality {site.place.quality!r}."
    devices = loaded.intent.devices_at(site.name)
    if devices:
        named = listing([f"{item.name} ({item.platform} {item.role})" for item in devices])
        yield f"It has {count(len(devices), 'device')}: {named}."
    if why := cut_off_sites(topology, loaded.intent).get(site.name):
        yield f"It is cut off: {why}."
    for zone in loaded.intent.zones.values():
        if zone.site == site.name:
            yield f"The data-centre zone {zone.name} here serves {listing(zone.services)}."
    for route in site.routes:
        yield f"{route.prefix} lies behind it, by way of {route.via}."


def _ancestors(loaded: "Loaded", site: "Site") -> Iterator[str]:
    while site.parent:
        site = loaded.intent.sites[site.parent]
        yield f"{site.name} ({site.level})"


def _served(site: "Site") -> str:
    people = f"{site.population:,} people" if site.population else "an unknown population"
    named = listing([facility.name for facility in site.facilities])
    places = count(len(site.facilities), "facility", "facilities")
    rooms = count(len(site.rooms), "consultation room")
    return f"It serves {people} with {places} ({named}) and {rooms}."


def _circuit(loaded: "Loaded", topology: "Topology", circuit: "Circuit") -> Explanation:
    from topology.failures.resilience import blast_radius

    usable = circuit.name in topology.links
    return Explanation(
        name=circuit.name,
        kind="circuit",
        sentences=tuple(_circuit_sentences(loaded, circuit, usable=usable)),
        ways_out=(),
        cut_off_by=(),
        blast_radius=blast_radius(topology, [circuit.name]) if usable else None,
        expectations=_touching(loaded, topology, {circuit.name}),
    )


def _circuit_sentences(loaded: "Loaded", circuit: "Circuit", *, usable: bool) -> Iterator[str]:
    from topology.build import circuit_cost

    far = f"{circuit.b.device}:{circuit.b.interface}" if circuit.b else str(circuit.provider)
    yield (
        f"{circuit.name} is a {circuit.medium} circuit from {circuit.a.device}:"
        f"{circuit.a.interface} to {far}; its number in the addressing plan is {circuit.number}."
    )
    yield (
        f"It carries {circuit.rate_up_mbps:g} Mbit/s up and {circuit.rate_down_mbps:g} Mbit/s "
        f"down with {circuit.delay_ms:g} ms one way{', metered' if circuit.metered else ''}."
    )
    if circuit.mtu is not None:
        yield f"Its MTU is {circuit.mtu} octets."
    if not usable:
        yield _why_off(loaded, circuit)
    elif circuit.b:
        why = "its documents say so" if circuit.cost is not None else "of its medium and delay"
        because = "because" if circuit.cost is None else "since"
        yield f"Routing adds {circuit_cost(circuit)} for crossing it, {because} {why}."
    else:
        yield "It ends in a provider's network, so no routing runs over it."
    yield from _carried(loaded, circuit)
    if circuit.maintenance:
        yield "It is under maintenance: traffic avoids it wherever another way exists."


def _carried(loaded: "Loaded", circuit: "Circuit") -> Iterator[str]:
    """Yield the tunnels that run over a circuit."""
    for end in filter(None, (circuit.a, circuit.b)):
        over = [
            far for far, own in loaded.overlay.tunnels(end.device).items() if circuit.name in own
        ]
        if over:
            yield f"The tunnel of {end.device} to {listing(over)} runs over it."


def _why_off(loaded: "Loaded", circuit: "Circuit") -> str:
    if not circuit.enabled:
        return "It is switched off in its own document (enabled: false)."
    return f"It is off because network.disabled_media bars {circuit.medium}."


def _device(loaded: "Loaded", topology: "Topology", device: "Device") -> Explanation:
    from topology.failures.resilience import blast_radius

    return Explanation(
        name=device.name,
        kind="device",
        sentences=tuple(_device_sentences(loaded, device)),
        ways_out=(),
        cut_off_by=(),
        blast_radius=blast_radius(topology, [device.name]),
        expectations=_touching(loaded, topology, {device.name}),
    )


def _device_sentences(loaded: "Loaded", device: "Device") -> Iterator[str]:
    site = loaded.intent.sites[device.site]
    article = "an" if device.role[0] in "aeiou" else "a"
    yield f"{device.name} is {article} {device.role} running {device.platform} at {site.title}."
    if device.lan:
        yield f"It is the gateway of the site's LANs ({site.name})."
    if device.management:
        pinned = "pinned" if device.management.host_key else "not pinned yet"
        yield (
            f"It is managed at {device.management.address} port {device.management.port}; "
            f"its SSH host key is {pinned}."
        )
    else:
        yield "It has no management address, so nothing can be applied to it."
    circuits = [
        circuit.name
        for circuit in loaded.intent.circuits.values()
        if device.name in {circuit.a.device, circuit.b.device if circuit.b else None}
    ]
    yield f"Its circuits: {listing(circuits)}."
    yield from _tunnel_sentences(loaded, device)


def _tunnel_sentences(loaded: "Loaded", device: "Device") -> Iterator[str]:
    from controller.planning.plan import unmanaged

    for far, circuits in loaded.overlay.tunnels(device.name).items():
        yield f"It has tunnels to {far} over {listing(circuits)}."
    if (why := unmanaged(loaded.intent, loaded.overlay).get(device.name)) is not None:
        yield f"It is not managed yet: {why}."


def _touching(
    loaded: "Loaded", topology: "Topology", names: Iterable[str]
) -> "tuple[Finding, ...]":
    """Return the findings of expectations that speak of any of the names."""
    from policies.expectations import check_expectations

    alternatives = "|".join(re.escape(name.removeprefix("site:")) for name in sorted(names))
    named = re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])")
    found = check_expectations(loaded.policies, loaded.intent, topology)
    return tuple(finding for finding in found if named.search(finding.expectation.text))
