"""People's interface and their packet filter, for a device that they dial.

The filter is a table of its own: loading it again for somebody who comes or goes leaves the tables
of the data plane, and whatever they count, alone.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from edge.nftables import nft
from edge.wireguard.model import Tunnel, TunnelPeer
from inventory.addressing import only_address
from vpn.grants.packet_filter import TABLE, Family, calling_set
from vpn.key_text import PublicKey, key_octets
from vpn.people.roster import Roster, SignedRoster

LOADED = "loaded people's packet filter"
REPAIRED = "loaded people's packet filter again, which somebody had changed"


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """Interface of people's devices, and the packet filter of what is open to each."""

    tunnel: Tunnel
    table: str


def unusable_keys(roster: Roster, own: Collection[PublicKey]) -> frozenset[PublicKey]:
    """Return the keys of a roster with which nobody can dial: this edge's own, and no keys at all.

    One of them keeps WireGuard from taking any of the others.
    """
    return frozenset(
        device.public_key
        for device in roster.devices
        if device.public_key in own or key_octets(device.public_key) is None
    )


def remote_access(
    signed: SignedRoster, day: date, shut_out: frozenset[PublicKey] = frozenset()
) -> RemoteAccess:
    """Return the access of a roster's devices on a day, without keys that are shut out."""
    current = signed.roster.on(day).without(shut_out)
    preshared = dict(
        zip((one.public_key for one in signed.roster.devices), signed.preshared, strict=True)
    )
    return RemoteAccess(
        Tunnel(
            name=current.interface,
            mtu=current.mtu,
            listen_port=current.listen_port,
            mark=0,
            addresses=current.addresses,
            peers=tuple(
                TunnelPeer(
                    device.public_key,
                    tuple(map(only_address, device.addresses)),
                    preshared_key=preshared[device.public_key],
                )
                for device in current.devices
            ),
            key=current.key,
        ),
        current.table(),
    )


def addresses_in_calls() -> tuple[str, ...]:
    """Return the addresses of people who are in a consultation now. Raises EdgeError."""
    families: tuple[Family, ...] = (4, 6)
    found = (
        element.get("elem", {}).get("val") if isinstance(element, dict) else element
        for family in families
        for element in nft.set_elements("set", calling_set(family), TABLE)
    )
    return tuple(sorted(filter(None, found)))


class RemoteAccessFilter:
    """Keeps the table what is wanted."""

    def __init__(self) -> None:
        self._text = ""
        self._digest = ""

    def establish(self, wanted: RemoteAccess | None) -> Iterator[str]:
        """Make the table what is wanted and say what was done; without any it is left alone.

        Raises EdgeError.
        """
        if wanted is None:
            return
        same = wanted.table == self._text
        if same and nft.table_digest("inet", TABLE) == self._digest:
            return
        nft.load_ruleset(wanted.table)
        self._text, self._digest = wanted.table, nft.table_digest("inet", TABLE)
        yield REPAIRED if same else LOADED
