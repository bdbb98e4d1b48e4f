"""Which entries of the journal answer a question about a class, a peer or a path."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from edge.policy.store import RUNNING
from edge.storage.journal import Kind
from inventory.errors import UnknownNameError
from inventory.names import known_names
from policies.model import CARE_CLASSES

Entry = Mapping[str, object]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
# What the daemon put right in the kernel; after each new policy that is much.
KERNEL: Final = "repair"
_PLACES: Final = ("peer", "service", "path", "before", "kind")


@dataclass(frozen=True, slots=True)
class PolicyNames:
    """What a policy names; nothing where none runs."""

    classes: tuple[str, ...] = ()
    places: frozenset[str] = field(default_factory=frozenset)

    def decided_as(self, about: str) -> str:
        """Return the class whose decisions a class follows: the care tunnel takes one path."""
        care = next((name for name in CARE_CLASSES if name in self.classes), about)
        return care if about in CARE_CLASSES else about


def policy_names(folder: Path) -> PolicyNames:
    """Return what the policy in an edge's folder names; its signature does not matter here."""
    try:
        policy: Any = json.loads((folder / RUNNING).read_text(encoding="utf-8"))["policy"]
        peers = [(peer["device"], peer["paths"]) for peer in policy["peers"]]
        places = {name for peer, paths in peers for name in (peer, *(p["name"] for p in paths))}
        return PolicyNames(tuple(entry["name"] for entry in policy["classes"]), frozenset(places))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return PolicyNames()


def entries_about(entries: Iterable[Entry], about: str, names: PolicyNames) -> Iterator[Entry]:
    """Yield the entries about a class, a peer, a path or a kind.

    Raises UnknownNameError when neither the policy nor an entry knows that name.
    """
    wanted, found = names.decided_as(about), False
    for entry in entries:
        if wanted in {entry.get(place) for place in _PLACES}:
            found = True
            yield entry
    known = sorted({*names.classes, *names.places})
    if known and not found and about not in {*known, *KINDS}:
        hint = known_names(about, known, "classes, peers and paths")
        raise UnknownNameError(f"no class, peer or path is called '{about}'; {hint}")


def without_kernel(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries without what the daemon put right in the kernel."""
    return (entry for entry in entries if entry.get("kind") != KERNEL)
