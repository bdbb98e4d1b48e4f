"""Adds the pages to the application that answers the API."""

from fastapi import FastAPI

from controller.web import assets, consultations, incidents, overview, sign_in, sites


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, sign_in, overview, incidents, sites, consultations):
        app.include_router(one.router)
