"""A root cause as a diagnosis sees it."""

from dataclasses import dataclass

from controller.incidents.model import Cause, Effect, Subject


@dataclass(frozen=True, slots=True)
class Finding:
    """A root cause as the last diagnosis sees it, before it is settled.

    settle_s is for how long it must last before it is an incident; since_s is when it began.
    members are everything that it explains, parts what failed together with it.
    """

    root: Subject
    cause: Cause
    effect: Effect
    since_s: float
    settle_s: float
    members: frozenset[Subject] = frozenset()
    parts: frozenset[Subject] = frozenset()
    sites: tuple[str, ...] = ()
    cut_off: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    maintained: bool = False
