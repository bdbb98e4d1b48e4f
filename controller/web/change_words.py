"""What plans, applies, operations and access are called on pages, and the sign of each state."""

from collections.abc import Mapping
from typing import Final

CHANGE_GLYPHS: Final[Mapping[str, str]] = {
    "unsafe": "✕",
    "empty": "○",
    "ready": "►",
    "waiting": "◔",
    "approved": "✓",
    "refused": "✕",
    "running": "►",
    "held": "◔",
    "applied": "✓",
    "rolled-back": "↶",
    "taken-back": "↶",
    "differs": "▲",
    "outdated": "≠",
    "confirmed": "✓",
    "pending": "◔",
    "done": "✓",
    "failed": "✕",
    "interrupted": "▲",
    "active": "✓",
    "expired": "○",
    "revoked": "✕",
    "ending": "◔",
}
CHANGE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "plan": {
        "unsafe": "must not be applied",
        "empty": "nothing to do",
        "ready": "can be applied",
        "waiting": "waits for approval",
        "approved": "approved",
        "refused": "refused",
        "running": "being applied",
        "held": "waits to be kept",
        "applied": "applied",
        "rolled-back": "rolled back",
        "taken-back": "taken back later",
        "differs": "left devices differing",
        "outdated": "out of date",
    },
    "apply": {
        "running": "not over",
        "held": "waits to be kept",
        "confirmed": "kept",
        "pending": "waits to be kept",
        "rolled-back": "rolled back",
        "unreachable": "nothing was changed",
        "differs": "left devices differing",
    },
    "operation": {
        "plan": "comparing with the intent",
        "apply": "applying",
        "confirm": "keeping",
        "rollback": "rolling back",
        "resume": "finishing what was interrupted",
        "backup": "backup",
        "rehearsal": "rehearsing a backup",
        "rosters": "updating gateways",
        "vpn-terms": "letting other terms hold",
        "site-keys": "keys of edges",
        "vpn-reading": "asking gateways",
    },
    "progress": {
        "running": "running",
        "done": "done",
        "failed": "failed",
        "interrupted": "interrupted",
    },
    "act": {
        "read": "read",
        "stage": "prepared",
        "commit": "switched over",
        "extend": "given more time",
        "verify": "checked",
        "confirm": "kept",
        "rollback": "put back",
    },
    "request": {
        "request": "asked for approval",
        "give": "approved",
        "refuse": "refused",
        "use": "applied with it",
    },
    "impact": {
        "none": "no traffic is touched",
        "reroute": "traffic moves to another way",
        "interruption": "traffic stops for a moment",
    },
    "access": {
        "active": "has access",
        "expired": "access is over",
        "revoked": "withdrawn",
    },
    "why": {
        "whoever wrote or changed this cannot approve it": (
            "whoever wrote or changed this cannot approve it"
        ),
        "your roles do not let you approve at every place that it concerns": (
            "your roles do not let you approve at every place that it concerns"
        ),
        "expectations that fail were accepted": "expectations that fail were accepted",
        "no rollback brings back all of it": "no rollback brings back all of it",
        "it cuts off more facilities than one person may decide on": (
            "it cuts off more facilities than one person may decide on"
        ),
    },
}
