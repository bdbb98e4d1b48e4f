"""The door of an edge: what sshd runs instead of a shell for the controller's key.

It knows the verbs of the router's door and answers as that one does, in one line of JSON. All but
probe are the daemon's work, which is asked over its control socket; the daemon also holds the
timer of a commit, in its folder, so that neither a broken connection nor its own end loses it.

Every request is a process, `python -P -m edge.door DIR`, so little is imported here.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from edge.control import client as control
from edge.policy.errors import LARGEST_POLICY, TransactionError, checked_txn
from inventory.errors import EdgeError

_ANSWER_WITHIN_S: Final = 180.0
_MOST_TARGETS: Final = 512

Json: TypeAlias = Mapping[str, Any]
Request: TypeAlias = Callable[[Sequence[str]], Json]


class Door:
    """One visit: a folder, the candidate on its way in, and the answers' way out."""

    def __init__(self, folder: Path, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._folder = folder
        self._incoming = incoming
        self._outgoing = outgoing
        # Each verb with the least and the most words that may follow it.
        self._verbs: Mapping[str, tuple[Request, int, int]] = {
            "read": (lambda _: {"verb": "read"}, 0, 0),
            "status": (lambda _: {"verb": "transaction"}, 0, 0),
            "stage": (self._stage, 3, 3),
            "commit": (lambda words: _timed("commit", words), 2, 2),
            "extend": (lambda words: _timed("extend", words), 2, 2),
            "confirm": (lambda words: {"verb": "confirm", "txn": checked_txn(words[0])}, 1, 1),
            "rollback": (lambda words: {"verb": "rollback", "txn": checked_txn(words[0])}, 1, 1),
            "people": (self._people, 0, 2),
            "health": (lambda _: {"verb": "status"}, 0, 0),
            "rekey": (lambda _: {"verb": "rekey"}, 0, 0),
            "keys": (lambda _: {"verb": "keys"}, 0, 0),
            "pairs": (partial(self._sealed, "pairs", "chains"), 0, 2),
            "revoked": (partial(self._sealed, "revoked", "list"), 0, 2),
            "join": (partial(self._sealed, "join", "request"), 2, 2),
        }

    def answer(self, request: str) -> int:
        """Answer one request; return the exit code: 0 done, 1 refused, 64 not understood."""
        answer = self._answer_to(request)
        with suppress(BrokenPipeError):
            self._outgoing.write(json.dumps(answer).encode() + b"\n")
            self._outgoing.flush()
        if answer["ok"]:
            return 0
        return 64 if answer["error"] == "usage" else 1

    def _answer_to(self, request: str) -> Json:
        try:
            words = shlex.split(request)
            if words[:1] == ["probe"]:
                return self._probe(words[1:])
            return control.send_request(
                self._folder, self._request(words), within_s=_ANSWER_WITHIN_S, alive=self._alive
            )
        except TransactionError as error:
            return {"ok": False, "error": error.code, "message": str(error)}
        except control.NotRunningError as error:
            return {"ok": False, "error": "hanging", "message": str(error)}
        except ValueError as error:
            return {"ok": False, "error": "usage", "message": str(error)}
        except (EdgeError, OSError) as error:
            return {"ok": False, "error": "failed", "message": str(error)}

    def _request(self, words: Sequence[str]) -> Json:
        verb = words[0] if words else ""
        make, least, most = self._verbs.get(verb, (None, 0, 0))
        if make is None or not least <= len(words) - 1 <= most:
            known = ", ".join((*self._verbs, "probe"))
            raise TransactionError("usage", f"not a request; there are: {known}")
        return make(words[1:])

    def _stage(self, words: Sequence[str]) -> Json:
        txn = checked_txn(words[0])
        return {"verb": "stage", "txn": txn, "candidate": self._given(words[1], words[2])}

    def _people(self, words: Sequence[str]) -> Json:
        """Ask for the roster that holds, and who is there, or hand over another one."""
        if list(words) in (["there"], ["who"]):
            return {"verb": "people", words[0]: True}
        return self._sealed("people", "roster", words)

    def _sealed(self, verb: str, what: str, words: Sequence[str]) -> Json:
        """Ask what there is, or hand over something else that the controller signed."""
        if not words:
            return {"verb": verb}
        if len(words) == 1:
            raise TransactionError("usage", f"the {what} comes with its length and digest")
        return {"verb": verb, what: self._given(*words)}

    def _given(self, octets: str, digest: str) -> str:
        """Return what is handed over, whole."""
        length = int(octets)
        if not 0 <= length <= LARGEST_POLICY:
            what = f"a candidate may have 0 to {LARGEST_POLICY} bytes"
            raise TransactionError("usage", what)
        given = self._incoming.read(length)
        if len(given) != length or sha256(given).hexdigest() != digest:
            what = f"{len(given)} of {length} bytes came, or not the same"
            raise TransactionError("incomplete", what)
        return given.decode("utf-8")

    def _alive(self) -> None:
        """Write a space, which JSON ignores, so that slow work is not taken for a dead edge."""
        with suppress(OSError):
            self._outgoing.write(b" ")
            self._outgoing.flush()

    def _probe(self, words: Sequence[str]) -> Json:
        """Ping targets from an address, or from the device's loopback when the source is lo."""
        if not 2 <= len(words) <= _MOST_TARGETS + 1:
            raise TransactionError(
                "usage", f"probe takes a source and 1 to {_MOST_TARGETS} targets"
            )
        from edge.probes import icmp  # noqa: PLC0415 - slow to load, no other request needs it

        targets = [ip_address(word) for word in words[1:]]
        named_source = self._loopback() if words[0] == "lo" else words[0]
        source = ip_address(named_source) if named_source else None
        return {"ok": True, "unreached": [*map(str, icmp.unreached_targets(source, targets))]}

    def _loopback(self) -> str:
        answer = control.send_request(self._folder, {"verb": "transaction"})
        return str(answer.get("loopback") or "")


def _timed(verb: str, words: Sequence[str]) -> Json:
    return {"verb": verb, "txn": checked_txn(words[0]), "within_s": int(words[1])}


def _asked_for() -> str:
    """Return what the SSH client asked for; nothing if it asked for nothing."""
    return os.environ.get("SSH_ORIGINAL_COMMAND", "")  # noqa: TID251 - sshd says it there


def main(arguments: Sequence[str]) -> int:
    """Answer the request of this process and return the exit code."""
    if len(arguments) != 1:
        print("usage: python -P -m edge.door DIR", file=sys.stderr)  # noqa: T201
        return 64
    os.umask(0o077)
    visit = Door(Path(arguments[0]).absolute(), sys.stdin.buffer, sys.stdout.buffer)
    return visit.answer(_asked_for())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
