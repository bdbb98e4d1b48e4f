"""Faults of what the controller does by itself: told once, and once more when it works again."""

from collections.abc import Mapping
from typing import Final

from controller.backups.noted import Attempt
from controller.channels.message import MessageKind
from controller.clock import Clock
from controller.notices.decisions import DecisionRows
from controller.notices.texts import clean
from controller.schedules.runner import BACKUP, FAILED, Standing

_LONGEST: Final = 300
# What failed, in English and French.
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    BACKUP: ("the daily backup", "la sauvegarde quotidienne"),
    "maintenance": (
        "the weekly maintenance report",
        "le rapport hebdomadaire de maintenance",
    ),
    "availability": (
        "the monthly availability report",
        "le rapport mensuel de disponibilité",
    ),
}
_FAILED: Final = (
    "It is tried again in an hour. What went wrong: {fault}",
    "Nouvel essai dans une heure. Ce qui n'a pas marché : {fault}",
)
_WORKS: Final = ("It works again.", "Tout marche de nouveau.")


class OwnFaults:
    """Writes what administrators are told into the outbox; what it knows stands there too."""

    def __init__(self, rows: DecisionRows, clock: Clock) -> None:
        self._rows, self._clock = rows, clock

    def heed_backup(self, last: Attempt | None) -> None:
        """Take note of how the last backup went."""
        if last is not None:
            self.heed(BACKUP, "" if last.good else last.fault or "its file is not there")

    def heed_schedule(self, one: Standing) -> None:
        """Take note of how the last run of a schedule went; one that goes on says nothing."""
        if one.last is not None and one.last.outcome:
            outcome = one.last.outcome
            self.heed(one.name, outcome.removeprefix(FAILED) if outcome.startswith(FAILED) else "")

    def heed(self, duty: str, fault: str) -> None:
        """Tell of a fault unless it was told, or of its end where it was; "" is no fault."""
        told = self._rows.open_fault(_key(duty))
        now_s = self._clock.instant().timestamp()
        if fault and not told:
            key = f"{_key(duty)}{now_s:.3f}"
            self._rows.write_outbox(MessageKind.FAILING, key, _payload(duty, _FAILED, fault), now_s)
        elif told and not fault:
            payload = {**_payload(duty, _WORKS, ""), "fault": told, "ended_s": now_s}
            self._rows.write_outbox(MessageKind.WORKING, f"{told} works", payload, now_s)


def _key(duty: str) -> str:
    return f"controller:{duty}:"


def _payload(duty: str, sentences: tuple[str, str], fault: str) -> dict[str, object]:
    what = clean(fault)[:_LONGEST]
    english, french = _TITLES.get(duty, (duty, duty))
    return {
        "cause": f"controller-{duty}",
        "title": english,
        "title_fr": french,
        "sentence": sentences[0].format(fault=what),
        "sentence_fr": sentences[1].format(fault=what),
    }
