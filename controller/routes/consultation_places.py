"""Addresses of machines that take part in consultations: which are taken, and at which site."""

from collections.abc import Collection, Iterable
from http import HTTPStatus
from ipaddress import ip_address

from controller.api.problems import ProblemError
from controller.consultations.places import Address, site_at
from inventory.model import Intent, SiteName


def parse_addresses(written: Iterable[str]) -> tuple[Address, ...]:
    """Return addresses, each once. Raises ProblemError for what is none."""
    found = []
    for text in written:
        try:
            address = ip_address(text)
        except ValueError:
            raise _refused(f"'{text}' is no address; write one such as 10.0.3.20") from None
        if address.version == 6 and address.scope_id is not None:
            raise _refused(f"'{text}' has a zone; leave out what stands behind '%'")
        found.append(address)
    return tuple(dict.fromkeys(found))


def located_sites(
    intent: Intent, addresses: Iterable[Address], sites: Collection[SiteName]
) -> tuple[SiteName, ...]:
    """Return those of some sites in whose networks addresses are.

    Raises ProblemError for an address that is at none of them.
    """
    found = []
    for address in addresses:
        site = site_at(intent, address)
        if site is None or site not in sites:
            raise _refused(f"{address} is in the network of no site; name its site instead")
        found.append(site)
    return tuple(dict.fromkeys(found))


def shown_addresses(
    intent: Intent, addresses: Iterable[str], sites: Collection[SiteName]
) -> list[str]:
    """Return those of some addresses that are at some sites."""
    return [text for text in addresses if site_at(intent, ip_address(text)) in sites]


def _refused(sentence: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence)
