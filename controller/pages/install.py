"""Adds the pages to the application that answers the API."""

from typing import Final

from fastapi import FastAPI

from controller.pages import (
    applies,
    changes,
    consultations,
    devices,
    exports,
    incidents,
    maintenance,
    overview,
    sign_in,
    sites,
    topology,
    vpn,
    vpn_access,
)
from controller.web import assets

_PAGES: Final = (
    sign_in,
    overview,
    incidents,
    maintenance,
    sites,
    devices,
    consultations,
    topology,
    changes,
    applies,
    vpn,
    vpn_access,
    exports,
)


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, *_PAGES):
        app.include_router(one.router)
