"""Making a laboratory and unmaking it, whatever state it was left in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from controller.drivers import frr_files
from inventory.errors import LabError
from inventory.intent import EDGE_KEYS, KNOWN_HOSTS
from inventory.model import DeviceName, Intent
from simulations.devices import edges, monitoring, router_logs, routers
from simulations.devices.ssh_keys import known_hosts, make_key
from simulations.lab import leo_weather
from simulations.lab.prerequisites import require_prerequisites
from simulations.netns import capabilities, namespaces, nat, plumbing, processes, registry
from simulations.netns.blueprint import Blueprint, Edge, Machine
from simulations.netns.design import draw_blueprint
from simulations.netns.links import emulated_circuits
from simulations.netns.registry import Folder, Record
from simulations.netns.shutdown import raised_as_interrupt
from simulations.netns.waiting import eventually

# Starting daemons is bound by the processor; more threads than this only queue.
THREADS: Final = 4
SWEEPS: Final = 20
GONE_WITHIN_S: Final = 60.0
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a laboratory shall be: routers blank unless configs are given, a calm sky without seed.

    controller tells whose policies its edges will take; it is asked only where there are any.
    """

    configs: Mapping[DeviceName, str]
    controller: Callable[[], Ed25519PublicKey]
    weather: int | None = None


def build_lab(intent: Intent, wishes: Wishes, *, report: Report) -> Folder:
    """Make the laboratory of an intent.

    Whatever goes wrong, also a signal, everything made so far is removed again.
    Raises LabError.
    """
    place = registry.lab_folder(intent.network.name)
    blueprint = draw_blueprint(intent)
    require_prerequisites(intent, place.controller_key, blueprint.controller)
    if raised := capabilities.make_room(sum(edge.tunnels for edge in blueprint.edges)):
        report(raised)
    with raised_as_interrupt():
        offer = capabilities.probe_kernel()
        _refuse_strangers(blueprint, place)
        place.create(Record(blueprint, offer.netem, offer.stub))
        try:
            with registry.locked_registry(place):
                routers.ensure_wanted(place.name)
                _make(place, wishes, report)
        except BaseException:
            destroy_lab(place)
            raise
    return place


def _refuse_strangers(blueprint: Blueprint, place: Folder) -> None:
    taken = [name for name in blueprint.namespaces if namespaces.namespace_exists(name)]
    if taken and not place.exists():
        raise LabError(f"namespaces of that name are there and not ours: {', '.join(taken)}")


def _make(place: Folder, wishes: Wishes, report: Report) -> None:
    record = place.read()
    blueprint = record.blueprint
    report("namespaces and links")
    plumbing.make_namespaces(blueprint)
    plumbing.make_links(blueprint, stub=record.stub)
    carriers = emulated_circuits(place, netem=record.netem, home=blueprint.controller)
    carriers.start(blueprint.wires)
    plumbing.configure_router(blueprint)
    nat.hide_subscribers(blueprint)
    _write_keys(place, blueprint, wishes)
    router_logs.start_log_forwarder(place, blueprint, routers.FRR_USER)
    for device in _start_machines(place, blueprint, wishes.configs):
        report(f"router {device}")
    if wishes.weather is not None:
        leo_weather.start_weather(place, blueprint, wishes.weather)


def _write_keys(place: Folder, blueprint: Blueprint, wishes: Wishes) -> None:
    public = make_key(place.controller_key)
    place.authorized_keys.write_text(f"{public} controller\n", encoding="ascii")
    frr_files.write_router_files(place.router_files)
    keys: dict[Machine, str] = {r: routers.prepare_router(place, r) for r in blueprint.routers}
    passphrases = monitoring.make_passphrases(place)
    for router in blueprint.routers:
        watched = monitoring.watched_router(place, blueprint, router)
        monitoring.prepare_monitoring(watched, passphrases)
    keys |= {edge: edges.prepare_edge(place, edge) for edge in blueprint.edges}
    managed = {(m.management.ip, m.port): key for m, key in keys.items() if m.management}
    (place.path / KNOWN_HOSTS).write_text(known_hosts(managed), encoding="ascii")
    enrolled = "".join(
        edges.enrol_edge(place, edge, wishes.controller()) for edge in blueprint.edges
    )
    (place.path / EDGE_KEYS).write_text(enrolled, encoding="ascii")


def _start_machines(
    place: Folder, blueprint: Blueprint, configs: Mapping[DeviceName, str]
) -> Iterator[DeviceName]:
    """Start all routers and edges, a few at a time, and yield each once it serves."""

    def start(machine: Machine) -> DeviceName:
        if isinstance(machine, Edge):
            edges.start_edge(place, machine)
        else:
            config = configs.get(machine.device)
            if config is not None:
                routers.save_config(place, machine, config)
            watched = monitoring.watched_router(place, blueprint, machine)
            monitoring.start_snmpd(watched)
            routers.start_router(place, machine, blank=config is None)
            monitoring.start_lldpd(watched)
        return machine.device

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(start, blueprint.machines)


def destroy_lab(place: Folder) -> None:
    """Remove everything of a laboratory: processes, namespaces, sockets, files.

    Works on whatever is left, also of half a laboratory; doing it twice does nothing.
    Raises LabError when something cannot be removed, or another process is at work on it.
    """
    capabilities.require_root()
    if not place.exists():
        return
    with registry.locked_registry(place):
        record = _record(place)
        if record:
            names = *record.blueprint.namespaces, *record.blueprint.guests
            _end_processes(place, record)
            edges.forget_tunnels(place, record.blueprint.edges)
            _remove_namespaces(names)
        routers.remove_wanted(place.name)
        place.remove()


def _record(place: Folder) -> Record | None:
    """Return what was recorded; None when the maker died before it, having made nothing."""
    with suppress(LabError):
        return place.read()
    return None


def _end_processes(place: Folder, record: Record) -> None:
    """End all processes in the namespaces, also in those that lost their names meanwhile."""
    recorded = _recorded(place)
    unnamed = namespaces.unnamed_company(_recorded_of_devices(place))
    processes.kill_processes(_identified({*recorded, *unnamed}))
    end_processes_in(record.blueprint.namespaces, place.name)


def end_processes_in(names: Sequence[str], what: str) -> None:
    """End all other processes in some namespaces; what says whose they are.

    Raises LabError when processes keep appearing there.
    """
    for _ in range(SWEEPS):
        found = namespaces.processes_in(names)
        if not found:
            return
        processes.kill_processes(_identified(found))
    raise LabError(f"processes keep appearing in {what}; end what starts them, then again")


def _recorded(place: Folder, files: str = "**/*.pid") -> set[int]:
    found = map(processes.read_pid, place.path.glob(files))
    # A number may have been given to a stranger; ours use the laboratory's folder.
    return {pid for pid in found if pid is not None and processes.uses_folder(pid, place.path)}


def _recorded_of_devices(place: Folder) -> set[int]:
    """Return the recorded processes of devices, which were all started in namespaces of ours."""
    return _recorded(place, "*/**/*.pid")


def _identified(pids: Iterable[int]) -> Iterator[processes.Process]:
    return (process for pid in pids if (process := processes.identify_process(pid)))


def _remove_namespaces(names: Iterable[str]) -> None:
    present = [name for name in names if namespaces.namespace_exists(name)]
    namespaces.run_ip_batch(f"netns del {name}" for name in present)
    eventually(
        lambda: not any(namespaces.namespace_exists(name) for name in present),
        within_s=GONE_WITHIN_S,
        what="the end of the namespaces",
    )
