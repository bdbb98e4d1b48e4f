"""sanaga edge call: let a call's packets travel as a consultation, by their flow."""

import re
from ipaddress import ip_address
from typing import Annotated, Final, TypeAlias

from edge.cli.declare import BadParameter, Option, Typer
from edge.cli.durations import duration
from edge.cli.output import DirOption, Format, FormatOption, emit, folder, say, show_rows

app = Typer(no_args_is_help=True, help="Announce calls that their marks do not tell.")

_END: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f:]+?))(?::([0-9]{1,5}))?")
_HEADINGS: Final = {
    "service": "CLASS",
    "protocol": "PROTOCOL",
    "from": "FROM",
    "to": "TO",
    "left_s": "LEFT S",
}

FromOption: TypeAlias = Annotated[
    str, Option("--from", metavar="ADDRESS[:PORT]", help="Where its packets come from.")
]
ToOption: TypeAlias = Annotated[
    str, Option("--to", metavar="ADDRESS[:PORT]", help="Where they go, behind a peer.")
]
ProtocolOption: TypeAlias = Annotated[str, Option(metavar="udp|tcp", help="Of its packets.")]


@app.command(epilog="Example: sudo sanaga edge call add --from 10.0.3.20 --to 10.0.1.5:3478")
def add(
    source: FromOption,
    target: ToOption,
    protocol: ProtocolOption = "udp",
    service: Annotated[
        str, Option("--class", metavar="CLASS", help="The consultation's class.")
    ] = "consultation-video",
    lasts: Annotated[
        str, Option("--for", metavar="TIME", help="For how long, such as 90s, 45m or 2h.")
    ] = "2h",
    directory: DirOption = None,
) -> None:
    """Let packets of a flow leave as a consultation for a time; again, to prolong it.

    Without a port any port matches.
    """
    from edge.control import client as control
    from edge.nftables.call_flows import require_care_class

    request = {**_flow(source, target, protocol), "for_s": duration(lasts)}
    request["service"] = require_care_class(service)
    control.request(folder(directory), "call-add", **request)
    say(f"packets from {source} to {target} travel as {service} for {lasts}")


@app.command(epilog="Example: sudo sanaga edge call remove --from 10.0.3.20 --to 10.0.1.5:3478")
def remove(
    source: FromOption,
    target: ToOption,
    protocol: ProtocolOption = "udp",
    directory: DirOption = None,
) -> None:
    """Let packets of a flow be ordinary traffic again; nothing happens when they are."""
    from edge.control import client as control

    control.request(folder(directory), "call-remove", **_flow(source, target, protocol))
    say(f"packets from {source} to {target} are no announced call")


@app.command("list", epilog="Example: sanaga edge call list -o json")
def list_(directory: DirOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show the calls that were announced and are not over."""
    from edge.control import client as control

    calls = control.request(folder(directory), "calls")["calls"]
    rows = [
        {
            **call,
            "from": _shown(call["source"], call["source_port"]),
            "to": _shown(call["destination"], call["destination_port"]),
        }
        for call in calls
    ]
    emit(calls, output, lambda: show_rows(rows, _HEADINGS))


def _flow(source: str, target: str, protocol: str) -> dict[str, object]:
    (near, near_port), (far, far_port) = _end(source, "--from"), _end(target, "--to")
    return {
        "protocol": protocol,
        "source": near,
        "source_port": near_port,
        "destination": far,
        "destination_port": far_port,
    }


def _end(text: str, option: str) -> tuple[str, int | None]:
    found = _END.fullmatch(text)
    address = (found[1] or found[2] or found[3]) if found else text
    try:
        known = str(ip_address(address))
    except ValueError as error:
        hint = "write 10.0.3.20, 10.0.3.20:5004 or [fd00::1]:5004"
        raise BadParameter(f"{option}: '{text}' is no address; {hint}") from error
    return known, int(found[4]) if found and found[4] else None


def _shown(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
