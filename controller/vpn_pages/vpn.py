"""The pages of the VPN: who has access until when, gateways, one person, and withdrawing access."""

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import covers_everything, running_consultations
from controller.change_routes import vpn as people
from controller.clock import SystemClock
from controller.roles import Right
from controller.routes import network
from controller.vpn_routes import devices, gateways
from controller.web.acting import carry_out, page_with
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other
from inventory.errors import AccessError
from vpn.wireguard import keys

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
VPN: Final = "/vpn"
_PERSON: Final = f"{VPN}/people/{{name}}"
_PAGE: Final = 50
SOON_DAYS: Final = 30
_EVERY: Final = PageRequest(None, 500)
Short = Annotated[str, Query(max_length=200)]
StateChoice = Literal["active", "expired", "revoked", "all", "ending"]


@router.get(VPN, openapi_extra=needs(Right.SEE_PEOPLE))
def show_people(  # noqa: PLR0913, PLR0917 - a parameter for each filter
    request: Request,
    reader: Reader,
    state: StateChoice = "active",
    role: Short = "",
    site: Short = "",
    search: Short = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Show who has access, whose ends soon, and how it stands with the gateways.

    An address behind a gateway, or a public key, leads to whose it is.
    """
    if _is_owned(search):
        owner = devices.find_owner(devices.OwnerRequest(sought=search), reader)["person"]
        return see_other(f"{VPN}/people/{quote(str(owner['name']), safe='')}")
    chosen = {"state": state, "role": role, "site": site, "search": search}
    values = {
        "found": _found(reader, chosen, cursor),
        "chosen": chosen,
        "counts": _counts(reader),
        "gateways": _gateways(reader),
        "terms": _terms(reader),
        "titles": network.site_titles(reader),
        "today": SystemClock().instant().date(),
        "soon_days": SOON_DAYS,
    }
    return render(request, Page("vpn.html.j2", "vpn"), values, reader)


@router.get(_PERSON, openapi_extra=needs(Right.SEE_PEOPLE))
def show_person(request: Request, name: people.PersonParameter, reader: Reader) -> Response:
    """Show a person's access, devices and addresses."""
    return _person(request, name, reader)


@router.post(_PERSON, openapi_extra=needs(Right.CHANGE_PEOPLE))
def change_person(
    request: Request, name: people.PersonParameter, reader: Reader, form: Form
) -> Response:
    """Let a person be of another title, role, site, licence or last day, as it was shown."""
    place = f"{VPN}/people/{quote(name, safe='')}"

    def change() -> Response:
        fields = ("title", "role", "site", "licence", "licence_until", "until")
        told = {field: form[field].strip() for field in fields if form.get(field, "").strip()}
        body = devices.PersonBody.model_validate({"name": name, **told})
        asked = devices.ChangeRequest(person=body, because=form.get("because", ""))
        devices.change_person(name, asked, reader, Response(), form.get("tag") or None)
        return see_other(place)

    return carry_out(change, partial(_person, request, name, reader))


@router.get(f"{_PERSON}/revoke", openapi_extra=needs(Right.CHANGE_PEOPLE))
def show_revocation(
    request: Request, name: people.PersonParameter, reader: Reader, device: Short = ""
) -> Response:
    """Show what withdrawing a device, or all of a person's access, would do."""
    return _revocation(request, name, reader, device)


@router.post(f"{_PERSON}/revoke", openapi_extra=needs(Right.CHANGE_PEOPLE))
def revoke_access(
    request: Request, name: people.PersonParameter, reader: Reader, form: Form
) -> Response:
    """Withdraw access as it was shown, and show which gateways know of it."""

    def revoke() -> Response:
        because = ": ".join(filter(None, (form.get("kind", ""), form.get("note", "").strip())))
        asked = people.RevokeRequest(
            because=because,
            device=form.get("device") or None,
            cutting=form.get("cutting", "").split(),
        )
        done = people.revoke_access(name, asked, reader, form.get("tag") or None)
        values = {
            "done": done,
            "because": because,
            "by_hand": _dialling(reader)["by_hand"],
            "at_s": SystemClock().instant().timestamp(),
        }
        return render(request, Page("vpn_revoked.html.j2", "vpn"), values, reader)

    again = partial(_person, request, name, reader)
    return carry_out(revoke, again)


def _is_owned(sought: str) -> bool:
    """Return whether somebody looks for an address or a key, of which each has one owner."""
    try:
        ip_address(sought)
    except ValueError:
        try:
            keys.parse_public(sought)
        except ValueError:
            return False
    return True


def _found(reader: Viewer, chosen: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    state: Any = chosen["state"]
    ending = SOON_DAYS if state == "ending" else None
    return people.list_people(
        reader,
        PageRequest(cursor, _PAGE),
        role=chosen["role"] or None,
        site=chosen["site"] or None,
        ending_within_days=ending,
        state="active" if ending else state,
        search=chosen["search"].strip() or None,
    )


def _counts(reader: Viewer) -> dict[str, int]:
    first = PageRequest(None, 1)
    ending = people.list_people(reader, first, ending_within_days=SOON_DAYS)["total"]
    states: tuple[Literal["active", "expired", "revoked"], ...] = ("active", "expired", "revoked")
    found = {str(one): people.list_people(reader, first, state=one)["total"] for one in states}
    return {**found, "ending": ending}


def _gateways(reader: Viewer) -> list[dict[str, Any]]:
    """Return the gateways; how far each is behind, to whoever covers the whole network."""
    if covers_everything(reader, Right.SEE_PEOPLE):
        rows: list[dict[str, Any]] = people.list_gateways(reader, _EVERY)["items"]
        return rows
    return [{"gateway": name} for name in _dialling(reader)["gateways"]]


def _dialling(reader: Viewer) -> Mapping[str, Any]:
    try:
        return gateways.read_dialling(reader)
    except AccessError:
        return {"gateways": (), "by_hand": ()}


def _terms(reader: Viewer) -> dict[str, Any]:
    """Return the roles of the access policy; of the people that are seen, to who sees a part."""
    if covers_everything(reader, Right.SEE_PEOPLE):
        return people.read_terms(reader)
    seen = people.list_people(reader, _EVERY, state="all")["items"]
    return {"roles": sorted({one["role"] for one in seen})}


def _person(
    request: Request, name: str, reader: Viewer, fault: ProblemError | None = None
) -> Response:
    tagged = Response()
    found = people.read_person(name, reader, tagged)
    values = {
        "who": found,
        "may_change": people.may_at(reader, Right.CHANGE_PEOPLE, found["site"]),
        "tag": tagged.headers["etag"],
        "titles": network.site_titles(reader),
        "today": SystemClock().instant().date(),
        "soon_days": SOON_DAYS,
        "fault": fault.detail if fault else "",
    }
    return render(request, page_with("vpn_person.html.j2", "vpn", fault), values, reader)


def _revocation(request: Request, name: str, reader: Viewer, device: str) -> Response:
    tagged = Response()
    found = people.read_person(name, reader, tagged)
    in_use = [one for one in found["devices"] if not one["revoked"]]
    gone = [one for one in in_use if device in {"", one["name"]}]
    calls = [one for one in running_consultations(reader) if found["site"] in one.sites]
    values = {
        "who": found,
        "device": device,
        "gone": gone,
        "left": [one["name"] for one in in_use if one not in gone],
        "dialling": _dialling(reader),
        "cutting": _edges_with(reader, {one["public_key"] for one in gone}),
        "calls": [one.name for one in calls],
        "may_change": people.may_at(reader, Right.CHANGE_PEOPLE, found["site"]),
        "titles": network.site_titles(reader),
        "tag": tagged.headers["etag"],
    }
    return render(request, Page("vpn_revoke.html.j2", "vpn"), values, reader)


def _edges_with(reader: Viewer, owned: set[str]) -> list[str]:
    """Return the edges that have one of some keys, and are cut with it."""
    rows = people.list_edges(reader, _EVERY)["items"]
    return [one["edge"] for one in rows if owned & {one["key"], one["moves_to"]}]
