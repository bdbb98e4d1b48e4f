"""What traps and lines of syslog mean: some are observations, and most a reason to poll at once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from controller.incidents.model import Health, Observation, Source
from controller.polling.network import WiredNetwork
from controller.polling.observing import Speaker, Stamp, Track
from controller.polling.syslog import SyslogMessage
from controller.snmp import oids
from controller.snmp.model import DeviceReading, LinkState
from controller.snmp.traps import Notification
from inventory.model import DeviceName

# Emergency, alert and critical; a line of these counts for so long.
SEVERE: Final = 2
SEVERE_FOR_S: Final = 600.0
# A line of FRR or IOS on a session of BGP: its far end, and why it ended.
_SESSION_LINE: Final = re.compile(
    r"ADJCHANGE: neighbor (?P<peer>[0-9A-Fa-f:.]{2,45})(?:\(\S{0,255}\))?(?: in vrf \S{1,64})? "
    r"(?P<state>Up|Down)\b ?(?P<why>.{0,200})"
)
_LINK_LINE: Final = re.compile(
    r"link.{0,40}(?:up|down)|(?:up|down).{0,40}link|adjchange|neighbor.{0,80}(?:up|down)",
    re.IGNORECASE,
)


def asks_for_poll(message: SyslogMessage) -> bool:
    """Return whether a line tells of links or sessions, so that the device is asked at once.

    Nobody vouches for a line; what the device then answers is what counts.
    """
    return message.severity <= SEVERE or bool(_LINK_LINE.search(message.text))


def session_line(
    message: SyslogMessage, device: DeviceName, network: WiredNetwork, stamp: Stamp
) -> tuple[Observation, ...]:
    """Return what a line of syslog says of a session of BGP over a circuit of the intent.

    It is evidence beside what the device answers, and decides nothing: anybody can send a line.
    """
    found = _SESSION_LINE.search(message.text)
    landing = network.peers.get((device, found["peer"])) if found else None
    if found is None or landing is None:
        return ()
    up = found["state"] == "Up"
    state, word = (Health.OK, "up") if up else (Health.DEGRADED, "down")
    why = f" ({found['why'].strip()})" if found["why"].strip() else ""
    say = Speaker(stamp, stamp.received_s, Source.SYSLOG)
    reason = f"{device} logged that BGP with {landing.far_device} went {word}{why}"
    return (say.of_circuit(landing, state, reason),)


def settled_sessions(
    logged: Mapping[str, Observation], answered: Iterable[Observation], stamp: Stamp
) -> tuple[Observation, ...]:
    """Return the ends of what lines logged by circuit and a router, once asked, does not say.

    A line that tells of the end may be lost.
    """
    well = {one.subject.name for one in answered if one.state is Health.OK}
    return tuple(
        replace(one, state=Health.OK, reason="", **_stamped(stamp))
        for circuit, one in logged.items()
        if circuit in well and one.state is not Health.OK
    )


def _stamped(stamp: Stamp) -> dict[str, Any]:
    return {"sequence": stamp.sequence, "at_s": stamp.received_s, "received_s": stamp.received_s}


def trap_observations(
    notification: Notification,
    track: Track | None,
    device: DeviceName,
    network: WiredNetwork,
    stamp: Stamp,
) -> tuple[Observation, ...]:
    """Return what a trap says at once, before the device is asked: a link, or mains power."""
    say = Speaker(stamp, stamp.received_s, Source.TRAP)
    if notification.kind in {oids.LINK_DOWN, oids.LINK_UP}:
        name = _interface_name(notification.values, track)
        landing = network.landings.get((device, name))
        if landing is None:
            return ()
        down = notification.kind == oids.LINK_DOWN
        state, word = (Health.DOWN, "no link") if down else (Health.OK, "a link again")
        return (say.of_circuit(landing, state, f"{device} reports that {name} has {word}"),)
    if notification.kind in oids.UPS_ON_BATTERY:
        ups = replace(say, source=Source.UPS)
        reason = "reports that mains power is away; it runs on its battery"
        return (ups.of_device(device, Health.DEGRADED, reason),)
    return ()


def settled_traps(
    reported: Mapping[str, Observation],
    reading: DeviceReading,
    network: WiredNetwork,
    stamp: Stamp,
) -> tuple[Observation, ...]:
    """Return the ends of what traps reported and the device, once asked, does not say.

    reported are the device's last observations from traps by circuit. A trap that tells of the
    end may be lost.
    """
    say = Speaker(stamp, reading.at_s, Source.TRAP)
    found = []
    for interface in reading.interfaces:
        landing = network.landings.get((reading.device, interface.name))
        if landing is None or landing.circuit not in reported:
            continue
        up = interface.enabled and interface.state is LinkState.UP
        if up and reported[landing.circuit].state is Health.DOWN:
            reason = f"{reading.device} {interface.name} is up"
            found.append(say.of_circuit(landing, Health.OK, reason))
    return tuple(found)


def severe_observation(message: SyslogMessage, device: DeviceName, stamp: Stamp) -> Observation:
    """Return what a severe line of syslog says of a device, in the device's own words."""
    say = Speaker(stamp, stamp.received_s, Source.SYSLOG)
    return say.of_device(device, Health.DEGRADED, f"says: {message.text}")


def quiet_observation(device: DeviceName, stamp: Stamp) -> Observation:
    """Return that a device has said nothing severe for a while."""
    say = Speaker(stamp, stamp.received_s, Source.SYSLOG)
    minutes = SEVERE_FOR_S / 60
    return say.of_device(device, Health.OK, f"says nothing severe for {minutes:.0f} minutes")


def _interface_name(values: Mapping[str, object], track: Track | None) -> str:
    """Return the interface that a trap is about, by the number that the last reading gave it."""
    number = next((v for name, v in values.items() if name.startswith(f"{oids.IF_INDEX}.")), None)
    interfaces = track.reading.interfaces if track else ()
    return next((one.name for one in interfaces if one.index == number), "")
