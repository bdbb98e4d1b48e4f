"""Revoked keys: edges shut them out at once, and tell those whom the controller does not reach."""

from collections.abc import Iterator
from functools import partial

import pytest

from edge.clock import current_moment
from edge.control import client as control
from edge.signed import revocation_envelope
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_pair import End
from tests.rigs.edge.edge_rig import SERVER
from tests.rigs.edge.edge_site import Site, call, made_well, standing
from vpn.people.revocation_list import RevocationList
from vpn.wireguard import keys

pytestmark = pytest.mark.netns

STRANGER = keys.public_of(keys.generate_private())
# Two looks of who knows, and a process that checks the signature.
TOLD_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("v") as made:
        yield made


def shut_out(site: Site, end: End, serial: int, *gone: str) -> None:
    """Have an end take a list, as a controller that reaches it would."""
    found = RevocationList(serial, current_moment().instant, gone)
    signed = revocation_envelope.sign_revocation_list(found, site.pair.key)
    answer = control.request(site.pair.daemons[end].folder, "revoked", list=signed)["revoked"]
    assert answer["serial"] == serial


def serial(site: Site, end: End) -> int:
    return int(control.request(site.pair.daemons[end].folder, "revoked")["revoked"]["serial"])


def peers(site: Site, end: End) -> set[str]:
    tunnels = site.pair.daemons[end].policy.tunnels
    said = (site.world.exec(end, "wg", "show", name, "peers").split() for name in tunnels)
    return {key for each in said for key in each}


@pytest.mark.parametrize(("end", "far", "number"), [("hub", "edge", 1), ("edge", "hub", 2)])
def test_an_edge_that_does_not_hear_the_controller_learns_of_it_from_its_neighbour(
    site: Site, end: End, far: End, number: int
):
    made_well(site)
    with call(site) as lost:
        shut_out(site, end, number, STRANGER)
        eventually(
            lambda: serial(site, far) == number, within_s=TOLD_WITHIN_S, what="the list there"
        )
    assert lost == [0]
    # It is on the disk there, and goes further from there after a restart, too.
    daemon = site.pair.daemons[far]
    daemon.kill()
    daemon.start()
    eventually(site.runs, within_s=TOLD_WITHIN_S, what="the successor")
    eventually(partial(_holds, site, far, number), within_s=TOLD_WITHIN_S, what="the list again")


def _holds(site: Site, end: End, number: int) -> bool:
    try:
        return serial(site, end) == number
    except Exception:  # noqa: BLE001 - it may not answer yet
        return False


def test_whoever_is_revoked_is_shut_out_at_once_and_stays_so_over_a_restart(site: Site):
    made_well(site)
    (hub_peer,) = site.pair.daemons["hub"].policy.peers
    assert peers(site, "hub") == {hub_peer.public_key}
    assert site.world.pings("lan", SERVER, tos=0xB8)
    shut_out(site, "hub", 9, hub_peer.public_key)
    assert peers(site, "hub") == set()
    assert not site.world.pings("lan", SERVER, tos=0xB8)
    # What the controller declared is read back as before, so that no plan sees a difference.
    hub = site.pair.daemons["hub"]
    assert hub_peer.public_key in control.request(hub.folder, "read")["config"]
    hub.kill()
    hub.start()
    eventually(partial(_holds, site, "hub", 9), within_s=TOLD_WITHIN_S, what="the list again")
    assert peers(site, "hub") == set()
    assert not site.world.pings("lan", SERVER, tos=0xB8)
