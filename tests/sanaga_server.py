"""Starts commands of sanaga in processes forked from one that has imported the whole program.

A command of its own spends most of its second on imports. What is forked here is a process like any
other, with its arguments, folder, variables and streams; only its modules are there already. Run as
python -m tests.sanaga_server NUMBER, where the number is that of a socket for requests.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

from controller.cli.main import main as run_sanaga

FOUNDATIONS: Final = ("inventory", "topology", "policies", "vpn", "edge", "simulations")
PACKAGES: Final = (*FOUNDATIONS, "controller")
LONGEST_REQUEST: Final = 1 << 20
# Standard input, output and errors, and where the exit code goes.
STREAMS: Final = 4
# What runs as a program, or within Alembic.
UNFIT: Final = (".__main__", ".env")
# The program that runs alone on a router imports nothing of ours, and an extra may be absent.
ALONE: Final = frozenset({"edge.wireguard.wireguard_py"})


def load_program() -> None:
    """Import every module, and keep them out of the way of the garbage collector."""
    for package in PACKAGES:
        where = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(where, f"{package}."):
            if module.name not in ALONE and not module.name.endswith(
                ("__main__", "migrations.env")
            ):
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def become_command(request: bytes, streams: list[int]) -> None:
    """Turn this process into the one that runs the command."""
    asked = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()  # noqa: TID251
    os.environ.update(asked["variables"])  # noqa: TID251
    sys.argv = ["sanaga", *asked["words"]]


def run_command(request: bytes, streams: list[int]) -> bool:
    """Run a command in a child and write its exit code down; return whether this is the child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, told = streams
    if not (child := os.fork()):
        os.close(told)
        become_command(request, standard)
        return True
    for stream in standard:
        os.close(stream)
    os.write(told, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def serve(requests: socket.socket) -> bool:
    """Fork a process for each request; return whether this one is to run a command."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, streams, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, STREAMS)
        if not request:
            return False
        if not os.fork():
            requests.close()
            return run_command(request, streams)
        for stream in streams:
            os.close(stream)


def leave(run: Callable[[], None]) -> NoReturn:
    """Run a program to its end, but for taking the modules of this process apart.

    That would take longer than most commands: it copies every page shared with the one forked from.
    """
    code: object = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Load the program, serve, and run the command that this process was forked for."""
    load_program()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        commanded = serve(requests)
    if commanded:
        leave(run_sanaga)


if __name__ == "__main__":
    main()
