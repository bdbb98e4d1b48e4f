"""The page of edges and their keys: who waits, who has one, who moves, and pinning a key."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.change_routes.vpn import list_edges
from controller.roles import Right
from controller.routes import network
from controller.vpn_routes.edges import EdgeAct, act_on_edges
from controller.web.acting import carry_out, page_with
from controller.web.forms import Form
from controller.web.rendering import render
from controller.web.visitor import PageRoute, Reader, see_other
from inventory.documents.edge_keys import key_fault

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
EDGES: Final = "/vpn/edges"
_PAGE: Final = 100
StateChoice = Literal["waiting", "pinned", "moving", "all"]


@router.get(EDGES, openapi_extra=needs(Right.LOOK))
def show_edges(
    request: Request,
    reader: Reader,
    state: StateChoice = "all",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Show the edges that a reader may see, with their keys."""
    return _shown(request, reader, state, cursor)


@router.post(EDGES, openapi_extra=needs(Right.CHANGE_SITE_KEYS))
def pin_edge(request: Request, reader: Reader, form: Form) -> Response:
    """Pin the key that an edge has made, and show how that goes on."""

    def pin() -> Response:
        said = {name: form.get(name, "").strip() for name in ("key", "because")}
        if fault := key_fault(said["key"]):
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, fault)
        asked = EdgeAct.model_validate({"kind": "add", "edges": [form.get("edge", "")], **said})
        begun = act_on_edges(asked, reader, Response())
        return see_other(f"/changes/operations/{begun['id']}")

    return carry_out(pin, partial(_shown, request, reader, "waiting", None))


def _shown(
    request: Request,
    reader: Viewer,
    state: StateChoice,
    cursor: str | None,
    fault: ProblemError | None = None,
) -> Response:
    first = PageRequest(None, 1)
    values = {
        "found": list_edges(reader, PageRequest(cursor, _PAGE), state),
        "waiting": list_edges(reader, first, "waiting")["total"],
        "state": state,
        "titles": network.site_titles(reader),
        "fault": fault.detail if fault else "",
    }
    return render(request, page_with("vpn_edges.html.j2", "vpn", fault), values, reader)
