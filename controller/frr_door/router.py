"""The router as the door finds it: where FRR's parts are, and how a program is run there."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


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


def run_program(command: Sequence[str], timeout_s: int, given: str = "") -> tuple[int, str]:
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
