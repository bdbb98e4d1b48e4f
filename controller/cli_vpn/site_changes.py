"""Changes to sites' keys in words: who is let in, moved to another key or shut out."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeAlias

from controller.app import open_people, open_sites
from controller.cli_vpn.arguments import act
from controller.load import load
from controller.sites.edges import edge_keys_status
from controller.sites.enrolment import pin_key
from controller.sites.key_rotation import (
    EdgeRotation,
    RotationProgress,
    rotate_keys,
    rotations,
    settle_keys,
)
from controller.sites.revocation import (
    EdgesRevoked,
    RevocationDelivery,
    edge_detail,
    equip_edges,
    revoke_edges,
)
from controller.terminal.output import say, say_lines
from controller.wording import count, listing
from inventory.intent import EDGE_KEYS
from inventory.model import DeviceName

Row: TypeAlias = dict[str, object]

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


def rows(folder: Path) -> list[Row]:
    """Return every edge with its keys, and when it moved to another one last."""
    loaded = load(folder)
    with open_people() as store:
        return [asdict(one) for one in edge_keys_status(loaded, store)]


def show(folder: Path, name: DeviceName) -> Row:
    """Return all that is known of an edge. Raises AccessError."""
    with open_sites(folder) as context:
        found = edge_detail(context, name)
    return {
        **asdict(found.keys),
        "dials": found.far_ends,
        "revoked": [f"{one.public_key} on {one.at[:10]}" for one in found.revoked],
        "list": found.serial,
        "newest": found.newest,
        "fault": found.fault,
    }


def add(folder: Path, name: DeviceName, key: str, because: str) -> None:
    """Pin the key of an edge; raises AccessError when that cannot be."""
    who = act(because)
    with open_people() as store:
        fresh = pin_key(folder, store, name, key, who)
    if fresh:
        say(f"{name} is pinned in {EDGE_KEYS}; now {PLAN.format(folder=folder)}")
    else:
        say(f"{name} has this key already")


def rotate(folder: Path, names: Sequence[DeviceName], most: int | None, because: str) -> bool:
    """Have edges make keys to move to, and say what comes next; return whether all did."""
    who = act(because)
    with open_sites(folder) as context:
        begun = rotate_keys(context, names, most, who)
    say_lines(f"{why}\n{name} keeps its key" for name, why in begun.failed.items())
    if begun.moving:
        say(f"{count(len(begun.moving), 'edge')} to move; {NEXT.format(folder=folder)}")
    else:
        say("no edge to move")
    return not begun.failed


def progress(folder: Path) -> list[Row]:
    """Return how far every edge is that moves."""
    with open_sites(folder) as context:
        return [_row(one) for one in rotations(context.loaded, context.edges)]


def _row(one: EdgeRotation) -> Row:
    known = one.said if isinstance(one.said, RotationProgress) else None
    return {
        "device": one.device.name,
        "moved": one.moved,
        "waiting": known.waiting if known else None,
        "phase": known.phase if known else None,
        "fault": None if known else str(one.said),
    }


def settle(folder: Path, without: Set[DeviceName], patience_s: float, because: str) -> bool:
    """Let edges that have moved have one key, and say who has not; return whether all have."""
    who = act(because)
    with open_sites(folder) as context:
        ended = settle_keys(context, without, who, within_s=patience_s)
    say_lines((*ended.unreachable, *ended.left.values()))
    if ended.done:
        say(f"{listing(ended.done)} moved; {DONE.format(folder=folder)}")
    elif not ended.left:
        say("no edge moves")
    return not ended.left


def revoke(folder: Path, names: Sequence[DeviceName], patience_s: float, because: str) -> bool:
    """Withdraw all keys of edges, and say who knows; return whether all others do."""
    who = act(because)

    def report(event: EdgesRevoked) -> None:
        say(f"{listing(event.edges)} revoked")

    with open_sites(folder) as context:
        found = revoke_edges(context, names, who, within_s=patience_s, report=report)
    for name, live in found.delivery.interrupted(names).items():
        say(f"this cut a running consultation: {listing(live)} with {name}")
    say_lines(_delivered(found.delivery))
    plan = PLAN.format(folder=folder)
    say(f"it is gone from {EDGE_KEYS}, and the policies still name it; now {plan}")
    if found.gateways:
        say(
            f"people's files still lead to {listing(found.gateways)}: take it out of the section "
            f"gateways and say 'sanaga vpn apply --dir {folder}'"
        )
    return not found.delivery.left


def equip(folder: Path, names: Sequence[DeviceName], patience_s: float) -> bool:
    """Hand edges what they lack, and say who was not reached; return whether all were."""
    with open_sites(folder) as context:
        delivery = equip_edges(context, names, within_s=patience_s)
    say_lines(_delivered(delivery))
    return not delivery.left


def _delivered(delivery: RevocationDelivery) -> Iterator[str]:
    """Yield how sending something to edges went."""
    if delivery.overtaken:
        ours, newest = delivery.overtaken
        yield (
            f"edges have list {newest} of revoked keys, and this controller's was {ours}: its "
            "state folder was put back from a backup; it was numbered above theirs and sent again"
        )
    if delivery.told:
        yield f"{count(len(delivery.told), 'edge')} updated"
    yield from map(str, delivery.left.values())
    if delivery.left:
        yield (
            f"{listing(list(delivery.left))} not updated; neighbours pass revoked keys on; run "
            "'sanaga vpn site load' to try again"
        )
