"""What a gateway of people is told, for those who load it by hand."""

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.delivery import Delivery
from controller.cli.desk import act, desk
from controller.cli.output import count, say, write

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Write what a gateway needs to let people in.",
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
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for the audit.")],
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
