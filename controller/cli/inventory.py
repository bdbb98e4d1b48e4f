"""What exists, and handing it to or taking it from other tools."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.terminal.completion import complete_device
from controller.terminal.folders import FolderOption, save
from controller.terminal.output import (
    Format,
    FormatOption,
    UsageProblem,
    emit_rows,
    say,
    say_lines,
    write,
)
from controller.wording import count

if TYPE_CHECKING:
    from inventory.exchange.report import Imported
    from inventory.model import Circuit, CircuitEnd, Device, Intent, Site

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="List what exists; export and import inventories.",
)


class InventoryKind(StrEnum):
    """What can be listed."""

    SITES = "sites"
    DEVICES = "devices"
    CIRCUITS = "circuits"


class Source(StrEnum):
    """Whose inventory to read."""

    NETBOX = "netbox"
    NORNIR = "nornir"
    ANSIBLE = "ansible"
    GRAPHML = "graphml"


class InventoryFormat(StrEnum):
    """Whose inventory to write."""

    NORNIR = "nornir"
    ANSIBLE = "ansible"


@app.command("list", epilog="Example: sanaga inventory list circuits --dir my-network -o json")
def list_things(
    kind: Annotated[InventoryKind, typer.Argument(help="What to list.")] = InventoryKind.DEVICES,
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """List the sites, devices or circuits of an intent."""
    from controller.load import load

    intent = load(folder).intent
    rows = {
        InventoryKind.SITES: lambda: [_site(site) for site in intent.sites.values()],
        InventoryKind.DEVICES: lambda: [
            _device(intent, device) for device in intent.devices.values()
        ],
        InventoryKind.CIRCUITS: lambda: [
            _circuit(intent, item) for item in intent.circuits.values()
        ],
    }[kind]()
    emit_rows(rows, output, _HEADINGS[kind])


_HEADINGS = {
    InventoryKind.SITES: {
        "name": "SITE",
        "number": "NUMBER",
        "level": "LEVEL",
        "parent": "PARENT",
        "region": "REGION",
        "facilities": "FACILITIES",
        "population": "POPULATION",
        "title": "TITLE",
    },
    InventoryKind.DEVICES: {
        "name": "DEVICE",
        "site": "SITE",
        "role": "ROLE",
        "platform": "PLATFORM",
        "loopback": "LOOPBACK",
        "management": "MANAGEMENT",
    },
    InventoryKind.CIRCUITS: {
        "name": "CIRCUIT",
        "number": "NUMBER",
        "a": "A",
        "b": "B",
        "medium": "MEDIUM",
        "rate_up_mbps": "UP MBIT/S",
        "rate_down_mbps": "DOWN MBIT/S",
        "delay_ms": "DELAY MS",
        "state": "STATE",
    },
}


def _site(site: "Site") -> dict[str, object]:
    return {
        "name": site.name,
        "number": site.number,
        "level": site.level,
        "parent": site.parent,
        "title": site.title,
        "region": site.region,
        "latitude": site.place.latitude,
        "longitude": site.place.longitude,
        "quality": site.place.quality,
        "facilities": len(site.facilities),
        "population": site.population,
    }


def _device(intent: "Intent", device: "Device") -> dict[str, object]:
    from inventory.addressing import loopback4

    return {
        "name": device.name,
        "site": device.site,
        "number": device.number,
        "role": device.role,
        "platform": device.platform,
        "loopback": str(
            loopback4(intent.network.plan, intent.sites[device.site].number, device.number)
        ),
        "management": str(device.management.address) if device.management else None,
    }


def _circuit(intent: "Intent", circuit: "Circuit") -> dict[str, object]:
    usable = circuit.enabled and circuit.medium not in intent.network.disabled_media
    return {
        "name": circuit.name,
        "number": circuit.number,
        "a": _end(circuit.a),
        "b": _end(circuit.b) if circuit.b else circuit.provider,
        "medium": circuit.medium,
        "rate_up_mbps": circuit.rate_up_mbps,
        "rate_down_mbps": circuit.rate_down_mbps,
        "delay_ms": circuit.delay_ms,
        "mtu": circuit.mtu,
        "state": ("maintenance" if circuit.maintenance else "in use") if usable else "off",
    }


def _end(end: "CircuitEnd") -> str:
    return f"{end.device}:{end.interface}"


@app.command(epilog="Example: sanaga inventory export nornir --dir my-network --out nornir/")
def export(
    form: Annotated[
        InventoryFormat, typer.Argument(metavar="nornir|ansible", help="Whose format.")
    ],
    folder: FolderOption = Path(),
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="Folder (nornir) or file (ansible) to write."),
    ] = None,
) -> None:
    """Write the devices as another tool's inventory; secrets stay references."""
    from controller.load import load
    from inventory.exchange import exports

    if form is InventoryFormat.ANSIBLE and out and out.suffix not in {".yaml", ".yml", ".json"}:
        raise UsageProblem(f"Ansible reads YAML only from files that end in .yaml, unlike {out}")
    intent = load(folder).intent
    if form is InventoryFormat.ANSIBLE:
        text = exports.export_ansible(intent)
        write(text) if out is None else save(out, text)
        return
    if out is None:
        raise UsageProblem("a Nornir inventory is several files; name their folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    for name, text in exports.export_nornir(intent).items():
        save(out / name, text)


@app.command(
    "import", epilog="Example: sanaga inventory import devices.csv --out my-network/devices.yaml"
)
def import_inventory(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            exists=True,
            help="NetBox CSV exports (sites, devices, cables); a Nornir folder or hosts.yaml; an "
            "Ansible inventory (YAML, INI, JSON) or its folder; GraphML.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write, else stdout.")
    ] = None,
    source: Annotated[
        Source | None,
        typer.Option("--from", help="Whose format it is; found out by itself if not given."),
    ] = None,
) -> None:
    """Turn other tools' inventories into an intent document, and say what was not taken, and why.

    Facts that the source does not hold are left out; validate then names each.
    """
    from inventory.exchange.report import merged, to_yaml

    found = merged(_imported(files, source))
    text = to_yaml(found.sections)
    write(text) if out is None else save(out, text)
    said = ", ".join(count(len(entries), name[:-1]) for name, entries in found.sections.items())
    losses = "; what was not taken, and why:" if found.notices else ""
    say(f"imported {said or 'nothing'}; 'sanaga validate' names what is missing{losses}")
    say_lines(map(str, found.notices))


def _imported(files: list[Path], source: Source | None) -> "list[Imported]":
    """Return what every file becomes; raises IntentError with the faults of all."""
    from inventory.errors import Fault, IntentError
    from inventory.exchange import formats
    from inventory.exchange.report import Imported

    found, faults = list[Imported](), list[Fault]()
    for file in files:
        try:
            found.append(formats.import_path(file, formats.Source(source) if source else None))
        except IntentError as error:
            faults += error.faults
    if faults:
        raise IntentError(faults)
    return found


@app.command(epilog="Example: sanaga inventory seal my-network/keys.sealed mora-r1 < mora-r1.key")
def seal(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", dir_okay=False, help="Sealed file; made if not there."),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the secret.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of one of that name.")
    ] = False,
) -> None:
    """Put a secret into an encrypted file, for credential references such as sealed:FILE#NAME.

    The secret comes from stdin or is asked for; the passphrase comes from SANAGA_PASSPHRASE or is
    asked for. Neither ever stands on the command line.
    """
    from controller.cli.seal import seal_secret

    seal_secret(file, name, replace=replace)


@app.command("pin", epilog="Example: sanaga inventory pin mora-r1 --dir my-network")
def pin_host_key(
    name: Annotated[
        str, typer.Argument(metavar="DEVICE", help="Device.", autocompletion=complete_device)
    ],
    folder: FolderOption = Path(),
    expected: Annotated[
        str | None,
        typer.Option(
            "--fingerprint",
            metavar="SHA256:...",
            help="Accept this key and no other, without asking.",
        ),
    ] = None,
) -> None:
    """Fetch a device's SSH host key, show its fingerprint, and trust it from then on."""
    from controller.cli.pin import pin
    from controller.load import device, load

    intent = load(folder).intent
    namespace = intent.network.management_namespace
    pin(device(intent, name), folder, namespace=namespace, expected=expected)


@app.command("seal-keys", epilog="Example: sanaga inventory seal-keys")
def seal_keys(
    undo: Annotated[
        bool, typer.Option("--open", help="Let them be plain files again, for their owner alone.")
    ] = False,
) -> None:
    """Seal the controller's own keys with a passphrase, so that a disk or a backup is no use alone.

    These are the keys that sign policies, seal what is kept of people's devices, and make the
    preshared keys of sites. Verbs that need one take the passphrase from SANAGA_PASSPHRASE.
    """
    from controller.cli.seal import open_controller, seal_controller

    open_controller() if undo else seal_controller()


@app.command("signing-key", epilog="Example: sanaga inventory signing-key > controller.pub")
def show_signing_key() -> None:
    """Print the public key that edges must trust, for sanaga edge enrol --controller-key.

    The key pair is made on first use and lies in the state folder (SANAGA_STATE_DIR); the private
    half never leaves it.
    """
    from controller.app import local_controller
    from controller.keys.signing import public_text, signing_key
    from controller.settings import Settings

    if client := local_controller():
        write(str(client.get("/vpn/signing-key")["key"]))
        return
    write(public_text(signing_key(Settings().state_dir)))


@app.command("router-files", epilog="Example: sanaga inventory router-files for-routers")
def write_router_files(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", file_okay=False, help="Folder; made if not there."),
    ],
) -> None:
    """Write what an FRR router gets: its door and the program of its packet filter, a file each.

    The recipe 'Prepare an FRR router' says where they go; they are the same for all routers.
    """
    from controller.drivers import frr_files

    for file in frr_files.write_router_files(folder):
        write(str(file))
