"""How recipes are followed in the laboratory that are about secrets, thefts and crashes."""

import re
import signal
from collections.abc import Callable, Mapping
from os import kill
from shutil import copyfile, copytree, rmtree
from typing import Final

from simulations.lab import lab as labs
from simulations.netns import registry
from tests.rigs.documents.follow import Guide, replaced
from tests.rigs.documents.laboratory_guides import (
    ADDRESS_IN_LAB,
    NAME,
    YES,
    World,
    fibre,
)
from tests.rigs.documents.shell import shell

PHRASE: Final = "open, sesame seed of teff"
TWICE: Final = (("Passphrase: ", PHRASE), ("Repeat for confirmation: ", PHRASE))
SECRET: Final = (("Secret kolofata-r1: ", "s3"), ("Repeat for confirmation: ", "s3"))
READ: Final = "IFS= read -rs SANAGA_PASSPHRASE; export SANAGA_PASSPHRASE"
EDGE: Final = "kolofata-e1"


def keep_credentials(world: World) -> Guide:
    """Return how a router's key and the controller's own are sealed, by another controller.

    The passphrase is typed at a terminal of its own. The documents are put back at the end.
    """
    state = world.folder / "sealed"
    copytree(world.folder / "state", state)
    alone = world.stack.enter_context(
        shell(world.folder, forked=False, more={"SANAGA_STATE_DIR": str(state)})
    )
    for name in ("mora-r1.key", "new.key"):
        copyfile(registry.ROOT / world.lab / "controller_key", world.folder / name)
    devices, hosts = world.intent / "devices.yaml", world.intent / "known_hosts"
    before = devices.read_text(encoding="utf-8")

    def refer(text: str) -> None:
        reference = re.findall(r'credential: "(sealed:[^"]+)"', text)[0]
        entry = re.compile(r'(address: 198\.18\.0\.20\n.*?credential: )"[^"]+"', re.DOTALL)
        after, found = entry.subn(lambda match: f'{match[1]}"{reference}"', before, count=1)
        assert found == 1
        devices.write_text(after, encoding="utf-8")

    def forget_host() -> None:
        devices.write_text(before, encoding="utf-8")
        lines = hosts.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if "198.18.0.20" not in line]
        assert len(kept) == len(lines) - 1
        hosts.write_text("".join(kept), encoding="utf-8")

    typed: dict[str, tuple[tuple[str, str], ...]] = {
        f"{READ}{again}": (("", PHRASE),) for again in ("", " @2", " @3", " @4")
    }
    return Guide(
        documents={"management:": refer},
        before={
            "sanaga inventory seal-keys": lambda: alone.run("unset SANAGA_PASSPHRASE"),
            "sanaga inventory seal-keys --open": lambda: None,
            "sanaga inventory pin": forget_host,
        },
        typed={
            **typed,
            "sanaga inventory seal my-network/keys.sealed kolofata-r1": SECRET,
            "sanaga inventory seal-keys": TWICE,
            "sanaga inventory seal-keys --open": (),
            "sanaga inventory seal-keys @2": TWICE,
            "sanaga inventory pin": YES,
        },
        others={"": lambda: alone, **{f"{READ} @{n}": (lambda: alone) for n in (2, 3, 4)},
                "sanaga inventory seal-keys @2": lambda: alone},
        names={"/var/lib/sanaga": str(state)},
    )  # fmt: skip


def let_a_nurse_join_from_the_field(world: World) -> Guide:
    """Return how a laptop at the mobile operator joins while two people speak."""
    laptop = world.inside("provider-lte-operator")
    tunnel = f"n{world.lab[-6:]}"

    def write(text: str) -> None:
        (line,) = (line for line in text.splitlines() if NAME in line)
        access = world.intent / "access.yaml"
        (former,) = (
            old for old in access.read_text(encoding="utf-8").splitlines() if ADDRESS_IN_LAB in old
        )
        replaced(access, former, line.replace(NAME, ADDRESS_IN_LAB))

    def join() -> None:
        hers, ours = laptop(), world.shell
        ours.type(
            'sanaga vpn person invite b-oumarou --title "B. Oumarou" --role nurse --site mora '
            '--because "mobile clinic"'
        )
        code = ours.hear(re.compile(r"\S+:51830/[\w-]+"))[1][0]
        hers.type(f"sanaga vpn join --file {tunnel}.conf")
        hers.hear(re.compile("Code: "))
        hers.type(code)
        words = hers.hear(re.compile(r"\n((?:[a-z]+ ){3}[a-z]+)\r?\n"))[1][1]
        ours.hear(re.compile("The words: "))
        ours.type(words)
        back = ours.hear(re.compile(r"read these two back: ([a-z]+ [a-z]+)"))[1][1]
        hers.hear(re.compile("Their words: "))
        hers.type(back)
        for one in (hers, ours):
            ran = one.ended()
            assert ran.code == 0, ran

    def forget_namesake() -> None:
        # Another recipe may have given somebody of that name access at another site.
        world.shell.run("sanaga vpn person revoke b-oumarou --because 'another recipe'")

    def hang_up_others() -> None:
        for former in world.tunnels[:-1]:
            assert laptop().run(f"wg-quick down ./{former}.conf").code == 0

    world.tunnels.append(tunnel)
    return Guide(
        documents={"gateways:": write},
        before={"sanaga vpn apply": forget_namesake, "sudo wg-quick": hang_up_others},
        instead={"sanaga vpn person invite": join, "sanaga vpn join": lambda: None},
        others={"sudo wg-quick": laptop},
        names={"sanaga.conf": f"{tunnel}.conf"},
    )


def an_edge_was_stolen(world: World) -> Guide:
    """Return how Kolofata's edge is shut out, and another computer takes its place."""
    keys: list[str] = []

    def bring_another_computer() -> None:
        lab = labs.find_lab(world.lab)
        lab.kill_edge(EDGE)
        folder = lab.edge_folder(EDGE)
        rmtree(folder)
        world.done("sanaga inventory signing-key > controller.pub")
        enrolled = world.inside(EDGE)().run(
            f"sanaga edge enrol --controller-key controller.pub --device {EDGE}"
        )
        assert enrolled.code == 0, enrolled
        # The line for edge_keys is on stdout, and comes first.
        name, key = enrolled.lines[0].split()
        assert name == EDGE
        keys.append(key)
        lab.restart_edge(EDGE)

    return Guide(
        before={"sanaga vpn site add": bring_another_computer},
        codes={"sanaga plan": 2},
        typed={"sanaga apply": YES},
        names={"KEY": lambda: keys[-1]},
    )


def after_a_crash(world: World) -> Guide:
    """Return how an apply ends whose program was killed while routers were on trial."""
    pid = world.folder / "apply.pid"
    marked: list[tuple[str, str]] = []

    def crash() -> None:
        now = fibre(world)
        marked.append((f"{now} maintenance: true,", now))
        replaced(world.circuits, now, marked[0][0])
        world.done("sanaga plan my-network --brief --out crash.plan", code=2)
        apply_ = f"sh -c 'echo $$ > {pid.name}; exec sanaga apply crash.plan --yes' 2>&1 | cat"
        dying = world.stack.enter_context(shell(world.folder, forked=False))
        dying.type(apply_)
        dying.hear(re.compile("wave 2 of 2"))
        kill(int(pid.read_text()), signal.SIGKILL)
        dying.ended()
        replaced(world.circuits, *marked[0])

    return Guide(
        before={"sanaga history": crash},
        codes={"sanaga apply --resume": 3},
        names={"northern-spur": world.lab},
    )


GUIDES: Final[Mapping[str, Callable[[World], Guide]]] = {
    "keep-credentials": keep_credentials,
    "let-a-nurse-join-from-the-field": let_a_nurse_join_from_the_field,
    "an-edge-was-stolen": an_edge_was_stolen,
    "after-a-crash": after_a_crash,
}
APPLYING: Final = frozenset({"an-edge-was-stolen", "after-a-crash"})
