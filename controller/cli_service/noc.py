"""sanaga noc: incidents and maintenance windows of a running controller."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from controller.app import open_controller
from controller.cli_service.handover import handover
from controller.terminal.controllers import ControllerOption
from controller.terminal.durations import seconds
from controller.terminal.output import Format, FormatOption, emit, emit_rows, say, show_rows, write
from inventory.text_table import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Incidents, consultations and maintenance windows of a running controller.",
    epilog="Example: sanaga noc incidents",
)
maintenance = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Windows in which work is announced: measured, but nobody is woken.",
)
app.command("handover", epilog="Example: sanaga noc handover --hours 8")(handover)
app.add_typer(maintenance, name="maintenance")

NumberArgument: TypeAlias = Annotated[
    int, typer.Argument(metavar="NUMBER", help="Number of the incident.")
]
CommentOption: TypeAlias = Annotated[
    str, typer.Option("--comment", metavar="TEXT", help="What the others should know.")
]
_NAME: Final = re.compile(r"[\w .-]{1,80}")
_HEADINGS: Final = {
    "number": "NO",
    "severity": "SEVERITY",
    "state": "STATE",
    "title": "TITLE",
    "sites": "SITES",
    "people": "PEOPLE",
    "consultations": "CALLS",
    "opened_at": "OPENED",
    "acknowledged_by": "ACKNOWLEDGED",
}
_CALL_HEADINGS: Final = {
    "name": "ID",
    "state": "STATE",
    "sites": "SITES",
    "begins_at": "FROM",
    "ends_at": "UNTIL",
    "incidents": "INCIDENTS",
}
_MINUTE_HEADINGS: Final = {
    "at": "MINUTE",
    "mos": "MOS",
    "loss": "LOST SHARE",
    "circuits": "OVER",
    "lost_s": "NO WAY S",
    "unknown_s": "UNKNOWN S",
}
_MOVE_HEADINGS: Final = {"at": "MOVED", "service": "CLASS", "circuit": "TO", "reason": "WHY"}
_WINDOW_HEADINGS: Final = {
    "name": "NAME",
    "subjects": "WHAT",
    "recurrence": "WHEN",
    "first_day": "DAY",
    "begins": "FROM",
    "ends": "UNTIL",
    "zone": "ZONE",
    "reason": "REASON",
}


@app.command(epilog="Example: sanaga noc incidents --all -o json")
def incidents(
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="One incident with its timeline.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Ended incidents, too, newest first.")
    ] = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List open incidents, the worst first; with a NUMBER, everything about that one."""
    client = open_controller(controller)
    if number is not None:
        found = client.get(f"/incidents/{number}")
        emit(found, output, lambda: _show_incident(found))
        return
    rows = client.all("/incidents", state="all" if everything else "open")
    if (backups := client.health().get("backup", "")).startswith("wrong: "):
        say(f"backups are {backups}; see 'sanaga backup list'")
    if not rows and output is Format.TABLE:
        say("no incident is open")
        return
    emit(rows, output, lambda: show_rows([_brief(row) for row in rows], _HEADINGS))


@app.command(epilog="Example: sanaga noc ack 12 --comment 'digger at Mora, crew is under way'")
def ack(
    number: NumberArgument, comment: CommentOption = "", controller: ControllerOption = None
) -> None:
    """Take an incident on: nobody else is called for it while it lasts."""
    _act(number, "acknowledge", controller, text=comment)


@app.command(epilog="Example: sanaga noc unack 12")
def unack(number: NumberArgument, controller: ControllerOption = None) -> None:
    """Give an incident back: others are called for it again."""
    _act(number, "unacknowledge", controller)


@app.command(epilog="Example: sanaga noc assign 12 a-ngono")
def assign(
    number: NumberArgument,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who is to work on it.")],
    controller: ControllerOption = None,
) -> None:
    """Say who works on an incident."""
    _act(number, "assign", controller, text=person)


@app.command(epilog="Example: sanaga noc comment 12 'splice is done, light is back'")
def comment(
    number: NumberArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The comment.")],
    controller: ControllerOption = None,
) -> None:
    """Write into an incident's timeline."""
    _act(number, "comment", controller, text=text)


@app.command(epilog="Example: sanaga noc mute 12 --for 2h")
def mute(
    number: NumberArgument,
    duration: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="For how long: 30m, 2h.")
    ] = "1h",
    off: Annotated[bool, typer.Option("--off", help="End the mute now.")] = False,
    controller: ControllerOption = None,
) -> None:
    """Send no notice of an incident for a while; it is measured and shown all the same."""
    if off:
        _act(number, "unmute", controller)
    else:
        _act(number, "mute", controller, for_s=seconds(duration))


@app.command(epilog="Example: sanaga noc consultation 6f0c2a94d1e87b35")
def consultation(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One that is over, and what it was like.")
    ] = None,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List consultations that run and come; with an ID, how one was that is over."""
    from controller.transport.api_client import segment

    client = open_controller(controller)
    if name is None:
        rows = [
            *client.all("/consultations", state="running"),
            *client.all("/consultations", state="coming"),
        ]
        emit_rows(rows, output, _CALL_HEADINGS)
        return
    found = client.get(f"/consultations/{segment(name)}/report")
    emit(found, output, lambda: _show_consultation(found))


@maintenance.command("list", epilog="Example: sanaga noc maintenance list -o json")
def list_windows(controller: ControllerOption = None, output: FormatOption = Format.TABLE) -> None:
    """List the windows that are open or to come."""
    rows = open_controller(controller).all("/maintenance")
    emit_rows(rows, output, _WINDOW_HEADINGS)


@maintenance.command(
    epilog="Example: sanaga noc maintenance add splice --circuit mora-kolofata-fibre "
    "--day 2026-12-01 --from 22:00 --until 02:00 --reason 'new splice'"
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the window.")],
    day: Annotated[str, typer.Option("--day", metavar="YYYY-MM-DD", help="Its first day.")],
    begins: Annotated[str, typer.Option("--from", metavar="HH:MM", help="When it opens.")],
    ends: Annotated[
        str,
        typer.Option(
            "--until", metavar="HH:MM", help="When it closes; not after --from is the next day."
        ),
    ],
    site: Annotated[list[str] | None, typer.Option("--site", metavar="SITE")] = None,
    device: Annotated[list[str] | None, typer.Option("--device", metavar="DEVICE")] = None,
    circuit: Annotated[list[str] | None, typer.Option("--circuit", metavar="CIRCUIT")] = None,
    weekly: Annotated[bool, typer.Option("--weekly", help="Every week from that day on.")] = False,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Whose clock --from and --until are.")
    ] = "Africa/Douala",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What is done.")] = "",
    controller: ControllerOption = None,
) -> None:
    """Announce work: what fails in that time is measured, and nobody is woken."""
    named = {"site": site, "device": device, "circuit": circuit}
    subjects = [{"kind": kind, "name": one} for kind, names in named.items() for one in names or ()]
    body = {
        "subjects": subjects,
        "recurrence": "weekly" if weekly else "once",
        "zone": zone,
        "first_day": day,
        "begins": begins,
        "ends": ends,
        "reason": reason,
    }
    open_controller(controller).send("PUT", f"/maintenance/{_segment(name)}", body)
    say(f"window {name} is announced")


@maintenance.command(epilog="Example: sanaga noc maintenance remove splice")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the window.")],
    controller: ControllerOption = None,
) -> None:
    """Take a window away; what still fails in it is reported from now on."""
    open_controller(controller).send("DELETE", f"/maintenance/{_segment(name)}")
    say(f"window {name} is removed")


def _show_consultation(found: "Mapping[str, Any]") -> None:
    write(f"{found['name']}  {', '.join(found['sites'])}\n\n{found['sentence']}")
    write(f"from {found['began_at']} to {found['ended_at']}")
    if not found["complete"]:
        say("telemetry of its last minute may still be on its way; ask again in two minutes")
    for end in found["ends"]:
        write(f"\n{end['site']} ({end['device']}):")
        show_rows(end["minutes"], _MINUTE_HEADINGS)
        if end["moves"]:
            write("")
            show_rows(end["moves"], _MOVE_HEADINGS)


def _segment(name: str) -> str:
    from controller.transport.api_client import ApiError, segment

    if not _NAME.fullmatch(name):
        raise ApiError(
            f"'{name}': write letters, digits, spaces, '.', '_' and '-', at most 80", 422
        )
    return segment(name)


def _act(number: int, kind: str, controller: str | None, **said: object) -> None:
    given = {key: value for key, value in said.items() if value not in {None, ""}}
    client = open_controller(controller)
    after = client.send("POST", f"/incidents/{number}/acts", {"kind": kind, **given})
    say(f"incident {number}: {after['state']}, {after['title']}")


def _brief(row: "Mapping[str, Any]") -> dict[str, object]:
    counted = {"sites": len(row["sites"]), "consultations": len(row["consultations"])}
    return {**row, **counted}


def _show_incident(found: "Mapping[str, Any]") -> None:
    write(f"{found['number']}  {one_line(found['title'])}\n\n{one_line(found['sentence'])}")
    facts = {
        "state": found["state"],
        "severity": found["severity"],
        "cause": found["cause"],
        "opened": found["opened_at"],
        "ended": found["ended_at"],
        "sites": ", ".join(found["sites"]),
        "cut off": ", ".join(found["cut_off"]),
        "facilities": found["facilities"],
        "people": found["people"],
        "consultations": ", ".join(found["consultations"]),
        "acknowledged by": found["acknowledged_by"],
        "assigned to": found["assigned_to"],
    }
    write("\n".join(f"{name}: {one_line(str(value))}" for name, value in facts.items() if value))
    write("\n".join(["evidence:", *(f"  {one_line(line)}" for line in found["evidence"])]))
    show_rows(found["timeline"], {"at": "AT", "kind": "WHAT", "by": "BY", "sentence": ""})
