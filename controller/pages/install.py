"""Adds the pages to the application that answers the API."""

from typing import Final

from fastapi import FastAPI

from controller.account_pages import account, credentials, step_up, tokens
from controller.administration_pages import (
    accounts,
    audit,
    backups,
    invitations,
    machine,
    proposals,
    tabs,
    walls,
)
from controller.pages import (
    consultations,
    handover,
    incidents,
    maintenance,
    overview,
    sign_in,
    sites,
)
from controller.web import assets

_OF_THE_NETWORK: Final = (overview, incidents, maintenance, sites, consultations, handover)
_OF_ONESELF: Final = (sign_in, step_up, account, credentials, tokens)
_OF_THE_ADMINISTRATION: Final = (
    tabs,
    accounts,
    invitations,
    proposals,
    walls,
    audit,
    backups,
    machine,
)


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, *_OF_THE_NETWORK, *_OF_ONESELF, *_OF_THE_ADMINISTRATION):
        app.include_router(one.router)
