"""Findings of preventive maintenance as values; their sentences are in the catalogue beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.reports.document import State


class Check(StrEnum):
    """What is checked every week."""

    CONFIG_BACKUP = "config-backup"
    ACCESS = "access"
    TOKEN = "token"  # noqa: S105 - the name of a check
    CERTIFICATE = "certificate"
    DISK = "disk"
    VERSION = "version"
    SECURITY_UPDATES = "security-updates"
    SIGN_IN = "sign-in"
    BATTERY = "battery"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: at a site, or "" where it is the controller's own.

    key names a sentence of the catalogue. Of values, those that end in _share are shares, in _s
    durations, in _at instants as Unix seconds; the rest are texts and numbers.
    """

    check: Check
    subject: str
    site: str
    state: State
    key: str
    values: Mapping[str, str | float]
