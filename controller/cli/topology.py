"""How places connect, how well, and what a failure would cost."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from controller.terminal import sentences
from controller.terminal.completion import complete_thing
from controller.terminal.folders import FolderOption, PlaceArgument, named, save
from controller.terminal.output import (
    Format,
    FormatOption,
    UsageProblem,
    emit,
    say,
    say_lines,
    show_rows,
    write,
)
from controller.terminal.output import (
    show as show_lines,
)
from controller.wording import count, listing

if TYPE_CHECKING:
    from inventory.model import Intent
    from topology.model import BlastRadius, RegionScore, Topology
    from topology.model import Path as Way

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Show, draw and question the graph of the network.",
)

DRAWINGS: Final = frozenset({".svg", ".png"})


class GraphFormat(StrEnum):
    """Formats of graph tools."""

    GEOJSON = "geojson"
    GRAPHML = "graphml"
    GEXF = "gexf"
    DOT = "dot"
    NODE_LINK = "node-link"


def _read(folder: Path) -> "tuple[Intent, Topology]":
    from controller.load import load
    from topology.build import build_topology

    intent = load(folder).intent
    return intent, build_topology(intent)


@app.command(epilog="Example: sanaga topology show my-network")
def show(
    place: PlaceArgument = None,
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Show each site with its circuits and whether it has a single way out."""
    from topology.failures.cut_off import cut_off_sites
    from topology.failures.resilience import single_way_out

    intent, topology = _read(named(place, folder))
    off = cut_off_sites(topology, intent)
    single = frozenset(single_way_out(topology)) - off.keys()
    circuits = _circuits_by_site(topology)
    rows = [
        {
            "site": site.name,
            "level": site.level,
            "parent": site.parent,
            "circuits": circuits[site.name],
            "single_way_out": site.name in single,
            "cut_off": site.name in off,
            "facilities": topology.weights[site.name].facilities,
            "population": site.population,
        }
        for site in intent.sites.values()
    ]
    brief = [
        {**row, "circuits": len(circuits[str(row["site"])])}
        | ({"single_way_out": "cut off"} if row["cut_off"] else {})
        for row in rows
    ]
    emit(rows, output, lambda: show_rows(brief, _SITE_HEADINGS))
    say(
        f"{count(len(intent.sites), 'site')}, {count(len(intent.devices), 'device')}, "
        f"{count(len(intent.usable_circuits()), 'usable circuit')}; "
        f"{_single(single)}"
    )
    say_lines(sentences.cut_off(off))


def _single(sites: Collection[str]) -> str:
    if not sites:
        return "no site has a single way out"
    verb = "has" if len(sites) == 1 else "have"
    return f"{count(len(sites), 'site')} {verb} a single way out"


_SITE_HEADINGS: Final = {
    "site": "SITE",
    "level": "LEVEL",
    "parent": "PARENT",
    "circuits": "CIRCUITS",
    "single_way_out": "SINGLE WAY OUT",
    "facilities": "FACILITIES",
    "population": "POPULATION",
}


def _circuits_by_site(topology: "Topology") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {site: [] for site in topology.weights}
    for link in topology.links.values():
        ends = {topology.nodes[end].site for end in (link.a, link.b)} if link.circuit else set()
        for site in ends - {None}:
            found[str(site)].append(link.name)
    return found


@app.command(epilog="Example: sanaga topology draw map.svg --dir my-network --failed mora-leo")
def draw(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Picture to write: .svg or .png.")],
    folder: FolderOption = Path(),
    failed: Annotated[
        list[str] | None,
        typer.Option(
            "--failed",
            metavar="THING",
            autocompletion=complete_thing,
            help="Site, device or circuit to show as failed, with what it cuts off; repeatable.",
        ),
    ] = None,
) -> None:
    """Draw the network on the map of Cameroon."""
    if file.suffix.lower() not in DRAWINGS:
        raise UsageProblem(f"{file} is no picture; name a file that ends in .svg or .png")
    from topology.failures.resilience import blast_radius
    from topology.maps import draw as pictures

    intent, topology = _read(folder)
    _check_in_use(intent, topology, failed or ())
    blast = blast_radius(topology, failed) if failed else None
    pictures.draw_map(intent, file, blast=blast)
    say(f"wrote {file}")


@app.command(epilog="Example: sanaga topology paths kolofata yaounde --dir my-network")
def paths(
    start: Annotated[
        str, typer.Argument(metavar="A", help="Site or device.", autocompletion=complete_thing)
    ],
    end: Annotated[
        str, typer.Argument(metavar="B", help="Site or device.", autocompletion=complete_thing)
    ],
    folder: FolderOption = Path(),
    most: Annotated[int, typer.Option("--most", min=1, help="How many ways to list.")] = 5,
    disjoint: Annotated[
        bool, typer.Option("--disjoint", help="Only ways that share no device.")
    ] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """List the ways between two places, the one that routing takes first."""
    from inventory.errors import TopologyError
    from topology import paths as ways

    _, topology = _read(folder)
    found = (
        ways.disjoint_paths(topology, start, end)
        if disjoint
        else ways.ranked_paths(topology, start, end, k=most)
    )
    if not found:
        raise TopologyError(f"there is no way from {start} to {end}")
    rows = [_way_row(way) for way in found[:most]]
    emit(rows, output, lambda: show_lines(_way_lines(found[:most])))


def _way_lines(found: "Iterable[Way]") -> Iterator[tuple[str, str]]:
    for number, way in enumerate(found, start=1):
        row = _way_row(way)
        yield f"{number}. {sentences.figures(way)}", "bold"
        yield f"   {' → '.join(row['nodes'])}", ""
        yield f"   over {', '.join(row['circuits'])}", ""


def _way_row(way: "Way") -> dict[str, Any]:
    """Return a way as a row of figures; the sites' LANs at its ends are left out."""
    return {
        "cost": way.cost,
        "delay_ms": round(way.delay_ms, 3),
        "rate_mbps": way.rate_mbps,
        "loss": round(way.loss, 6),
        "nodes": [name for name in way.nodes if not name.startswith("site:")],
        "circuits": [name for name in way.links if not name.startswith("lan:")],
    }


@app.command(
    "blast-radius", epilog="Example: sanaga topology blast-radius maroua-r1 --dir my-network"
)
def blast_radius(
    things: Annotated[
        list[str],
        typer.Argument(
            metavar="THING...",
            autocompletion=complete_thing,
            help="Sites, devices, circuits or providers that fail together.",
        ),
    ],
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Say which sites a failure would cut off, and which it would leave without redundancy."""
    from topology.failures import resilience

    intent, topology = _read(folder)
    _check_in_use(intent, topology, things)
    radius = resilience.blast_radius(topology, things)
    emit(radius, output, lambda: write("\n".join(sentences.radius(radius))))
    _say_what_waits(topology)


def _check_in_use(intent: "Intent", topology: "Topology", things: Iterable[str]) -> None:
    from inventory.errors import TopologyError

    off = [name for name in things if name in intent.circuits and name not in topology.links]
    if off:
        verb = "is" if len(off) == 1 else "are"
        why = f"see 'sanaga explain {off[0]}'"
        raise TopologyError(f"{listing(off)} {verb} not in use, so nothing fails with it; {why}")


@app.command(epilog="Example: sanaga topology risks my-network")
def risks(
    place: PlaceArgument = None,
    folder: FolderOption = Path(),
    most: Annotated[int, typer.Option("--most", min=1, help="How many failures to list.")] = 10,
    output: FormatOption = Format.TABLE,
) -> None:
    """List the single failures that hurt most, sites with a single way out, and regions."""
    from topology.failures import resilience
    from topology.failures.cut_off import cut_off_sites

    intent, topology = _read(named(place, folder))
    off = cut_off_sites(topology, intent)
    every = resilience.every_blast_radius(topology).items()
    worst = sorted(every, key=lambda item: _harm(item[1]), reverse=True)
    harmful = [item for item in worst if _beyond_itself(topology, *item)]
    data = {
        "single_way_out": tuple(s for s in resilience.single_way_out(topology) if s not in off),
        "cut_off": tuple(off),
        "bridges": resilience.find_bridges(topology),
        "cut_vertices": resilience.cut_vertices(topology),
        "worst": [_failure_row(name, radius) for name, radius in harmful[:most]],
        "regions": resilience.region_scores(topology, intent),
    }
    emit(data, output, lambda: _show_risks(data, len(harmful)))
    say_lines(sentences.cut_off(off))
    _say_what_waits(topology)


def _say_what_waits(topology: "Topology") -> None:
    """Tell that ways over operators' networks are counted though nothing is routed there yet."""
    operators = sorted(name.removeprefix("provider:") for name in _operators(topology))
    if operators:
        say(
            f"Subscriptions to {listing(operators)} count as ways here; nothing is routed over "
            "them until tunnels run. 'sanaga plan' counts routed ways alone."
        )


def _operators(topology: "Topology") -> frozenset[str]:
    from topology.model import NodeKind

    return frozenset(n.name for n in topology.nodes.values() if n.kind is NodeKind.PROVIDER)


def _beyond_itself(topology: "Topology", name: str, radius: "BlastRadius") -> bool:
    """Return whether a failure cuts off other sites than the one it happens at."""
    node = topology.nodes.get(name)
    own = {node.site} if node else set()
    return not name.startswith("site:") and bool({*radius.disconnected} - own)


def _harm(radius: "BlastRadius") -> tuple[int, int, int]:
    return (
        radius.population_disconnected,
        radius.facilities_disconnected,
        len(radius.disconnected),
    )


def _failure_row(name: str, radius: "BlastRadius") -> dict[str, object]:
    return {
        "failure": name,
        "sites": list(radius.disconnected),
        "facilities": radius.facilities_disconnected,
        "population": radius.population_disconnected,
    }


_FAILURE_HEADINGS: Final = {
    "failure": "FAILURE",
    "sites": "SITES CUT OFF",
    "facilities": "FACILITIES",
    "population": "POPULATION",
}
_REGION_HEADINGS: Final = {
    "region": "REGION",
    "sites": "SITES",
    "facilities": "FACILITIES",
    "population": "POPULATION",
    "two_ways": "TWO WAYS",
    "one_way": "ONE WAY",
    "cut_off": "CUT OFF",
    "worst_failure": "WORST FAILURE",
}


def _show_risks(data: Mapping[str, Any], harmful: int) -> None:
    shown = data["worst"]
    failures = count(harmful, "single failure") if harmful else "No single failure"
    write(f"{failures} would cut off other sites than its own.\n")
    if shown:
        show_rows([{**row, "sites": len(row["sites"])} for row in shown], _FAILURE_HEADINGS)
    single = data["single_way_out"]
    which = f": {listing(single)}" if single else ""
    write(f"\n{_capital(_single(single))}{which}.\n")
    write("\nSites by region, with the share that has two ways out, one, or none:\n")
    show_rows([_region_row(score) for score in data["regions"]], _REGION_HEADINGS)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _region_row(score: "RegionScore") -> dict[str, object]:
    shares = {
        "two_ways": score.two_ways.sites,
        "one_way": score.one_way.sites,
        "cut_off": score.cut_off.sites,
    }
    return {
        "region": score.region,
        "sites": score.sites,
        "facilities": score.facilities,
        "population": score.population,
        **{name: f"{share:.0%}" for name, share in shares.items()},
        "worst_failure": score.worst_failure,
    }


@app.command(epilog="Example: sanaga topology export geojson --dir my-network --out net.geojson")
def export(
    form: Annotated[
        GraphFormat,
        typer.Argument(metavar="geojson|graphml|gexf|dot|node-link", help="Format of the graph."),
    ],
    folder: FolderOption = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write, else stdout.")
    ] = None,
) -> None:
    """Write the graph for maps and graph tools."""
    from topology import export as exports

    intent, topology = _read(folder)
    text = {
        GraphFormat.GEOJSON: exports.export_geojson,
        GraphFormat.GRAPHML: exports.export_graphml,
        GraphFormat.GEXF: exports.export_gexf,
        GraphFormat.DOT: exports.export_dot,
        GraphFormat.NODE_LINK: exports.export_node_link,
    }[form](topology, intent)
    write(text) if out is None else save(out, text)
