"""The small network with routers that answer over SSH on the loopback, their host keys pinned."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rigs.controller.fake_routers import Routers, fake_routers

NAMES = ["yaounde-r1", "yaounde-r2", "garoua-r1", "maroua-r1", "mayo-sava-r1", "mora-r1",
         "kolofata-r1"]  # fmt: skip


@contextmanager
def routed_small(folder: Path) -> Iterator[Routers]:
    """Let the routers of a copy of the small network live while the block runs."""
    network = folder / "network.yaml"
    network.write_text(network.read_text().replace("management_namespace: sanaga-small-noc", ""))
    with fake_routers(NAMES) as running:
        devices = folder / "devices.yaml"
        text, known = devices.read_text(), []
        for number, name in enumerate(NAMES, start=1):
            port = running.ports[name]
            address = f"127.0.0.1\n      port: {port}"
            text = text.replace(f"198.18.0.{number}\n", f"{address}\n")
            public = f"{running.key.get_name()} {running.key.get_base64()}"
            known.append(f"[127.0.0.1]:{port} {public}")
        devices.write_text(text)
        (folder / "known_hosts").write_text("\n".join(known) + "\n")
        yield running
