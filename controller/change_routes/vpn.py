"""Routes of the VPN: people and their devices, gateways, edges' keys; revoking access."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from controller.access.gateways import Gateways, RosterPushed, reachable, roster_lag
from controller.access.person_json import access_state, ends_within, person_detail, person_listed
from controller.access.registrar import Registrar
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api.scope import everywhere, is_local, require_everywhere
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.repeating import RepeatableRoute
from controller.app import open_people, open_registrar
from controller.clock import SystemClock
from controller.environment import state_dir
from controller.roles import Right
from controller.sites.edges import moved_on
from controller.store.audit import Actor
from controller.store.people_records import PersonRecord
from inventory.free_text import LONGEST_REASON, line_fault
from inventory.intent import pinned_edge_keys
from inventory.model import Role
from vpn.model import PersonDevice

router: Final = APIRouter(prefix="/vpn", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
PersonParameter = Annotated[str, Path(max_length=200)]
Text = Annotated[str | None, Query(max_length=200)]


class RevokeRequest(Body):
    """Why access ends; without a device it is all of a person's.

    cutting are edges whose key a device has, and which are cut for good. Without tell no gateway is
    told now.
    """

    because: BecauseText = Field(min_length=1)
    device: ShortText | None = None
    cutting: list[ShortText] = Field([], max_length=100)
    tell: bool = True


@router.get("/people", openapi_extra=needs(Right.SEE_PEOPLE))
def list_people(  # noqa: PLR0913, PLR0917 - a parameter for each column
    reader: Reader,
    pages: PageParameters,
    role: Text = None,
    site: Text = None,
    ending_within_days: Annotated[int | None, Query(ge=0, le=3_650)] = None,
    state: Annotated[Literal["active", "expired", "revoked", "all"], Query()] = "active",
    name: Text = None,
    search: Text = None,
) -> dict[str, Any]:
    """List people by name: who has access, or whose access ends soon.

    search is a part of a name, a title or a device's name.
    """
    day = _today()
    with open_people() as store:
        found = [
            entry
            for entry in store.entries()
            if _sees(reader, entry)
            and name in {None, entry.person.name}
            and role in {None, entry.person.role}
            and site in {None, entry.person.site}
            and state in {"all", access_state(entry, day)}
            and (search is None or _mentions(entry, search.casefold()))
            and (ending_within_days is None or ends_within(entry.person, day, ending_within_days))
        ]
    found.sort(key=_name)
    return page_of(found, _name, pages).json(lambda entry: person_listed(entry, day))


@router.get("/terms", openapi_extra=needs(Right.SEE_PEOPLE))
def read_terms(reader: Reader) -> dict[str, Any]:
    """Return the roles, sites and gateways of the access policy that holds."""
    require_everywhere(reader, Right.SEE_PEOPLE)
    with open_people() as store:
        terms = store.terms()
    return {
        "network": terms.network if terms else None,
        "roles": list(terms.roles) if terms else [],
        "sites": sorted(terms.sites) if terms else [],
        "gateways": [gateway.device for gateway in terms.gateways] if terms else [],
    }


@router.get("/people/{name}", openapi_extra=needs(Right.SEE_PEOPLE))
def read_person(name: PersonParameter, reader: Reader, response: Response) -> dict[str, Any]:
    """Return a person's access, groups, devices and addresses."""
    with open_registrar() as registrar:
        return tagged(response, _shown(registrar, _found(registrar, name, reader)))


@router.post("/people/{name}/revoke", openapi_extra=needs(Right.CHANGE_PEOPLE))
def revoke_access(
    name: PersonParameter, asked: RevokeRequest, reader: Reader, if_match: IfMatch = None
) -> dict[str, Any]:
    """Withdraw a person's access, or one device's; gateways that are reached put them out at once.

    The answer says of each gateway whether it has been told.
    """
    with open_registrar() as registrar:
        entry = found_person(registrar, name, reader, Right.CHANGE_PEOPLE)
        require_match(if_match, _shown(registrar, entry))
        act = vpn_actor(reader, asked.because)
        gone = registrar.revoke(
            name, asked.device, act, keep=asked.device is not None, cutting=asked.cutting
        )
        told = _told(registrar, gone) if asked.tell else []
        after = _shown(registrar, registrar.store.entry(name))
    devices = [asdict(one) for one in gone]
    names = [one.name for one in gone]
    return {"revoked": names, "devices": devices, "gateways": told, "person": after}


@router.get("/gateways", openapi_extra=needs(Right.SEE_PEOPLE))
def list_gateways(reader: Reader, pages: PageParameters) -> dict[str, Any]:
    """List the gateways that people dial: the last roster of each, and how much it lacks."""
    require_everywhere(reader, Right.SEE_PEOPLE)
    with open_registrar() as registrar:
        terms = registrar.store.terms()
        known = registrar.store.loads.all()
        rows = [
            {
                "gateway": gateway.device,
                "told": roster_lag(registrar, gateway.device).at,
                "behind": roster_lag(registrar, gateway.device).behind,
                "devices": known[gateway.device].devices if gateway.device in known else 0,
                "fault": (known[gateway.device].fault or None) if gateway.device in known else None,
            }
            for gateway in (terms.gateways if terms else ())
        ]
    rows.sort(key=lambda row: str(row["gateway"]))
    return page_of(rows, lambda row: str(row["gateway"]), pages).json(dict)


@router.get("/edges", openapi_extra=needs(Right.LOOK))
def list_edges(
    reader: Reader,
    pages: PageParameters,
    state: Annotated[Literal["waiting", "pinned", "moving", "all"], Query()] = "all",
) -> dict[str, Any]:
    """List edges by name: those that wait for a key, have one pinned, or move to another one."""
    with open_people() as store:
        moved = moved_on(store)
    # As they are written now; the intent of a service is as it was when that began.
    keys = pinned_edge_keys(reader.context.changes.folder)
    rows = [
        {
            "edge": device.name,
            "site": device.site,
            "state": _key_state(keys.of(device.name), keys.next_of(device.name)),
            "key": keys.of(device.name) or None,
            "moves_to": keys.next_of(device.name) or None,
            "rotated": moved.get(device.name),
        }
        for _, device in sorted(reader.context.intent.devices.items())
        if device.role is Role.EDGE and device.site in reader.sites
    ]
    found = [row for row in rows if state in {"all", row["state"]}]
    return page_of(found, lambda row: str(row["edge"]), pages).json(dict)


def vpn_actor(reader: Viewer, because: str) -> Actor:
    """Return how the trail of the VPN names who asks; at this machine as without a service.

    Raises ProblemError for a reason that is no line of text.
    """
    require_line(because, "because", LONGEST_REASON)
    principal = reader.principal
    who = principal.account.name if is_local(reader) else principal.actor("").who
    return Actor(who, because)


def require_line(text: str, what: str, longest: int) -> None:
    """Raise ProblemError for what is no line of free text."""
    if fault := line_fault(text, longest):
        detail = f"{what}: {fault.what}; {fault.hint}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def found_person(registrar: Registrar, name: str, reader: Viewer, right: Right) -> PersonRecord:
    """Return somebody whom a reader sees. Raises ProblemError, also where the right is missing."""
    entry = _found(registrar, name, reader)
    if not _may(reader, right, entry):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"your roles do not cover the site of {name}")
    return entry


def _key_state(key: str | None, moves_to: str | None) -> str:
    if not key:
        return "waiting"
    return "moving" if moves_to else "pinned"


def _found(registrar: Registrar, name: str, reader: Viewer) -> PersonRecord:
    entry = registrar.store.find(name)
    if entry is None or not _sees(reader, entry):
        raise not_found("person", name)
    return entry


def _sees(reader: Viewer, entry: PersonRecord) -> bool:
    return _may(reader, Right.SEE_PEOPLE, entry)


def _may(reader: Viewer, right: Right, entry: PersonRecord) -> bool:
    return may_at(reader, right, entry.person.site)


def may_at(reader: Viewer, right: Right, site: str) -> bool:
    """Return whether a right covers a site; one that is gone, only a right everywhere does."""
    known = site in reader.context.intent.sites
    return reader.may(right, (site,) if known else everywhere(reader))


def _shown(registrar: Registrar, entry: PersonRecord) -> dict[str, Any]:
    return person_detail(entry, registrar.accepted(), _today())


def _told(registrar: Registrar, gone: Sequence[PersonDevice]) -> list[dict[str, Any]]:
    """Push the rosters to all gateways that are reached, and return how that went with each."""
    terms = registrar.accepted()
    reached, by_hand = reachable(terms) if gone else ((), ())
    pushed = Gateways(registrar, state_dir()).push_rosters(reached) if reached else ()
    told = [
        {"gateway": name, "told": True, "because": ""}
        if isinstance(outcome, RosterPushed)
        else {"gateway": name, "told": False, "because": str(outcome)}
        for name, outcome in pushed
    ]
    because = "it has no management address: load it by hand, with 'sanaga vpn site export'"
    told += [{"gateway": name, "told": False, "because": because} for name in by_hand]
    return sorted(told, key=lambda one: str(one["gateway"]))


def _mentions(entry: PersonRecord, part: str) -> bool:
    texts = (entry.person.name, entry.person.title, *(one.device.name for one in entry.devices))
    return any(part in text.casefold() for text in texts)


def _name(entry: PersonRecord) -> str:
    return entry.person.name


def _today() -> date:
    return SystemClock().instant().date()
