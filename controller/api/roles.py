"""Roles of people of the network, and the rights that each has within its scope."""

from enum import StrEnum
from typing import Final

from accounts.roles import RoleCatalogue


class Role(StrEnum):
    """Who somebody is to the network."""

    VIEWER = "viewer"
    NOC_OPERATOR = "noc-operator"
    NETWORK_ENGINEER = "network-engineer"
    VPN_ADMINISTRATOR = "vpn-administrator"
    SECURITY_ANALYST = "security-analyst"
    ADMINISTRATOR = "administrator"


READ: Final = "network.read"
ACT: Final = "incident.act"
MAINTAIN: Final = "maintenance.write"
ANNOUNCE: Final = "consultation.announce"
APPROVE: Final = "plan.approve"
ACCESS: Final = "vpn.manage"
ALERTS: Final = "alert.read"
ACCOUNTS: Final = "account.manage"
AUDIT: Final = "audit.read"

_OPERATOR: Final = frozenset({READ, ACT, MAINTAIN, ANNOUNCE})
CATALOGUE: Final = RoleCatalogue(
    rights={
        Role.VIEWER: frozenset({READ}),
        Role.NOC_OPERATOR: _OPERATOR,
        Role.NETWORK_ENGINEER: _OPERATOR | {APPROVE},
        Role.VPN_ADMINISTRATOR: frozenset({READ, ACCESS}),
        Role.SECURITY_ANALYST: frozenset({READ, ALERTS, AUDIT}),
        Role.ADMINISTRATOR: _OPERATOR | {APPROVE, ACCESS, ALERTS, ACCOUNTS, AUDIT},
    },
    administrator=Role.ADMINISTRATOR,
    manage_accounts=ACCOUNTS,
)
