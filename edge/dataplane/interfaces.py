"""Our interfaces and addresses: tunnels, what arrivals are led through, the loopback."""

from collections.abc import Iterator, Mapping

from edge.dataplane.desired import DesiredState
from edge.forwarding import links
from edge.forwarding.links import IFB, LOOPBACK, KernelInterface
from edge.forwarding.netlink import Netlink
from edge.wireguard.model import Tunnel, WireGuard
from inventory.errors import EdgeError, TunnelError
from vpn.key_text import PublicKey


class Interfaces:
    """Makes interfaces and addresses what is wanted, and knows them by name and index."""

    def __init__(
        self,
        kernel: Netlink,
        wireguard: WireGuard,
        private_key: bytes,
        ring: Mapping[PublicKey, bytes],
    ) -> None:
        self._kernel = kernel
        self._wireguard = wireguard
        self._private_key = private_key
        self._ring = ring
        self.known: Mapping[str, KernelInterface] = {}
        self.indexes: Mapping[str, int] = {}
        # Whether what is known is what is there, as far as that is known.
        self.seen = False

    def establish(self, want: DesiredState) -> tuple[str, ...]:
        """Make interfaces and addresses what is wanted and say what was done.

        One failure hinders nothing else; raises EdgeError about all of them in the end, which is
        TunnelError when they are all of tunnels.
        """
        self.seen = False
        done, faults = list[str](), list[EdgeError]()
        for tunnel in want.every_tunnel:
            try:
                done += self._tunnel(tunnel)
            except EdgeError as error:
                faults.append(error)
        self._look()
        for step in (self._arrivals, self._claims, self._loopback):
            try:
                done += step(want)
            except EdgeError as error:
                faults.append(error)
        if faults:
            kind = TunnelError if all(isinstance(f, TunnelError) for f in faults) else EdgeError
            raise kind("; ".join([*done, *map(str, faults)])) from faults[0]
        return tuple(done)

    def remove_strangers(self, want: DesiredState) -> Iterator[str]:
        """Take away interfaces of ours that nobody wants any more."""
        strangers = [*self.known.values()] if self.seen else []
        for link in strangers:
            if link.ours and link.name not in want.interfaces:
                discard_interface(self._kernel, self._wireguard, link)
                yield f"took {link.name} away"
        self._look()

    def packets(self, name: str) -> int:
        """Return how many packets an interface carried in both directions; 0 without one."""
        link = links.find_interface(self._kernel, name)
        return link.packets if link else 0

    def _look(self) -> None:
        self.known = links.list_interfaces(self._kernel)
        self.indexes = {link.name: link.index for link in self.known.values() if link.up}
        self.seen = True

    def _tunnel(self, tunnel: Tunnel) -> tuple[str, ...]:
        return self._wireguard.ensure(tunnel, private_of(tunnel, self._private_key, self._ring))

    def _arrivals(self, want: DesiredState) -> Iterator[str]:
        for arrivals in want.arrivals:
            link = self.known.get(arrivals.target)
            if link is not None and not (link.ours and link.up):
                links.remove_link(self._kernel, _ifb(link))
                link = None
            if link is None:
                links.add_ifb(self._kernel, arrivals.target)
                self._look()
                yield f"made {arrivals.target} for what arrives on {arrivals.underlay}"

    def _claims(self, want: DesiredState) -> Iterator[str]:
        names = {tunnel.name for tunnel in want.every_tunnel}
        for link in self.known.values():
            if link.name in names and not link.ours:
                links.claim_interface(self._kernel, link)
                yield f"marked {link.name} as ours"

    def _loopback(self, want: DesiredState) -> Iterator[str]:
        """Give the device its loopback address, and take an earlier one of ours away."""
        address, index = want.policy.loopback, self.known[LOOPBACK].index
        present = links.our_addresses(self._kernel)
        if address not in present and links.add_address(self._kernel, address, index):
            yield f"added the address {address} to {LOOPBACK}"
        for stale in present:
            if stale != address:
                links.remove_address(self._kernel, stale, present[stale])
                yield f"removed the address {stale}"


def private_of(tunnel: Tunnel, first: bytes, ring: Mapping[PublicKey, bytes]) -> bytes:
    """Return the private key that a tunnel should have, the first where none is named.

    Raises TunnelError when it is not here: with another one nobody would answer, while a tunnel
    that stands goes on.
    """
    if not tunnel.key:
        return first
    if tunnel.key not in ring:
        raise TunnelError(f"{tunnel.name}: the private key of {tunnel.key} is not here")
    return ring[tunnel.key]


def discard_interface(kernel: Netlink, wireguard: WireGuard, link: KernelInterface) -> None:
    """Take an interface of ours away. Raises EdgeError."""
    if link.kind == IFB:
        links.remove_link(kernel, link)
    else:
        wireguard.remove(link.name)


def _ifb(link: KernelInterface) -> KernelInterface:
    if link.kind == IFB:
        return link
    raise EdgeError(f"{link.name} is an interface of somebody else's; rename it")
