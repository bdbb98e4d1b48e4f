"""The service beside a laboratory, with the laboratory's page: python -m simulations.panel.program.

It is "sanaga serve", one page more, and a link that signs in once, which it prints first.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI

from accounts.realm import Realm
from controller.backups.noted import BACKUPS
from controller.clock import SystemClock
from controller.environment import administrator, state_dir
from controller.load import load
from controller.polling.listeners import ListeningPorts
from controller.service.process import ServeOptions, serve_until_stopped
from controller.terminal.output import say, write
from inventory.model import SiteName
from simulations.lab.flows import start_call
from simulations.lab.lab import find_lab
from simulations.panel.live_call import SECONDS, LiveCall
from simulations.panel.page import Panel, add_panel
from simulations.panel.way_in import WayIn, make_way_in


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--call", nargs=2, required=True, metavar="SITE")
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    loaded = load(given.folder)
    lab = find_lab(loaded.intent.network.name)
    between: tuple[SiteName, SiteName] = (given.call[0], given.call[1])
    call = LiveCall(partial(start_call, lab, *between, seconds=SECONDS))
    options = ServeOptions(
        loaded,
        state_dir(),
        "127.0.0.1",
        given.port,
        8444,
        ListeningPorts(),
        version("sanaga"),
        administrator(),
        backups=state_dir() / BACKUPS,
        more=partial(_with_panel, partial(Panel, lab, loaded.intent, call, between)),
    )
    try:
        serve_until_stopped(options, say)
    finally:
        call.stop()


def _with_panel(panel: Callable[[WayIn], Panel], app: FastAPI, realm: Realm) -> None:
    way_in = make_way_in(realm, SystemClock().instant().timestamp())
    made = panel(way_in)
    add_panel(app, made)
    made.call.start()
    write(way_in.link)


if __name__ == "__main__":
    main()
