"""Changes to sites' keys in words: who is let in, moved to another key or shut out."""

from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.cli_vpn.arguments import act
from controller.terminal.output import say, say_lines
from controller.vpn_events import EdgesRevoked
from controller.wording import count, listing
from inventory.intent import EDGE_KEYS
from inventory.model import DeviceName

if TYPE_CHECKING:
    from controller.vpn_control.sites import Delivered, SitesAccess

COLUMNS: Final = {
    "device": "EDGE",
    "site": "SITE",
    "key": "KEY",
    "moves_to": "MOVES TO",
    "rotated": "MOVED LAST",
    "gateway": "GATEWAY",
}
PROGRESS: Final = {
    "device": "EDGE",
    "moved": "MOVED",
    "waiting": "WAITING TUNNELS",
    "phase": "NOW",
    "fault": "FAULT",
}
DETAIL: Final = {
    "device": "Edge",
    "site": "Site",
    "key": "Key",
    "moves_to": "Moves to",
    "rotated": "Moved last",
    "gateway": "Gateway of people",
    "dials": "Has tunnels to",
    "revoked": "Revoked keys",
    "list": "Goes by list",
    "newest": "Newest list",
    "fault": "Fault",
}
PLAN: Final = "'sanaga plan {folder} --out plan', 'sanaga apply plan'"
NEXT: Final = (
    f"now let the far ends know both keys: {PLAN}; "
    "the edges then move by themselves, and 'sanaga vpn site settle' ends it"
)
DONE: Final = "now let the far ends forget the former keys: 'sanaga plan {folder}' and apply"


def add(access: "SitesAccess", folder: Path, name: DeviceName, key: str, because: str) -> None:
    """Pin the key of an edge; raises AccessError when that cannot be."""
    if access.add(name, key, act(because)):
        say(f"{name} is pinned in {EDGE_KEYS}; now {PLAN.format(folder=folder)}")
    else:
        say(f"{name} has this key already")


def rotate(
    access: "SitesAccess", folder: Path, names: Sequence[DeviceName], most: int | None, because: str
) -> bool:
    """Have edges make keys to move to, and say what comes next; return whether all did."""
    begun = access.rotate(names, most, act(because))
    say_lines(f"{why}\n{name} keeps its key" for name, why in begun.failed.items())
    if begun.moving:
        say(f"{count(len(begun.moving), 'edge')} to move; {NEXT.format(folder=folder)}")
    else:
        say("no edge to move")
    return not begun.failed


def settle(
    access: "SitesAccess", folder: Path, without: Set[DeviceName], patience_s: float, because: str
) -> bool:
    """Let edges that have moved have one key, and say who has not; return whether all have."""
    ended = access.settle(without, patience_s, act(because))
    say_lines((*ended.unreachable, *ended.left.values()))
    if ended.done:
        say(f"{listing(ended.done)} moved; {DONE.format(folder=folder)}")
    elif not ended.left:
        say("no edge moves")
    return not ended.left


def revoke(
    access: "SitesAccess",
    folder: Path,
    names: Sequence[DeviceName],
    patience_s: float,
    because: str,
) -> bool:
    """Withdraw all keys of edges, and say who knows; return whether all others do."""

    def report(event: EdgesRevoked) -> None:
        say(f"{listing(event.edges)} revoked")

    found = access.revoke(names, patience_s, act(because), report)
    for name, live in (found.interrupted or {}).items():
        say(f"this cut a running consultation: {listing(live)} with {name}")
    say_lines(_delivered(found))
    plan = PLAN.format(folder=folder)
    say(f"it is gone from {EDGE_KEYS}, and the policies still name it; now {plan}")
    if found.gateways:
        say(
            f"people's files still lead to {listing(found.gateways)}: take it out of the section "
            f"gateways and say 'sanaga vpn apply --dir {folder}'"
        )
    return not found.left


def equip(access: "SitesAccess", names: Sequence[DeviceName], patience_s: float) -> bool:
    """Hand edges what they lack, and say who was not reached; return whether all were."""
    delivery = access.equip(names, patience_s)
    say_lines(_delivered(delivery))
    return not delivery.left


def _delivered(delivery: "Delivered") -> Iterator[str]:
    """Yield how sending something to edges went."""
    if delivery.overtaken:
        ours, newest = delivery.overtaken
        yield (
            f"edges have list {newest} of revoked keys, and this controller's was {ours}: its "
            "state folder was put back from a backup; it was numbered above theirs and sent again"
        )
    if delivery.told:
        yield f"{count(delivery.told, 'edge')} updated"
    yield from delivery.left.values()
    if delivery.left:
        yield (
            f"{listing(list(delivery.left))} not updated; neighbours pass revoked keys on; run "
            "'sanaga vpn site load' to try again"
        )
