"""The pages that change who may have access: giving it, other terms, and asking gateways."""

import shlex
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import covers_everything
from controller.change_routes import vpn as people
from controller.roles import Right
from controller.routes import network
from controller.vpn_routes import devices, gateways
from controller.web.acting import carry_out, form_problem, page_with
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other
from inventory.errors import SanagaError

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_GIVE: Final = "/vpn/give"
_TERMS: Final = "/vpn/terms"
_WHY: Final = "say why"
_FIELDS: Final = ("name", "title", "role", "site", "until", "device")
Short = Annotated[str, Query(max_length=200)]


@router.get(_GIVE, openapi_extra=needs(Right.CHANGE_PEOPLE))
def show_giving(  # noqa: PLR0913, PLR0917 - a parameter for each field
    request: Request,
    reader: Reader,
    name: Short = "",
    title: Short = "",
    role: Short = "",
    site: Short = "",
    until: Short = "",
    device: Short = "",
    *,
    check: bool = False,
) -> Response:
    """Check whether somebody may have a device, and say which command gives it.

    Nothing secret is made here: the key is made where its file is written.
    """
    typed = dict(zip(_FIELDS, (name, title, role, site, until, device), strict=True))
    values = {
        "typed": typed,
        "against": _against(typed, reader) if check else None,
        "known": _known(name, reader),
        "roles": _roles(reader),
        "titles": network.site_titles(reader),
        "command": _command(typed, request.app.state.realm.party.origins[0]),
    }
    return render(request, Page("vpn_give.html.j2", "vpn"), values, reader)


@router.get(_TERMS, openapi_extra=needs(Right.CHANGE_PEOPLE))
def show_terms(request: Request, reader: Reader) -> Response:
    """Show what the groups and gateways of the intent folder would change, and for whom."""
    return _terms(request, reader)


@router.post(_TERMS, openapi_extra=needs(Right.CHANGE_PEOPLE))
def accept_terms(request: Request, reader: Reader, form: Form) -> Response:
    """Begin to let the terms hold that were shown, and show how that goes on."""

    def accept() -> Response:
        said = {name: form.get(name, "") for name in ("digest", "because")}
        asked = gateways.TermsRequest.model_validate(said)
        return _followed(gateways.accept_terms(asked, reader, Response()))

    return carry_out(accept, partial(_terms, request, reader))


@router.post("/vpn/rosters", openapi_extra=needs(Right.CHANGE_PEOPLE))
def push_rosters(reader: Reader, form: Form) -> Response:
    """Begin to update gateways with who has access now, and show how that goes on."""
    asked = gateways.RosterRequest.model_validate({"gateways": form.get("gateways", "").split()})
    return _followed(gateways.push_rosters(asked, reader, Response()))


@router.post("/vpn/readings", openapi_extra=needs(Right.SEE_PEOPLE))
def read_gateways(reader: Reader, form: Form) -> Response:
    """Begin to ask gateways how they stand, or who has dialled, and show what they say."""
    what: Any = "sessions" if form.get("what") == "sessions" else "status"
    asked = gateways.ReadingRequest(what=what)
    return _followed(gateways.read_gateways(asked, reader, Response()))


@router.get("/vpn/rosters", openapi_extra=needs(Right.SEE_PEOPLE))
@router.get("/vpn/readings", openapi_extra=needs(Right.SEE_PEOPLE))
def lead_back() -> Response:
    """Lead to the gateways, for what is asked of them has no page of its own."""
    return see_other("/vpn")


def _followed(begun: dict[str, Any]) -> Response:
    return see_other(f"/changes/operations/{begun['id']}")


def _against(typed: dict[str, str], reader: Viewer) -> str:
    """Return what speaks against giving somebody a device; nothing if they may have it."""
    try:
        told = {field: text.strip() for field, text in typed.items() if text.strip()}
        device = told.pop("device", "")
        body = devices.PersonBody.model_validate(told)
        asked = devices.NewDevice(person=body, device=device, known="")
        devices.prepare_device(body.name, asked, reader)
    except (ProblemError, SanagaError, ValueError) as error:
        return form_problem(error).detail
    return ""


def _command(typed: dict[str, str], origin: str) -> str:
    """Return the command that gives a device, safe to be copied into a shell."""
    told = ((f"--{field}", text.strip()) for field, text in typed.items() if field != "name")
    options = [part for option, text in told if text for part in (option, text)]
    begun = ["sanaga", "vpn", "person", "add", typed["name"].strip()]
    return shlex.join([*begun, *options, "--because", _WHY, "--qr", "--controller", origin])


def _known(name: str, reader: Viewer) -> dict[str, Any] | None:
    """Return somebody who is on record, to begin with what is known."""
    if not name:
        return None
    found = people.list_people(reader, PageRequest(None, 1), state="all", name=name)["items"]
    return found[0] if found else None


def _roles(reader: Viewer) -> list[str]:
    if not covers_everything(reader, Right.SEE_PEOPLE):
        return []
    return list(people.read_terms(reader)["roles"])


def _terms(request: Request, reader: Viewer, fault: ProblemError | None = None) -> Response:
    shown = gateways.plan_terms(gateways.PlaceRequest(folder=None), reader)
    values = {"shown": shown, "fault": fault.detail if fault else ""}
    return render(request, page_with("vpn_terms.html.j2", "vpn", fault), values, reader)
