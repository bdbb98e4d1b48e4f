"""The gate before a router's door: lets every login through, or plays the fault that is set.

Laboratory only. Standard library only, since sshd starts it for every login:
python -I faulty_door.py FOLDER NAMESPACE -- DOOR-COMMAND. FOLDER/fault holds {"kind": ...}.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

FAULT_FILE: Final = "fault"
MANAGEMENT_INTERFACE: Final = "mgmt0"
PLAYED_AT: Final = "commit"
CRASHED: Final = 70
SLOWNESS_S: Final = 2.0
LONGEST_S: Final = 900.0
POLL_S: Final = 0.3
BEFORE: Final = "fault.before"
REFUSING: Final = "refusing"
# Without any of these in a router's folder the gate has nothing to do.
SIGNS: Final = (FAULT_FILE, BEFORE, REFUSING)


def main(arguments: Sequence[str], command: str) -> int:
    """Play the fault of this router, or become its door."""
    split = arguments.index("--")
    folder, door = Path(arguments[0]), list(arguments[split + 1 :])
    kind = fault_of(folder)
    play = PLAYS.get(kind)
    if play and command.split()[:1] == [PLAYED_AT]:
        return play(folder, door)
    if kind == "hang" and (folder / BEFORE).exists():
        return _hang(folder)
    if kind == "slow":
        _pause(SLOWNESS_S)
    if (folder / REFUSING).exists():
        door += ["--bindir", str(folder / REFUSING)]
    return _become(door)


def fault_of(folder: Path) -> str:
    """Return the fault that is set on a router; an empty text when there is none."""
    try:
        return str(json.loads((folder / FAULT_FILE).read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError):
        return ""


def _become(door: list[str]) -> NoReturn:
    os.execv(door[0], door)  # noqa: S606 - our own command line


def _crash(_folder: Path, _door: list[str]) -> int:
    """Die before anything is committed."""
    return CRASHED


def _drop(_folder: Path, door: list[str]) -> int:
    """Go on committing while the connection dies under the controller's hands."""
    _start_alone(door)
    os.kill(_session(), signal.SIGKILL)
    return CRASHED


def _hang(folder: Path) -> int:
    """Say nothing until the router has returned to what ran before, or the controller hangs up."""
    before = (folder / BEFORE).read_text(encoding="utf-8")
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline and not _hung_up():
        if fault_of(folder) != "hang" or _running(folder) == before:
            (folder / BEFORE).unlink(missing_ok=True)
            break
        _pause(POLL_S)
    return CRASHED


def _hang_at_commit(folder: Path, door: list[str]) -> int:
    (folder / BEFORE).write_text(_running(folder), encoding="utf-8")
    _start_alone(door).wait()
    return _hang(folder)


def _lock_out(folder: Path, door: list[str]) -> int:
    """Commit, and lose the way to the controller until the previous configuration is back."""
    child = os.fork()
    if child:
        while not _hung_up() and os.waitpid(child, os.WNOHANG) == (0, 0):
            _pause(POLL_S)
        return CRASHED
    os.setsid()
    before = _running(folder)
    _start_alone(door).wait()
    _set_management("down")
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        if fault_of(folder) != "lockout" or _running(folder) == before:
            break
        _pause(POLL_S)
    _set_management("up")
    return 0


PLAYS: Final = {
    "crash-before": _crash,
    "drop": _drop,
    "hang": _hang_at_commit,
    "lockout": _lock_out,
}


def _start_alone(door: list[str]) -> "subprocess.Popen[bytes]":
    """Start the door in a session of its own, with what was sent to it and nobody listening."""
    return subprocess.Popen(
        door,
        stdin=sys.stdin.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _running(folder: Path) -> str:
    """Return the running configuration; an empty text when FRR does not answer."""
    argv = ["/usr/bin/vtysh", "--vty_socket", str(folder), "--config_dir", str(folder)]
    result = subprocess.run(
        [*argv, "-c", "show running-config"], capture_output=True, text=True, check=False
    )
    return result.stdout


def _set_management(state: str) -> None:
    subprocess.run(["ip", "link", "set", MANAGEMENT_INTERFACE, state], check=False)


def _session() -> int:
    """Return the sshd process that serves this login: the nearest ancestor of that name."""
    pid = os.getppid()
    while pid > 1:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        name, _, rest = stat.partition("(")[2].rpartition(")")
        if name == "sshd":
            return pid
        pid = int(rest.split()[1])
    raise ProcessLookupError("no sshd above this login")


def _hung_up() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _pause(seconds: float) -> None:
    select.select([], [], [], seconds)


if __name__ == "__main__":
    # The gate runs alone, without the project's settings around it.
    sys.exit(main(sys.argv[1:], os.environ.get("SSH_ORIGINAL_COMMAND", "")))  # noqa: TID251
