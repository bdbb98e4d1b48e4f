"""A call between two hosts of a laboratory, watched while it runs."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Final, Literal, Self, TypeAlias
from uuid import uuid4

from inventory.errors import LabError
from inventory.model import SiteName
from simulations.lab.blueprint import Host
from simulations.lab.lab import Lab
from simulations.lab.namespaces import entered
from simulations.lab.waiting import pause
from simulations.traffic import Second

ProfileName: TypeAlias = Literal["voice", "video"]
# Both ends must be listening before the first packet is sent.
LEAD_S: Final = 0.7
END_WITHIN_S: Final = 10.0
POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Report:
    """A second of a call as one end heard it: source spoke, target listened."""

    source: SiteName
    target: SiteName
    second: Second


@dataclass(frozen=True, slots=True)
class End:
    """The process at one end and the file into which it reports."""

    source: SiteName
    target: SiteName
    process: "subprocess.Popen[bytes]"
    reports: IO[bytes]


class Flow:
    """A running call; leave its context to end it early."""

    def __init__(self, ends: tuple[End, End], start: float, seconds: int) -> None:
        self.ends = ends
        self.start = start
        self.seconds = seconds
        self._heard: list[Report] = []
        self._totals: list[Report] = []

    def __enter__(self) -> Self:
        """Return the call itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End both processes and forget their files."""
        self.close()

    @property
    def over(self) -> bool:
        """Return whether both ends have ended."""
        return all(end.process.poll() is not None for end in self.ends)

    def news(self) -> tuple[Report, ...]:
        """Return the seconds reported since the last time, in the order of the call."""
        reports = [report for end in self.ends for report in _read(end)]
        fresh = [report for report in reports if report.second.second < self.seconds]
        self._heard += fresh
        self._totals += (report for report in reports if report.second.second >= self.seconds)
        return tuple(sorted(fresh, key=lambda report: report.second.second))

    def follow(self) -> Iterator[Report]:
        """Yield every second as it is reported, until the call is over."""
        while True:
            over = self.over
            yield from self.news()
            if over:
                return
            pause(POLL_S)

    def results(self) -> tuple[Report, ...]:
        """Wait for the end of the call and return all its seconds.

        Raises LabError when an end died before.
        """
        for _ in self.follow():
            pass
        dead = [end.target for end in self.ends if end.process.returncode]
        if dead:
            raise LabError(f"the call ended early at {', '.join(dead)}")
        return tuple(self._heard)

    def totals(self) -> tuple[Report, ...]:
        """Wait for the end of the call and return each direction as a whole.

        Raises LabError when an end died before.
        """
        self.results()
        return tuple(self._totals)

    def close(self) -> None:
        """End both processes and forget their files."""
        for end in self.ends:
            end.process.kill()
            with suppress(subprocess.TimeoutExpired):
                end.process.wait(END_WITHIN_S)
            end.reports.close()


def start_call(
    lab: Lab, one: SiteName, other: SiteName, *, seconds: int, profile: ProfileName = "voice"
) -> Flow:
    """Start a call between the hosts of two sites; it ends by itself.

    Calls of different profiles may run between the same hosts. Raises LabError when a site has no
    host.
    """
    here, there = lab.blueprint.host(one), lab.blueprint.host(other)
    start = time.monotonic() + LEAD_S
    options = ["--start", repr(start), "--seconds", str(seconds), "--profile", profile]
    return Flow(
        (_start(lab, here, there, options), _start(lab, there, here, options)), start, seconds
    )


def _start(lab: Lab, local: Host, peer: Host, options: Sequence[str]) -> End:
    """Start the end at local; what it reports is how it heard its peer."""
    file = lab.folder.path / f"call-{local.site}-{peer.site}-{uuid4().hex}.jsonl"
    argv = [sys.executable, "-m", "simulations.traffic", str(local.ipv4.ip), str(peer.ipv4.ip)]
    argv += options
    with file.open("wb") as output, entered(local.namespace):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output)
    reports = file.open("rb")
    file.unlink()
    return End(peer.site, local.site, process, reports)


def _read(end: End) -> Iterator[Report]:
    while True:
        position = end.reports.tell()
        line = end.reports.readline()
        if not line.endswith(b"\n"):
            end.reports.seek(position)
            return
        yield Report(end.source, end.target, Second(**json.loads(line)))
