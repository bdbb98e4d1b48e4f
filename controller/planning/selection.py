"""Choosing devices by name, site, region, role or level."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, TypeAlias

from controller.load import unknown
from controller.wording import listing
from inventory.errors import PlanError, UnknownNameError
from inventory.model import Device, DeviceName, Intent

Trait: TypeAlias = Callable[[Intent, Device], str]
# In this order a word is understood; 'site:WORD' and so on says which is meant.
_TRAITS: Final[Mapping[str, Trait]] = {
    "device": lambda _, device: device.name,
    "site": lambda _, device: device.site,
    "region": lambda intent, device: intent.sites[device.site].region,
    "role": lambda _, device: device.role.value,
    "level": lambda intent, device: intent.sites[device.site].level.value,
}


def select_devices(
    intent: Intent, words: Collection[str], managed: Collection[DeviceName]
) -> frozenset[DeviceName]:
    """Return the devices that words name: a device each, or the managed ones of a group.

    Raises UnknownNameError naming all words that nothing bears, PlanError for groups without a
    managed device.
    """
    found = {word: frozenset(_bearers(intent, word)) for word in words}
    if strange := [word for word, devices in found.items() if not devices]:
        raise UnknownNameError("\n".join(_unknown(intent, word) for word in strange))
    chosen = {word: devices if _is_device(intent, word) else devices & {*managed}
              for word, devices in found.items()}  # fmt: skip
    if empty := [word for word, devices in chosen.items() if not devices]:
        raise PlanError(f"no device of {', '.join(empty)} is managed yet; see 'sanaga plan'")
    return frozenset().union(*chosen.values())


def _is_device(intent: Intent, word: str) -> bool:
    return word.removeprefix("device:") in intent.devices and not word.startswith("site:")


def _bearers(intent: Intent, word: str) -> Iterator[DeviceName]:
    """Yield the devices that a word names; of several kinds of name the first that fits counts."""
    kind, colon, rest = word.partition(":")
    traits = {kind: _TRAITS[kind]} if colon and kind in _TRAITS else _TRAITS
    sought = (rest if traits is not _TRAITS else word).casefold()
    for trait in traits.values():
        names = [d.name for d in intent.devices.values() if trait(intent, d).casefold() == sought]
        if names:
            yield from names
            return


def _unknown(intent: Intent, word: str) -> str:
    known = {trait(intent, d) for d in intent.devices.values() for trait in _TRAITS.values()}
    return str(unknown(listing([*_TRAITS], joint="or"), word, known))
