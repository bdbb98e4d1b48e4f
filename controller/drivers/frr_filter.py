#!/usr/bin/python3 -IS
"""The packet filter of an FRR router: the one thing that its door does as root, through sudo.

One file of the standard library alone (Python 3.9 and newer), root's own on the router. It loads,
checks, lists or deletes the nftables table 'inet sanaga_segments' and nothing else: a text is one
table of chains whose rules match addresses, ports and interfaces, and let pass or drop. So whoever
may run it can shut and open what passes here, and gains nothing beyond. It answers in one line of
JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

FAMILY, NAME = "inet", "sanaga_segments"
LARGEST_TABLE = 2_000_000
WITHIN_S = 20
NFT = ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft")

_CHAIN = re.compile(r"\tchain segment_[a-z0-9_]{1,48} \{")
_HOOK = re.compile(r"\t\ttype filter hook (?:input|forward) priority -5; policy (?:accept|drop);")
_TOKEN = re.compile(r'[ \t]*(?:([A-Za-z0-9_.:/-]+)|("[A-Za-z0-9_.:/@-]{1,15}")|([{},&]|==|!=))')
_NUMBER = re.compile(r"(?=.*[0-9:])[0-9a-f.:/-]{1,48}")
_CALLED = re.compile(r"segment_[a-z0-9_]{1,48}")
_WORDS = frozenset(
    re.findall(
        r"\S+",
        "accept counter ct daddr direction dport drop established goto icmp iifname ip ip6 ipv4 "
        "ipv6 ipv6-icmp jump l4proto meta nfproto oifname related reply saddr sport state tcp th "
        "udp vmap",
    )
)
# What nft says where there is no such table, or no nftables in the kernel.
_NOTHING = ("No such file or directory", "not supported")


class FilterError(Exception):
    """A request that was not carried out: a sentence for a person."""


def refuse_others(text: str) -> None:
    """Raise FilterError for a text that is anything but this table, naming the line."""
    lines = text.split("\n")
    if lines[0] != f"table {FAMILY} {NAME} {{" or lines[-2:] != ["}", ""]:
        raise FilterError(f"the text is not the one table {FAMILY} {NAME}")
    within = False
    for number, line in enumerate(lines[1:-2], start=2):
        if within:
            within = line != "\t}"
            known = not within or _HOOK.fullmatch(line) or _is_rule(line)
        else:
            known = within = bool(_CHAIN.fullmatch(line))
        if not known:
            raise FilterError(f"line {number} does not belong into this table: {line.strip()!r}")
    if within:
        raise FilterError("the last chain has no end")


def _is_rule(line: str) -> bool:
    """Return whether a line is made of the words of rules alone and closes what it opens."""
    if not line.startswith("\t\t"):
        return False
    depth, place = 0, 2
    while place < len(line):
        found = _TOKEN.match(line, place)
        if not found or not (found[2] or found[3] or _is_known(found[1])):
            return False
        depth += {"{": 1, "}": -1}.get(found[3] or "", 0)
        if depth < 0:
            return False
        place = found.end()
    return depth == 0


def _is_known(word: str) -> bool:
    return word in _WORDS or bool(_NUMBER.fullmatch(word) or _CALLED.fullmatch(word))


def _nft(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    for program in NFT:
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
        except FileNotFoundError:
            continue
        except subprocess.TimeoutExpired:
            raise FilterError(f"nft did not end within {WITHIN_S} s") from None
    raise FileNotFoundError("nft is not installed; install the package nftables")


def _carry_out(text: str, *options: str) -> None:
    done = _nft(*options, "-f", "-", given=text)
    if done.returncode:
        said = " ".join(done.stderr.split())[:500]
        raise FilterError(f"nft refused the packet filter: {said or 'without a word'}")


def _replacing(text: str) -> str:
    return f"add table {FAMILY} {NAME}\ndelete table {FAMILY} {NAME}\n{text}"


def _listed(*options: str) -> str:
    """Return the table as nft lists it; nothing if there is no table."""
    done = _nft(*options, "-s", "list", "table", FAMILY, NAME)
    if done.returncode == 0:
        return done.stdout
    if any(words in done.stderr for words in _NOTHING):
        return ""
    raise FilterError(f"nft cannot list the packet filter: {' '.join(done.stderr.split())[:300]}")


def _digest() -> str:
    """Return a digest of what the kernel has, without the numbers that it gives to rules."""
    listed = _listed("-j")
    if not listed:
        return ""
    parts = [part for part in json.loads(listed)["nftables"] if "metainfo" not in part]
    bare = [{kind: _bare(thing) for kind, thing in part.items()} for part in parts]
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _bare(thing: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key != "handle"}


def whole_lines(listing: str) -> Iterator[str]:
    """Yield the lines of nft's listing, each rule on one line, without empty ones."""
    depth, rule = 0, ""
    for line in filter(str.strip, listing.split("\n")):
        opened = line.count("{") - line.count("}")
        depth += opened
        rule = f"{rule} {line.strip()}" if rule else line.rstrip()
        if depth <= 2:
            yield rule
            rule = ""


# --- verbs ----------------------------------------------------------------------------------


def _load(text: str) -> dict[str, object]:
    refuse_others(text)
    _carry_out(_replacing(text))
    return {"digest": _digest()}


def _check(text: str) -> dict[str, object]:
    refuse_others(text)
    _carry_out(_replacing(text), "-c")
    return {}


def _list(known: str) -> dict[str, object]:
    """Return the digest of the table and, unless the caller knows it, the table in nft's words."""
    try:
        digest = _digest()
    except FileNotFoundError:
        return {"digest": "", "text": ""}
    lines = () if digest in {"", known} else whole_lines(_listed("-y"))
    return {"digest": digest, "text": "".join(f"{line}\n" for line in lines)}


def _delete(_: str) -> dict[str, object]:
    if _digest():
        _carry_out(f"delete table {FAMILY} {NAME}\n")
    return {}


VERBS: dict[str, Callable[[str], dict[str, object]]] = {
    "load": _load,
    "check": _check,
    "list": _list,
    "delete": _delete,
}


def main(arguments: Sequence[str]) -> int:
    """Carry one verb out, with the text on the standard input, and return the exit code."""
    try:
        answer = {"ok": True, **_answer(arguments)}
    except (FilterError, OSError, ValueError) as error:
        answer = {"ok": False, "message": str(error)}
    print(json.dumps(answer), flush=True)
    return 0 if answer["ok"] else 1


def _answer(arguments: Sequence[str]) -> dict[str, object]:
    if len(arguments) != 1 or arguments[0] not in VERBS:
        raise FilterError(f"not a request; there are: {', '.join(VERBS)}")
    given = sys.stdin.buffer.read(LARGEST_TABLE + 1)
    if len(given) > LARGEST_TABLE:
        raise FilterError(f"a table may have {LARGEST_TABLE} bytes")
    return VERBS[arguments[0]](given.decode("utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
