"""Carrier-grade address translation (RFC 6888) in the namespaces of providers.

Subscribers leave towards an operator's fixed circuits under the operator's address, and nobody
reaches a subscriber who did not speak first, in IPv6 neither. Bindings of UDP end as soon as
operators let them: what keeps tunnels open must speak more often.
"""

import subprocess
from collections.abc import Iterable
from typing import Final

from inventory.errors import LabError
from simulations.netns.blueprint import Blueprint, Provider
from simulations.netns.namespaces import entered_namespace, set_sysctls

# After one packet, and once both sides have spoken: the shortest that are met in practice.
TIMEOUTS: Final = (
    ("net/netfilter/nf_conntrack_udp_timeout", "30"),
    ("net/netfilter/nf_conntrack_udp_timeout_stream", "120"),
)
RULES: Final = """\
table inet carrier {{
  chain guard {{
    type filter hook forward priority filter; policy accept;
    oifname {{ {subscribers} }} ct state established,related accept
    oifname {{ {subscribers} }} drop
  }}
}}
table ip carrier {{
  chain hide {{
    type nat hook postrouting priority srcnat; policy accept;
    iifname {{ {subscribers} }} oifname {{ {uplinks} }} masquerade
  }}
}}
"""


def hide_subscribers(blueprint: Blueprint) -> None:
    """Put every provider's subscribers behind its addresses.

    Raises LabError when nft refuses.
    """
    for provider in blueprint.providers:
        if provider.subscribers and provider.uplinks:
            _load(provider)
            set_sysctls(provider.namespace, TIMEOUTS)


def nat_rules(provider: Provider) -> str:
    """Return a provider's rules as nft reads them."""
    return RULES.format(subscribers=_names(provider.subscribers), uplinks=_names(provider.uplinks))


def _names(interfaces: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in interfaces)


def _load(provider: Provider) -> None:
    with entered_namespace(provider.namespace):
        result = subprocess.run(
            ["nft", "-f", "-"],
            input=nat_rules(provider),
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise LabError(f"{provider.namespace}: nft refused: {result.stderr.strip()}")
