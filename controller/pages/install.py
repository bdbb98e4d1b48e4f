"""Adds the pages to the application that answers the API."""

from fastapi import FastAPI

from controller.pages import consultations, incidents, overview, sign_in, sites, topology
from controller.web import assets


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, sign_in, overview, incidents, sites, consultations, topology):
        app.include_router(one.router)
