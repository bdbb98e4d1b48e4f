"""Adds the pages to the application that answers the API."""

from fastapi import FastAPI

from controller.pages import consultations, handover, incidents, overview, sign_in, sites
from controller.pages.administration.routers import ROUTERS
from controller.web import assets


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, sign_in, overview, incidents, sites, consultations, handover):
        app.include_router(one.router)
    for router in ROUTERS:
        app.include_router(router)
