"""The wireguard-go process behind an interface: starting it, speaking to it, ending it.

It makes itself a daemon in a session of its own, prints nothing, and outlives us. It is known by
the interface that it was started for, which is unique on the host. Its socket would say no more:
the kernel names who began to listen there, which is the process that the daemon came from, and a
process whose socket is gone may still hold the listening port.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.wireguard import uapi

PROGRAM: Final = "wireguard-go"
# Fixed in wireguard-go, and shared by all network namespaces.
SOCKETS: Final = Path("/var/run/wireguard")
# A process that is merely starved of CPU must not be taken for a dead one.
ANSWER_WITHIN_S: Final = 2.0
START_WITHIN_S: Final = 20.0
END_WITHIN_S: Final = 1.0
CHUNK_OCTETS: Final = 65_536


def socket_path(name: str) -> Path:
    """Return the socket of an interface's process."""
    return SOCKETS / f"{name}.sock"


def start_process(name: str, program: str) -> str:
    """Start a process for an interface; return what it said when that failed, else nothing.

    Raises FileNotFoundError when the program is not in the search path.
    """
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(program)
    try:
        done = subprocess.run(
            [path, name],
            # Without LOG_LEVEL the daemon writes nowhere, and only what fails at once is printed.
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
            timeout=START_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {START_WITHIN_S:g} s"
    said = done.stdout.decode(errors="replace").strip().splitlines()
    return "\n".join(said[-1:] or [f"exit code {done.returncode}"]) if done.returncode else ""


def ask_process(name: str, request: str) -> str:
    """Return what an interface's process answers to a request.

    Raises OSError when nobody answers, TimeoutError among them.
    """
    answer = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_WITHIN_S)
        connection.connect(str(socket_path(name)))
        connection.sendall(request.encode("ascii"))
        while not answer.endswith(uapi.END.encode()):
            chunk = connection.recv(CHUNK_OCTETS)
            if not chunk:
                break
            answer += chunk
    return answer.decode("ascii", errors="replace")


def serving_processes(name: str) -> tuple[int, ...]:
    """Return the processes that serve an interface: one, or none, or one that is just ending."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return tuple(pid for pid in pids if _serves(pid, name))


def in_other_namespace(pid: int) -> bool:
    """Return whether a process lives in another network namespace than this thread."""
    try:
        theirs = Path(f"/proc/{pid}/ns/net").stat()
    except OSError:
        return False
    return not os.path.samestat(theirs, Path("/proc/thread-self/ns/net").stat())


def end_process(name: str) -> None:
    """End whatever process serves an interface, and return when it is gone.

    One that does not end when asked is killed.
    """
    for pid in serving_processes(name):
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                # From here on the number cannot stand for another process.
                if _serves(pid, name):
                    _end(handle)
            finally:
                os.close(handle)


def _end(handle: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        signal.pidfd_send_signal(handle, number)
        if select.select([handle], [], [], END_WITHIN_S)[0]:
            return


def _serves(pid: int, name: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(words[0])).name == PROGRAM and name.encode() in words[1:]
