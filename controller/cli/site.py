"""Sites' own keys, and what gateways of people are told where they are loaded by hand."""

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.delivery import Delivery
from controller.cli.desk import BecauseOption, act, desk
from controller.cli.folders import FolderOption
from controller.cli.output import (
    Exit,
    Format,
    FormatOption,
    UsageProblem,
    count,
    emit_rows,
    say,
    write,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Let sites move to other keys, and write what a gateway needs to let people in.",
)
GatewayArgument = Annotated[
    str, typer.Argument(metavar="GATEWAY", help="Device that people dial, such as yaounde-e1.")
]

# The interface's own section stays as it is; without it, syncconf would take the private key away.
_HOW = """# peers of {gateway}; load them there, in bash, for an interface people0:
#   wg syncconf people0 <(wg showconf people0 | sed '/^\\[Peer\\]/,$d'; cat {file})

"""


@app.command(
    epilog="Example: sanaga vpn site export yaounde-e1 --file people.conf --because 'new doctors'"
)
def export(
    gateway: GatewayArgument,
    because: BecauseOption,
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="Where it is written.")
    ],
) -> None:
    """Write the peers of a gateway; the file begins with how to load it there.

    Whoever is not among them is let in no more. It holds preshared keys: carry it over a protected
    way, load it, and remove it.
    """
    from vpn import people, wgfile

    delivery = Delivery(file=file).settled()
    with desk() as opened:
        charge = opened.roster(gateway)
        peers = people.peers(charge.roster, charge.preshared)
        opened.store.told(gateway, len(peers), act(because))
        delivery.hand(_HOW.format(gateway=gateway, file=file.name) + wgfile.render_peers(peers))
    delivery.tell()
    say(f"{count(len(peers), 'device')} may dial {gateway} once it is loaded there")


@app.command(epilog="Example: sanaga vpn site rules yaounde-e1 people0")
def rules(
    gateway: GatewayArgument,
    interface: Annotated[
        str, typer.Argument(metavar="INTERFACE", help="WireGuard interface of people there.")
    ],
) -> None:
    """Print the packet filter of a gateway, for 'nft -f': what grants open, and nothing else."""
    from dataclasses import replace

    from vpn import filters

    filters.checked_interface(interface)
    with desk() as opened:
        roster = opened.roster(gateway).roster
    write(replace(roster, interface=interface).table())


@app.command("list", epilog="Example: sanaga vpn site list --dir my-network")
def list_(folder: FolderOption = Path(), output: FormatOption = Format.TABLE) -> None:
    """List the edges with their keys, the ones that they move to, and when they moved last."""
    from controller.cli import site_keys

    emit_rows(site_keys.rows(folder), output, site_keys.COLUMNS)


@app.command(epilog="Example: sanaga vpn site rotate kolofata-e1 --dir net --because yearly")
def rotate(
    because: BecauseOption,
    edges: Annotated[
        list[str] | None, typer.Argument(metavar="[EDGE]...", help="Which edges.")
    ] = None,
    folder: FolderOption = Path(),
    every: Annotated[
        bool, typer.Option("--all", help="All edges, those that moved longest ago first.")
    ] = False,
    at_most: Annotated[
        int | None, typer.Option("--at-most", metavar="N", min=1, help="So many of them.")
    ] = None,
) -> None:
    """Have edges make keys to move to, and write them into edge_keys beside the present ones.

    Private keys never leave the edges. Planning and applying lets both ends know both keys; each
    edge then moves one tunnel after the other, without losing a packet where it has two circuits,
    and goes back by itself when the far end does not answer.
    """
    from controller.cli import site_keys

    if bool(edges) == every:
        raise UsageProblem("name edges, or say --all")
    if not site_keys.rotate(folder, edges or (), at_most, because):
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn site status --dir my-network")
def status(folder: FolderOption = Path(), output: FormatOption = Format.TABLE) -> None:
    """Show how far the edges are that move to other keys."""
    from controller.cli import site_keys

    emit_rows(site_keys.progress(folder), output, site_keys.PROGRESS)


@app.command(epilog="Example: sanaga vpn site settle --dir net --within 10m --because yearly")
def settle(
    because: BecauseOption,
    folder: FolderOption = Path(),
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait, such as 90s, 10m or 2h.")
    ] = "0s",
) -> None:
    """Let the keys to which edges have moved be their only ones, in edge_keys.

    Ends with code 5 when some have not moved yet; they keep both.
    """
    from controller.cli import site_keys
    from controller.cli.durations import seconds

    if not site_keys.settle(folder, seconds(within), because):
        raise typer.Exit(Exit.DIFFERS)
