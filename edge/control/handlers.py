"""What may be asked of a running edge, verb by verb."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from os import getpid
from typing import Any, Final, TypeAlias

from edge.agent.daemon import Daemon
from edge.clock import said
from edge.dataplane.thread import tunnel_names
from edge.identity import keyring
from edge.policy.errors import TransactionError
from edge.selection import call_list
from edge.selection.call_list import AnnouncedCall
from edge.telemetry import status as telemetry_status
from edge.telemetry.status import StatusInputs
from inventory.errors import EdgeError

Json: TypeAlias = Mapping[str, Any]
Verb: TypeAlias = Callable[[Daemon, Json], Awaitable[Json]]


async def answer(daemon: Daemon, request: Json) -> Json:
    """Return the answer to a request. Raises SanagaError, OSError, KeyError, ValueError."""
    verb = _VERBS.get(str(request.get("verb")))
    if verb is None:
        raise TransactionError("usage", f"not a request; there are: {', '.join(_VERBS)}")
    return await verb(daemon, request)


async def status(daemon: Daemon, _: Json) -> Json:
    """Return how everything stands."""
    policy, selector = daemon.installer.policy, daemon.selector
    trouble = ""
    sources = None
    if policy is not None:
        try:
            tunnels = await daemon.dataplane.tunnels(tunnel_names(policy))
        except EdgeError as error:
            tunnels, trouble = {}, str(error)
        sources = StatusInputs(
            policy,
            daemon.probes,
            tunnels,
            daemon.clock(),
            daemon.dataplane.generations,
            selector.drained,
        )
    peer_states = selector.peer_states
    told = {
        "device": daemon.device,
        "pid": getpid(),
        "since": said(daemon.started.unix_s),
        "policy": daemon.transactions.status(),
        "peers": [
            telemetry_status.peer_report(sources, peer, peer_states[peer.device])
            for peer in (sources.policy.peers if sources else ())
            if sources and peer.device in peer_states
        ],
        "calls": _calls(daemon),
        "keys": daemon.rotation.status(),
        "people": await _people(daemon),
        "revoked": daemon.revoked.status(),
        "repairs": daemon.installer.repairs.plain(),
        "faults": [fault for fault in (*daemon.faults.current(), trouble) if fault],
    }
    return {"status": told}


async def stop(daemon: Daemon, _: Json) -> Json:
    """Take everything out of the kernel and end."""
    return {"removed": list(await daemon.stop())}


async def read(daemon: Daemon, _: Json) -> Json:
    """Return the policy that runs."""
    return daemon.transactions.read()


async def transaction(daemon: Daemon, _: Json) -> Json:
    """Return what is on trial."""
    return daemon.transactions.status()


async def stage(daemon: Daemon, request: Json) -> Json:
    """Keep a candidate."""
    return await daemon.transactions.stage(str(request["txn"]), str(request["candidate"]))


async def timed(daemon: Daemon, request: Json, *, verb: str) -> Json:
    """Commit, or extend a trial."""
    work = getattr(daemon.transactions, verb)
    answered: Json = await work(str(request["txn"]), int(request["within_s"]))
    return answered


async def settle(daemon: Daemon, request: Json, *, verb: str) -> Json:
    """Confirm or roll back."""
    answered: Json = await getattr(daemon.transactions, verb)(str(request["txn"]))
    return answered


async def people(daemon: Daemon, request: Json) -> Json:
    """Take a roster, if there is one, and return which one holds."""
    if "roster" in request:
        await daemon.roster.replace(str(request["roster"]))
    there, who = bool(request.get("there")), bool(request.get("who"))
    return {"people": await _people(daemon, there=there, who=who)}


async def rekey(daemon: Daemon, _: Json) -> Json:
    """Make a key to move to, unless there is one, and return how it stands with keys."""
    current = str(daemon.rotation.status()["key"])
    key = await asyncio.to_thread(keyring.upcoming, daemon.folder, current)
    daemon.learn_keys()
    return {"upcoming": key, **daemon.rotation.status()}


async def keys(daemon: Daemon, _: Json) -> Json:
    """Return how it stands with the keys of tunnels."""
    peer_states = daemon.selector.peer_states
    live = sorted(device for device, state in peer_states.items() if state.consultation)
    return {"keys": {**daemon.rotation.status(), "consultations": live}}


async def pairs(daemon: Daemon, request: Json) -> Json:
    """Take chains of preshared keys, if there are any, and return which are here."""
    if "chains" in request:
        await daemon.installer.take_chains(str(request["chains"]))
    return {"pairs": daemon.psk.known()}


async def revoked(daemon: Daemon, request: Json) -> Json:
    """Take a list of revoked keys, if there is one, and return which one holds."""
    if "list" in request:
        await daemon.installer.take_revoked(str(request["list"]))
    return {"revoked": daemon.revoked.status()}


async def join(daemon: Daemon, request: Json) -> Json:
    """Carry messages between the desk and devices that are invited."""
    return {"join": daemon.join_proxy.asked(str(request["request"]))}


async def calls(daemon: Daemon, _: Json) -> Json:
    """Return the calls that were announced."""
    return {"calls": _calls(daemon)}


async def add_call(daemon: Daemon, request: Json) -> Json:
    """Announce a call, or prolong it."""
    now = daemon.clock()
    until_s = now.since_boot_s + int(request["for_s"])
    flow, service = call_list.flow(request), str(request["service"])
    await daemon.calls.announce(AnnouncedCall(flow, service, now.boot, until_s))
    return {"calls": _calls(daemon)}


async def remove_call(daemon: Daemon, request: Json) -> Json:
    """Forget a call."""
    await daemon.calls.forget(call_list.flow(request))
    return {"calls": _calls(daemon)}


async def _people(daemon: Daemon, *, there: bool = True, who: bool = False) -> Json:
    """Return how it stands with people who dial this device, and who is there, which takes time."""
    said = {**daemon.roster.status(), "revoked": daemon.revoked.serial}
    if not (there or who):
        return said
    name = said["interface"]
    try:
        tunnel = (await daemon.dataplane.tunnels((name,))).get(name) if name else None
        calling = await daemon.dataplane.calling() if tunnel else ()
    except EdgeError:
        tunnel, calling = None, ()
    return {
        **said,
        "sessions": telemetry_status.sessions(tunnel, daemon.clock()),
        "calling": list(calling),
        **({"dialled": telemetry_status.client_sessions(tunnel, daemon.clock())} if who else {}),
    }


def _calls(daemon: Daemon) -> list[Json]:
    now = daemon.clock()
    return [
        {**call_list.plain(call), "left_s": round(call.left_s(now))}
        for call in call_list.current(daemon.calls.every, now)
    ]


_VERBS: Final[Mapping[str, Verb]] = {
    "status": status,
    "stop": stop,
    "read": read,
    "transaction": transaction,
    "stage": stage,
    "commit": partial(timed, verb="commit"),
    "extend": partial(timed, verb="extend"),
    "confirm": partial(settle, verb="confirm"),
    "rollback": partial(settle, verb="rollback"),
    "people": people,
    "rekey": rekey,
    "keys": keys,
    "pairs": pairs,
    "revoked": revoked,
    "join": join,
    "calls": calls,
    "call-add": add_call,
    "call-remove": remove_call,
}
