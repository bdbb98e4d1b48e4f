"""Adds the pages to the application that answers the API."""

from fastapi import FastAPI

from controller.pages import (
    applies,
    changes,
    consultations,
    incidents,
    overview,
    sign_in,
    sites,
    vpn,
    vpn_access,
)
from controller.web import assets


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    shown = (overview, incidents, sites, consultations, changes, applies, vpn, vpn_access)
    for one in (assets, sign_in, *shown):
        app.include_router(one.router)
