"""Verbs of the VPN, of accounts and of backups while the service runs: it carries them out."""

import json
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from typer.main import get_command

from controller.cli.main import VERBS, app
from controller.terminal.completion import complete_role
from tests.cli.test_cli_served_change import Served, serving
from tests.rigs.people.vpn_folder import ADD, write_policy
from tests.sanaga_process import SMALL, Answer, Sanaga
from vpn.wireguard import keys, parser

PASSPHRASE = {"SANAGA_PASSPHRASE": "correct horse battery"}
BROUGHT = keys.public_of(keys.generate_private())
LIST = """name,title,role,site,until,device
a-ngono,Dr A. Ngono,doctor,mora,2999-02-28,tablet
c-moussa,C. Moussa,engineer,yaounde,,laptop
"""
OTHER_LIST = LIST.replace("a-ngono,Dr A. Ngono,doctor,mora", "d-biya,D. Biya,doctor,mora")
PERSON = ("vpn", "person")
WHY = ("--because", "test")
STORY: tuple[tuple[str, ...], ...] = (
    ("vpn", "load"),
    (*PERSON, "show", "a-ngono"),
    ("vpn", "plan", "--dir", "small"),
    ("vpn", "plan", "--dir", "small", "-o", "json"),
    ("vpn", "apply", "--dir", "small", *WHY),
    ("vpn", "apply", "--dir", "small", *WHY),
    ("vpn", "plan", "--dir", "absent"),
    (*ADD, "--file", "n.conf"),
    (*ADD, "--file", "again.conf"),
    (*PERSON, "add", "a-ngono", "--device", "laptop", *WHY, "--file", "l.conf", "-o", "json"),
    (*PERSON, "add", "b-oumarou", "--title", "B", "--role", "engineer", "--site", "yaounde",
     "--public-key", BROUGHT, "--file", "b.conf", *WHY),
    (*PERSON, "add", "c-moussa", "--title", "C", "--role", "engineer", "--site", "yaounde",
     "--public-key", BROUGHT, "--file", "c.conf", *WHY),
    (*PERSON, "add", "c-moussa", "--title", "C", "--role", "pilot", "--site", "yaounde",
     "--file", "c.conf", *WHY),
    (*PERSON, "add", "c-moussa", *WHY, "--file", "c.conf"),
    (*PERSON, "show", "a-ngono"),
    (*PERSON, "show", "a-ngono", "-o", "json"),
    (*PERSON, "show", "a-ngon"),
    (*PERSON, "list"),
    (*PERSON, "who", BROUGHT),
    (*PERSON, "who", "172.26.0.2"),
    (*PERSON, "who", "172.26.0.200"),
    (*PERSON, "change", "a-ngono", "--until", "2999-02-28", *WHY),
    (*PERSON, "change", "a-ngono", "--until", "2999-02-28", *WHY),
    (*PERSON, "change", "a-ngono", "--role", "pilot", *WHY),
    (*PERSON, "change", "nobody", "--role", "doctor", *WHY),
    (*PERSON, "rotate", "a-ngono", *WHY, "--file", "r.conf"),
    (*PERSON, "rotate", "a-ngono", "--device", "tablet", *WHY, "--file", "r.conf"),
    (*PERSON, "rotate", "a-ngono", "--device", "tablet", *WHY, "--file", "r2.conf",
     "--gateway", "yaounde-e9"),
    (*PERSON, "export", "a-ngono", "--device", "laptop", *WHY, "--file", "e.conf"),
    (*PERSON, "revoke", "a-ngono", "--device", "laptop", *WHY),
    (*PERSON, "revoke", "b-oumarou", *WHY, "--later"),
    (*PERSON, "revoke", "b-oumarou", *WHY),
    (*PERSON, "revoke", "nobody", *WHY),
    (*PERSON, "plan", "people.csv"),
    (*PERSON, "apply", "people.csv", *WHY),
    (*PERSON, "apply", "people.csv", "--out", "files", *WHY),
    (*PERSON, "apply", "people.csv", "--out", "files", *WHY),
    (*PERSON, "plan", "people.csv", "--prune", "-o", "json"),
    (*PERSON, "plan", "other.csv", "--prune"),
    (*PERSON, "apply", "other.csv", "--prune", "--out", "files", "--yes", *WHY),
    (*PERSON, "plan", "wrong.csv"),
    ("vpn", "status"),
    ("vpn", "status", "--people"),
    ("vpn", "status", "--sites", "--dir", "small"),
    ("vpn", "load", "yaounde-e1"),
    ("vpn", "load", "yaounde-e9"),
    ("vpn", "site", "export", "yaounde-e1", "--file", "peers", *WHY),
    ("vpn", "site", "rules", "yaounde-e1", "people0"),
    ("vpn", "site", "rules", "yaounde-e1", "no/interface"),
    ("vpn", "site", "list", "--dir", "small"),
    ("vpn", "site", "show", "yaounde-e1", "--dir", "small", "-o", "json"),
    ("vpn", "site", "show", "mora-r1", "--dir", "small"),
    ("vpn", "site", "add", "yaounde-e1", BROUGHT, "--dir", "small", *WHY),
    ("vpn", "site", "rotate", "--all", "--dir", "small", *WHY),
    ("vpn", "site", "settle", "--dir", "small", *WHY),
    ("vpn", "site", "status", "--dir", "small"),
    ("vpn", "site", "load", "--dir", "small"),
    ("vpn", "site", "revoke", "yaounde-e1", "--dir", "small", *WHY),
    ("vpn", "site", "list", "--dir", "small"),
    ("vpn", "plan", "--dir", "small"),
    (*PERSON, "add", "e-late", "--title", "E", "--role", "engineer", "--site", "yaounde",
     "--file", "no/such/folder/e.conf", *WHY),
    (*PERSON, "list", "--all"),
    ("vpn", "audit", "--kind", "vpn", "-o", "json"),
)  # fmt: skip
# Of every verb that could open the state folder, a command line that gets so far.
REACHING: dict[str, tuple[str, ...]] = {
    "plan": ("small",),
    "apply": ("--resume",),
    "confirm": (),
    "rollback": ("--yes",),
    "history": (),
    "vpn plan": ("--dir", "small"),
    "vpn apply": ("--dir", "small", *WHY),
    "vpn load": (),
    "vpn status": (),
    "vpn audit": (),
    "vpn person add": ("x", "--title", "X", "--role", "doctor", "--site", "mora", "--show", *WHY),
    "vpn person rotate": ("x", "--show", *WHY),
    "vpn person export": ("x", "--show", *WHY),
    "vpn person revoke": ("x", *WHY),
    "vpn person change": ("x", "--role", "doctor", *WHY),
    "vpn person list": (),
    "vpn person show": ("x",),
    "vpn person who": (BROUGHT,),
    "vpn person plan": ("people.csv",),
    "vpn person apply": ("people.csv", "--out", "some", *WHY),
    "vpn person invite": ("x", "--title", "X", "--role", "doctor", "--site", "mora", *WHY),
    "vpn site export": ("yaounde-e1", "--file", "some.peers", *WHY),
    "vpn site rules": ("yaounde-e1", "people0"),
    "vpn site list": ("--dir", "small"),
    "vpn site rotate": ("--all", "--dir", "small", *WHY),
    "vpn site status": ("--dir", "small"),
    "vpn site settle": ("--dir", "small", *WHY),
    "vpn site add": ("yaounde-e1", BROUGHT, "--dir", "small", *WHY),
    "vpn site show": ("yaounde-e1", "--dir", "small"),
    "vpn site revoke": ("yaounde-e1", "--dir", "small", *WHY),
    "vpn site load": ("--dir", "small"),
    "account link": (),
    "account recover": ("x", *WHY),
    "backup create": ("--to", "some-backups"),
    "report availability": ("--dir", "small"),
    "report maintenance": ("--dir", "small"),
    "schedule list": ("--dir", "small"),
    "schedule run": ("availability", "--dir", "small"),
    "inventory signing-key": (),
}
# Those that only read documents, files that are named, or the service.
NEVER = {
    "init", "validate", "show", "explain", "vpn check", "vpn reach", "vpn import", "vpn names",
    "inventory list", "inventory export", "inventory import", "inventory pin",
    "inventory router-files", "backup list", "backup verify", "notices rota", "notices test",
    "topology show", "topology draw", "topology paths", "topology blast-radius",
    "topology risks", "topology export", "inventory seal",
}  # fmt: skip
# 'serve' is the service, 'watch' asks it on a terminal, and 'join' runs on a device in the field.
ELSEWHERE = {"serve", "watch", "vpn join"}
# What must not be done beside a service is refused, with what to do.
REFUSED = {
    "backup restore": ("people.csv", "--yes"),
    "inventory seal-keys": (),
}


def prepared(sanaga: Sanaga) -> Sanaga:
    """Give a folder the documents and lists of the story."""
    shutil.copytree(SMALL, sanaga.folder / "small")
    network = sanaga.folder / "small" / "network.yaml"
    # The service listens for edges in the namespace that devices are managed from.
    here = re.sub(r".*management_namespace.*\n", "", network.read_text())
    network.write_text(here)
    write_policy(sanaga.folder / "small")
    for name, text in (("people", LIST), ("other", OTHER_LIST), ("wrong", LIST + "x,,,,,\n")):
        (sanaga.folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return sanaga


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a service of a folder whose policy was not accepted yet."""
    sanaga = prepared(Sanaga(tmp_path_factory.mktemp("served")))
    with serving(sanaga, Path("small")) as made:
        yield made


def plain(text: str) -> str:
    """Return a text without what is another one each time: keys, instants, hashes, counts."""
    text = re.sub(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", "KEY", text)
    text = re.sub(r"20\d\d-\d\d-\d\dT[\d:.+Z-]*", "AT", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    # The service has made the first administrator's link, which is an entry of another kind.
    text = re.sub(r'"serial": \d+|\d+ entries, unbroken', "SO MANY", text)
    return re.sub(r"(KEY|AT|HASH) +", r"\1 ", text)


def told(sanaga: Sanaga) -> list[Any]:
    """Return how every line of the story ends, and the files that it leaves."""
    answers = [(" ".join(words), sanaga(*words)) for words in STORY]
    files = {
        str(file.relative_to(sanaga.folder)): plain(file.read_text())
        for file in sorted(sanaga.folder.rglob("*"))
        if file.suffix in {".conf", ".draft"} or file.name in {"peers", "edge_keys"}
    }
    return [
        *((words, one.code, plain(one.out), plain(one.err)) for words, one in answers),
        files,
    ]


def test_verbs_say_and_do_the_same_through_the_service_as_without_it(served, tmp_path):
    alone = told(prepared(Sanaga(tmp_path)))
    codes = {code for _, code, *_ in alone[:-1]}
    assert codes == {0, 1, 2, 5, 64}
    assert {"n.conf", "r.conf", "peers", "files/c-moussa-laptop.conf"} <= set(alone[-1])
    through_the_service = told(served.sanaga)
    assert served.process.poll() is None
    for before, after in zip(alone, through_the_service, strict=True):
        assert after == before


def test_a_file_holds_the_private_key_that_the_service_never_had(served):
    sanaga = served.sanaga
    if served("vpn", "plan", "--dir", "small").code == 2:
        assert served("vpn", "apply", "--dir", "small", "--yes", *WHY).code in {0, 1, 5}
    words = ("--title", "Z", "--role", "engineer", "--site", "yaounde", "--file", "z.conf", *WHY)
    made = served(*PERSON, "add", "z-zra", *words)
    if made.code == 1:
        pytest.fail(made.err)
    file = sanaga.folder / "z.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    private = parser.parse_config(file.read_text(), "z").private_key
    assert private
    (device,) = json.loads(served(*PERSON, "show", "z-zra", "-o", "json").out)["devices"]
    assert device["public_key"] == keys.public_of(private)
    kept = b"".join(one.read_bytes() for one in (sanaga.folder / "state").glob("*.sqlite*"))
    assert private.reveal().encode() not in kept + (sanaga.folder / "log").read_bytes()
    assert device["public_key"].encode() in kept


def test_the_trail_names_who_asks_and_not_who_started_the_service(served):
    caller = {"SUDO_USER": "b.oumarou"}
    served.sanaga("vpn", "apply", "--dir", "small", "--yes", *WHY, **caller)
    served.sanaga("vpn", "site", "add", "yaounde-e1", BROUGHT, "--dir", "small", *WHY, **caller)
    served.sanaga("vpn", "site", "export", "yaounde-e1", "--file", "p2", *WHY, **caller)
    trail = json.loads(served("vpn", "audit", "-o", "json").out)
    assert trail
    assert any(one["who"].startswith("b.oumarou as ") for one in trail)


def test_a_backup_and_a_code_are_made_by_the_service(served):
    sanaga = served.sanaga
    without = served("backup", "create", "--to", "backups")
    assert (without.code, "sealed with a passphrase" in without.err) == (1, True)
    made = sanaga("backup", "create", "--to", "backups", "-o", "json", **PASSPHRASE)
    assert made.code == 0, made.err
    file = json.loads(made.out)["file"]
    assert sanaga("backup", "verify", file, **PASSPHRASE).code == 0
    code = served("account", "link")
    assert code.code == 0, code.err
    assert re.fullmatch(r"sanaga_link_[\w-]{43}\n", code.out)
    unknown = served("account", "recover", "nobody", *WHY)
    assert (unknown.code, unknown.err) == (1, "sanaga: there is no account 'nobody'\n")
    restored = sanaga("backup", "restore", file, "--yes", **PASSPHRASE)
    assert restored.code == 1
    assert "a controller runs on it" in restored.err


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every verb by its words."""
    if not isinstance(command, click.Group) and not hasattr(command, "commands"):
        yield " ".join(words)
        return
    for name in command.commands:
        yield from leaves(command.commands[name], (*words, name))


def every_verb() -> set[str]:
    """Return every verb of the controller by its words."""
    group: Any = get_command(app)
    return {leaf for name in VERBS for leaf in leaves(group.get_command(None, name), (name,))}


def test_every_verb_is_known_to_leave_the_folder_alone_or_is_tried():
    asking = {verb for verb in every_verb() if verb.startswith("noc ")}
    assert every_verb() - asking == {*REACHING, *NEVER, *ELSEWHERE, *REFUSED}


@pytest.fixture(scope="module")
def beside(served: Served) -> dict[str, str]:
    """Return variables with a state folder in which opening anything fails, but a service speaks.

    Its socket is that of the service, whose own folder is elsewhere.
    """
    return decoy(served, "beside", linked=True)


@pytest.fixture(scope="module")
def unserved(served: Served) -> dict[str, str]:
    """Return variables with the same folder, but no service."""
    return decoy(served, "unserved", linked=False)


def decoy(served: Served, name: str, *, linked: bool) -> dict[str, str]:
    folder = served.sanaga.folder / name
    folder.mkdir()
    if linked:
        (folder / "controller.sock").symlink_to(served.sanaga.folder / "state" / "controller.sock")
    for file in ("sanaga.sqlite", "signing_key", "sealing_key"):
        (folder / file).write_bytes(b"this is no such file\n" * 200)
    return {"SANAGA_STATE_DIR": str(folder), **PASSPHRASE}


def tried(served: Served, variables: dict[str, str], verb: str) -> tuple[Answer, set[str]]:
    """Return how a verb ends, and what its state folder holds then."""
    folder = Path(variables["SANAGA_STATE_DIR"])
    words = [word.replace("some", f"of-{folder.name}") for word in {**REACHING, **REFUSED}[verb]]
    answer = served.sanaga(*verb.split(), *words, **variables)
    return answer, {one.name for one in folder.iterdir()}


@pytest.mark.parametrize("verb", REACHING)
def test_no_verb_opens_the_folder_beside_a_service(served, beside, unserved, verb):
    names = {"sanaga.sqlite", "signing_key", "sealing_key"}
    answer, left = tried(served, beside, verb)
    assert left == {*names, "controller.sock"}, left
    assert "beside/" not in answer.err, answer.err
    # Without a service the same words do open the folder, so that this finds a verb that does.
    alone, _ = tried(served, unserved, verb)
    assert "unserved/" in alone.err, alone.err


@pytest.mark.parametrize("verb", REFUSED)
def test_what_must_not_be_done_beside_a_service_is_refused(served, beside, verb):
    answer, _ = tried(served, beside, verb)
    assert answer.code == 1
    assert "a controller runs on it, and nothing else opens it meanwhile; " in answer.err


def test_completion_asks_the_service_and_leaves_the_folder_alone(
    served, beside, unserved, monkeypatch
):
    served("vpn", "apply", "--dir", "small", "--yes", *WHY)
    roles = {}
    for variables in (beside, unserved):
        monkeypatch.setenv("SANAGA_STATE_DIR", variables["SANAGA_STATE_DIR"])
        roles[variables["SANAGA_STATE_DIR"]] = complete_role("")
    assert list(roles.values()) == [["doctor", "engineer"], []]
