"""The list of circuits: how each stands, what it is made of, and who operates it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response

from controller.api.context import Viewer
from controller.api.rights import needs
from controller.incidents.model import Health
from controller.roles import Right
from controller.routes import network
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader
from controller.web.words import WORST_FIRST
from inventory.model import Medium

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class CircuitFilter:
    """Which circuits are wanted; what is empty is not asked for."""

    health: Annotated[Health | Literal[""], Query()] = ""
    medium: Annotated[Medium | Literal[""], Query()] = ""
    search: Annotated[str, Query(max_length=100)] = ""

    def fits(self, circuit: Mapping[str, Any]) -> bool:
        """Return whether a circuit, as the API shows it, is wanted."""
        ends = [circuit["a"], circuit["b"] or {"site": "", "device": ""}]
        texts = [circuit["name"], circuit["provider"] or ""]
        texts += [end[name] for end in ends for name in ("site", "device")]
        return (
            self.health in {"", circuit["health"]}
            and self.medium in {"", circuit["medium"]}
            and any(self.search.casefold() in text.casefold() for text in texts)
        )


CircuitChoice: TypeAlias = Annotated[CircuitFilter, Depends()]


@router.get("/circuits", openapi_extra=needs(Right.LOOK))
def show_circuits(request: Request, reader: Reader, asked: CircuitChoice) -> Response:
    """Show circuits, those that stand worst first."""
    values = {
        "found": matching_circuits(reader, asked),
        "total": len(network.all_circuits(reader)),
        "chosen": asked,
        "media": [medium.value for medium in Medium],
        "healths": WORST_FIRST,
        "titles": network.site_titles(reader),
    }
    return render(request, Page("circuits.html.j2", "sites"), values, reader)


def matching_circuits(reader: Viewer, asked: CircuitFilter) -> list[dict[str, Any]]:
    """Return the circuits that are wanted, those that stand worst first."""
    found = [one for one in network.all_circuits(reader) if asked.fits(one)]
    return sorted(found, key=lambda one: (WORST_FIRST.index(one["health"]), one["name"]))
