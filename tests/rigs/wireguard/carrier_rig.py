"""A WireGuard pair whose dialling end sits behind a carrier's address translation."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pyroute2 import NFCTSocket

from edge.policy.model import TunnelEndpoint
from edge.wireguard.model import WireGuard
from simulations.netns import namespaces
from tests.rigs.wireguard.wireguard_rig import FAR_UNDERLAY, Pair, cable, namespace, unconnected

RULES: Final = """\
table ip carrier
delete table ip carrier
table ip carrier {{
    chain hide {{
        type nat hook postrouting priority srcnat;
        oifname "out" meta l4proto udp masquerade to :{first}-{last}
    }}
}}
"""


@dataclass(frozen=True)
class Carrier:
    """The namespace between the two ends, that hides the near one."""

    namespace: str

    def bind(self, first_port: int) -> None:
        """Forget every binding; new ones get a port of the hundred from this one on."""
        text = RULES.format(first=first_port, last=first_port + 99)
        with namespaces.entered_namespace(self.namespace):
            subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
            with NFCTSocket() as tracking:
                tracking.flush()


@contextmanager
def natted_pair(wireguard: WireGuard, *, within_s: float) -> Iterator[tuple[Pair, Carrier]]:
    """Give a pair with a carrier between them, and take everything away afterwards."""
    with unconnected(wireguard, within_s=within_s) as pair:
        carrier = Carrier(pair.near.namespace.removesuffix("n") + "c")
        with namespace(carrier.namespace):
            near, far = pair.near.namespace, pair.far.namespace
            cable(near, carrier.namespace, ("10.0.0.2/30", "10.0.0.1/30"), names=("u0", "in"))
            outer = ("192.0.2.1/30", f"{FAR_UNDERLAY}/30")
            cable(carrier.namespace, far, outer, names=("out", "u0"))
            namespaces.run_ip_batch(["route add default via 10.0.0.1"], near)
            namespaces.set_sysctls(carrier.namespace, [("net/ipv4/ip_forward", "1")])
            carrier.bind(4000)
            yield pair, carrier


def seen_from_afar(pair: Pair) -> TunnelEndpoint | None:
    """Return where the listening end believes the dialling one to be."""
    return pair.far.served().peers[pair.near.public].endpoint
