"""The page of a shift's handover: what the next shift must know, to read together and to print."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from controller.api.rights import needs
from controller.roles import Right
from controller.routes import network
from controller.routes.handover import hand_over, list_rotas
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
HOURS: Final = (8, 12, 24, 72)


@router.get("/handover", openapi_extra=needs(Right.LOOK))
def show_handover(
    request: Request, reader: Reader, hours: Annotated[int, Query(ge=1, le=72)] = 12
) -> Response:
    """Show what is open and whose it is, what ended, what comes next, and who is on call."""
    values = {
        "told": hand_over(reader, hours),
        "rotas": list_rotas(reader)["items"],
        "titles": network.site_titles(reader),
        "choices": HOURS,
    }
    return render(request, Page("handover.html.j2", "handover"), values, reader)
