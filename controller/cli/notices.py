"""Who is told of incidents: who is on call, and whether notices reach a person."""

from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from controller.terminal.folders import FolderOption
from controller.terminal.output import Exit, Format, FormatOption, emit, emit_rows, say, show_rows
from controller.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.channels.message import ContactPoint, Sender
    from controller.load import Loaded
    from controller.notices.model import Person
    from controller.notices.schedule import Rota, Shift

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Say who is on call, and test whether notices reach people.",
)
_DAYS: Final = 7
_SHIFT_HEADINGS: Final = {"rota": "ROTA", "person": "PERSON", "from": "FROM", "to": "TO"}
_TEST_HEADINGS: Final = {
    "contact": "CONTACT",
    "channel": "CHANNEL",
    "sent": "SENT",
    "result": "RESULT",
}


@app.command("rota", epilog="Example: sanaga notices rota noc --dir my-network")
def show_rota(
    name: Annotated[
        str | None, typer.Argument(metavar="ROTA", help="Rota; all of them unless named.")
    ] = None,
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Show who is on call now and in the next seven days, in the time zone of each rota."""
    from controller.clock import SystemClock
    from controller.load import load

    policy = load(folder).notices
    now = SystemClock().instant().replace(microsecond=0)
    rotas = [_known("rota", name, policy.rotas)] if name else list(policy.rotas.values())
    if not rotas:
        say("the intent has no rota; write one under 'notices: rotas:'")
    answer = [_rota_row(rota, now) for rota in rotas]
    shifts = [{"rota": row["rota"], **shift} for row in answer for shift in row["shifts"]]  # type: ignore[attr-defined]

    def show() -> None:
        for row in answer:
            say(f"{row['rota']}: {row['on_call'] or 'nobody'} is on call now ({row['zone']})")
        if shifts:
            show_rows(shifts, _SHIFT_HEADINGS)

    emit(answer, output, show)


@app.command("test", epilog="Example: sanaga notices test awa --dir my-network")
def send_test(
    name: Annotated[str, typer.Argument(metavar="PERSON", help="Person of the section notices.")],
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Send a marked test to a person through each contact point, and print what became of it.

    Quiet hours do not hold it back. A test that is not accepted ends with code 1.
    """
    from controller.load import load

    loaded = load(folder)
    person = _known("person", name, loaded.notices.people)
    rows = _test_all(loaded, person)
    emit_rows(rows, output, _TEST_HEADINGS)
    refused = sum(not row["sent"] for row in rows)
    if refused:
        say(f"{count(refused, 'test')} of {len(rows)} not accepted")
        raise typer.Exit(Exit.ERROR)


def _known(noun: str, name: str, known: "Mapping[str, T]") -> T:
    """Return what bears a name. Raises UnknownNameError with the nearest names."""
    from inventory.errors import UnknownNameError

    if name in known:
        return known[name]
    near = get_close_matches(name, sorted(known), n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else "see the section 'notices'"
    raise UnknownNameError(f"no {noun} of the notices is called {name!r}; {advice}")


def _rota_row(rota: "Rota", now: datetime) -> dict[str, object]:
    from controller.notices.schedule import on_call, shifts

    found = shifts(rota, now, now + timedelta(days=_DAYS))
    return {
        "rota": rota.name,
        "zone": rota.zone,
        "on_call": on_call(rota, now),
        "shifts": [_shift_row(rota, one) for one in found],
    }


def _shift_row(rota: "Rota", shift: "Shift") -> dict[str, str]:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(rota.zone)
    ends = {"from": shift.during.begins, "to": shift.during.ends}
    local = {key: at.astimezone(zone).isoformat(timespec="minutes") for key, at in ends.items()}
    return {"person": shift.person, **local}


def _test_all(loaded: "Loaded", person: "Person") -> list[dict[str, object]]:
    from dataclasses import replace

    from controller.app import open_senders

    only = replace(loaded.notices, people={person.name: person})
    with open_senders(only, loaded.folder) as senders:
        return [_test_one(person, point, senders[point.kind]) for point in person.contacts]


def _test_one(person: "Person", point: "ContactPoint", sender: "Sender") -> dict[str, object]:
    from controller.channels.message import MessageKind, SendError
    from controller.clock import SystemClock
    from controller.notices.texts import Report, write_message
    from inventory.errors import SanagaError

    key = f"test.{int(SystemClock().instant().timestamp() * 1000)}"
    message = write_message(Report(MessageKind.TEST, key), person, point)
    row: dict[str, object] = {"contact": point.name, "channel": str(point.kind)}
    try:
        return {**row, "sent": True, "result": sender.send(message)}
    except (SendError, SanagaError) as error:
        return {**row, "sent": False, "result": str(error)}
