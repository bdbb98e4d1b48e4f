"""What roles, rights, sessions, acts and operations are called on the pages of accounts."""

from collections.abc import Mapping
from typing import Final

ACCOUNT_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "role": {
        "viewer": "viewer",
        "noc_operator": "NOC operator",
        "network_engineer": "network engineer",
        "vpn_administrator": "VPN administrator",
        "security_analyst": "security analyst",
        "administrator": "administrator",
    },
    "right": {
        "look": "look",
        "incidents.handle": "handle incidents",
        "maintenance.plan": "plan maintenance",
        "consultations.announce": "announce consultations",
        "network.plan": "plan changes",
        "network.apply": "apply changes",
        "network.approve": "approve changes",
        "people.see": "see people of the VPN",
        "people.change": "change people of the VPN",
        "site-keys.change": "change keys of sites",
        "security.see": "see security events",
        "audit.see": "see the audit",
        "backup": "make backups",
        "accounts.manage": "manage accounts",
    },
    "session": {"person": "person", "wall": "wall"},
    "proposal": {
        "reset factors": "reset the second factor",
        "demote": "take the role of administrator",
        "disable": "disable the account",
    },
    "audit": {"accounts": "accounts", "network": "network", "vpn": "VPN"},
    "finding": {"act": "to do", "note": "to watch", "good": "good", "unknown": "unknown"},
}
