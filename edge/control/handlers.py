"""Handlers of the control socket's verbs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import version
from os import getpid
from typing import Any, Final, TypeAlias

from edge.agent.daemon import Daemon
from edge.clock import rfc3339
from edge.dataplane.thread import tunnel_names
from edge.identity import keyring
from edge.policy.errors import TransactionError
from edge.selection import call_list
from edge.selection.call_list import AnnouncedCall
from edge.telemetry import status as telemetry_status
from edge.telemetry.segments import is_unfiltered, segment_report
from edge.telemetry.status import StatusInputs
from inventory.errors import EdgeError

Json: TypeAlias = Mapping[str, Any]
Verb: TypeAlias = Callable[[Daemon, Json], Awaitable[Json]]


async def handle_request(daemon: Daemon, request: Json) -> Json:
    """Return the answer to a request. Raises SanagaError, OSError, KeyError, ValueError."""
    verb = _VERBS.get(str(request.get("verb")))
    if verb is None:
        raise TransactionError("usage", f"not a request; there are: {', '.join(_VERBS)}")
    return await verb(daemon, request)


async def report_status(daemon: Daemon, _: Json) -> Json:
    """Return the status of every part."""
    policy, selector = daemon.installer.policy, daemon.selector
    trouble = ""
    inputs = None
    if policy is not None:
        try:
            tunnels = await daemon.dataplane.tunnels(tunnel_names(policy))
        except EdgeError as error:
            tunnels, trouble = {}, str(error)
        inputs = StatusInputs(
            policy,
            daemon.probes,
            tunnels,
            daemon.clock(),
            daemon.dataplane.generations,
            selector.drained,
        )
    peer_states = selector.peer_states
    report = {
        "device": daemon.device,
        "version": version("sanaga"),
        "pid": getpid(),
        "since": rfc3339(daemon.started.unix_s),
        "policy": daemon.transactions.status(),
        "unfiltered": policy is not None and is_unfiltered(policy),
        "peers": [
            telemetry_status.peer_report(inputs, peer, peer_states[peer.device])
            for peer in (inputs.policy.peers if inputs else ())
            if inputs and peer.device in peer_states
        ],
        "calls": _calls(daemon),
        "consultations": _consultations(daemon),
        "keys": daemon.rotation.status(),
        "people": await _people(daemon),
        "revoked": daemon.revoked.status(),
        "repairs": daemon.installer.repairs.plain(),
        "reporting": await daemon.reporter.status(),
        "faults": [fault for fault in (*daemon.faults.current(), trouble) if fault],
    }
    return {"status": report}


async def stop_edge(daemon: Daemon, _: Json) -> Json:
    """Take everything out of the kernel and end."""
    return {"removed": list(await daemon.stop())}


async def read_policy(daemon: Daemon, _: Json) -> Json:
    """Return the policy that runs."""
    return daemon.transactions.read()


async def transaction_status(daemon: Daemon, _: Json) -> Json:
    """Return what is on trial."""
    return daemon.transactions.status()


async def stage_candidate(daemon: Daemon, request: Json) -> Json:
    """Keep a candidate."""
    return await daemon.transactions.stage(str(request["txn"]), str(request["candidate"]))


async def commit_or_extend(daemon: Daemon, request: Json, *, verb: str) -> Json:
    """Commit, or extend a trial."""
    work = getattr(daemon.transactions, verb)
    answered: Json = await work(str(request["txn"]), int(request["within_s"]))
    return answered


async def confirm_or_roll_back(daemon: Daemon, request: Json, *, verb: str) -> Json:
    """Confirm or roll back."""
    answered: Json = await getattr(daemon.transactions, verb)(str(request["txn"]))
    return answered


async def take_roster(daemon: Daemon, request: Json) -> Json:
    """Take a roster, if the request has one, and return which one holds."""
    if "roster" in request:
        await daemon.roster.replace(str(request["roster"]))
    there, who = bool(request.get("there")), bool(request.get("who"))
    return {"people": await _people(daemon, there=there, who=who)}


async def make_next_key(daemon: Daemon, _: Json) -> Json:
    """Make a key to move to, unless there is one, and return the status of rotation."""
    current = str(daemon.rotation.status()["key"])
    key = await asyncio.to_thread(keyring.make_next_key, daemon.folder, current)
    daemon.learn_keys()
    return {"upcoming": key, **daemon.rotation.status()}


async def key_status(daemon: Daemon, _: Json) -> Json:
    """Return the status of rotation, and the peers with live consultations."""
    peer_states = daemon.selector.peer_states
    live = sorted(device for device, state in peer_states.items() if state.consultation)
    return {"keys": {**daemon.rotation.status(), "consultations": live}}


async def take_chains(daemon: Daemon, request: Json) -> Json:
    """Take chains of preshared keys, if there are any, and return which are here."""
    if "chains" in request:
        await daemon.installer.take_chains(str(request["chains"]))
    return {"pairs": daemon.psk.known()}


async def take_revoked(daemon: Daemon, request: Json) -> Json:
    """Take a list of revoked keys, if there is one, and return which one holds."""
    if "list" in request:
        await daemon.installer.take_revoked(str(request["list"]))
    return {"revoked": daemon.revoked.status()}


async def relay_join(daemon: Daemon, request: Json) -> Json:
    """Carry messages between the controller and devices that are invited."""
    return {"join": daemon.join_proxy.asked(str(request["request"]))}


async def report_segments(daemon: Daemon, _: Json) -> Json:
    """Return what passes between segments, and what was dropped."""
    policy = daemon.installer.policy
    if policy is None:
        raise EdgeError("no policy is in effect; load one first")
    return {"segments": segment_report(policy, await daemon.dataplane.counted())}


async def list_calls(daemon: Daemon, _: Json) -> Json:
    """Return the calls that were announced."""
    return {"calls": _calls(daemon)}


async def add_call(daemon: Daemon, request: Json) -> Json:
    """Announce a call, or prolong it."""
    now = daemon.clock()
    until_s = now.since_boot_s + int(request["for_s"])
    flow, service = call_list.parse_flow(request), str(request["service"])
    await daemon.calls.announce(AnnouncedCall(flow, service, now.boot, until_s))
    return {"calls": _calls(daemon)}


async def remove_call(daemon: Daemon, request: Json) -> Json:
    """Forget a call."""
    await daemon.calls.forget(call_list.parse_flow(request))
    return {"calls": _calls(daemon)}


async def _people(daemon: Daemon, *, there: bool = True, who: bool = False) -> Json:
    """Return the status of remote access, with sessions if asked for, which takes time."""
    found = {**daemon.roster.status(), "revoked": daemon.revoked.serial}
    if not (there or who):
        return found
    name = found["interface"]
    try:
        tunnel = (await daemon.dataplane.tunnels((name,))).get(name) if name else None
        calling = await daemon.dataplane.calling() if tunnel else ()
    except EdgeError:
        tunnel, calling = None, ()
    return {
        **found,
        "sessions": telemetry_status.sessions(tunnel, daemon.clock()),
        "calling": list(calling),
        **({"dialled": telemetry_status.client_sessions(tunnel, daemon.clock())} if who else {}),
    }


def _calls(daemon: Daemon) -> list[Json]:
    now = daemon.clock()
    return [
        {**call_list.call_json(call), "left_s": round(call.left_s(now))}
        for call in call_list.current_calls(daemon.calls.every, now)
    ]


def _consultations(daemon: Daemon) -> list[Json]:
    """Return the consultations that the controller announced and that are not over."""
    now = daemon.clock()
    return [
        {
            "name": one.name,
            "service": one.service,
            "runs": one.runs(now),
            "left_s": round(one.left_s(now)),
        }
        for one in daemon.consultations.every
        if one.left_s(now) > 0
    ]


_VERBS: Final[Mapping[str, Verb]] = {
    "status": report_status,
    "stop": stop_edge,
    "read": read_policy,
    "transaction": transaction_status,
    "stage": stage_candidate,
    "commit": partial(commit_or_extend, verb="commit"),
    "extend": partial(commit_or_extend, verb="extend"),
    "confirm": partial(confirm_or_roll_back, verb="confirm"),
    "rollback": partial(confirm_or_roll_back, verb="rollback"),
    "people": take_roster,
    "rekey": make_next_key,
    "keys": key_status,
    "pairs": take_chains,
    "revoked": take_revoked,
    "join": relay_join,
    "segments": report_segments,
    "calls": list_calls,
    "call-add": add_call,
    "call-remove": remove_call,
}
