"""A real daemon reports through its tunnel, and moves traffic all the same without a controller."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from edge.control import client as control
from edge.forwarding import marks
from edge.telemetry.model import ChangeKind, PathState
from simulations.netns.namespaces import entered_namespace, run_in_namespace
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER
from tests.rigs.edge.edge_site import (
    BEST,
    FIRST,
    OTHER,
    SOON_S,
    Site,
    call,
    made_well,
    put,
    standing,
)
from tests.rigs.edge.telemetry_controller import SmallController
from vpn import key_text

pytestmark = pytest.mark.netns

PORT = 8444
NOWHERE = "198.51.100.1:8444"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("r") as made:
        yield made


@pytest.fixture
def well(site: Site) -> Site:
    return made_well(site)


def announce(heard: SmallController, ends_in_s: float) -> None:
    """Announce a consultation between the two hosts, whose packets bear no mark."""
    told = {"name": "6f0c2a94", "service": "consultation-audio", "begins_in_s": 0}
    addresses = {"far": [str(SERVER)], "here": [str(LAN_HOST)], "there": [str(SERVER)]}
    heard.tell(consultations=[{**told, "ends_in_s": ends_in_s, **addresses}])


def noticed(site: Site) -> int:
    """Return how often the edge noticed a consultation by its packets."""
    return sum("has begun" in one for one in site.explained("call"))


def marked(site: Site) -> bool:
    """Return whether packets between the two hosts get a class in the edge's kernel."""
    words = ("nft", "list", "map", "inet", marks.NFT_TABLE, "calls4")
    listed = run_in_namespace(site.world.namespace("edge"), words, within_s=SOON_S)
    assert listed.returncode == 0, listed.stderr
    return f"{LAN_HOST} . {SERVER}" in listed.stdout


def heeded(site: Site) -> bool:
    """Return whether the edge watches its peer as in a consultation."""
    return bool(site.status()["peers"][0]["consultation"])


@contextmanager
def controller_behind_the_hub(site: Site, folder: Path) -> Iterator[SmallController]:
    """Give a controller at the server's address, known to the edge by the key of its policies."""
    private = (site.edge.folder / "key").read_text()
    octets = key_text.key_octets(private.strip())
    assert octets
    made = SmallController(
        {"edge": key_text.public_text(octets)}, key=site.pair.key, issuer=site.pair.key
    )
    ready, ended = Event(), Event()

    async def serve() -> None:
        made.loop = asyncio.get_running_loop()
        async with made.serving(folder, PORT, str(SERVER)):
            ready.set()
            await asyncio.to_thread(ended.wait)

    def work() -> None:
        with entered_namespace(site.world.namespace("server")):
            asyncio.run(serve())

    thread = Thread(target=work)
    thread.start()
    try:
        assert ready.wait(SOON_S)
        yield made
    finally:
        ended.set()
        thread.join()


def reporting(site: Site, what: str):
    """Return a figure of the edge's reports; None until the policy that asks for them has begun."""
    told = control.request(site.edge.folder, "status")["status"]["reporting"]
    return told and told[what]


def test_a_controller_that_nobody_reaches_changes_nothing_for_a_call(well):
    put(well, "edge", replace(well.edge.policy, telemetry=(NOWHERE,)))
    eventually(lambda: reporting(well, "spooled"), within_s=SOON_S, what="a report that waits")
    with call(well) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(
            lambda: well.way("consultation-audio") == OTHER, within_s=SOON_S, what="leaving it"
        )
    assert lost == [0]
    assert reporting(well, "connected_since") is None
    assert not well.status()["faults"]


def test_an_announced_consultation_keeps_pace_and_class_until_its_end_without_a_controller(
    well, tmp_path
):
    before = noticed(well)
    with controller_behind_the_hub(well, tmp_path) as heard:
        put(well, "edge", replace(well.edge.policy, telemetry=(f"{SERVER}:{PORT}",)))
        eventually(lambda: reporting(well, "connected_since"), within_s=SOON_S, what="a connection")
        with call(well, tos=0):
            pass
        # The control: the same packets are no consultation before one is announced.
        assert not heeded(well)
        assert noticed(well) == before
        announce(heard, ends_in_s=600)
        eventually(lambda: heeded(well), within_s=SOON_S, what="pace for the consultation")
        eventually(
            lambda: well.paths()[BEST]["pace_ms"] == 20, within_s=SOON_S, what="quick test packets"
        )
        heard.tell(consultations=[])
        eventually(lambda: not heeded(well), within_s=SOON_S, what="taking it back")
        announce(heard, ends_in_s=600)
        with call(well, tos=0):
            eventually(
                lambda: noticed(well) > before,
                within_s=SOON_S,
                what="its packets in the class of consultations",
            )
        assert marked(well)
        announce(heard, ends_in_s=5)
        eventually(
            lambda: [one["left_s"] <= 5 for one in well.status()["consultations"]] == [True],
            within_s=SOON_S,
            what="the end that was brought forward",
        )
    # The controller is gone from here on.
    eventually(lambda: not marked(well), within_s=SOON_S, what="its packets as ordinary traffic")
    eventually(
        lambda: well.explained("call")[-1].endswith("is over"),
        within_s=SOON_S,
        what="the end of the consultation",
    )
    assert well.status()["consultations"] == []


def test_a_daemon_reports_a_death_through_its_tunnel_and_its_own_end(well, tmp_path):
    with controller_behind_the_hub(well, tmp_path) as heard:
        put(well, "edge", replace(well.edge.policy, telemetry=(f"{SERVER}:{PORT}",)))
        eventually(lambda: reporting(well, "connected_since"), within_s=SOON_S, what="a connection")
        well.world.worsen(FIRST, hole=True)
        eventually(
            lambda: any(
                change.kind is ChangeKind.PATH_STATE and change.state == PathState.DEAD
                for message in heard.messages
                for change in message.changes
            ),
            within_s=SOON_S,
            what="the death of the best path in a report",
        )
        well.world.heal(FIRST)
        well.edge.signal(signal.SIGTERM)
        eventually(
            lambda: any(
                change.kind is ChangeKind.LAST_GASP
                for message in heard.messages
                for change in message.changes
            ),
            within_s=SOON_S,
            what="the daemon's last report",
        )
        numbers = heard.numbers()
        assert numbers == [*range(numbers[0], numbers[0] + len(heard.messages))]
