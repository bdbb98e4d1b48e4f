"""Reports kept in the state folder: one file each, the newest of each kind, readable by its owner.

What is kept are figures; pages in any format and language are written from them when asked for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from controller.backups.noted import REPORTS
from controller.reports.availability import AvailabilityReport
from controller.reports.maintenance import MaintenanceReport
from inventory.errors import SanagaError, UnknownNameError
from inventory.output_file import replace_file

Report: TypeAlias = AvailabilityReport | MaintenanceReport
_NAME: Final = re.compile(r"(availability)-\d{4}-\d{2}|(maintenance)-\d{4}-\d{2}-\d{2}")
# Three years of months, two years of weeks.
KEPT: Final = {"availability": 36, "maintenance": 106}
_KINDS: Final[dict[str, type[Report]]] = {
    "availability": AvailabilityReport,
    "maintenance": MaintenanceReport,
}
_ALL: Final = 0o600


class ReportError(SanagaError):
    """A stored report cannot be read."""


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that is kept, by its name; size is that of its file in octets."""

    name: str
    kind: str
    period: str
    made_s: float
    size: int


class ReportArchive:
    """The folder of reports within a state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / REPORTS

    def store(self, report: Report) -> Path:
        """Write a report in the place of the one of the same name, and remove the oldest."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(report.name)
        replace_file(file, msgspec.json.format(msgspec.json.encode(report)), mode=_ALL)
        kind = kind_of(report.name)
        for old in [one for one in self._names() if kind_of(one) == kind][: -KEPT[kind]]:
            self._file(old).unlink(missing_ok=True)
        return file

    def listed(self) -> tuple[StoredReport, ...]:
        """Return what is kept, by name."""
        return tuple(map(self._stored, self._names()))

    def read(self, name: str) -> Report:
        """Return a report. Raises UnknownNameError, and ReportError for one that is damaged."""
        if not _NAME.fullmatch(name):
            raise _unknown(name)
        try:
            octets = self._file(name).read_bytes()
        except FileNotFoundError:
            raise _unknown(name) from None
        try:
            return msgspec.json.decode(octets, type=_KINDS[kind_of(name)])
        except msgspec.MsgspecError as error:
            raise ReportError(
                f"{self._file(name)}: this is no report ({error}); remove the file, and make the "
                f"report again with 'sanaga schedule run {kind_of(name)}'"
            ) from error

    def newest(self, kind: str, wanted: Callable[[str], bool] = bool) -> Report | None:
        """Return the newest report of a kind, None where there is none."""
        names = [one for one in self._names() if kind_of(one) == kind and wanted(one)]
        return self.read(names[-1]) if names else None

    def _names(self) -> list[str]:
        found = (file.stem for file in self._folder.glob("*.json"))
        return sorted(name for name in found if _NAME.fullmatch(name))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _stored(self, name: str) -> StoredReport:
        about = self._file(name).stat()
        kind = kind_of(name)
        return StoredReport(name, kind, name[len(kind) + 1 :], about.st_mtime, about.st_size)


def kind_of(name: str) -> str:
    """Return the kind of a report by its name."""
    return name.partition("-")[0]


def _unknown(name: str) -> UnknownNameError:
    advice = "'sanaga schedule list' tells what is made when"
    return UnknownNameError(f"no report {name!r} is kept; {advice}")
