#!/usr/bin/env python3
"""The door of an FRR router: what sshd runs instead of a shell for the controller's key.

One file of the standard library alone (Python 3.9 and newer), copied to the router. It knows a
few verbs and answers in one line of JSON; people log in with keys of their own. A commit arms a
guard process on the router first; unless it is confirmed in time, the guard puts the previous
configuration back, whatever became of the connection. The startup configuration is written by
confirm only, so a restart also brings the previous one back.

A configuration may end with a block 'packet-filter', which holds an nftables table in the form of
everything else. FRR never sees it; frr_filter.py loads it, in the same transaction.

sshd starts it again for every request, so what few requests need is imported where they need it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

LARGEST_CANDIDATE = 8_000_000
LONGEST_WAIT_S = 86_400
MOST_TARGETS = 512
RELOAD_TIMEOUT_S = 180
VTYSH_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 30
GUARD_PAUSE_S = 5.0
SIGN_OF_LIFE_S = 5.0
SHOW_TIMEOUT_S = 120
FILTER_TIMEOUT_S = 90
FEW_DELETIONS = 8
TOLD = 3
BATCH = 32

_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
_TXN = re.compile(r"[A-Za-z0-9-]{1,64}")
_SHOW = re.compile(r"show [ -~]{1,400}")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# The last two are settings of the vtysh that shows the configuration, not of the router.
_VOLATILE = re.compile(
    r"(Building configuration\.\.\.|Current configuration:|frr version .*|end"
    r"|hostname .*|(no )?service integrated-vtysh-config)?"
)
_HEADER = re.compile(r"(frr version|hostname) .*")
_DELETIONS = "\nLines To Delete\n===============\n"
_ROUTE_MAP = re.compile(r"route-map (\S+) (?:permit|deny) ([0-9]+)\n")
_ROUTE = re.compile(r"ip(v6)? route ([0-9a-f.:]+)/([0-9]+) ")
_FILTER = "packet-filter"
_COMPLAINT = re.compile(r"% .*|.*: % .*|.*line [0-9]+: .*|.*failed to (?:remove|process).*")


class DoorError(Exception):
    """A request that was not carried out: a code for the controller, a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Router(NamedTuple):
    """Where FRR's parts and the door's own files are on this router."""

    vty_socket: str = ""
    frr_reload: str = "/usr/lib/frr/frr-reload.py"
    state: Path = Path("/var/lib/sanaga-door")
    confdir: str = "/etc/frr"
    bindir: str = "/usr/bin"
    filter_tool: str = "/usr/local/lib/sanaga-frr-filter"
    sudo: str = "/usr/bin/sudo"

    def file(self, name: str) -> Path:
        """Return one of the door's own files."""
        return self.state / name

    def vtysh(self, confdir: str) -> list[str]:
        """Return the start of a vtysh command line."""
        socket = ["--vty_socket", self.vty_socket] if self.vty_socket else []
        return [f"{self.bindir}/vtysh", "--config_dir", confdir, *socket]


# --- configuration text ---------------------------------------------------------------------


def body(text: str) -> str:
    """Return a running configuration without the lines that change by themselves."""
    lines = (line.rstrip() for line in text.split("\n"))
    kept = [line for line in lines if not _VOLATILE.fullmatch(line)]
    while kept and kept[0] == "!":
        del kept[0]
    return "".join(f"{line}\n" for line in kept)


def canonical(text: str) -> str:
    """Return the text that two equal configurations share.

    FRR lists route-maps and static routes in the order in which they were once defined, which
    means nothing to it; here they stand by name and sequence number, and by prefix.
    """
    lines = body(text).split("\n")
    places = [i for i, line in enumerate(lines) if _ROUTE.match(line)]
    for place, line in zip(places, sorted((lines[i] for i in places), key=_route)):  # noqa: B905
        lines[place] = line
    parts = "\n".join(lines).split("\n!\n")
    places = [i for i, part in enumerate(parts) if _ROUTE_MAP.match(part)]
    for place, part in zip(places, sorted((parts[i] for i in places), key=_route_map)):  # noqa: B905
        parts[place] = part
    return "\n!\n".join(parts)


def split(text: str) -> tuple[str, str]:
    """Return FRR's own part of a configuration, and the table of its packet filter, if any."""
    own: list[str] = []
    table: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line.rstrip() != _FILTER:
            own.append(line)
            continue
        for inner in lines:
            if inner.rstrip() == "exit":
                break
            table.append(f"{inner[1:].rstrip()}\n")
        after = next(lines, "!")
        own += [] if after.rstrip() == "!" else [after]
    return "\n".join(own), "".join(table)


def block(table: str) -> str:
    """Return the block of a configuration that holds a table; nothing without a table."""
    if not table:
        return ""
    inner = "".join(f" {line}\n" for line in table.splitlines())
    return f"{_FILTER}\n{inner}exit\n!\n"


def _route_map(lines: str) -> tuple[str, int]:
    found = _ROUTE_MAP.match(lines)
    return (found[1], int(found[2])) if found else ("", 0)


def _route(line: str) -> tuple[int, bytes, int, str]:
    import socket

    found = _ROUTE.match(line)
    if not found:
        return 0, b"", 0, line
    version, family = (6, socket.AF_INET6) if found[1] else (4, socket.AF_INET)
    return version, socket.inet_pton(family, found[2]), int(found[3]), line


def _complaints(output: str) -> str:
    """Return what a tool of FRR said about the lines it refused, as one sentence."""
    lines = _COLOUR.sub("", output).replace("\\n", "\n").splitlines()
    found = (" ".join(x.strip("b'\" ").split()) for x in lines if _COMPLAINT.fullmatch(x.strip()))
    wanted = [*dict.fromkeys(x for x in found if "Can't open configuration file" not in x)]
    return _first_few(wanted, "refusal")


def _first_few(texts: Sequence[str], noun: str) -> str:
    """Return the first texts; what follows them mostly follows from them."""
    more = len(texts) - TOLD
    shown = "; ".join(texts[:TOLD])[:2000]
    return f"{shown}; and {more} more {noun}{'s' * (more > 1)}" if more > 0 else shown


def _difference(wanted: str, running: str) -> str:
    import difflib

    lines = difflib.unified_diff(wanted.splitlines(), running.splitlines(), lineterm="", n=0)
    changed = [x for x in lines if x[:1] in "+-" and x[:3] not in {"+++", "---"}]
    told = [f"{'missing' if x[0] == '-' else 'unasked'} {x[1:].strip()!r}" for x in changed]
    return _first_few(told, "difference")


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


# --- the router -----------------------------------------------------------------------------


def _run(command: Sequence[str], timeout_s: int, given: str = "") -> tuple[int, str]:
    """Return exit code and all output; a command that hangs is killed with its children.

    It inherits the door's lock and is watched by timeout(1): should the door be killed, nobody
    changes the router before what the door started has ended, and it does end.
    """
    done = subprocess.run(
        ["timeout", "--signal=KILL", str(timeout_s), *command],
        input=given.encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_ENV,
        close_fds=False,
        start_new_session=True,
        check=False,
    )
    if done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}:
        raise DoorError("hanging", f"{command[0]} was killed or did not end within {timeout_s} s")
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode in {126, 127}:
        raise DoorError("missing", f"{command[0]} cannot be run here: {output.strip()[-300:]}")
    return done.returncode, output


def _running(router: Router) -> str:
    """Return what FRR runs, as it shows it, and before its end the packet filter of the kernel."""
    text, table = _own_running(router), _loaded(router)
    return f"{text.rstrip()[: -len('end')]}{block(table)}end\n" if table else text


def _own_running(router: Router) -> str:
    """Return what FRR runs, as it shows it."""
    command = [*router.vtysh(str(router.file("work"))), "-c", "show running-config"]
    code, output = _run(command, VTYSH_TIMEOUT_S)
    _, found, text = output.partition("Current configuration:")
    if code or not found or not text.rstrip().endswith("\nend"):
        raise DoorError("vtysh", f"show running-config failed: {output.strip()[-300:]}")
    return text


def _reload(router: Router, mode: str, text: str, running: str) -> tuple[int, str]:
    """Run frr-reload.py on a whole configuration; return its exit code and output.

    It saves the startup configuration after a reload unless the file it is given is called
    CONFDIR/frr.conf, so it gets a folder of its own.
    """
    work = router.file("work")
    header = [line for line in running.split("\n") if _HEADER.fullmatch(line)]
    _write(work / "frr.conf", "\n".join([*header, text]))
    options = ["--stdout", "--confdir", str(work), "--rundir", str(work), "--bindir", router.bindir]
    socket = ["--vty_socket", router.vty_socket] if router.vty_socket else []
    command = [router.frr_reload, mode, *options, *socket, str(work / "frr.conf")]
    return _run(command, RELOAD_TIMEOUT_S)


def _apply(router: Router, text: str, running: str) -> tuple[int, str]:
    """Make a whole configuration run; return frr-reload.py's exit code and output.

    The packet filter comes first: when it is refused, nothing of FRR has changed.
    """
    (own, table), (ran, had) = split(text), split(running)
    if table != had:
        _load(router, table)
    return _apply_own(router, own, ran)


def _apply_own(router: Router, own: str, ran: str) -> tuple[int, str]:
    """Make FRR run its own part of a configuration."""
    if body(own) == body(ran):
        return 0, ""
    surplus = set(ran.splitlines()).difference(own.splitlines())
    if len(surplus) > FEW_DELETIONS:
        _delete(router, own, ran)
    return _reload(router, "--reload", own, ran)


def _delete(router: Router, text: str, running: str) -> None:
    """Delete in one vtysh what frr-reload.py would delete with a vtysh of its own per line.

    It gets the same commands in the same order. A refused one ends the batch: frr-reload.py,
    which follows, does the rest in its own way.
    """
    _, output = _reload(router, "--test", text, running)
    lines = output.partition(_DELETIONS)[2].partition("\nLines To Add\n")[0].splitlines()
    groups: list[list[str]] = []
    for line in filter(str.strip, lines):
        if not line.startswith(" "):
            groups.append(["end", "configure"])
        # FRR takes no text here; frr-reload.py would find that out word by word.
        groups[-1].append(" no description" if line.startswith(" no description ") else line)
    vtysh = router.vtysh(str(router.file("work")))
    for start in range(0, len(groups), BATCH):
        commands = [command for group in groups[start : start + BATCH] for command in group][1:]
        _run([*vtysh, *(word for command in commands for word in ("-c", command))], VTYSH_TIMEOUT_S)


def _save(router: Router) -> None:
    """Write the startup configuration, through watchfrr (which may) where it runs."""
    integrated: list[str] = []
    if not os.access(f"{router.confdir}/frr.conf", os.F_OK):
        # vtysh sees no integrated file there, because there is none or the door may not look,
        # and would write one file per daemon.
        for command in ("configure", "service integrated-vtysh-config", "end"):
            integrated += ["-c", command]
    command_line = [*router.vtysh(router.confdir), *integrated, "-c", "write memory"]
    code, output = _run(command_line, VTYSH_TIMEOUT_S)
    if code or "[OK]" not in output:
        why = " ".join(output.split())[-400:]
        raise DoorError(
            "not-saved", f"it runs, but the startup configuration was not written: {why}"
        )


# --- the packet filter ----------------------------------------------------------------------

NOT_HERE = (
    "this router cannot load the packet filter ({}); prepare it as the recipe 'Prepare an FRR "
    "router' says (nftables, frr_filter.py, sudo), or set packet_filter: false for this device"
)


def _ask_filter(router: Router, verb: str, table: str = "") -> dict[str, Any]:
    """Return what the program says that may touch nftables; raises DoorError with its refusal."""
    if not os.path.exists(router.filter_tool):  # noqa: PTH110 - pathlib is slow to load
        raise DoorError("rejected", NOT_HERE.format(f"there is no {router.filter_tool}"))
    python = sys.executable or "/usr/bin/python3"
    start = [python, "-IS"] if os.geteuid() == 0 else [router.sudo, "-n"]
    code, output = _run([*start, router.filter_tool, verb], FILTER_TIMEOUT_S, table)
    try:
        answer = dict(json.loads(output))
    except (ValueError, TypeError):
        said = " ".join(output.split())[-300:] or f"it ended with {code}"
        raise DoorError("rejected", NOT_HERE.format(f"{start[0]}: {said}")) from None
    if answer.get("ok") is not True:
        raise DoorError("rejected", str(answer.get("message")))
    return answer


def _loaded(router: Router) -> str:
    """Return the table that the kernel has: as it was loaded, or by now in nft's own words."""
    with _locked(router, LOCK_TIMEOUT_S, "filter.lock"):
        known = _record(router, "filter.json")
        digest = known.get("digest", "") if known else ""
        try:
            listed = _ask_filter(router, "list", digest)
        except DoorError as error:
            if known:
                raise DoorError("filter", f"the packet filter cannot be read: {error}") from error
            # A router that never had one needs no program for it.
            return ""
        if known and digest and digest == listed["digest"]:
            return str(known["text"])
        if known and listed["digest"] and "loading" in known:
            # Whoever loaded it was killed before it could write that down.
            _keep(router, "filter.json", text=known["loading"], digest=listed["digest"])
            return str(known["loading"])
        return str(listed["text"])


def _load(router: Router, table: str) -> None:
    """Put a table in the place of the one that is loaded, and know it again later."""
    with _locked(router, LOCK_TIMEOUT_S, "filter.lock"):
        if not table:
            _ask_filter(router, "delete")
            router.file("filter.json").unlink(missing_ok=True)
            return
        known = _record(router, "filter.json")
        _keep(router, "filter.json", **{**(known or {}), "loading": table})
        try:
            answer = _ask_filter(router, "load", table)
        except DoorError:
            if known:
                _keep(router, "filter.json", **known)
            else:
                router.file("filter.json").unlink()
            raise
        _keep(router, "filter.json", text=table, digest=answer["digest"])


def _check_filter(router: Router, candidate: str) -> str:
    """Return the table of a candidate; raises DoorError when it could not be loaded here."""
    own, table = split(candidate)
    if body(f"{own}\n{block(table)}") != body(candidate):
        raise DoorError("rejected", f"the block {_FILTER!r} stands last, once, and well formed")
    if table:
        _ask_filter(router, "check", table)
    return table


def _check_way_back(router: Router, had: str) -> None:
    """Refuse to replace a table that a hand has made and that could not be put back."""
    known = _record(router, "filter.json")
    if not had or (known and known["text"] == had):
        return
    try:
        _ask_filter(router, "check", had)
    except DoorError as error:
        raise DoorError(
            "rejected",
            f"the packet filter was changed by hand and could not be put back ({error}); take it "
            "away with 'nft delete table inet sanaga_segments', and plan again",
        ) from None


# --- the door's own files -------------------------------------------------------------------


def _write(path: Path, text: str) -> None:
    """Replace a file so that after a power cut it is either the old or the new one."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _rename(fresh, path)


def _rename(old: Path, new: Path) -> None:
    old.replace(new)
    folder = os.open(new.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _record(router: Router, name: str) -> dict[str, Any] | None:
    try:
        loaded = json.loads(router.file(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return dict(loaded)


def _keep(router: Router, name: str, **record: object) -> None:
    _write(router.file(name), json.dumps(record))


def _prepare(router: Router) -> None:
    os.umask(0o077)
    router.file("work").mkdir(parents=True, exist_ok=True)
    for folder in (router.state, router.file("work")):
        found = folder.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise DoorError("state", f"others may write in {folder}; give it to this user alone")
    router.file("work").joinpath("vtysh.conf").touch()


@contextlib.contextmanager
def _locked(router: Router, timeout_s: float, name: str = "lock") -> Iterator[None]:
    """Hold the door's lock; only one request changes anything at a time."""
    deadline = time.monotonic() + timeout_s
    lock = os.open(router.file(name), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)  # noqa: FBT003
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DoorError("busy", "another request is changing this router") from None
                select.select([], [], [], 0.05)
        yield
    finally:
        os.close(lock)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _left_s(record: dict[str, Any]) -> float:
    """Return the time left to confirm; a record from before a restart has none."""
    if record["boot"] != _boot():
        return 0.0
    return float(record["deadline"]) - time.clock_gettime(time.CLOCK_BOOTTIME)


# --- committing and undoing -----------------------------------------------------------------

# The one record of a transaction that is not over, by what is to happen to it.
UNSETTLED = ("pending.json", "reverting.json", "confirming.json")


def _tend(router: Router) -> None:
    """Finish what a dead process left behind; the caller holds the lock."""
    if _record(router, "confirming.json"):
        if _is_back(router):
            _undo(router, "restarted", "confirming.json")
        else:
            _finish_confirm(router)
    pending = _record(router, "pending.json")
    if pending and _left_s(pending) <= 0:
        _undo(router, "expired")
    elif pending and _is_back(router):
        _undo(router, "restarted")
    elif _record(router, "reverting.json"):
        _restore(router)


def _is_back(router: Router) -> bool:
    """Return whether FRR runs what ran before, as after a restart with its startup file.

    Where nothing of FRR changes, the packet filter tells.
    """
    files = router.file("previous.conf"), router.file("staged.conf")
    texts = (canonical(file.read_text(encoding="utf-8")) for file in files)
    (previous, had), (staged, table) = map(split, texts)
    if previous != staged:
        return canonical(_own_running(router)) == previous
    return had != table and _loaded(router) == had


def _undo(router: Router, outcome: str, record_of: str = "pending.json") -> None:
    # The rename decides: from here on nobody can confirm.
    _rename(router.file(record_of), router.file("reverting.json"))
    record = _record(router, "reverting.json") or {}
    with contextlib.suppress(OSError):  # on a full disk the way back matters, not its name
        _keep(router, "reverting.json", **{**record, "outcome": outcome})
    _restore(router)


def _restore(router: Router) -> None:
    """Bring back the previous configuration; raises when it does not come back whole."""
    record = _record(router, "reverting.json") or {}
    wanted = router.file("previous.conf").read_text(encoding="utf-8")
    output = ""
    for _ in range(3):
        running = _running(router)
        if body(running) == body(wanted):
            break
        output = _bring_back(router, body(wanted), running)
    running = _running(router)
    if canonical(running) != canonical(wanted):
        why = _complaints(output) or _difference(canonical(wanted), canonical(running))
        raise DoorError("not-restored", f"the previous configuration is not back whole: {why}")
    _end(router, "reverting.json", str(record.get("outcome", "rolled-back")))


def _bring_back(router: Router, text: str, running: str) -> str:
    """Make a former configuration run; a filter that is refused keeps nothing of FRR back."""
    (own, table), (ran, had) = split(text), split(running)
    refusal = ""
    if table != had:
        try:
            _load(router, table)
        except DoorError as error:
            refusal = f"% {error}\n"
    return refusal + _apply_own(router, own, ran)[1]


def _finish_confirm(router: Router) -> None:
    """Keep what runs over a restart: FRR's part as its startup configuration, and the filter.

    A restart in the midst of that may have brought back the former filter, and no more.
    """
    table = split(router.file("staged.conf").read_text(encoding="utf-8"))[1]
    if _loaded(router) != table:
        _load(router, table)
    _save(router)
    _write(router.file("startup.nft"), table)
    _end(router, "confirming.json", "confirmed")


def _end(router: Router, name: str, outcome: str) -> None:
    record = _record(router, name) or {}
    _keep(router, "last.json", txn=record.get("txn"), outcome=outcome)
    router.file(name).unlink()
    _wake(router)


def _wake(router: Router) -> None:
    """Tell the guard to look again; without a guard there is nobody to tell."""
    with contextlib.suppress(OSError):
        fifo = os.open(router.file("wake"), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, b".")
        finally:
            os.close(fifo)


def _arm(router: Router, txn: str) -> None:
    """Start the guard in a session of its own and wait until it says that it watches."""
    router.file("wake").unlink(missing_ok=True)
    os.mkfifo(router.file("wake"), 0o600)
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            _guard(router, txn, said)
        os._exit(0)
    os.close(said)
    os.waitpid(child, 0)
    watching = os.read(heard, 1)
    os.close(heard)
    if watching != b".":
        router.file("pending.json").unlink()
        raise DoorError("guard", "the guard process did not start; nothing was changed")


def _guard(router: Router, txn: str, said: int) -> NoReturn:
    """Watch one transaction until it is settled; never returns to the caller's code."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.chdir("/")
        fifo = os.open(router.file("wake"), os.O_RDWR | os.O_NONBLOCK)
        os.write(said, b".")
        # Above all the lock must not stay with the guard.
        os.closerange(3, fifo)
        os.closerange(fifo + 1, 1024)
        _watch(router, txn, fifo)
        code = 0
    finally:
        os._exit(code)


def _watch(router: Router, txn: str, fifo: int) -> None:
    while True:
        try:
            if not _watched(router, txn, fifo):
                return
        except Exception:  # noqa: BLE001 - whatever goes wrong, nobody else would undo the change
            select.select([], [], [], GUARD_PAUSE_S)


def _watched(router: Router, txn: str, fifo: int) -> bool:
    """Wait or act once for a transaction; return whether there is still something to watch."""
    unsettled = (_record(router, name) for name in UNSETTLED)
    record = next(filter(None, unsettled), None)
    if record is None or record["txn"] != txn:
        return False
    left = _left_s(record)
    if left > 0:
        select.select([fifo], [], [], min(left, 60.0))
        with contextlib.suppress(BlockingIOError):
            os.read(fifo, 64)
    else:
        with _locked(router, GUARD_PAUSE_S):
            _tend(router)
    return True


# --- verbs ----------------------------------------------------------------------------------


def _read(router: Router, _: Sequence[str]) -> dict[str, object]:
    return {"config": _running(router)}


def _status(router: Router, _: Sequence[str]) -> dict[str, object]:
    with contextlib.suppress(DoorError), _locked(router, 0):
        _tend(router)
    pending = _record(router, "pending.json") or _record(router, "reverting.json")
    confirming, staged = _record(router, "confirming.json"), _record(router, "staged.json")
    return {
        "pending": pending["txn"] if pending else confirming and confirming["txn"],
        "left_s": round(_left_s(pending), 1) if pending else None,
        "staged": staged and staged["txn"],
        "last": _record(router, "last.json"),
    }


def _stage(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn, length, digest = _txn(words[0]), int(words[1]), words[2]
    if not 0 <= length <= LARGEST_CANDIDATE:
        raise DoorError("usage", f"a candidate may have 0 to {LARGEST_CANDIDATE} bytes")
    candidate = sys.stdin.buffer.read(length)
    if len(candidate) != length or _digest(candidate) != digest:
        raise DoorError("incomplete", f"{len(candidate)} of {length} bytes came, or not the same")
    with _locked(router, LOCK_TIMEOUT_S):
        _free(router, None)
        # What was staged before must never be taken for what is being written now.
        router.file("staged.json").unlink(missing_ok=True)
        text, running = candidate.decode("utf-8"), _running(router)
        table, had = _check_filter(router, text), split(running)[1]
        code, output = _reload(router, "--test", split(text)[0], running)
        if code:
            raise DoorError("rejected", _complaints(output) or output.strip()[-500:])
        _write(router.file("staged.conf"), text)
        _keep(router, "staged.json", txn=txn, seen=_digest(canonical(running).encode()))
    return {"delta": "\n".join(filter(None, (_delta(output), _filter_delta(table, had))))}


def _delta(output: str) -> str:
    shown = _COLOUR.sub("", output)
    start = shown.find("\nLines To ")
    return shown[start:].strip() if start >= 0 else ""


def _filter_delta(table: str, had: str) -> str:
    import difflib

    if table == had:
        return ""
    lines = difflib.unified_diff(
        had.splitlines(), table.splitlines(), "loaded", "candidate", lineterm="", n=1
    )
    return "\n".join(["Packet Filter", "=============", *lines])


def _free(router: Router, txn: str | None) -> None:
    """Refuse while a transaction other than txn waits for its confirmation."""
    _tend(router)
    pending = _record(router, "pending.json")
    if pending and pending["txn"] != txn:
        left = round(_left_s(pending))
        raise DoorError("pending", f"transaction {pending['txn']} is unconfirmed for {left} s more")


def _commit(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn, seconds = _txn(words[0]), _wait_s(words[1])
    # A change may cut the very connection that asked for it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _locked(router, LOCK_TIMEOUT_S):
        _free(router, txn)
        if _record(router, "pending.json"):
            _still_whole(router)
        else:
            _change(router, txn, seconds)
        return {"pending": txn, "left_s": _left_s(_record(router, "pending.json") or {})}


def _wait_s(word: str) -> int:
    seconds = int(word)
    if not 0 < seconds <= LONGEST_WAIT_S:
        raise DoorError("usage", f"the time to confirm is 1 to {LONGEST_WAIT_S} s")
    return seconds


def _extend(router: Router, words: Sequence[str]) -> dict[str, object]:
    """Start the timer of an unconfirmed transaction again, be it for a longer or a shorter time."""
    txn, seconds = _txn(words[0]), _wait_s(words[1])
    with _locked(router, LOCK_TIMEOUT_S):
        _free(router, txn)
        if not _record(router, "pending.json"):
            raise DoorError("undone", f"transaction {txn} is not unconfirmed any more")
        _keep_pending(router, txn, seconds)
        _wake(router)
    return {"pending": txn, "left_s": seconds}


def _keep_pending(router: Router, txn: str, seconds: int) -> None:
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    _keep(router, "pending.json", txn=txn, boot=_boot(), deadline=deadline)


def _still_whole(router: Router) -> None:
    """Undo a commit of which an earlier request was cut short."""
    wanted = router.file("staged.conf").read_text(encoding="utf-8")
    if canonical(_running(router)) != canonical(wanted):
        _undo(router, "rejected")
        raise DoorError("rejected", "an earlier commit of it was cut short and is undone")


def _change(router: Router, txn: str, seconds: int) -> None:
    staged, running = _record(router, "staged.json"), _running(router)
    if not staged or staged["txn"] != txn:
        raise DoorError("unknown", f"transaction {txn} is not staged; stage it first")
    if staged["seen"] != _digest(canonical(running).encode()):
        raise DoorError("changed", "the running configuration changed since staging; plan again")
    wanted = router.file("staged.conf").read_text(encoding="utf-8")
    if split(wanted)[1] != split(running)[1]:
        _check_way_back(router, split(running)[1])
    _write(router.file("previous.conf"), running)
    _keep_pending(router, txn, seconds)
    _arm(router, txn)
    refusal = _refusal(router, wanted, running)
    if refusal:
        _undo(router, "rejected")
        raise DoorError("rejected", refusal)


def _refusal(router: Router, wanted: str, running: str) -> str:
    """Apply a configuration and return what of it FRR did not take, or nothing.

    What runs afterwards decides, not the exit code: FRR 8 fails a "no ip address" on a port that
    is absent or down, and does it.
    """
    try:
        code, output = _apply(router, wanted, running)
        now = canonical(_running(router))
    except (DoorError, OSError) as error:
        return str(error)
    if now == canonical(wanted):
        return ""
    said, differs = _complaints(output), _difference(canonical(wanted), now)
    return "; ".join(x for x in (said, differs) if x) or f"frr-reload.py ended with {code}"


def _confirm(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn = _txn(words[0])
    with _locked(router, LOCK_TIMEOUT_S):
        _free(router, txn)
        pending = _record(router, "pending.json")
        if pending:
            # The rename decides: from here on the guard has nothing to undo.
            _rename(router.file("pending.json"), router.file("confirming.json"))
            _finish_confirm(router)
        last = _record(router, "last.json")
    known = last and last["txn"] == txn
    if not (pending or known):
        raise DoorError("unknown", f"transaction {txn} is not unconfirmed, nor was it the last one")
    if last and known and last["outcome"] != "confirmed":
        raise DoorError("undone", f"transaction {txn} was undone before ({last['outcome']})")
    return {"last": last}


def _rollback(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn = _txn(words[0])
    with _locked(router, LOCK_TIMEOUT_S):
        _free(router, txn)
        # A commit of it that is still under way is then refused.
        staged = _record(router, "staged.json")
        if staged and staged["txn"] == txn:
            router.file("staged.json").unlink()
        if _record(router, "pending.json"):
            _undo(router, "rolled-back")
        return {"last": _record(router, "last.json")}


def _boot_filter(router: Router, _: Sequence[str]) -> dict[str, object]:
    """Load the packet filter that was confirmed last, before FRR starts.

    A transaction from before the restart is undone as soon as FRR is there to be asked.
    """
    with _locked(router, LOCK_TIMEOUT_S):
        for record in filter(None, (_record(router, name) for name in UNSETTLED)):
            if record["boot"] == _boot():
                raise DoorError("pending", f"transaction {record['txn']} is unconfirmed")
        try:
            table = router.file("startup.nft").read_text(encoding="utf-8")
        except FileNotFoundError:
            table = ""
        if table:
            _load(router, table)
    return {"loaded": bool(table)}


def _probe(router: Router, words: Sequence[str]) -> dict[str, object]:
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

    _, output = _run(["ip", "-j", f"-{version}", "address", "show", "dev", "lo"], 10)
    infos = [info for link in json.loads(output) for info in link.get("addr_info", [])]
    own = (i["local"] for i in infos if not ip_address(i["local"]).is_loopback)
    return str(next(own, ""))


def _answers(source: str, target: str) -> bool:
    bound = ["-I", source] if source else []
    command = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", *bound, target]
    return _run(command, 10)[0] == 0


def _txn(word: str) -> str:
    if not _TXN.fullmatch(word):
        raise DoorError("usage", "a transaction's name is 1 to 64 letters, digits and hyphens")
    return word


Verb = Callable[[Router, Sequence[str]], dict[str, object]]
# Each verb with the least and the most words that may follow it.
VERBS: dict[str, tuple[Verb, int, int]] = {
    "read": (_read, 0, 0),
    "status": (_status, 0, 0),
    "stage": (_stage, 3, 3),
    "commit": (_commit, 2, 2),
    "extend": (_extend, 2, 2),
    "confirm": (_confirm, 1, 1),
    "rollback": (_rollback, 1, 1),
    "boot": (_boot_filter, 0, 0),
    "probe": (_probe, 2, MOST_TARGETS + 1),
}


# --- the way in -----------------------------------------------------------------------------


def _answer(router: Router, words: Sequence[str]) -> dict[str, object]:
    if not words:
        # An interactive vtysh writes files ("output file"), which the controller never needs.
        raise DoorError("usage", "the controller's key opens no vtysh; log in as a person")
    verb, least, most = VERBS.get(words[0], (None, 0, 0))
    if verb is None or not least <= len(words) - 1 <= most:
        raise DoorError("usage", f"not a request; there are: {', '.join(VERBS)}, vtysh -c 'show …'")
    _prepare(router)
    signal.signal(signal.SIGALRM, _sign_of_life)
    signal.setitimer(signal.ITIMER_REAL, SIGN_OF_LIFE_S, SIGN_OF_LIFE_S)
    try:
        return verb(router, words[1:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _sign_of_life(_signal: int, _frame: object) -> None:
    """Write a space, which JSON ignores, so that slow work is not taken for a dead router."""
    with contextlib.suppress(OSError):
        os.write(1, b" ")


def _shows(words: Sequence[str]) -> bool:
    flags, commands = words[1::2], words[2::2]
    return (
        words[0] == "vtysh"
        and 0 < len(flags) == len(commands)
        and set(flags) == {"-c"}
        and all(_SHOW.fullmatch(command) for command in commands)
    )


def main(arguments: Sequence[str], request: str) -> int:
    """Answer one request and return the exit code: 0 done, 1 refused, 64 not understood."""
    try:
        router = _router(arguments)
        words = shlex.split(request)
        if words and _shows(words):
            # The alarm outlives exec.
            signal.alarm(SHOW_TIMEOUT_S)
            line = [*router.vtysh(router.confdir), *words[1:]]
            os.execv(line[0], line)  # noqa: S606
        print(json.dumps({"ok": True, **_answer(router, words)}), flush=True)
    except BrokenPipeError:
        return 1
    except (DoorError, ValueError, OSError) as error:
        code = error.code if isinstance(error, DoorError) else "failed"
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"ok": False, "error": code, "message": str(error)}), flush=True)
        return 64 if code == "usage" else 1
    return 0


def _router(arguments: Sequence[str]) -> Router:
    """Return the router that options and their values describe; a later one replaces an earlier."""
    options = {f"--{name.replace('_', '-')}": name for name in Router._fields}
    if len(arguments) % 2 or not options.keys() >= set(arguments[::2]):
        raise DoorError("usage", f"options of the door, each with a value: {', '.join(options)}")
    given = {options[word]: arguments[2 * i + 1] for i, word in enumerate(arguments[::2])}
    return Router(**{**given, "state": Path(given.get("state", Router().state))})  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("SSH_ORIGINAL_COMMAND", "")))
