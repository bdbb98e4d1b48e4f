"""Route of edges' keys: pinning, moving, withdrawing them, and how each edge stands."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from controller.account_routes.bodies import BecauseText, ShortText
from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.change_routes.operations import begun
from controller.change_routes.vpn import vpn_actor
from controller.operations.model import OperationKind
from controller.operations.runner import Watch
from controller.roles import Right
from controller.store.audit import Actor
from controller.vpn_control.sites import SitesHere, result_json
from controller.vpn_routes.gateways import LONGEST_S, PlaceRequest, place_of, start

router: Final = APIRouter(prefix="/vpn")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
_READING: Final = frozenset({"list", "show", "progress", "sessions"})
_ONE_EDGE: Final = frozenset({"show", "add"})
_UNEXPLAINED: Final = _READING | {"equip"}


class EdgeAct(PlaceRequest):
    """What is to be done with edges' keys of a folder, and why, if something changes."""

    kind: Literal[
        "list", "show", "progress", "sessions", "add", "rotate", "settle", "revoke", "equip"
    ]
    edges: list[ShortText] = Field(default_factory=list, max_length=1_000)
    key: ShortText = ""
    at_most: int | None = Field(None, ge=1, le=100_000)
    without: list[ShortText] = Field(default_factory=list, max_length=1_000)
    within_s: float = Field(0.0, ge=0, le=LONGEST_S)
    because: BecauseText = ""


@router.post(
    "/edge-acts", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.CHANGE_SITE_KEYS)
)
def act_on_edges(asked: EdgeAct, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to ask or change edges; of those that change keys one runs at a time."""
    folder = place_of(asked, reader, Right.CHANGE_SITE_KEYS)
    if asked.kind in _ONE_EDGE and len(asked.edges) != 1:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "edges: name one edge")
    if asked.kind == "revoke" and not asked.edges:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "edges: name those to revoke")
    because = "reading" if asked.kind in _UNEXPLAINED else asked.because
    act, reading = vpn_actor(reader, because), asked.kind in _READING

    def work(watch: Watch) -> Mapping[str, Any]:
        return result_json(_WORKS[asked.kind](SitesHere(folder, watch), asked, act, watch))

    kind = OperationKind.VPN_READING if reading else OperationKind.SITE_KEYS
    return begun(start(reader, kind, work), response)


_Work = Callable[[SitesHere, EdgeAct, Actor, Watch], object]
_WORKS: Final[Mapping[str, _Work]] = {
    "list": lambda sites, *_: sites.rows(),
    "show": lambda sites, asked, *_: sites.detail(asked.edges[0]),
    "progress": lambda sites, *_: sites.progress(),
    "sessions": lambda sites, *_: sites.sessions(),
    "add": lambda sites, asked, act, _: sites.add(asked.edges[0], asked.key, act),
    "rotate": lambda sites, asked, act, _: sites.rotate(asked.edges, asked.at_most, act),
    "settle": lambda sites, asked, act, _: sites.settle(
        frozenset(asked.without), asked.within_s, act
    ),
    "revoke": lambda sites, asked, act, watch: sites.revoke(
        asked.edges, asked.within_s, act, watch
    ),
    "equip": lambda sites, asked, *_: sites.equip(asked.edges, asked.within_s),
}
