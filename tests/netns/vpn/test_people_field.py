"""A nurse's laptop behind carrier-grade NAT joins: two processes, a gateway's daemon, SSH, wg."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from typing import Any, Final

import pytest

from edge.remote_access import join_code
from simulations.netns import namespaces
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER
from tests.rigs.people.people_site import ENROLMENT_PORT, GATEWAY, Gate, gate
from tests.rigs.people.people_spaces import CALL
from tests.rigs.people.secret_traces import secrets, traces, watched
from vpn.wireguard import keys, parser

pytestmark = pytest.mark.netns

# What mobile networks give to telephones (RFC 6598), and nothing but UDP gets out, and answers in.
INSIDE: Final = IPv4Address("100.64.0.2")
CARRIER: Final = """\
table ip carrier {
  chain guard {
    type filter hook forward priority filter; policy drop;
    iifname "c0" meta l4proto udp accept
    oifname "c0" ct state established,related accept
  }
  chain hide {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "p0" masquerade
  }
}
"""
WITHIN_S: Final = 60


@pytest.fixture(scope="module")
def standing() -> Iterator[Gate]:
    with gate() as made, behind_a_carrier(made):
        yield made


@contextmanager
def behind_a_carrier(made: Gate) -> Iterator[None]:
    """Let the blank host be a carrier, with a subscriber of its own."""
    nurse = inside(made)
    try:
        namespaces.run_ip_batch(
            [
                f"netns add {nurse}",
                f"link add c0 netns {made.people} type veth peer name n0 netns {nurse}",
            ]
        )
        namespaces.run_ip_batch(["addr add 100.64.0.1/24 dev c0", "link set c0 up"], made.people)
        namespaces.run_ip_batch(
            [
                "link set lo up",
                f"addr add {INSIDE}/24 dev n0",
                "link set n0 up",
                "route add default via 100.64.0.1",
            ],
            nurse,
        )
        namespaces.set_sysctls(made.people, [("net/ipv4/conf/all/forwarding", "1")])
        argv = ["ip", "netns", "exec", made.people, "nft", "-f", "-"]
        subprocess.run(argv, input=CARRIER, text=True, check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "del", nurse], check=False, capture_output=True)


def inside(made: Gate) -> str:
    return f"sgt-{made.mark}-nurse"


@contextmanager
def invited(made: Gate, name: str) -> Iterator[subprocess.Popen[str]]:
    """Have an administrator invite somebody."""
    person = ("--title", name, "--role", "nurse", "--site", "mora", "--because", "field")
    argv = made.sanaga.command("vpn", "person", "invite", name, *person)
    with started(made, argv) as process:
        yield process


@contextmanager
def started(made: Gate, argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=made.sanaga.folder,
        env=made.sanaga.environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def joined(made: Gate, code: str, file: str) -> Iterator[subprocess.Popen[str]]:
    """Have the nurse's laptop join with a code."""
    argv = made.sanaga.command("vpn", "join", "--file", file)
    with started(made, ["ip", "netns", "exec", inside(made), *argv]) as process:
        say(process, code)
        yield process


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def heard(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def told(process: "subprocess.Popen[str]", before: str) -> str:
    """Return what a process tells a person after some words, as soon as it does."""
    assert process.stderr
    line = ""
    while before not in line:
        line = process.stderr.readline()
        assert line, before
    return line.partition(before)[2].strip()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return how a process ended and all that it told a person."""
    _, told = process.communicate(timeout=WITHIN_S)
    return process.returncode, told


def test_a_nurse_behind_a_carrier_s_nat_joins_with_a_code_and_four_words(standing: Gate) -> None:
    file = f"{standing.mark}field.conf"
    with invited(standing, "b-oumarou") as registrar:
        code = heard(registrar)
        assert code.startswith(f"{GATEWAY}:{ENROLMENT_PORT}/"), registrar.communicate()
        with joined(standing, code, file) as laptop:
            say(registrar, heard(laptop))
            back = told(registrar, "now read these two back: ")
            # Nothing is on record before the device has its file.
            assert standing.sanaga("vpn", "person", "show", "b-oumarou").code == 1
            say(laptop, "accent accent")
            say(laptop, back.upper())
            assert ended(laptop) == (0, told_laptop(file))
            assert ended(registrar) == (0, told_desk())
    path = standing.sanaga.folder / file
    assert path.stat().st_mode & 0o777 == 0o600
    private = parser.parse_config(path.read_text(encoding="utf-8"), file).private_key
    assert private
    shown = json.loads(standing.sanaga("vpn", "person", "show", "b-oumarou", "-o", "json").out)
    (device,) = shown["devices"]
    assert (device["name"], device["public_key"]) == ("laptop", keys.public_of(private))
    dial(standing, file)
    source = device["addresses"]["edge"][0]
    assert reached(standing, source, LAN_HOST)
    (row,) = json.loads(standing.sanaga("vpn", "status", "--people", "-o", "json").out)
    assert (row["person"], row["device"], row["gateway"]) == ("b-oumarou", "laptop", "edge")
    # What the gateway sees is the carrier's address.
    assert row["from"].startswith("198.51.100.2:")
    assert row["handshake_age_s"] < WITHIN_S
    assert min(row["octets"]) > 0
    # Nurses have nothing to do at the far site, and nobody gets out around the tunnel.
    assert not reached(standing, source, SERVER)
    assert not reached(standing, str(INSIDE), LAN_HOST)


def told_laptop(file: str) -> str:
    return (
        f"Code:asking {GATEWAY}\n"
        "read these words to the administrator, who then reads you two others\n"
        "Their words:these are not the words that belong here; have them read once more\n"
        f"Their words:wrote {file}\n"
        f"to dial: sudo wg-quick up ./{file}\n"
    )


def told_desk() -> str:
    return "b-oumarou's laptop has its file and is on record\nedge lets in 1 device\n"


def dial(standing: Gate, file: str) -> None:
    path, name = standing.sanaga.folder / file, file.removesuffix(".conf")
    done = namespaces.run_in_namespace(inside(standing), ["wg-quick", "up", str(path)], within_s=60)
    assert not done.returncode, done.stderr

    def shaken() -> bool:
        shown = namespaces.run_in_namespace(
            inside(standing), ["wg", "show", name, "latest-handshakes"], within_s=30
        )
        return bool(shown.stdout.split()) and shown.stdout.split()[-1] != "0"

    eventually(shaken, within_s=120, what="a handshake through the carrier")


def reached(standing: Gate, source: str, target: IPv4Address) -> bool:
    words = [sys.executable, "-c", CALL, source, str(target), "443"]
    return namespaces.run_in_namespace(inside(standing), words, within_s=30).stdout.startswith(
        "reached"
    )


def test_other_words_let_nobody_in_and_both_are_told(standing: Gate) -> None:
    with (
        invited(standing, "thief") as registrar,
        joined(standing, heard(registrar), "none.conf") as laptop,
    ):
        assert len(heard(laptop).split()) == 4
        for _ in range(3):
            say(registrar, "accent accent accent accent")
        code, said = ended(registrar)
        assert code == 1
        assert said.count("these are not the words here") == 3
        assert "Nobody was let in" in said
        # The laptop's owner hears nothing more, and what they type is of no use.
        for _ in range(3):
            say(laptop, "accent accent")
        code, said = ended(laptop)
        assert (code, "the words differ" in said) == (1, True)
        assert not list(standing.sanaga.folder.glob("none.conf"))
    assert not (standing.sanaga.folder / "none.conf").exists()
    assert standing.sanaga("vpn", "person", "show", "thief").code == 1
    (entry,) = json.loads(standing.sanaga("vpn", "audit", "thief", "-o", "json").out)
    assert (entry["what"], entry["details"]["device"]) == ("device.refuse", "laptop")


def test_a_code_that_was_used_serves_nobody_else(standing: Gate) -> None:
    with invited(standing, "twice") as registrar:
        code = heard(registrar)
        with joined(standing, code, "first.conf") as first:
            words = heard(first)
            with joined(standing, code, "second.conf") as second:
                assert ended(second) == (1, f"Code:asking {GATEWAY}\nsanaga: {USED}\n")
            # The desk may notice it before or after the words.
            with suppress(BrokenPipeError):
                say(registrar, words)
            ending, said = ended(registrar)
            assert ending == 1
            assert "used twice" in said
            for _ in range(3):
                say(first, "accent accent")
            assert ended(first)[0] == 1
    assert not list(standing.sanaga.folder.glob("*st.conf"))
    assert standing.sanaga("vpn", "person", "show", "twice").code == 1


USED: Final = "this code was used before, here or by somebody else; ask for another one"


def test_an_invitation_ends_with_the_verb_that_made_it(standing: Gate) -> None:
    with invited(standing, "left") as registrar:
        code = heard(registrar)
        registrar.send_signal(signal.SIGINT)
        registrar.wait(WITHIN_S)
    with joined(standing, code, "left.conf") as laptop:
        ending, said = ended(laptop)
    assert ending == 1
    assert "took the invitation back" in said


def test_somebody_who_is_revoked_meanwhile_stays_revoked(standing: Gate) -> None:
    standing.add("watched", "nurse", "mora")
    with (
        invited(standing, "watched") as registrar,
        joined(standing, heard(registrar), "watched.conf") as laptop,
    ):
        say(registrar, heard(laptop))
        back = told(registrar, "now read these two back: ")
        standing.asked("person", "revoke", "watched", "--because", "stolen")
        say(laptop, back)
        ending, said = ended(registrar)
        assert ending == 1
        assert "changed by somebody else meanwhile" in said
        assert ended(laptop)[0] == 1
    assert not (standing.sanaga.folder / "watched.conf").exists()
    shown = json.loads(standing.sanaga("vpn", "person", "show", "watched", "-o", "json").out)
    assert shown["state"] == "revoked"


def test_who_could_not_be_given_access_is_not_invited(standing: Gate) -> None:
    with invited(standing, "b-oumarou") as registrar:
        ending, said = ended(registrar)
    assert ending == 1
    assert "has a device called 'laptop'" in said
    answer = standing.sanaga(
        "vpn", "person", "invite", "x", "--title", "X", "--role", "cook", "--site", "mora",
        "--because", "x",
    )  # fmt: skip
    assert answer.code == 1
    assert "no role is called 'cook'" in answer.err
    assert answer.out == ""


def test_nothing_secret_is_left_anywhere_nor_ever_ran(standing: Gate) -> None:
    """Codes and keys are in no record, journal, state or message, and in no process's arguments."""
    file = f"{standing.mark}quiet.conf"
    said: list[str] = []
    with watched() as ran, invited(standing, "quiet") as registrar:
        code = heard(registrar)
        with joined(standing, code, file) as laptop:
            say(registrar, heard(laptop))
            say(laptop, told(registrar, "now read these two back: "))
            said += [ended(laptop)[1], ended(registrar)[1]]
    found = secrets(standing.sanaga.folder / file)
    invited_by = join_code.parse_code(code)
    letters = code.rpartition("/")[2]
    texts = [letters.encode(), letters.replace("-", "").encode(), letters.lower().encode()]
    found += [invited_by.mailbox_key]
    kept: dict[Any, bytes] = {
        path: path.read_bytes()
        for folder in (standing.edge.folder, standing.edge.world.folder)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".conf")
    }
    # The controls: what is searched holds what must be there, and what is found is told.
    assert {"sanaga.sqlite", "people.json", "decisions.jsonl", "sshd.log"} <= {p.name for p in kept}
    assert any(file.encode() in words for words in ran)
    whole = standing.sanaga.folder / file
    assert traces(found[:1], {whole: whole.read_bytes()}) == [whole]
    places = {**kept, "said": "\n".join(said).encode(), "ran": b"\n".join(ran)}
    assert traces(found, places) == []
    assert [place for place, held in places.items() if any(text in held for text in texts)] == []
