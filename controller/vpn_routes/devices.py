"""Routes of people's devices: files are made here and written by who asks, then they count.

The private key of a device is never sent: who asks makes it, or the device itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from controller.access.devices import DeviceFiles, PendingDevice
from controller.access.pending import (
    known_plain,
    open_pending,
    pending_plain,
    read_known,
    read_pending,
    seal_pending,
)
from controller.access.person_json import person_detail
from controller.access.registrar import Registrar
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.repeating import RepeatableRoute
from controller.app import open_registrar
from controller.change_routes.vpn import (
    PersonParameter,
    found_person,
    may_at,
    require_line,
    vpn_actor,
)
from controller.clock import SystemClock
from controller.environment import state_dir
from controller.keys.psk_sealing import PskVault
from controller.operations.exchange import error_json
from controller.roles import Right
from controller.store.people_records import PersonRecord
from controller.vpn_control.adapters import DEVICE, PERSON
from controller.vpn_control.here import PeopleHere
from inventory.errors import AccessError
from inventory.free_text import LONGEST_TITLE
from inventory.names import HINT, is_name
from vpn.key_text import PublicKey
from vpn.model import Address, Person
from vpn.wireguard import keys
from vpn.wireguard.config import render_config

# Answers hold preshared keys, so none of these is kept to be given again.
router: Final = APIRouter(prefix="/vpn")
repeatable: Final = APIRouter(prefix="/vpn", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
KeyText = Annotated[str, Field(max_length=100)]


class PersonBody(Body):
    """Somebody who is to have access."""

    name: ShortText
    title: ShortText
    role: ShortText
    site: ShortText
    licence: ShortText = ""
    licence_until: date | None = None
    until: date | None = None

    def person(self) -> Person:
        """Return the trusted value. Raises ProblemError."""
        for what in ("name", "role", "site"):
            require_name(getattr(self, what), what)
        for what in ("title", "licence") if self.licence else ("title",):
            require_line(getattr(self, what), what, LONGEST_TITLE)
        return PERSON.validate_python(self.model_dump())


class NewDevice(Body):
    """A device for a person, with the public key of a pair that was made elsewhere.

    Without a key it is only checked whether the person may have it; what is returned then can be
    sent as known with the key, for whatever others change meanwhile stands.
    """

    person: PersonBody
    device: ShortText
    public_key: KeyText | None = None
    known: str = Field("", max_length=100_000)


class Refusal(Body):
    """A device that was not let in: of somebody at which site, what speaks against it, and why."""

    device: ShortText
    site: ShortText
    refused: Annotated[str, Field(max_length=2_000)]
    because: BecauseText = Field(min_length=1)


class NewKey(Body):
    """Another public key for a device, the only one of its person unless it is named."""

    device: ShortText | None = None
    public_key: KeyText


class EntryRequest(Body):
    """A device whose files are written: what was sealed for it, and why it gets access."""

    pending: str = Field(max_length=100_000)
    because: BecauseText = Field(min_length=1)


class ExportRequest(Body):
    """Whose file is wanted again, and why."""

    device: ShortText | None = None
    because: BecauseText = Field(min_length=1)


class ChangeRequest(Body):
    """Who a person is from now on, and why."""

    person: PersonBody
    because: BecauseText = Field(min_length=1)


class OwnerRequest(Body):
    """An address behind a gateway, or a public key."""

    sought: ShortText


@router.post("/people/{name}/devices", openapi_extra=needs(Right.CHANGE_PEOPLE))
def prepare_device(name: PersonParameter, asked: NewDevice, reader: Reader) -> dict[str, Any]:
    """Return the files of a device that is to be given access; 'entry' gives it."""
    person = asked.person.person()
    key = public_key_of(asked.public_key) if asked.public_key is not None else None
    known = _known(asked, reader)
    require_name(asked.device, "device")
    _require_same(name, person)
    _require_at(reader, person.site)
    with open_registrar() as registrar:
        if registrar.store.find(name):
            found_person(registrar, name, reader, Right.CHANGE_PEOPLE)
        if not asked.known:
            known = registrar.admissible(person, asked.device)
        if key is None:
            return {"known": sealed({"known": known_plain(known)}, reader)}
        registrar.store.refuse_known(key)
        return _prepared(registrar.prepare(known, person, asked.device, key), reader)


@router.post(
    "/people/{name}/refusals",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra=needs(Right.CHANGE_PEOPLE),
)
def note_refusal(name: PersonParameter, asked: Refusal, reader: Reader) -> None:
    """Note in the trail that a device which came was not let in, and why."""
    require_name(name, "name")
    require_name(asked.device, "device")
    _require_at(reader, asked.site)
    with open_registrar() as registrar:
        act, told = vpn_actor(reader, asked.because), {"refused": asked.refused}
        registrar.store.noted("device.refuse", name, act, device=asked.device, **told)


@router.post("/people/{name}/rotation", openapi_extra=needs(Right.CHANGE_PEOPLE))
def prepare_rotation(name: PersonParameter, asked: NewKey, reader: Reader) -> dict[str, Any]:
    """Return the files of a device that is to have another key; 'entry' lets it count."""
    with _changing(name, reader) as registrar:
        pending = registrar.prepare_rotation(name, asked.device, public_key_of(asked.public_key))
        return _prepared(pending, reader)


@router.post("/people/{name}/entry", openapi_extra=needs(Right.CHANGE_PEOPLE))
def enter_device(name: PersonParameter, asked: EntryRequest, reader: Reader) -> dict[str, Any]:
    """Put a device on record whose files are written; the same text again changes nothing."""
    pending = read_pending(_one(unsealed(asked.pending, reader)))
    made = pending.handover
    _require_same(name, made.person)
    _require_at(reader, made.person.site)
    with open_registrar() as registrar:
        owner = registrar.store.owner(made.device.public_key)
        if owner is None or owner.revoked or owner.device != made.device:
            registrar.commit_device(pending, vpn_actor(reader, asked.because))
    return {"device": DEVICE.dump_python(made.device, mode="json")}


@router.post("/people/{name}/export", openapi_extra=needs(Right.CHANGE_PEOPLE))
def export_device(name: PersonParameter, asked: ExportRequest, reader: Reader) -> dict[str, Any]:
    """Return a device's files again, but for its private key, which only the device has."""
    with _changing(name, reader) as registrar:
        act = vpn_actor(reader, asked.because)
        return files_json(registrar.export(name, asked.device, act))


@repeatable.put("/people/{name}", openapi_extra=needs(Right.CHANGE_PEOPLE))
def change_person(
    name: PersonParameter,
    asked: ChangeRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Let a person be of another title, role, site, licence or last day."""
    person = asked.person.person()
    _require_same(name, person)
    with _changing(name, reader) as registrar:
        _require_at(reader, person.site)
        require_match(if_match, _shown(registrar, name))
        registrar.change(person, vpn_actor(reader, asked.because))
        return tagged(response, _shown(registrar, name))


@router.post("/owners", openapi_extra=needs(Right.SEE_PEOPLE))
def find_owner(asked: OwnerRequest, reader: Reader) -> dict[str, Any]:
    """Return whose device has or had an address or a public key; no other one ever gets either."""
    sought = _sought(asked.sought)
    with open_registrar() as registrar:
        try:
            found = PeopleHere(registrar).owner(sought)
        except AccessError as error:
            raise _nobodys(error) from error
        if not may_at(reader, Right.SEE_PEOPLE, str(found.person["site"])):
            raise _nobodys(registrar.nobodys(sought))
    return {"person": found.person, "until": found.until}


def _nobodys(error: AccessError) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, str(error), {"error": error_json(error)})


def require_name(text: str, what: str) -> str:
    """Return a name as it is written everywhere. Raises ProblemError."""
    if is_name(text):
        return text
    detail = f"{what}: no name of ours; {HINT}"
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


@contextmanager
def _changing(name: str, reader: Viewer) -> Iterator[Registrar]:
    """Open the register to change somebody whom the reader may change."""
    with open_registrar() as registrar:
        found_person(registrar, name, reader, Right.CHANGE_PEOPLE)
        yield registrar


def _require_same(name: str, person: Person) -> None:
    if name != person.name:
        detail = f"the address names {name}, and the body {person.name}; name one person"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _require_at(reader: Viewer, site: str) -> None:
    if not may_at(reader, Right.CHANGE_PEOPLE, site):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"your roles do not cover the site {site}")


def public_key_of(text: str) -> PublicKey:
    """Return a public key. Raises ProblemError."""
    try:
        return keys.parse_public(text)
    except ValueError as error:
        detail = f"public_key: {error}; show it with 'wg pubkey' on the device"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from None


def _sought(text: str) -> Address | PublicKey:
    try:
        return ip_address(text)
    except ValueError:
        return public_key_of(text)


def sealed(pending: Any, reader: Viewer) -> str:
    """Return a text in which something waits for its reader."""
    vault, now = PskVault(state_dir()), SystemClock().instant()
    return seal_pending(vault, pending, _by(reader), now)


def unsealed(text: str, reader: Viewer) -> Any:
    """Return what waits in a text of sealed(). Raises AccessError."""
    vault, now = PskVault(state_dir()), SystemClock().instant()
    return open_pending(vault, text, _by(reader), now)


def _known(asked: NewDevice, reader: Viewer) -> PersonRecord | None:
    """Return who a person was when a request without a key was answered."""
    if not asked.known:
        return None
    return read_known(_one(unsealed(asked.known, reader)).get("known"))


def _one(told: Any) -> Any:
    if not isinstance(told, dict):
        detail = "pending: it is of a list; send it to the entry of people-lists"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    return told


def _by(reader: Viewer) -> str:
    return f"{reader.principal.account.id} {reader.principal.account.name}"


def _prepared(pending: PendingDevice, reader: Viewer) -> dict[str, Any]:
    return {**files_json(pending.handover), "pending": sealed(pending_plain(pending), reader)}


def files_json(made: DeviceFiles) -> dict[str, Any]:
    """Return a device and its files, as wg-quick reads them but for the private key."""
    return {
        "person": PERSON.dump_python(made.person, mode="json"),
        "device": DEVICE.dump_python(made.device, mode="json"),
        "files": {name: render_config(config) for name, config in made.files.items()},
    }


def _shown(registrar: Registrar, name: str) -> dict[str, object]:
    day = SystemClock().instant().date()
    return person_detail(registrar.store.entry(name), registrar.accepted(), day)
