"""Logs of routers: FRR speaks to syslog, and each router's /dev/log is a socket of its own."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from simulations.devices.log_forwarder import LoggingRouter
from simulations.netns import background
from simulations.netns.blueprint import Blueprint, BlueprintRouter
from simulations.netns.namespaces import entered_namespace
from simulations.netns.registry import Folder, write_whole

SOCKET: Final = "log.sock"
_MODULE: Final = "simulations.devices.log_forwarder"
_DEV: Final = "dev"
# The program sees a /dev with this router's log alone; no text becomes a command.
_SCRIPT: Final = """\
set -e
dev=$1 log=$2
shift 2
mount -t tmpfs -o mode=755,size=64k devices "$dev"
for node in null zero urandom; do
  : >"$dev/$node"
  mount --bind "/dev/$node" "$dev/$node"
done
ln -s "$log" "$dev/log"
mount --rbind "$dev" /dev
exec "$@"
"""


def start_log_forwarder(place: Folder, blueprint: Blueprint, owner: str) -> None:
    """Start what sends routers' logs to the NOC; owner is the user that routers' programs have.

    Raises LabError with its own words when it does not start.
    """
    routers = [
        _logging(place, blueprint, router, owner)
        for router in blueprint.routers
        if blueprint.noc_address(router)
    ]
    if not routers:
        return
    write_whole(place.log_spec, json.dumps([asdict(one) for one in routers]).encode())
    argv = (sys.executable, "-m", _MODULE, str(place.log_spec))
    log = place.path / "logs.log"
    with entered_namespace(blueprint.controller):
        process = background.start_program(argv, pid_file=place.log_pid, log=log)
    background.await_file(Path(routers[-1].socket), process, log)


def _logging(
    place: Folder, blueprint: Blueprint, router: BlueprintRouter, owner: str
) -> LoggingRouter:
    folder = place.router(router.device)
    (folder / _DEV).mkdir(exist_ok=True)
    return LoggingRouter(
        router.device,
        router.namespace,
        str(folder / SOCKET),
        owner,
        str(router.management.ip) if router.management else "",
        blueprint.noc_address(router),
    )


def with_own_log(folder: Path, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return what starts a program of a router in whose /dev is that router's log alone."""
    own = ("/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", _SCRIPT)
    return (*own, "sh", str(folder / _DEV), str(folder / SOCKET), *argv)


def has_log(folder: Path) -> bool:
    """Return whether a router's log is sent on."""
    return (folder / SOCKET).exists()
