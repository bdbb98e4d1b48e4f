"""Two real daemons with preshared keys of one controller, and ends restored from images."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from controller.keys.psk_root import PairSecret
from edge.clock import current_moment
from edge.control import client as control
from edge.identity import device as identity
from edge.identity import private_key
from edge.identity.device import KEY
from edge.keys.psk import FILE, PresharedKeys
from edge.signed import psk_envelope
from edge.signed.verifiers import PskVerifier
from inventory.errors import EdgeError
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_pair import ENDS, End
from tests.rigs.edge.edge_site import Site, made_well, put
from vpn import key_text


def sharing(site: Site, state_dir: Path) -> Site:
    """Give a site at work with preshared keys from a controller with that state folder."""
    made_well(site)
    for end in ENDS:
        hand_over(site, end, state_dir)
    for end in ENDS:
        if not site.pair.daemons[end].policy.preshared:
            put(site, end, replace(site.pair.daemons[end].policy, preshared=1))
    if len(shared(site, "edge") | shared(site, "hub")) > 1:
        # After a fault a listening end stays for an hour with what was answered before it.
        site.pair.restart_blank()
        made_well(site)
    return site


def envelope(site: Site, end: End, state_dir: Path, at: datetime) -> str:
    """Return what a controller gives an end at some time."""
    daemon = site.pair.daemons[end]
    key = key_text.public_text(private_key.read_private_key(daemon.folder / KEY))
    given = PairSecret(state_dir, 1).delivery(end, [daemon.policy.peers[0].device], at)
    return psk_envelope.sign_psk_bundle(given, site.pair.key, key)


def hand_over(site: Site, end: End, state_dir: Path) -> None:
    """Give an end its chain."""
    given = envelope(site, end, state_dir, current_moment().instant)
    control.request(site.pair.daemons[end].folder, "pairs", chains=given)


def restored(site: Site, end: End, state_dir: Path, at: datetime) -> None:
    """Start an end again from the image of some time."""
    daemon = site.pair.daemons[end]
    daemon.kill()
    (daemon.folder / FILE).unlink()
    pairs = PresharedKeys(
        daemon.folder,
        identity.load_identity(daemon.folder),
        PskVerifier(daemon.folder),
        current_moment,
    )
    asyncio.run(pairs.take(envelope(site, end, state_dir, at)))
    daemon.start()
    eventually(lambda: _runs(site, end), within_s=120, what="the successor")


def _runs(site: Site, end: End) -> bool:
    try:
        said = control.request(site.pair.daemons[end].folder, "status")
    except EdgeError:
        return False
    return bool(said["status"]["peers"])


def shared(site: Site, end: End) -> set[str]:
    """Return the preshared keys of an end's tunnels, as whoever serves them has them."""
    tunnels = site.pair.daemons[end].policy.tunnels
    said = (site.world.exec(end, "wg", "show", name, "preshared-keys") for name in tunnels)
    return {line.split()[1] for text in said for line in text.splitlines()}
