"""What states, causes and acts are called on pages, and the sign of each state."""

from collections.abc import Mapping
from typing import Any, Final

from controller.web.account_words import ACCOUNT_WORDS
from controller.web.change_words import CHANGE_GLYPHS, CHANGE_WORDS

# A state is told by its sign and its word; colour only adds to them.
GLYPHS: Final[Mapping[str, str]] = {
    "down": "✕",
    "unreachable": "⊘",
    "degraded": "▲",
    "unknown": "?",
    "maintenance": "■",
    "ok": "●",
    "critical": "✕",
    "warning": "▲",
    "info": "i",
    "failed": "✕",
    "down-now": "!",
    "cut-off": "⊘",
    "last-way": "▲",
    "other-way": "↷",
    **CHANGE_GLYPHS,
}
WORST_FIRST: Final = ("down", "unreachable", "degraded", "unknown", "maintenance", "ok")
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "health": {
        "down": "down",
        "unreachable": "cut off",
        "degraded": "degraded",
        "unknown": "unknown",
        "maintenance": "maintenance",
        "ok": "well",
    },
    # What the health of a site means, beside the counts.
    "meaning": {
        "down": "its devices are dead",
        "unreachable": "no way leads there",
        "degraded": "slow, or on the last way",
        "unknown": "nothing is heard of it",
        "maintenance": "as announced",
        "ok": "all ways work",
    },
    "severity": {"critical": "critical", "warning": "warning", "info": "notice"},
    "cause": {
        "power-cut": "power cut",
        "on-battery": "on battery",
        "fibre-cut": "fibre cut",
        "radio-lost": "radio lost",
        "access-lost": "access lost",
        "operator-fault": "fault of an operator",
        "device-fault": "device fault",
        "device-ailing": "device ailing",
        "congestion": "congestion",
        "poor-quality": "poor quality",
        "routing-lost": "routing lost",
        "satellite-handover": "satellite handover",
        "wrong-cable": "wrong cable",
        "collector-lost": "collector lost",
        "unknown": "cause unknown",
    },
    # What to do about each cause; docs/alerts.md says the same.
    "advice": {
        "power-cut": (
            "Call the site, then the electricity company. Nothing needs repair in the network."
        ),
        "on-battery": (
            "Call the site before the battery is empty; its remaining time is in the evidence."
        ),
        "fibre-cut": (
            "Send the fibre crew to the circuit. If the far device is silent too, "
            "ask the site for its power first."
        ),
        "radio-lost": "Ask about storms and power at the masts, then send the radio crew.",
        "access-lost": "Check credit, antenna and cable at the site; then call the operator.",
        "operator-fault": "Call the operator, once for all sites.",
        "device-fault": "Try its console from a neighbour, restart it, replace it.",
        "device-ailing": "Read the evidence. Plan a visit before it becomes a fault.",
        "congestion": (
            "See who fills it. Raise its rate or move traffic; care traffic goes first already."
        ),
        "poor-quality": (
            "Look at its history: weather, an antenna out of line, a dirty connector."
        ),
        "routing-lost": (
            "Read which session, then compare both routers with the intent: 'sanaga "
            "plan' shows what differs."
        ),
        "satellite-handover": (
            "Wait. If it comes back every day, look for an obstacle in the antenna's view."
        ),
        "wrong-cable": "Move the cable back, or change the intent.",
        "collector-lost": "Repair the controller's own uplink. Judge sites only after that.",
        "unknown": "Call the site: power first, then cables, then the device.",
    },
    "effect": {
        "none": "no site loses anything",
        "quality": "quality suffers",
        "redundancy-lost": "no second way is left",
        "cut-off": "sites are cut off",
        "blind": "we see nothing there",
    },
    "state": {
        "open": "open",
        "acknowledged": "acknowledged",
        "muted": "muted",
        "ended": "over",
    },
    "medium": {
        "fibre": "fibre",
        "microwave": "microwave",
        "leo": "satellite (LEO)",
        "lte": "mobile network",
        "vsat": "satellite (VSAT)",
    },
    # ISO 3166-2:CM.
    "region": {
        "CM-AD": "Adamawa",
        "CM-CE": "Centre",
        "CM-EN": "Far North",
        "CM-ES": "East",
        "CM-LT": "Littoral",
        "CM-NO": "North",
        "CM-NW": "North-West",
        "CM-OU": "West",
        "CM-SU": "South",
        "CM-SW": "South-West",
    },
    "level": {
        "central": "central",
        "regional": "regional",
        "departmental": "departmental",
        "arrondissement": "arrondissement",
    },
    "change": {
        "opened": "opened",
        "reopened": "opened again",
        "changed": "changed",
        "escalated": "worse",
        "ended": "over",
        "merged": "merged",
        "split": "split",
        "act": "by hand",
        "history": "told later",
    },
    # What would become of a site, a circuit or a device if some others failed.
    "supposed": {
        "failed": "fails",
        "down-now": "down now",
        "cut-off": "cut off",
        "last-way": "last way left",
        "other-way": "another way",
    },
    "standing": {
        "announced": "announced",
        "running": "running",
        "over": "over",
        "cancelled": "cancelled",
    },
    "quality": {
        "video": "good enough for video",
        "audio": "good enough for sound, not for video",
        "store-and-forward": "too poor for a call; send files instead",
    },
    "service": {
        "consultation-video": "video consultation",
        "consultation-audio": "audio consultation",
    },
    **CHANGE_WORDS,
    **ACCOUNT_WORDS,
}


def worst_first(site: Mapping[str, Any]) -> tuple[int, str]:
    """Return what sorts sites as the API shows them, those that stand worst first."""
    return WORST_FIRST.index(site["health"]), site["title"]
