"""The routes of all pages of accounts and of the machine."""

from typing import Final

from controller.pages.administration import (
    accounts,
    audit,
    backups,
    invitations,
    machine,
    proposals,
    tabs,
    walls,
)
from controller.pages.own_account import account, credentials, step_up, tokens

_OWN: Final = (step_up, account, credentials, tokens)
_OTHERS: Final = (tabs, accounts, invitations, proposals, walls, audit, backups, machine)
ROUTERS: Final = tuple(one.router for one in (*_OWN, *_OTHERS))
