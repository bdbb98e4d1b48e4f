"""Sites' own keys, and what gateways of people are told where they are loaded by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli_vpn.arguments import BecauseOption, act, refuse_place
from controller.cli_vpn.delivery import Delivery
from controller.terminal.completion import complete_edge, complete_gateway
from controller.terminal.controllers import ControllerOption
from controller.terminal.folders import FolderOption
from controller.terminal.output import (
    Exit,
    Format,
    FormatOption,
    UsageProblem,
    emit,
    emit_rows,
    say,
    write,
)
from controller.terminal.vpn_access import open_access, sites_access
from controller.wording import count

if TYPE_CHECKING:
    from controller.vpn_control.sites import SitesAccess

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Let sites in, shut them out, move them to other keys; write what gateways need.",
)
GatewayArgument = Annotated[
    str,
    typer.Argument(
        metavar="GATEWAY",
        help="Device that people dial, such as yaounde-e1.",
        autocompletion=complete_gateway,
    ),
]
EdgeArgument = Annotated[
    str,
    typer.Argument(
        metavar="EDGE",
        help="Edge of the intent, such as kolofata-e1.",
        autocompletion=complete_edge,
    ),
]
WithinOption = Annotated[
    str, typer.Option("--within", metavar="DURATION", help="How long to wait, such as 90s or 10m.")
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
    controller: ControllerOption = None,
) -> None:
    """Write the peers of a gateway; the file begins with how to load it there.

    Whoever is not among them is let in no more. It holds preshared keys: carry it over a protected
    way, load it, and remove it.
    """
    delivery = Delivery(file=file).settled()
    with open_access(controller) as access:
        peers, number = access.gateways.peers(gateway, act(because))
    delivery.hand(_HOW.format(gateway=gateway, file=file.name) + peers)
    delivery.tell(quick=False)
    say(f"{count(number, 'device')} may dial {gateway} once it is loaded there")


@app.command(epilog="Example: sanaga vpn site rules yaounde-e1 people0")
def rules(
    gateway: GatewayArgument,
    interface: Annotated[
        str, typer.Argument(metavar="INTERFACE", help="WireGuard interface of people there.")
    ],
    controller: ControllerOption = None,
) -> None:
    """Print the packet filter of a gateway, for 'nft -f': what grants open, and nothing else."""
    with open_access(controller) as access:
        write(access.gateways.rules(gateway, interface))


@app.command("list", epilog="Example: sanaga vpn site list --dir my-network")
def list_(
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List the edges with their keys, the ones that they move to, and when they moved last."""
    from controller.cli_vpn import site_changes

    emit_rows(_keys(controller, folder).rows(), output, site_changes.COLUMNS)


@app.command(epilog="Example: sanaga vpn site rotate kolofata-e1 --dir net --because yearly")
def rotate(
    because: BecauseOption,
    edges: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EDGE]...", help="Which edges.", autocompletion=complete_edge),
    ] = None,
    folder: FolderOption = Path(),
    every: Annotated[
        bool, typer.Option("--all", help="All edges, those that moved longest ago first.")
    ] = False,
    at_most: Annotated[
        int | None, typer.Option("--at-most", metavar="N", min=1, help="So many of them.")
    ] = None,
    controller: ControllerOption = None,
) -> None:
    """Have edges make keys to move to, and write them into edge_keys beside the present ones.

    Private keys never leave the edges. Planning and applying lets both ends know both keys; each
    edge then moves one tunnel after the other, without losing a packet where it has two circuits,
    and goes back by itself when the far end does not answer.
    """
    from controller.cli_vpn import site_changes

    if bool(edges) == every:
        raise UsageProblem("name edges, or say --all")
    access = _keys(controller, folder)
    if not site_changes.rotate(access, folder, edges or (), at_most, because):
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn site status --dir my-network")
def status(
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show how far the edges are that move to other keys."""
    from controller.cli_vpn import site_changes

    emit_rows(_keys(controller, folder).progress(), output, site_changes.PROGRESS)


@app.command(epilog="Example: sanaga vpn site settle --dir net --within 10m --because yearly")
def settle(
    because: BecauseOption,
    folder: FolderOption = Path(),
    within: WithinOption = "0s",
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="DEVICE",
            help="A far end that is out for long and need not know the keys now; repeatable.",
        ),
    ] = None,
    controller: ControllerOption = None,
) -> None:
    """Let the keys to which edges have moved be their only ones, in edge_keys.

    Ends with code 5 when some have not moved yet, or a far end may not know their other key; they
    keep both.
    """
    from controller.cli_vpn import site_changes
    from controller.terminal.durations import seconds

    access, spared, patience_s = (
        _keys(controller, folder),
        frozenset(without or ()),
        seconds(within),
    )
    if not site_changes.settle(access, folder, spared, patience_s, because):
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn site add mora-e1 KEY --dir net --because 'new site'")
def add(
    edge: EdgeArgument,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Public key, as 'sanaga edge enrol' prints it.")
    ],
    because: BecauseOption,
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
) -> None:
    """Pin the key of an edge in edge_keys, unless it is revoked or somebody else's."""
    from controller.cli_vpn import site_changes

    site_changes.add(_keys(controller, folder), folder, edge, key, because)


@app.command(epilog="Example: sanaga vpn site show kolofata-e1 --dir my-network")
def show(
    edge: EdgeArgument,
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show an edge: its keys, the far ends of its tunnels, and the list of revoked keys it has."""
    from controller.cli_vpn import site_changes
    from inventory.text_table import aligned, cell

    found = _keys(controller, folder).detail(edge)
    lines = [(name, cell(found[field])) for field, name in site_changes.DETAIL.items()]
    emit(found, output, lambda: write(aligned(lines)))


@app.command(epilog="Example: sanaga vpn site revoke mora-e1 --dir net --because 'it was stolen'")
def revoke(
    edges: Annotated[
        list[str],
        typer.Argument(metavar="EDGE...", help="Which edges.", autocompletion=complete_edge),
    ],
    because: BecauseOption,
    folder: FolderOption = Path(),
    within: WithinOption = "0s",
    controller: ControllerOption = None,
) -> None:
    """Withdraw all keys of edges for good: every edge that is reached shuts them out at once.

    Those tell their neighbours, so that an edge which does not hear the controller learns of it,
    too. Ends with code 5 when an edge could not be told.
    """
    from controller.cli_vpn import site_changes
    from controller.terminal.durations import seconds

    access = _keys(controller, folder)
    if not site_changes.revoke(access, folder, edges, seconds(within), because):
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn site load --dir my-network --within 10m")
def load(
    edges: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EDGE]...",
            help="Which edges; all unless named.",
            autocompletion=complete_edge,
        ),
    ] = None,
    folder: FolderOption = Path(),
    within: WithinOption = "0s",
    controller: ControllerOption = None,
) -> None:
    """Hand edges the preshared keys that they lack, and the list of revoked keys.

    An apply does so, too; this is for edges that lost theirs, or were not reached. Ends with code 5
    when an edge could not be told.
    """
    from controller.cli_vpn import site_changes
    from controller.terminal.durations import seconds

    if not site_changes.equip(_keys(controller, folder), edges or (), seconds(within)):
        raise typer.Exit(Exit.DIFFERS)


def _keys(url: str | None, folder: Path) -> "SitesAccess":
    """Return edges' keys of a folder, or of a controller. Raises UsageProblem."""
    refuse_place(url, folder)
    return sites_access(url, folder)
