"""The page of a laboratory beside the pages of the NOC, and the way in by a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from controller.account_routes.caller import AnyGuest
from controller.account_routes.shown import let_in
from controller.api.context import Viewer
from controller.api.problems import ProblemError
from controller.api.rights import Access, needs
from controller.roles import Right
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import HOME, PageRoute, Reader, see_other
from inventory.errors import EdgeError, LabError
from inventory.model import CircuitName, Intent, SiteName
from simulations.demo.overlay import Carried, overlay_state
from simulations.lab.lab import Lab
from simulations.panel.circuits import CircuitAct, act_on_circuit, mend_all, shown_circuits
from simulations.panel.live_call import KEPT_S, HeardSecond, LiveCall
from simulations.panel.way_in import NAME, PLACE, WayIn

PATH: Final = "/laboratory"
router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
# The picture of the call: units of its own for each second, and its height.
_STEP: Final = 5
_HEIGHT: Final = 100
_MOST_DELAY_MS: Final = 400.0


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page shows and acts on: a laboratory, a call through it, and who may come in."""

    lab: Lab
    intent: Intent
    call: LiveCall
    between: tuple[SiteName, SiteName]
    way_in: WayIn


def add_panel(app: FastAPI, panel: Panel) -> None:
    """Let the service show the laboratory, too."""
    app.state.laboratory = panel
    app.include_router(router)


def _panel(request: Request) -> Panel:
    found: Panel = request.app.state.laboratory
    return found


AnyPanel = Annotated[Panel, Depends(_panel, scope="function")]


@router.get(PATH, openapi_extra=needs(Right.LOOK))
def show_laboratory(request: Request, reader: Reader, panel: AnyPanel) -> Response:
    """Show the call that goes on, and the circuits with what may be done to them."""
    return _shown(request, reader, panel)


@router.post(PATH, openapi_extra=needs(Right.APPLY))
def act(request: Request, reader: Reader, panel: AnyPanel, form: Form) -> Response:
    """Do something to a circuit of the laboratory, and show it."""
    try:
        if form.get("act") == "mend-all":
            mend_all(panel.lab, panel.intent)
        else:
            kind = _act_named(form.get("act", ""))
            act_on_circuit(panel.lab, _known(panel, form.get("circuit", "")), kind)
    except LabError as error:
        return _shown(request, reader, panel, str(error))
    return see_other(PATH)


@router.get(PLACE, openapi_extra=needs(Access.ANYBODY))
def show_enter(request: Request) -> Response:
    """Show the page that takes the token out of the link."""
    return render(request, Page("enter.html.j2", ""), {"fault": False})


@router.post(PLACE, openapi_extra=needs(Access.ANYBODY))
def enter(request: Request, guest: AnyGuest, panel: AnyPanel, form: Form) -> Response:
    """Sign in who shows the token of the link, the first time that it is shown."""
    entered = panel.way_in.take(form.get("token", ""))
    if entered is None:
        return render(request, Page("enter.html.j2", "", HTTPStatus.UNAUTHORIZED), {"fault": True})
    response = see_other(HOME)
    let_in(guest, response, entered)
    return response


def _act_named(name: str) -> CircuitAct:
    if name not in set(CircuitAct):
        raise LabError(f"{name!r} is no act; use a button of the page")
    return CircuitAct(name)


def _known(panel: Panel, circuit: CircuitName) -> CircuitName:
    if circuit not in panel.intent.circuits:
        raise LabError(f"there is no circuit {circuit!r} in the laboratory")
    return circuit


def _shown(request: Request, reader: Viewer, panel: Panel, fault: str = "") -> Response:
    seconds = panel.call.seconds()
    sent, lost = panel.call.totals()
    values = {
        "circuits": _circuits(panel),
        "call": call_picture(seconds),
        "recent": {"sent": sum(s.sent for s in seconds), "lost": sum(s.lost for s in seconds)},
        "all": {"sent": sent, "lost": lost},
        "carried": _carried(panel),
        "places": [panel.intent.sites[name].title for name in panel.between],
        "sign_in": {
            "name": NAME,
            "password": panel.way_in.password,
            "code": panel.way_in.code(reader.context.now()),
        },
        "fault": fault,
    }
    return render(request, Page("laboratory.html.j2", "laboratory"), values, reader)


def _circuits(panel: Panel) -> Sequence[Any]:
    try:
        return shown_circuits(panel.lab, panel.intent, panel.between[:1])
    except LabError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


def _carried(panel: Panel) -> Carried | None:
    """Return how the edges carry the call now; None while the edge does not answer."""
    try:
        return overlay_state(panel.lab, panel.intent, *panel.between)
    except EdgeError:
        return None


def call_picture(seconds: Sequence[HeardSecond]) -> dict[str, Any]:
    """Return bars of packets lost and a line of delays, the newest second at the right edge."""
    newest_s = seconds[-1].at_s if seconds else 0.0
    places = [(KEPT_S - 1 - (newest_s - one.at_s)) * _STEP for one in seconds]
    bars = [
        {"x": round(x, 1), "height": round(max(one.share_lost * _HEIGHT, 4), 1)}
        for x, one in zip(places, seconds, strict=True)
        if one.lost
    ]
    points = [
        f"{x + _STEP / 2:.1f},{_HEIGHT * (1 - min(one.delay_ms / _MOST_DELAY_MS, 1)):.1f}"
        for x, one in zip(places, seconds, strict=True)
        if one.delay_ms is not None
    ]
    width = KEPT_S * _STEP
    return {
        "width": width,
        "height": _HEIGHT,
        "step": _STEP,
        "bars": bars,
        "line": " ".join(points),
    }
