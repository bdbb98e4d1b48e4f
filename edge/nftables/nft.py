"""nftables as it is in the kernel: loaded in one transaction, listed, and noticed when changed."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from edge.forwarding.marks import NFT_TABLE
from inventory.errors import EdgeError

FAMILIES: Final = ("inet", "ip", "netdev")
WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Listing:
    """Our tables as the kernel has them, in short.

    digest is of everything but calls and flows; comment is what they were loaded with.
    """

    digest: str
    comment: str


NOTHING: Final = Listing("", "")


def load_ruleset(text: str) -> None:
    """Carry statements out, all or none of them. Raises EdgeError with what nft said."""
    done = _nft("-f", "-", given=text)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise EdgeError(f"nft refused our rules: {said[0] if said else 'without a word'}")


def replace_tables(texts: Iterable[str]) -> str:
    """Return statements that put tables in the place of all of ours."""
    return delete_tables() + "".join(texts)


def delete_tables(families: Iterable[str] = FAMILIES) -> str:
    """Return statements that take our tables away, whether they are there or not."""
    return "".join(
        f"add table {family} {NFT_TABLE}\ndelete table {family} {NFT_TABLE}\n"
        for family in families
    )


def list_tables() -> Listing:
    """Return our tables as the kernel has them. Raises EdgeError."""
    parts = [part for family in FAMILIES for part in _list("table", family, NFT_TABLE)]
    return parse_listing(parts) if parts else NOTHING


def table_digest(family: str, table: str) -> str:
    """Return a digest of a table; nothing if there is no table. Raises EdgeError."""
    parts = _list("table", family, table)
    return parse_listing(parts).digest if parts else ""


def table_text(family: str, table: str) -> str:
    """Return a table in nft's own words; nothing if there is no table. Raises EdgeError."""
    return _nft("list", "table", family, table).stdout


def table_families() -> tuple[str, ...]:
    """Return the families in which we have a table. Raises EdgeError."""
    tables = (part["table"] for part in _list("tables") if "table" in part)
    ours = {table["family"] for table in tables if table["name"] == NFT_TABLE}
    return tuple(family for family in FAMILIES if family in ours)


def counted_packets() -> dict[str, int]:
    """Return how many packets the counters of each chain of ours have seen. Raises EdgeError."""
    found: dict[str, int] = {}
    for part in _said(_nft("-j", "list", "table", "inet", NFT_TABLE)):
        rule = part.get("rule", {})
        for expression in rule.get("expr", ()):
            if counter := expression.get("counter"):
                found[rule["chain"]] = found.get(rule["chain"], 0) + int(counter["packets"])
    return found


def set_elements(kind: str, name: str, table: str = NFT_TABLE) -> list[Any]:
    """Return the elements of a set or map of ours, with what changes; none when it is missing."""
    parts = _said(_nft("-j", "list", kind, "inet", table, name))
    return [element for part in parts for element in part.get(kind, {}).get("elem", ())]


def parse_listing(parts: Iterable[Mapping[str, Any]]) -> Listing:
    """Return a listing from what nft says in JSON."""
    shape, comment = [], ""
    for part in parts:
        ((kind, thing),) = part.items()
        bare = {key: value for key, value in thing.items() if key != "handle"}
        comment = bare.get("comment", comment)
        if {"timeout", "dynamic"} & {*bare.get("flags", ())}:
            bare.pop("elem", None)
        shape.append({kind: bare})
    text = json.dumps(shape, sort_keys=True)
    return Listing(sha256(text.encode()).hexdigest(), comment)


def _list(*what: str) -> list[Mapping[str, Any]]:
    return _said(_nft("-j", "-s", "list", *what))


def _said(done: subprocess.CompletedProcess[str]) -> list[Mapping[str, Any]]:
    """Return what nft listed; nothing when there is no such thing."""
    if done.returncode:
        return []
    parts: list[Mapping[str, Any]] = json.loads(done.stdout)["nftables"]
    return [part for part in parts if "metainfo" not in part]


def _nft(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    program = shutil.which("nft")
    if program is None:
        raise EdgeError("nft is not installed; install the package nftables")
    try:
        return subprocess.run(
            [program, *arguments],
            input=given,
            env={"LC_ALL": "C"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
    except subprocess.TimeoutExpired as error:
        raise EdgeError(f"nft did not end within {WITHIN_S:g} s; try again") from error
