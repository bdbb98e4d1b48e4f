"""A call between two hosts of a laboratory, watched while it runs."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import IO, Final, Literal, Self, TypeAlias
from uuid import uuid4

from inventory.errors import LabError
from inventory.model import SiteName
from simulations.lab.lab import Lab
from simulations.netns.blueprint import Host
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually, pause
from simulations.traffic import READY, Second

ProfileName: TypeAlias = Literal["voice", "video"]
# Both ends listen by then; they still have to learn when to start.
LEAD_S: Final = 0.2
# It ends a start that hangs; a machine with much else to do takes a minute.
START_WITHIN_S: Final = 120.0
READY_LINE: Final = f"{READY}\n".encode()
END_WITHIN_S: Final = 10.0
POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Report:
    """A second of a call as one end heard it: source spoke, target listened."""

    source: SiteName
    target: SiteName
    second: Second


@dataclass(frozen=True, slots=True)
class FlowEnd:
    """The process at one end and the file into which it reports."""

    source: SiteName
    target: SiteName
    process: "subprocess.Popen[bytes]"
    reports: IO[bytes]


class LabFlow:
    """A running call; leave its context to end it early."""

    def __init__(self, ends: tuple[FlowEnd, FlowEnd], start: float, seconds: int) -> None:
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
            if end.process.stdin and not end.process.stdin.closed:
                end.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                end.process.wait(END_WITHIN_S)
            end.reports.close()


def start_call(
    lab: Lab, one: SiteName, other: SiteName, *, seconds: int, profile: ProfileName = "voice"
) -> LabFlow:
    """Start a call between the hosts of two sites and return once it begins; it ends by itself.

    Calls of different profiles may run between the same hosts. Raises LabError when a site has no
    host, or an end does not come to listen.
    """
    here, there = lab.blueprint.host(one), lab.blueprint.host(other)
    options = ["--seconds", str(seconds), "--profile", profile]
    ends = _started(lab, here, there, options), _started(lab, there, here, options)
    try:
        for end in ends:
            what = f"an end of the call at {end.target}"
            eventually(partial(_is_ready, end), within_s=START_WITHIN_S, what=what)
    except LabError:
        LabFlow(ends, 0.0, seconds).close()
        raise
    start = time.monotonic() + LEAD_S
    for end in ends:
        _begin(end, start)
    return LabFlow(ends, start, seconds)


def _started(lab: Lab, local: Host, peer: Host, options: Sequence[str]) -> FlowEnd:
    """Start the end at local; what it reports is how it heard its peer."""
    file = lab.folder.path / f"call-{local.site}-{peer.site}-{uuid4().hex}.jsonl"
    argv = [sys.executable, "-m", "simulations.traffic", str(local.ipv4.ip), str(peer.ipv4.ip)]
    argv += options
    with file.open("wb") as output, entered_namespace(local.namespace):
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output)
    reports = file.open("rb")
    file.unlink()
    return FlowEnd(peer.site, local.site, process, reports)


def _is_ready(end: FlowEnd) -> bool:
    """Return whether an end listens. Raises LabError when it died instead."""
    if end.process.poll() is not None:
        raise LabError(f"the call's end at {end.target} ended before it began")
    position = end.reports.tell()
    if end.reports.readline() == READY_LINE:
        return True
    end.reports.seek(position)
    return False


def _begin(end: FlowEnd, start: float) -> None:
    """Tell an end when to start; one that died just now is found dead when it is asked."""
    if end.process.stdin:
        with suppress(BrokenPipeError), end.process.stdin as told:
            told.write(f"{start!r}\n".encode())


def _read(end: FlowEnd) -> Iterator[Report]:
    while True:
        position = end.reports.tell()
        line = end.reports.readline()
        if not line.endswith(b"\n"):
            end.reports.seek(position)
            return
        yield Report(end.source, end.target, Second(**json.loads(line)))
