"""Roles of those who sign in at the controller, and the rights of each."""

from enum import StrEnum
from typing import Final

from accounts.roles import RoleCatalogue

# Whoever owns the state folder, at the other end of the local socket; accounts begin with 1.
LOCAL_ACCOUNT_ID: Final = 0


class Right(StrEnum):
    """What somebody may do within a scope."""

    LOOK = "look"
    HANDLE_INCIDENTS = "incidents.handle"
    PLAN_MAINTENANCE = "maintenance.plan"
    ANNOUNCE_CONSULTATIONS = "consultations.announce"
    PLAN = "network.plan"
    APPLY = "network.apply"
    APPROVE = "network.approve"
    SEE_PEOPLE = "people.see"
    CHANGE_PEOPLE = "people.change"
    CHANGE_SITE_KEYS = "site-keys.change"
    SEE_SECURITY = "security.see"
    SEE_AUDIT = "audit.see"
    BACK_UP = "backup"
    MANAGE_ACCOUNTS = "accounts.manage"


class Role(StrEnum):
    """What somebody is."""

    VIEWER = "viewer"
    NOC_OPERATOR = "noc_operator"
    NETWORK_ENGINEER = "network_engineer"
    VPN_ADMINISTRATOR = "vpn_administrator"
    SECURITY_ANALYST = "security_analyst"
    ADMINISTRATOR = "administrator"


_VIEWER: Final = frozenset({Right.LOOK})
_OPERATOR: Final = _VIEWER | {
    Right.HANDLE_INCIDENTS,
    Right.PLAN_MAINTENANCE,
    Right.ANNOUNCE_CONSULTATIONS,
}
CATALOGUE: Final = RoleCatalogue(
    rights={
        Role.VIEWER: _VIEWER,
        Role.NOC_OPERATOR: _OPERATOR,
        Role.NETWORK_ENGINEER: _OPERATOR | {Right.PLAN, Right.APPLY, Right.APPROVE},
        Role.VPN_ADMINISTRATOR: _VIEWER
        | {Right.SEE_PEOPLE, Right.CHANGE_PEOPLE, Right.CHANGE_SITE_KEYS},
        Role.SECURITY_ANALYST: _VIEWER | {Right.SEE_SECURITY, Right.SEE_AUDIT, Right.SEE_PEOPLE},
        Role.ADMINISTRATOR: frozenset(Right),
    },
    administrator=Role.ADMINISTRATOR,
    manage_accounts=Right.MANAGE_ACCOUNTS,
)
