"""How recipes are followed on the laboratory of the example northern-spur."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from simulations.netns import registry
from simulations.netns.waiting import eventually
from tests.rigs.documents.follow import Guide, appended, replaced
from tests.rigs.documents.shell import Shell, shell
from tests.rigs.laboratory.lab_networks import rename_network

NAME: Final = "vpn.example.cm"
# Where the gateway is reached in the laboratory, as the recipe says.
ADDRESS_IN_LAB: Final = "172.20.0.52"
HANDSHAKE_WITHIN_S: Final = 60.0
YES: Final = (("[y/N]: ", "y"),)
FIBRE: Final = "{name: maroua-mayo-sava-fibre, number: 9, medium: fibre,"


@dataclass(frozen=True, slots=True)
class World:
    """A laboratory, with the folder of its intent and a shell of its controller.

    stack ends what else is opened; tunnels are the interfaces that people dial with; kept is what
    documents held when all was well.
    """

    folder: Path
    lab: str
    shell: Shell
    stack: ExitStack
    tunnels: list[str] = field(default_factory=list)
    kept: dict[Path, bytes] = field(default_factory=dict)

    @property
    def intent(self) -> Path:
        """Return the folder of the intent."""
        return self.folder / "my-network"

    @property
    def circuits(self) -> Path:
        """Return the document of the circuits."""
        return self.intent / "circuits.yaml"

    def inside(self, device: str) -> Callable[[], Shell]:
        """Return what opens a shell where a device lives, and where its daemon is found."""
        variables = {"SANAGA_EDGE_DIR": str(registry.ROOT / self.lab / "edges" / device)}
        before = ("ip", "netns", "exec", f"sanaga-{self.lab}-{device}")
        return cache(
            lambda: self.stack.enter_context(
                shell(self.folder, forked=False, before=before, more=variables)
            )
        )

    def done(self, command: str, *, code: int = 0) -> list[str]:
        """Run a command of the controller's and return what it printed."""
        ran = self.shell.run(command)
        assert ran.code == code, ran
        return list(ran.lines)

    def data(self, command: str) -> Any:
        """Return what a command printed as JSON; messages come before it."""
        said = "\n".join(self.done(command))
        return json.loads(said[min(at for at in (said.find("["), said.find("{")) if at >= 0) :])

    def last_apply(self) -> str:
        """Return the number of the last apply."""
        return str(max(int(row["id"]) for row in self.data("sanaga history -o json")))

    def plan_and_apply(self) -> None:
        """Put into force what the documents say, where that is something else."""
        ran = self.shell.run("rm -f rest.plan; sanaga plan my-network --brief --out rest.plan")
        assert ran.code in {0, 2}, ran
        if ran.code:
            self.done("sanaga apply rest.plan --yes")

    def keep_documents(self) -> None:
        """Keep the documents as they are now, for restore()."""
        self.kept.update({file: file.read_bytes() for file in self.intent.glob("*.yaml")})

    def restore(self) -> None:
        """Let documents and devices be as they were kept."""
        for file, content in self.kept.items():
            file.write_bytes(content)
        self.plan_and_apply()


def in_days(days: int) -> str:
    """Return a day by how far it is from now."""
    return str(date.today() + timedelta(days=days))  # noqa: DTZ011


def make_a_gateway(world: World) -> Guide:
    """Return how the laboratory is brought up, and its edge of Yaoundé becomes a gateway."""
    gateway, tunnel = world.inside("yaounde-e1"), f"p{world.lab[-6:]}"

    def write(text: str) -> None:
        assert text.count(NAME) == 1
        appended(world.intent / "access.yaml")(text.replace(NAME, ADDRESS_IN_LAB))

    def wait_for_handshake() -> None:
        def there() -> bool:
            (row,) = world.data("sanaga vpn status -o json")
            return bool(row["there"])

        eventually(there, within_s=HANDSHAKE_WITHIN_S, what="the handshake of a person")

    world.tunnels.append(tunnel)
    return Guide(
        documents={"gateways:": write},
        before={
            "sanaga lab up": lambda: rename_network(world.intent, world.lab),
            "sanaga vpn status --people": wait_for_handshake,
        },
        codes={"sanaga vpn plan": 2, "sanaga plan": 2},
        typed={"sanaga apply": YES},
        others={"ip -brief": gateway, "sudo nft": gateway, "sudo sanaga edge": gateway},
        names={"atangana.conf": f"{tunnel}.conf", "sanaga lab exec": _in_lab(world)},
    )


def _in_lab(world: World) -> str:
    """Return the verb for when several laboratories are up."""
    return f"sanaga lab exec --lab {world.lab}"


def change_the_network(world: World) -> Guide:
    """Return how a change is planned, applied, confirmed by a person, and taken back."""
    costly, costlier = f"{FIBRE} cost: 2,", f"{FIBRE} cost: 3,"

    def plan_another() -> None:
        replaced(world.circuits, costly, costlier)
        world.done("sanaga plan my-network --brief --out another.plan", code=2)

    return Guide(
        before={
            "sanaga validate": lambda: replaced(world.circuits, FIBRE, costly),
            "sanaga apply another.plan": plan_another,
            "sanaga rollback": lambda: replaced(world.circuits, costlier, costly),
        },
        codes={"sanaga plan": 2},
        typed={"sanaga apply change.plan": YES, "sanaga apply another.plan": YES,
               "sanaga rollback": YES},
        names={"rollback 12": lambda: f"rollback {world.last_apply()}"},
    )  # fmt: skip


def give_a_doctor_access(world: World) -> Guide:
    """Return how a locum gets access with a tablet and a laptop, stays on, and leaves."""
    days = {"2027-02-28": in_days(90), "2027-05-31": in_days(180), "2027-12-31": in_days(360)}
    return Guide(names={"KEY": lambda: new_public_key(world), **days})


def a_tablet_was_stolen(world: World) -> Guide:
    """Return how a tablet that somebody has is revoked, and replaced."""
    add = (
        'sanaga vpn person add a-ngono --title "Dr A. Ngono" --role oncologist --site yaounde '
        "--device tablet --because visits --qr"
    )

    def address() -> str:
        person = world.data("sanaga vpn person show a-ngono -o json")
        (device,) = (one for one in person["devices"] if not one["revoked"])
        return str(device["addresses"]["yaounde-e1"][0])

    return Guide(
        before={"sanaga vpn person list": lambda: world.done(add)},
        names={"172.26.0.17": address},
    )


def give_many_people_access(world: World) -> Guide:
    """Return how a list gives access, and how those of another server come along."""

    def another_server() -> None:
        key = new_public_key(world)
        section = f"[Peer]\n# Name = c-bello\nPublicKey = {key}\nAllowedIPs = 10.8.0.2/32\n"
        (world.folder / "wg0.conf").write_text(f"[Interface]\nListenPort = 51820\n\n{section}")

    days = {"2027-02-28": in_days(90), "2027-12-31": in_days(360)}
    return Guide(
        documents={
            "name,title,role": lambda text: (world.folder / "people.csv").write_text(
                _dated(text, days), encoding="utf-8"
            ),
            "people:": lambda text: (world.folder / "people.yaml").write_text(
                _dated(text, days), encoding="utf-8"
            ),
        },
        before={"sanaga vpn import": another_server},
        codes={"sanaga vpn person plan": 2},
        names=days,
    )


def _dated(text: str, days: Mapping[str, str]) -> str:
    for written, day in days.items():
        text = text.replace(written, day)
    return text


def drain_a_circuit(world: World) -> Guide:
    """Return how a circuit is drained."""

    def mark(text: str) -> None:
        replaced(world.circuits, f"  - {fibre(world)}", text.rstrip("\n"))

    return Guide(
        documents={"- {name: maroua-mayo-sava-fibre": mark},
        codes={"sanaga plan": 2},
        typed={"sanaga apply": YES},
    )


def fibre(world: World) -> str:
    """Return how the document of the circuits begins that of one fibre now."""
    text = world.circuits.read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if FIBRE in line).removeprefix("  - ")


def re_home_an_arrondissement(world: World) -> Guide:
    """Return how Kolofata is put onto the department's router."""
    old = "{name: mora-kolofata-fibre, number: 12, medium: fibre,"
    new = "{name: mayo-sava-kolofata-fibre, number: 20, medium: fibre,"

    def edit() -> None:
        replaced(world.circuits, f"{new} enabled: false,", new)
        replaced(world.circuits, old, f"{old} enabled: false,")

    return Guide(
        before={"sanaga plan": edit},
        codes={"sanaga plan": 2},
        typed={"sanaga apply": YES},
    )


def undo(world: World) -> Guide:
    """Return how the last confirmed apply is taken back."""

    def drain() -> None:
        now = fibre(world)
        replaced(world.circuits, now, f"{now} maintenance: true,")
        world.plan_and_apply()

    return Guide(
        before={"sanaga history": drain},
        names={"northern-spur": world.lab},
    )


def rotate_the_country(world: World) -> Guide:
    """Return how the edges get other keys."""
    return Guide(codes={"sanaga plan": 2}, typed={"sanaga apply": YES})


def new_public_key(world: World) -> str:
    """Return the public half of a pair that a device made."""
    (key,) = world.done("wg genkey | wg pubkey")
    return key


GUIDES: Final[Mapping[str, Callable[[World], Guide]]] = {
    "make-a-gateway": make_a_gateway,
    "give-a-doctor-access": give_a_doctor_access,
    "a-tablet-was-stolen": a_tablet_was_stolen,
    "give-many-people-access": give_many_people_access,
    "drain-a-circuit": drain_a_circuit,
    "undo": undo,
    "change-the-network": change_the_network,
    "re-home-an-arrondissement": re_home_an_arrondissement,
    "rotate-the-country": rotate_the_country,
}
APPLYING: Final = frozenset({
    "drain-a-circuit", "undo", "change-the-network", "re-home-an-arrondissement",
    "rotate-the-country",
})  # fmt: skip
