"""Adds the pages to the application that answers the API."""

from fastapi import FastAPI

from controller.pages import (
    circuits,
    consultations,
    devices,
    exports,
    incidents,
    overview,
    sign_in,
    sites,
    topology,
)
from controller.web import assets


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    pages = (
        sign_in,
        overview,
        incidents,
        sites,
        circuits,
        devices,
        consultations,
        topology,
        exports,
    )
    for one in (assets, *pages):
        app.include_router(one.router)
