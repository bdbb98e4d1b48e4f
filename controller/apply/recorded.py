"""The intent that a recorded apply followed, from the journal."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import chain

from controller.model import Outcome, Plan
from controller.planning.plan_file import decode
from controller.store.journal import Journal
from inventory.model import DeviceName, Intent


def recorded_intent(journal: Journal, apply_id: int | None) -> Intent | None:
    """Return how the devices of a recorded apply are reached, as the journal knew it last.

    apply_id names the apply, without it is the last one. Its devices and those of the one before
    are among them, also where the intent that it follows has none of them any more, or not yet.
    """
    entries = [e for e in journal.history() if e.outcome in (None, Outcome.CONFIRMED)]
    chosen = next((e for e in entries if e.id == apply_id), next(iter(entries), None))
    if chosen is None:
        return None
    entries = [e for e in entries if e.network == chosen.network]
    since = entries.index(chosen)
    plans = [decode(*journal.plan(e.id)) for e in entries[since : since + 2]]
    newest = [decode(*journal.plan(e.id)) for e in entries[: min(since, 1)]]
    older = (decode(*journal.plan(e.id)) for e in entries[since + 2 :])
    return _knowing({n for p in plans for n in p.seen}, chain(newest, plans, older))


def _knowing(needed: Collection[DeviceName], plans: Iterable[Plan]) -> Intent | None:
    """Return the first intent, with devices of later ones until all that are needed are known."""
    known: Intent | None = None
    for intent in (made.intent for made in plans if made.intent):
        devices = {**intent.devices, **(known.devices if known else {})}
        known = replace(known or intent, devices=devices)
        if known.devices.keys() >= set(needed):
            break
    return known
