"""The secret from which all preshared keys of sites come, so that none has to be kept.

It lies in the state folder, for its owner alone. Whoever loses it gives all edges chains of another
series.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from controller.keys.keyfile import ensured
from inventory.errors import CredentialError
from inventory.model import DeviceName
from vpn.wireguard import psk_ratchet
from vpn.wireguard.psk_ratchet import PskBundle

FILE: Final = "pair_key"
_OCTETS: Final = 32


class PairSecret:
    """What the chains of one series come from."""

    def __init__(self, state_dir: Path, series: int) -> None:
        """Read the secret, made first where there is none. Raises CredentialError."""
        file = state_dir / FILE
        self._secret = ensured(file, lambda: os.urandom(_OCTETS), "secret of preshared keys")
        if len(self._secret) != _OCTETS:
            raise CredentialError(
                f"{file}: this is no secret of preshared keys; restore it from a backup, or "
                "move it away and raise 'preshared' in network.yaml"
            )
        self._series = series
        self.fingerprint = psk_ratchet.chain_fingerprint(self._secret, series)

    def delivery(self, device: DeviceName, peers: Iterable[DeviceName], at: datetime) -> PskBundle:
        """Return a device's chains with some peers, from the week before an instant on."""
        epoch = max(0, psk_ratchet.epoch_at(at.timestamp()) - 1)
        chains = {
            peer: psk_ratchet.turn_chain(
                psk_ratchet.first_chain(self._secret, self._series, device, peer), epoch
            )
            for peer in peers
        }
        return PskBundle(device, at, self._series, self.fingerprint, chains)
