"""The page of a device: interfaces and who answers at them, figures, changes and maintenance."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from controller.api.context import Viewer
from controller.api.rights import needs
from controller.pages.recent import applies_to, newest_difference, windows_of
from controller.roles import Right
from controller.routes import network
from controller.routes.neighbours import read_neighbours
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/devices/{name}", openapi_extra=needs(Right.LOOK))
def show_device(request: Request, name: str, reader: Reader) -> Response:
    """Show one device with its interfaces, what it measured, and what was changed on it."""
    device = network.read_device(name, reader)
    heard = read_neighbours(name, reader)
    ports = [*_ports(name, heard, reader)]
    circuits = [port["circuit"] for port in ports if port["circuit"]]
    about = {("device", name), ("site", device["site"])}
    about |= {("circuit", one["name"]) for one in circuits}
    values = {
        "device": device,
        "titles": network.site_titles(reader),
        "ports": ports,
        "heard_at": heard["heard_at"],
        "paths": _paths(device, circuits),
        "applies": applies_to({name}, reader),
        "difference": newest_difference(name, reader),
        "windows": windows_of(about, reader),
    }
    return render(request, Page("device.html.j2", "sites"), values, reader)


def _ports(name: str, heard: Mapping[str, Any], reader: Viewer) -> Iterator[dict[str, Any]]:
    """Yield interfaces with the circuit that is meant to be there, and who was heard there."""
    told: dict[str, list[Mapping[str, str]]] = {}
    for one in heard["neighbours"]:
        told.setdefault(one["interface"], []).append(one)
    for circuit in network.all_circuits(reader):
        for here, far in ((circuit["a"], circuit["b"]), (circuit["b"], circuit["a"])):
            if here and here["device"] == name:
                there = told.pop(here["interface"], [])
                yield {
                    "interface": here["interface"],
                    "circuit": circuit,
                    "far": far,
                    "heard": there,
                }
    for interface, there in sorted(told.items()):
        yield {"interface": interface, "circuit": None, "far": None, "heard": there}


def _paths(device: Mapping[str, Any], circuits: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the circuits over which a device may have measured; routers measure nothing."""
    if device["platform"] != "linux":
        return []
    return [
        {"device": device["name"], "circuit": one["name"], "medium": one["medium"]}
        for one in circuits
    ]
