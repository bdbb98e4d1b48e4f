"""Pings from the router's own addresses, by which the controller checks what it reaches."""

from __future__ import annotations

import json
from collections.abc import Sequence

from controller.frr_door.router import Router, run_program

MOST_TARGETS = 512


def probe(router: Router, words: Sequence[str]) -> dict[str, object]:
    """Ping targets from an address, or from the loopback when the source is lo."""
    from concurrent.futures import ThreadPoolExecutor
    from ipaddress import ip_address

    targets = [ip_address(word) for word in words[1:]]
    source = words[0] if words[0] == "lo" else str(ip_address(words[0]))
    sources = {v: _loopback(v) if source == "lo" else source for v in {t.version for t in targets}}
    with ThreadPoolExecutor(max_workers=32) as pool:
        answers = list(pool.map(lambda t: _answers(sources[t.version], str(t)), targets))
    return {"unreached": [str(t) for t, answer in zip(targets, answers) if not answer]}  # noqa: B905


def _loopback(version: int) -> str:
    """Return the router's own loopback address, or nothing where it has none yet."""
    from ipaddress import ip_address

    _, output = run_program(["ip", "-j", f"-{version}", "address", "show", "dev", "lo"], 10)
    infos = [info for link in json.loads(output) for info in link.get("addr_info", [])]
    own = (i["local"] for i in infos if not ip_address(i["local"]).is_loopback)
    return str(next(own, ""))


def _answers(source: str, target: str) -> bool:
    bound = ["-I", source] if source else []
    command = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", *bound, target]
    return run_program(command, 10)[0] == 0
