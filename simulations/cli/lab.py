"""sanaga lab: a network of real routers on this machine, to try things on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from controller.terminal.output import (
    Format,
    FormatOption,
    UsageProblem,
    emit,
    progress_wanted,
    say,
    show_rows,
    stderr,
)
from controller.wording import count
from simulations.cli.lab_segments import segments
from simulations.devices.faults import FaultKind
from simulations.netns.links import BOTH, Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from controller.load import Loaded
    from simulations.lab.lab import Lab, Shape

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bring up a laboratory of real routers, break it, look at it, take it down.",
)

DEFAULT_EXAMPLE: Final = "northern-spur"
CONVERGE_WITHIN_S: Final = 60.0
SHELLS: Final = ("/bin/bash", "/bin/sh")
LabOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--lab", metavar="NAME", help="Which laboratory, when several are up."),
]
Circuit: TypeAlias = Annotated[str, typer.Argument(metavar="CIRCUIT", help="Name of a circuit.")]
DirectionOption: TypeAlias = Annotated[
    Direction | None,
    typer.Option(
        help='Only from the end that the documents call a ("ab"), or only towards it ("ba").'
    ),
]
Thing: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="THING",
        help='A device, a site (its host), "host-SITE", "provider-NAME" or "noc".',
    ),
]


def _found(name: str | None) -> "Lab":
    from simulations.lab import lab
    from simulations.netns import registry

    up = registry.lab_names()
    if name is None and len(up) > 1:
        raise UsageProblem(f"several laboratories are up: {', '.join(up)}; say --lab NAME")
    return lab.find_lab(name or (up[0] if up else DEFAULT_EXAMPLE))


@app.command(epilog="Example: sanaga lab up my-network --configured")
def up(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder of the intent's YAML documents; without it the example northern-spur.",
        ),
    ] = None,
    configured: Annotated[
        bool,
        typer.Option("--configured", help="Start everything configured and wait for convergence."),
    ] = False,
    calm: Annotated[
        bool, typer.Option("--calm", help="No weather over low-orbit circuits.")
    ] = False,
    weather: Annotated[
        int, typer.Option(metavar="SEED", help="Which weather: the same for the same number.")
    ] = 1,
) -> None:
    """Bring up one router or edge per device, blank, with a host in every hospital.

    Host keys are added to DIR/known_hosts and edges' keys to DIR/edge_keys, so that plan and apply
    trust them; the edges trust this machine's controller.
    """
    from controller.load import load
    from inventory.country import examples
    from simulations.lab import lab
    from simulations.lab.prerequisites import unreachable

    loaded = load(folder or examples.FOLDER / DEFAULT_EXAMPLE)
    intent = loaded.intent
    configs = _configs(loaded) if configured else None
    with _progress(len(intent.devices)) as report:
        made = lab.bring_up(
            intent, configs=configs, weather=None if calm else weather, report=report
        )
    if folder:
        say(f"host keys are in {made.write_known_hosts(folder)}")
        if made.blueprint.edges:
            say(f"keys of edges are in {made.write_edge_keys(folder)}")
    if configured:
        _converge(made, loaded)
    say(f"laboratory {made.name} is up: {_contents(made)}; 'sanaga lab down' ends it")
    for what in unreachable(intent, made.folder.controller_key, made.blueprint.controller):
        say(what)


def _configs(loaded: "Loaded") -> "Mapping[str, str]":
    from controller.planning.from_folder import router_configs

    return {name: config.text for name, config in router_configs(loaded).items()}


def _converge(made: "Lab", loaded: "Loaded") -> None:
    from simulations.lab import edge_policies

    say("waiting for the routers to converge")
    made.wait_converged(CONVERGE_WITHIN_S)
    if made.blueprint.edges:
        say("giving the edges their policies")
        edge_policies.equip_edges(made, loaded)
        edge_policies.wait_paths(made, CONVERGE_WITHIN_S)
        made.wait_converged(CONVERGE_WITHIN_S)


def _contents(made: "Lab") -> str:
    drawn = made.blueprint
    things = {
        "router": drawn.routers,
        "edge": drawn.edges,
        "circuit": drawn.wires,
        "host": drawn.hosts,
    }
    return ", ".join(count(len(found), noun) for noun, found in things.items() if found)


@contextmanager
def _progress(routers: int) -> "Iterator[Callable[[str], None]]":
    """Show what is being made, one bar over all routers, when a person watches."""
    if not progress_wanted():
        yield _told
        return
    from rich.progress import Progress

    with Progress(console=stderr(), transient=True) as bars:
        task = bars.add_task("laboratory", total=routers)

        def report(step: str) -> None:
            _told(step)
            bars.update(task, description=step, advance=step.startswith("router "))

        yield report


def _told(step: str) -> None:
    """Say what was changed on the machine itself, and stays."""
    if step.startswith("fs."):
        say(step)


@app.command(epilog="Example: sanaga lab status -o json")
def status(lab: LabOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show the routers' programs and sessions, and what the circuits do now."""
    from simulations.cli.lab_tables import show

    state = _found(lab).status()
    emit(state, output, lambda: show(state))
    programs = {router.device: router.dead for router in state.routers}
    programs |= {edge.device: edge.dead for edge in state.edges}
    dead = [f"{device}: {', '.join(names)}" for device, names in programs.items() if names]
    if state.emulator is False:
        dead.append("the link emulator, and with it every circuit")
    if dead:
        say(f"dead: {'; '.join(dead)}; 'sanaga lab down {state.name}', then up again")


@app.command(epilog="Example: sanaga lab cut mora-kolofata-fibre --silent")
def cut(
    circuit: Circuit,
    silent: Annotated[
        bool, typer.Option("--silent", help="Swallow packets and leave the interfaces up.")
    ] = False,
    direction: DirectionOption = None,
    lab: LabOption = None,
) -> None:
    """Pull a circuit's cable, or make it a black hole, in one direction if one is given."""
    if direction and not silent:
        raise UsageProblem("a cable is cut in both directions; --direction goes with --silent")
    _found(lab).cut(circuit, (direction,) if direction else BOTH, silent=silent)
    where = f" in direction {direction}" if direction else ""
    what = f"swallows everything{where}" if silent else "is cut"
    say(f"{circuit} {what}; 'sanaga lab restore {circuit}' mends it")


@app.command(epilog="Example: sanaga lab restore mora-kolofata-fibre")
def restore(circuit: Circuit, lab: LabOption = None) -> None:
    """Make a circuit what the intent says it is."""
    _found(lab).restore(circuit)
    say(f"{circuit} is whole")


@app.command(epilog="Example: sanaga lab impair kolofata-leo --delay-ms 120 --loss 0.05")
def impair(
    circuit: Circuit,
    delay_ms: Annotated[float | None, typer.Option(help="One-way delay.")] = None,
    jitter_ms: Annotated[float | None, typer.Option(help="Half-width around the delay.")] = None,
    loss: Annotated[float | None, typer.Option(help="Share of packets lost, 0 to 1.")] = None,
    rate_mbps: Annotated[float | None, typer.Option(help="Rate in Mbit/s.")] = None,
    direction: DirectionOption = None,
    lab: LabOption = None,
) -> None:
    """Change a circuit's delay, jitter, loss or rate at once, in both directions or in one.

    The weather adds to it and never undoes it.
    """
    shape: Shape = {}
    if delay_ms is not None:
        shape["delay_ms"] = delay_ms
    if jitter_ms is not None:
        shape["jitter_ms"] = jitter_ms
    if loss is not None:
        shape["loss"] = loss
    if rate_mbps is not None:
        shape["rate_mbps"] = rate_mbps
    if not shape:
        raise UsageProblem("say what to change: --delay-ms, --jitter-ms, --loss or --rate-mbps")
    _found(lab).impair(circuit, (direction,) if direction else BOTH, **shape)
    say(f"{circuit} is impaired; 'sanaga lab restore {circuit}' mends it")


@app.command(epilog="Example: sanaga lab shell mora-r1 --vtysh")
def shell(
    thing: Thing,
    vtysh: Annotated[bool, typer.Option("--vtysh", help="A router's own command line.")] = False,
    lab: LabOption = None,
) -> None:
    """Open a shell where a device or a host lives.

    Where a router lives, 'vtysh' is its own; where an edge lives, 'sanaga edge' speaks with its
    daemon.
    """
    from simulations.devices import routers
    from simulations.netns import namespaces

    found = _found(lab)
    if vtysh:
        router = found.blueprint.router(thing)
        argv = routers.vtysh_argv(found.folder.router(router.device))
        _become(router.namespace, argv, {})
    namespace = found.blueprint.namespace_of(thing)
    say(f"you are in {namespaces.namespace_path(namespace)}; 'exit' leaves it")
    shell_ = next(s for s in SHELLS if Path(s).exists())
    _become(namespace, (shell_,), found.variables(thing))


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: sanaga lab exec kolofata-e1 -- sanaga edge status",
)
def exec_(
    thing: Thing,
    command: Annotated[
        list[str], typer.Argument(metavar="[--] COMMAND…", help="Program and arguments.")
    ],
    lab: LabOption = None,
) -> None:
    """Run a program where a device or a host lives; its exit code is ours.

    Where a router lives, 'vtysh' is its own; where an edge lives, 'sanaga edge' speaks with its
    daemon.
    """
    found = _found(lab)
    _become(found.blueprint.namespace_of(thing), command, found.variables(thing))


def _become(namespace: str, argv: "Sequence[str]", variables: "Mapping[str, str]") -> None:
    """Turn this process into a program inside a namespace, with further variables.

    Raises UsageProblem when there is no such program.
    """
    from controller.environment import environment
    from simulations.netns.namespaces import entered_namespace

    with entered_namespace(namespace):
        try:
            chosen = {**environment(), **variables}
            os.execvpe(argv[0], list(argv), chosen)  # noqa: S606 - the person's own program
        except FileNotFoundError as error:
            raise UsageProblem(f"{argv[0]}: no such program") from error


@app.command(epilog="Example: sanaga lab fault mora-r1 drop")
def fault(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Name of a router.")],
    kind: Annotated[FaultKind, typer.Argument(metavar="KIND")],
    lab: LabOption = None,
) -> None:
    """Make a router misbehave when it is next changed; none repairs it.

    reject: it refuses the change. drop: the connection dies while it commits. hang: it says
    nothing until it has reverted. lockout: its management path is gone until it has reverted.
    crash-before: it fails before it commits. slow: it answers two seconds late.
    """
    _found(lab).fault(device, kind)
    say(f"{device}: {'repaired' if kind is FaultKind.NONE else f'fault {kind.value} is set'}")


@app.command(epilog="Example: sanaga lab restart mora-r1")
def restart(
    device: Annotated[
        str, typer.Argument(metavar="DEVICE", help="Name of a router or of an edge.")
    ],
    lab: LabOption = None,
) -> None:
    """Restart a router or an edge as a reboot would: everything that runs there ends.

    A router starts with its startup configuration, without what was not confirmed; an edge with
    its confirmed policy.
    """
    from simulations.netns.blueprint import Edge

    found = _found(lab)
    is_edge = isinstance(found.blueprint.machine(device), Edge)
    say(f"restarting {device}")
    found.restart(device)
    loaded, shown = (
        ("confirmed policy", "paths") if is_edge else ("startup configuration", "sessions")
    )
    say(f"{device} runs again with its {loaded}; 'sanaga lab status' shows its {shown}")


@app.command(epilog="Example: sanaga lab run northern-spur-fibre-cut")
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario file, or one that came with us.")
    ],
    lab: LabOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Play a scenario on a configured laboratory; exit 1 when an expectation did not hold."""
    from simulations import scenario as scenarios

    known = {file.stem: file for file in scenarios.scenario_library()}
    wanted = scenarios.read_scenario(known.get(scenario, Path(scenario)))
    outcome = scenarios.run_scenario(wanted, _found(lab), report=say)
    rows = [
        {"expectation": f.expectation, "holds": f.holds, "evidence": f.evidence}
        for f in outcome.findings
    ]
    headings = {"expectation": "EXPECTATION", "holds": "HOLDS", "evidence": "EVIDENCE"}
    emit(outcome, output, lambda: show_rows(rows, headings))
    if not outcome.holds:
        raise typer.Exit(1)


app.command(epilog="Example: sanaga lab segments my-network")(segments)


@app.command(epilog="Example: sanaga lab down --all")
def down(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which laboratory; the only one if one.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every laboratory left on this machine.")
    ] = False,
) -> None:
    """Remove a laboratory, whatever is left of it: processes, namespaces, sockets, files."""
    from simulations.lab import lab
    from simulations.netns import registry

    left = registry.lab_names()
    if name is None and not everything and len(left) > 1:
        raise UsageProblem(f"several laboratories are up: {', '.join(left)}; name one, or --all")
    wanted = left if everything or name is None else (name,)
    for one in wanted:
        lab.take_down(one)
        say(f"laboratory {one} is gone" if one in left else f"no laboratory {one} was up")
    if not wanted:
        say("no laboratory was up")
