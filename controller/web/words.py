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
    "effect": {
        "none": "nobody is hurt",
        "quality": "quality suffers",
        "redundancy-lost": "no second way left",
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
