"""What a command line says of a person, checked: names, days, keys and reasons."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from ipaddress import IPv6Interface, ip_interface
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from controller.store.people_records import PersonRecord
from controller.terminal.completion import (
    complete_gateway,
    complete_person,
    complete_role,
    complete_work_site,
)
from controller.terminal.output import UsageProblem
from inventory.free_text import LONGEST_REASON, LONGEST_TITLE, line_fault, without_keys
from inventory.names import HINT, is_name
from vpn.key_text import PublicKey
from vpn.model import Address, Person
from vpn.wireguard import keys

if TYPE_CHECKING:
    from controller.access.devices import DeviceFiles
    from controller.cli_vpn.delivery import Delivery
    from controller.store.audit import Actor
    from controller.vpn_control.model import Dialling, Handing


NameArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Short name of the person, such as a-ngono.",
        autocompletion=complete_person,
    ),
]
DeviceOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE", help="Which device; the only one unless named."),
]
KeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--public-key", metavar="KEY", help="Public key of a pair that was made on the device."
    ),
]
GatewayOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="GATEWAY",
        help="Gateway to dial; the first unless named.",
        autocompletion=complete_gateway,
    ),
]
UntilOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="YYYY-MM-DD", help="Last day of access; 'none' lets it have no end."
    ),
]
LicenceOption: TypeAlias = Annotated[
    str | None, typer.Option("--licence", metavar="NUMBER", help="Number of the licence.")
]
LicenceUntilOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--licence-until",
        metavar="YYYY-MM-DD",
        help="Last day of the licence, which access never outlasts; 'none' for none.",
    ),
]
TitleOption: TypeAlias = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="How the person is called.")
]
RoleOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--role", metavar="ROLE", help="Role, as groups have it.", autocompletion=complete_role
    ),
]
SiteOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--site",
        metavar="SITE",
        help="Site where the person works.",
        autocompletion=complete_work_site,
    ),
]

ListArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, help="List of people, .csv or .yaml."
    ),
]
PruneOption: TypeAlias = Annotated[
    bool, typer.Option("--prune", help="Revoke every device that is not listed.")
]

_NEEDED: Final = ("title", "role", "site")
NO_END: Final = "none"


def given(
    title: str | None,
    role: str | None,
    site: str | None,
    licence: str | None,
    licence_until: str | None,
    until: str | None,
) -> dict[str, Any]:
    """Return what options say of a person, without those that say nothing.

    Only what is said is checked: what is on record has been, when it was said. Raises UsageProblem.
    """
    texts = {"title": title, "licence": licence}
    slugs = {"role": role, "site": site}
    days = {"licence_until": licence_until, "until": until}
    words = {key: _line(text, f"--{key}", LONGEST_TITLE) for key, text in texts.items() if text}
    names = {key: slug(text, key) for key, text in slugs.items() if text}
    return {**words, **names} | {
        key: None if text == NO_END else day(text, f"--{key.replace('_', '-')}")
        for key, text in days.items()
        if text
    }


def wanted(known: PersonRecord | None, name: str, said: Mapping[str, Any]) -> Person:
    """Return the person that options describe; of somebody who has access they may say nothing.

    Access ends with the licence unless an earlier day is named.
    """
    if known and not known.revoked:
        return replace(known.person, **said)
    missing = [f"--{key}" for key in _NEEDED if key not in said]
    if missing:
        raise UsageProblem(f"{name} is new here; say {', '.join(missing)} as well")
    person = Person(slug(name, "person"), **said)
    return replace(person, until=person.until or person.licence_until)


def changed(before: Person, said: Mapping[str, Any]) -> Person:
    """Return a person of whom options say something else.

    Access that ends with the licence goes on doing so when the licence is renewed.
    """
    after = replace(before, **said)
    follows = "until" not in said and before.until == before.licence_until
    if follows or after.until is None:
        after = replace(after, until=after.licence_until)
    return after


def slug(text: str, what: str) -> str:
    """Return a name as it is written everywhere."""
    if is_name(text):
        return text
    raise UsageProblem(f"{without_keys(text)!r} is no name of a {what}; {HINT}")


def day(text: str | None, option: str) -> date | None:
    """Return a day as ISO 8601 writes it."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageProblem(
            f"{option} {without_keys(text)!r} is no day; write '2027-02-28'"
        ) from None


def key(text: str | None) -> PublicKey | None:
    """Return a public key that a device brings."""
    if text is None:
        return None
    try:
        return keys.parse_public(text)
    except ValueError as error:
        raise UsageProblem(f"--public-key: {error}; show it with 'wg pubkey' there") from None


def sought(text: str) -> Address | PublicKey:
    """Return an address or a public key."""
    with suppress(ValueError):
        # An address as such, as 'wg show' has it (172.26.0.17/32), or within IPv6 (RFC 4291).
        found = ip_interface(text)
        mapped = found.ip.ipv4_mapped if isinstance(found, IPv6Interface) else None
        if found.network.num_addresses == 1:
            return mapped or found.ip
    try:
        return keys.parse_public(text)
    except ValueError as error:
        raise UsageProblem(
            f"{without_keys(text)!r} is no address, and no public key either: {error}"
        ) from None


def reason(text: str) -> str:
    """Return why something is done, in one line."""
    return _line(text, "--because", LONGEST_REASON)


def _line(text: str, option: str, longest: int) -> str:
    """Return a text without blanks around it, by the rule that lists and documents go by."""
    plain = text.strip()
    if fault := line_fault(plain, longest):
        raise UsageProblem(f"{option}: {fault.what}; {fault.hint}")
    return plain


BecauseOption: TypeAlias = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Why, for the audit chain.")
]


def act(because: str) -> "Actor":
    """Return who acts and why. Raises UsageProblem when there is no reason."""
    from controller.environment import administrator
    from controller.store.audit import Actor

    return Actor(administrator(), reason(because))


def filed(dialling: "Dialling", gateway: str | None) -> Callable[["DeviceFiles"], str]:
    """Return what writes a device's file for a gateway, the first unless named.

    Raises UnknownNameError when there is none of that name, AccessError without any.
    """
    from controller.cli_vpn.person_view import ending
    from inventory.errors import AccessError
    from vpn.wireguard.config import render_config

    chosen = dialling.chosen(gateway)

    def text(handover: "DeviceFiles") -> str:
        person, device = handover.person, handover.device
        if chosen not in handover.files:
            raise AccessError(f"{chosen} is no gateway any more; name another one with --gateway")
        remark = f"{dialling.network}: {device.name} of {person.title}{ending(person)}"
        return render_config(handover.files[chosen], remark=remark)

    return text


def refuse_place(url: str | None, folder: Path) -> None:
    """Raise UsageProblem when a folder is named for a controller elsewhere."""
    if url and folder != Path():
        raise UsageProblem("a controller elsewhere goes by its own folder; leave --dir out")


def handing(delivery: "Delivery", text: Callable[["DeviceFiles"], str]) -> "Handing":
    """Return how a device's files are written where a person said, and taken back."""
    from controller.vpn_control.model import Handing

    return Handing(lambda made: delivery.hand(text(made)), delivery.withdraw)
