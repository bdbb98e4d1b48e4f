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
from controller.change_pages import applies, changes
from controller.pages import (
    consultations,
    devices,
    exports,
    handover,
    incidents,
    maintenance,
    overview,
    sign_in,
    sites,
    topology,
)
from controller.vpn_pages import edges, vpn, vpn_access
from controller.web import assets

_OF_THE_NETWORK: Final = (
    overview,
    incidents,
    maintenance,
    sites,
    devices,
    consultations,
    topology,
    handover,
    exports,
)
_OF_CHANGES: Final = (changes, applies, vpn, vpn_access, edges)
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
_PAGES: Final = (*_OF_THE_NETWORK, *_OF_CHANGES, *_OF_ONESELF, *_OF_THE_ADMINISTRATION)


def add_pages(app: FastAPI) -> None:
    """Let an application show pages, too."""
    for one in (assets, *_PAGES):
        app.include_router(one.router)
