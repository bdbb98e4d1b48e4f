"""sanaga lab segments: whether packets in a laboratory pass between segments as the rules say."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from controller.terminal.output import Format, FormatOption, emit, say, show_rows, write
from controller.wording import count

if TYPE_CHECKING:
    from simulations.lab.segments import SegmentReport, Tried

EXAMPLE: Final = "northern-spur"
WITHIN_S: Final = 60.0
_REACHES: Final = {
    "source": "SEGMENT",
    "source_site": "OF",
    "target_site": "AT",
    "reached": "REACHES",
    "agrees": "AS THE RULES SAY",
}
_DIFFERS: Final = {"way": "DIFFERENCE", "ip": "IP", "found": "PACKETS", "because": "BUT"}
_EXPECTED: Final = {"expectation": "EXPECTATION", "holds": "HOLDS", "evidence": "EVIDENCE"}


def segments(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder of the intent's YAML documents; without it the example northern-spur.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Send packets between all segments of two sites; exit 1 when they pass other than the rules.

    The laboratory of the intent must be up and configured. For a while hosts stand in the LANs of
    an edge and of a router, as far as there are both; from each, packets go to every other, in
    IPv4 and IPv6. Expectations about segments are held against the same packets.
    """
    from controller.load import load
    from inventory.country import examples
    from simulations.lab import lab
    from simulations.lab.segments import compare_segments

    loaded = load(folder or examples.FOLDER / EXAMPLE)
    found = lab.find_lab(loaded.intent.network.name)
    say("hosts stand in the LANs for a while")
    report = compare_segments(found, loaded, within_s=WITHIN_S)
    emit(report, output, lambda: _show(report))
    differing = sum(not one.agrees for one in report.tried)
    say(f"packets tried {count(len(report.tried), 'way')}: {differing} differ from the rules")
    if not report.agrees:
        raise typer.Exit(1)


def _show(report: "SegmentReport") -> None:
    show_rows(list(_reached(report)), _REACHES)
    if differences := list(_differences(report)):
        write("")
        show_rows(differences, _DIFFERS)
    if report.expectations:
        write("")
        rows: list[dict[str, object]] = [
            {"expectation": kept.expectation, "holds": kept.holds, "evidence": kept.evidence}
            for kept in report.expectations
        ]
        show_rows(rows, _EXPECTED)


def _reached(report: "SegmentReport") -> "Iterator[dict[str, object]]":
    """Yield a row for each segment of a site and each site to which it was tried."""
    groups: dict[tuple[str, ...], list[Tried]] = {}
    for one in report.tried:
        groups.setdefault((one.source_site, one.source, one.target_site), []).append(one)
    for (source_site, source, target_site), several in groups.items():
        yield {
            "source": source,
            "source_site": source_site,
            "target_site": target_site,
            "reached": ", ".join(_names(several)) or "none",
            "agrees": all(one.agrees for one in several),
        }


def _names(several: "list[Tried]") -> "Iterator[str]":
    """Yield the segments at which packets arrived, with the IP version where it is but one."""
    versions: dict[str, list[int]] = {}
    for one in several:
        if one.arrived:
            versions.setdefault(one.target, []).append(one.version)
    for target, arrived in versions.items():
        yield target if len(arrived) > 1 else f"{target} (IPv{arrived[0]} alone)"


def _differences(report: "SegmentReport") -> "Iterator[dict[str, object]]":
    """Yield a row for each pair of hosts whose packets differ from the rules in the same way."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for one in report.tried:
        if not one.agrees:
            way = f"{one.source} of {one.source_site} to {one.target} of {one.target_site}"
            groups.setdefault((way, _packets(one), one.because), []).append(one.version)
    for (way, found, because), versions in groups.items():
        named = " and ".join(f"IPv{version}" for version in versions)
        yield {"way": way, "ip": named, "found": found, "because": because}


def _packets(one: "Tried") -> str:
    lost = "arrive, answers do not" if one.arrived else "do not arrive"
    return lost if one.allowed else "arrive"
