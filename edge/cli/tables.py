"""The status of an edge and its journal as a person reads them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from edge.cli.output import say, show_rows, write

Json = Mapping[str, Any]

_PATHS: Final = {
    "peer": "PEER",
    "name": "PATH",
    "state": "STATE",
    "rtt_ms": "RTT MS",
    "jitter_ms": "JITTER MS",
    "loss": "LOSS OUT/IN",
    "mos": "MOS",
    "pace_ms": "PACE MS",
    "octets": "SENT/RECEIVED",
}
_CLASSES: Final = {
    "peer": "PEER",
    "name": "CLASS",
    "path": "PATH",
    "second": "COPY",
    "since": "SINCE",
    "reason": "BECAUSE",
}
_SEGMENTS: Final = {
    "segment": "SEGMENT",
    "interface": "LAN",
    "dropped": "DROPPED",
    "dropped_to_device": "DROPPED TO THIS DEVICE",
    "reaches": "REACHES",
}
_UNFILTERED: Final = (
    "nothing is filtered between the segments of this site; 'sanaga validate' says whether the "
    "intent wants that"
)
_ENTRIES: Final = {"at": "TIME", "kind": "WHAT", "about": "ABOUT", "what": "WHY"}
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def show_status(status: Json) -> None:
    """Print a status: the policy, the paths, the classes, what is wrong."""
    write(_policy(status))
    peers = status["peers"]
    if peers:
        write("")
        show_rows([_path(p["device"], path) for p in peers for path in p["paths"]], _PATHS)
        write("")
        show_rows([{"peer": p["device"], **c} for p in peers for c in p["classes"]], _CLASSES)
    live = [peer["device"] for peer in peers if peer["consultation"]]
    if live:
        write(f"\na consultation is going on with {', '.join(live)}")
    if (people := status["people"])["serial"]:
        write(f"\n{_people(people)}")
    if reporting := status.get("reporting"):
        write(f"\n{_reporting(reporting)}")
    for line in _troubles(status):
        say(line)


def _reporting(reporting: Json) -> str:
    """Return in words whether the controller hears this edge, and what waits for it."""
    if reporting["connected_since"]:
        said = f"reports to {reporting['controller']} since {reporting['connected_since']}"
    else:
        said = f"reports to {' or '.join(reporting['controllers'])}, which does not answer now"
        said += f" ({reporting['trouble']})" if reporting["trouble"] else ""
    if reporting["acknowledged_at"]:
        said += f"; number {reporting['acknowledged']} arrived at {reporting['acknowledged_at']}"
    if reporting["spooled"]:
        waiting = f"{reporting['spooled']} reports wait ({size(reporting['spooled_octets'])})"
        said += f"; {waiting}, the oldest is number {reporting['oldest']}"
    if reporting["given_up"]:
        said += f"; {reporting['given_up']} were given up for want of room"
    return said


def _policy(status: Json) -> str:
    policy = status["policy"]
    if not policy["serial"]:
        return f"{status['device']}: no policy runs; {policy['refused'] or 'load one'}"
    said = f"{status['device']}: policy {policy['serial']} of {policy['issued_at']}"
    if policy["pending"]:
        said += f", on trial for {policy['left_s']} s more"
    return f"{said}, running since {status['since']}"


def _people(people: Json) -> str:
    there = people["sessions"]["alive"] if people["sessions"] else 0
    number = people["devices"]
    said = f"{number} devices of people may dial {people['interface']}, {there} are there"
    return f"{said}; roster {people['serial']} of {people['issued_at']}"


def _troubles(status: Json) -> Iterable[str]:
    if status["unfiltered"]:
        yield _UNFILTERED
    if status["policy"]["refused"] and status["policy"]["serial"]:
        yield f"refused: {status['policy']['refused']}"
    yield from (f"fault: {fault}" for fault in status["faults"])
    repairs = status["repairs"]
    if repairs["count"]:
        yield f"repaired {repairs['count']} times, last at {repairs['at']}: {repairs['last']}"


def _path(peer: str, path: Json) -> Json:
    return {
        **path,
        "peer": peer,
        "state": f"{path['state']}: {path['reason']}" if path["reason"] else path["state"],
        "rtt_ms": _rounded(path["rtt_ms"]),
        "jitter_ms": _rounded(path["jitter_ms"]),
        "loss": f"{path['loss_out']:.1%}/{path['loss_in']:.1%}",
        "mos": None if path["mos"] is None else f"{path['mos']:.2f}",
        "octets": f"{size(path['sent_octets'])}/{size(path['received_octets'])}",
    }


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"


def size(octets: int | None) -> str:
    """Return a number of octets as a person reads it."""
    if octets is None:
        return "-"
    value = float(octets)
    for unit in _UNITS:
        if value < 1000:
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1000
    return f"{value:.1f}PB"


def show_segments(report: Json) -> None:
    """Print what each LAN reaches, what was dropped, and what lost its mark."""
    if not report["filters"]:
        say(_UNFILTERED)
        return
    if lans := report["lans"]:
        show_rows([row for lan in lans for row in _lan_rows(lan)], _SEGMENTS)
        write("")
    for source, packets in report["dropped"].items():
        write(f"dropped {source}: {packets} packets")
    marks = report["marks"]
    write(f"marks of consultations not trusted: {marks['untrusted']} packets")
    write(f"beyond what one host may mark: {marks['surplus']} packets")


def _lan_rows(lan: Json) -> Iterable[Json]:
    """Yield a row for each thing that a LAN reaches, the figures in the first."""
    first, *others = lan["reaches"] or ["nothing"]
    yield {**lan, "reaches": first}
    yield from ({"segment": "", "reaches": words} for words in others)


def show_entries(entries: Iterable[Json]) -> None:
    """Print entries of the journal, oldest first."""
    rows = [{**entry, "about": _subject(entry)} for entry in entries]
    if rows:
        show_rows(rows, _ENTRIES)


def _subject(entry: Json) -> str:
    if entry.get("kind") != "decision":
        return ""
    way = f"{entry.get('before') or 'none'} -> {entry.get('path') or 'none'}"
    copy = f" + {entry['second']}" if entry.get("second") else ""
    return f"{entry.get('service')} to {entry.get('peer')}: {way}{copy}"
