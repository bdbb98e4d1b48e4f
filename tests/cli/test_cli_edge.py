"""sanaga edge through its own process: what needs no daemon, and what it says without one."""

import base64
import json
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from threading import Thread

import pytest
import yaml

from edge.control import client as control
from edge.policy import canonical
from edge.storage.journal import DecisionJournal, JournalRecord
from tests.rigs.edge.edge_policies import SIGNER, edge_policy, hub_policy, signed

CONTROLLER = base64.b64encode(SIGNER.public_key().public_bytes_raw()).decode()
ANOTHER = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def enrolled(sanaga):
    """Return the folder of an enrolled edge."""
    said = sanaga(
        *("edge", "enrol", "--controller-key", CONTROLLER, "--device", "kolofata-e1"),
        *("--dir", sanaga.folder / "edge"),
    )
    assert said.code == 0, said.err
    return sanaga.folder / "edge"


def test_enrolment_prints_the_line_for_edge_keys_and_nothing_else(sanaga):
    said = sanaga(
        *("edge", "enrol", "--controller-key", CONTROLLER, "--device", "kolofata-e1"),
        *("--dir", "edge"),
    )
    device, key = said.out.split()
    assert (said.code, device, len(base64.b64decode(key))) == (0, "kolofata-e1", 32)
    assert "add the line above to edge_keys" in said.err


def test_private_key_is_for_its_owner_alone_and_never_printed(sanaga, enrolled):
    mode = stat.S_IMODE((enrolled / "key").stat().st_mode)
    secret = (enrolled / "key").read_text(encoding="ascii").strip()
    again = sanaga("edge", "enrol", "--controller-key", CONTROLLER, "--dir", enrolled)
    assert mode == 0o600
    assert secret not in again.out + again.err


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="wireguard-py is for Python < 3.13")
def test_wireguard_py_is_chosen_by_a_word_and_that_is_said(sanaga, enrolled):
    enrol = ("edge", "enrol", "--controller-key", CONTROLLER, "--dir", enrolled)
    chosen = sanaga(*enrol, "--wireguard-py")
    assert chosen.code == 0, chosen.err
    assert "wireguard-py makes this device's keys from now on; restart the daemon" in chosen.err
    assert "wireguard-py" not in sanaga(*enrol).err
    assert (enrolled / "wireguard-py").exists()
    assert "cryptography makes this device's keys" in sanaga(*enrol, "--no-wireguard-py").err
    assert not (enrolled / "wireguard-py").exists()


def test_second_enrolment_keeps_the_key(sanaga, enrolled):
    before = (enrolled / "key").read_bytes()
    again = sanaga(
        *("edge", "enrol", "--controller-key", CONTROLLER, "--device", "kolofata-e1"),
        *("--dir", enrolled),
    )
    assert again.code == 0
    assert (enrolled / "key").read_bytes() == before


def test_second_enrolment_without_a_name_keeps_the_name(sanaga, enrolled):
    again = sanaga("edge", "enrol", "--controller-key", CONTROLLER, "--dir", enrolled)
    assert again.out.split()[0] == "kolofata-e1"
    assert (enrolled / "device").read_text(encoding="utf-8") == "kolofata-e1\n"


@pytest.mark.parametrize(
    ("key", "device", "words"),
    [
        (CONTROLLER, "yaounde-e1", "this device is enrolled as 'kolofata-e1'"),
        (ANOTHER, "kolofata-e1", "another controller's key is trusted here"),
    ],
)
def test_another_name_or_controller_takes_force(sanaga, enrolled, key, device, words):
    written = {name: (enrolled / name).read_bytes() for name in ("device", "controller.pub")}
    command = (
        *("edge", "enrol", "--controller-key", key, "--device", device),
        *("--dir", enrolled),
    )
    refused = sanaga(*command)
    assert (refused.code, refused.out) == (1, "")
    assert words in refused.err
    assert written == {name: (enrolled / name).read_bytes() for name in written}
    assert sanaga(*command, "--force").code == 0
    assert (enrolled / "device").read_text(encoding="utf-8").strip() == device
    assert (enrolled / "controller.pub").read_text(encoding="utf-8").strip() == key


def test_controller_key_may_be_a_file(sanaga):
    (sanaga.folder / "controller.pub").write_text(f"{CONTROLLER}\n", encoding="ascii")
    said = sanaga(
        *("edge", "enrol", "--controller-key", "controller.pub", "--device", "e1"),
        *("--dir", "edge"),
    )
    assert said.code == 0
    assert (sanaga.folder / "edge" / "controller.pub").read_text().strip() == CONTROLLER


def test_a_file_of_octets_is_no_controller_key(sanaga):
    (sanaga.folder / "controller.pub").write_bytes(bytes(range(128, 160)))
    said = sanaga("edge", "enrol", "--controller-key", "controller.pub", "--dir", "edge")
    assert said.code == 1
    assert "controller.pub: this is no Ed25519 public key" in said.err


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "not a key", "-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_controller_key_is_refused(sanaga, key):
    said = sanaga("edge", "enrol", f"--controller-key={key}", "--dir", "edge")
    assert said.code == 1
    assert "no Ed25519 public key" in said.err
    assert not (sanaga.folder / "edge").exists()


def test_device_with_a_name_that_is_none_is_refused(sanaga):
    said = sanaga(
        *("edge", "enrol", "--controller-key", CONTROLLER, "--device", "Kolofata E1"),
        *("--dir", "edge"),
    )
    assert said.code == 1
    assert "such as 'kolofata-e1'" in said.err


def test_folder_comes_from_the_environment_when_not_said(sanaga):
    said = sanaga(
        *("edge", "enrol", "--controller-key", CONTROLLER, "--device", "e1"),
        SANAGA_EDGE_DIR=str(sanaga.folder / "from-environment"),
    )
    assert said.code == 0
    assert (sanaga.folder / "from-environment" / "key").exists()


def test_daemon_without_enrolment_says_how_to_enrol(sanaga):
    said = sanaga("edge", "run", "--dir", "nowhere")
    assert said.code == 1
    assert "sanaga edge enrol --controller-key FILE" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("policy", "show"),
        ("policy", "confirm"),
        ("policy", "rollback"),
        ("call", "list"),
        ("call", "add", "--from", "10.0.3.20", "--to", "10.0.1.5:3478"),
        ("call", "remove", "--from", "10.0.3.20", "--to", "[fd00::1]:5004"),
    ],
)
def test_verb_that_needs_the_daemon_says_that_none_runs(sanaga, enrolled, words):
    said = sanaga("edge", *words, "--dir", enrolled)
    assert said.code == 1
    assert "no edge runs here; 'sanaga edge run' starts it" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("call", "add", "--from", "kolofata", "--to", "10.0.1.5"),
        ("call", "add", "--from", "10.0.3.20", "--to", "10.0.1.5", "--for", "a while"),
        ("explain", "-n", "0"),
        ("status", "-o", "xml"),
    ],
)
def test_wrong_usage_is_told_as_such(sanaga, enrolled, words):
    assert sanaga("edge", *words, "--dir", enrolled).code == 64


def written(sanaga, text):
    (sanaga.folder / "new.json").write_text(text, encoding="utf-8")
    return "new.json"


def test_policy_is_kept_for_the_next_start_while_no_daemon_runs(sanaga, enrolled):
    file = written(sanaga, signed(edge_policy(), 3))
    said = sanaga("edge", "policy", "load", file, "--dir", enrolled)
    assert said.code == 0, said.err
    assert "policy 3 takes effect when it starts" in said.err
    held = json.loads((enrolled / "policy.json").read_text(encoding="utf-8"))
    assert held["policy"] == canonical.policy_json(edge_policy())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (signed(edge_policy())[:500], "new.json: no JSON"),
        (canonical.policy_text(edge_policy()), "the envelope lacks 'signature'"),
        (signed(edge_policy()).replace("lan0", "lan1"), "has not signed this"),
        (signed(hub_policy()), "the policy is for 'yaounde-e1', this is 'kolofata-e1'"),
    ],
)
def test_refused_policy_leaves_no_trace(sanaga, enrolled, text, words):
    said = sanaga("edge", "policy", "load", written(sanaga, text), "--dir", enrolled)
    assert said.code == 1
    assert words in said.err
    assert not (enrolled / "policy.json").exists()


def test_older_policy_is_refused_and_the_newer_stays(sanaga, enrolled):
    for serial in (3, 2):
        said = sanaga(
            *("edge", "policy", "load", written(sanaga, signed(edge_policy(), serial))),
            *("--dir", enrolled),
        )
    assert said.code == 1
    assert "serial 2 is not newer than 3, which runs" in said.err


@pytest.fixture
def journalled(enrolled):
    decisions = [
        JournalRecord(
            1.8e9, "decision", "it is the best", "yaounde-e1", "portal", "fibre", None, None
        ),
        JournalRecord(
            1.8e9 + 60, "decision", "fibre is silent", "yaounde-e1", "portal", "leo", "", "fibre"
        ),
        JournalRecord(1.8e9 + 90, "repair", "put 1 routes"),
    ]
    DecisionJournal(enrolled).write(tuple(decisions))
    return enrolled


def test_decisions_are_explained_without_a_daemon(sanaga, journalled):
    said = sanaga("edge", "explain", "--all", "--dir", journalled)
    assert [line.split()[1] for line in said.out.splitlines()] == [
        "WHAT", "decision", "decision", "repair",
    ]  # fmt: skip
    assert "portal to yaounde-e1: fibre -> leo" in said.out
    assert "fibre is silent" in said.out


@pytest.mark.parametrize(
    ("about", "found"), [("leo", 1), ("portal", 2), ("yaounde-e1", 2), ("repair", 1), ("vsat", 0)]
)
def test_explanations_are_about_what_was_asked(sanaga, journalled, about, found):
    said = sanaga("edge", "explain", about, "-o", "json", "--dir", journalled)
    assert len(json.loads(said.out)) == found


def test_yaml_that_was_asked_for_is_yaml(sanaga, journalled):
    said = sanaga("edge", "explain", "--all", "-o", "yaml", "--dir", journalled)
    assert [entry["kind"] for entry in yaml.safe_load(said.out)] == [
        "decision", "decision", "repair",
    ]  # fmt: skip


def test_explanation_of_a_folder_that_is_not_there_is_an_error(sanaga):
    said = sanaga("edge", "explain", "--dir", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert "name the edge's folder with --dir" in said.err


def test_asking_an_edge_that_does_not_run_leaves_no_file(sanaga, enrolled):
    before = sorted(enrolled.iterdir())
    assert sanaga("edge", "status", "--dir", enrolled).code == 1
    assert sorted(enrolled.iterdir()) == before


def test_settling_no_trial_is_an_error_for_confirm_alone(sanaga, enrolled):
    with trialless(enrolled):
        kept = sanaga("edge", "policy", "confirm", "--dir", enrolled)
        back = sanaga("edge", "policy", "rollback", "--dir", enrolled)
    assert (kept.code, back.code) == (1, 0)
    assert "no policy is on trial" in kept.err
    assert "no policy is on trial" in back.err


@contextmanager
def trialless(folder):
    """Answer in a folder as a daemon without a policy on trial does."""
    with socket.socket(socket.AF_UNIX) as listening:
        with control.short_name(folder / control.SOCKET) as name:
            listening.bind(name)
        listening.listen()
        answering = Thread(target=answer, args=(listening,))
        answering.start()
        yield
        answering.join()


def answer(listening):
    for _ in range(2):
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b'{"ok": true, "pending": ""}\n')


def test_newest_decisions_are_shown_when_only_some_are_wanted(sanaga, journalled):
    said = sanaga("edge", "explain", "--all", "-n", "1", "-o", "json", "--dir", journalled)
    assert [entry["kind"] for entry in json.loads(said.out)] == ["repair"]


def test_decisions_come_first_and_the_kernel_upon_request(sanaga, journalled):
    said = sanaga("edge", "explain", "-o", "json", "--dir", journalled)
    assert [entry["kind"] for entry in json.loads(said.out)] == ["decision", "decision"]
    asked = sanaga("edge", "explain", "repair", "-o", "json", "--dir", journalled)
    assert [entry["kind"] for entry in json.loads(asked.out)] == ["repair"]


@pytest.fixture
def ruled(journalled):
    """Return the folder of an edge with a policy, which decided for a consultation."""
    (journalled / "policy.json").write_text(signed(edge_policy()))
    why, peer, service = "fibre is lost", "yaounde-e1", "consultation-audio"
    decided = JournalRecord(1.8e9 + 120, "decision", why, peer, service, "leo", "lte", "")
    DecisionJournal(journalled).write((decided,))
    return journalled


def test_class_that_shares_its_decision_is_explained_by_it(sanaga, ruled):
    said = sanaga("edge", "explain", "consultation-video", "-o", "json", "--dir", ruled)
    assert [entry["what"] for entry in json.loads(said.out)] == ["fibre is lost"]
    assert "consultation-video travels with consultation-audio" in said.err
    same = sanaga("edge", "explain", "consultation-audio", "-o", "json", "--dir", ruled)
    assert (same.out, same.err) == (said.out, "")


def test_misspelt_class_is_an_error(sanaga, ruled):
    said = sanaga("edge", "explain", "consultation-vidoe", "--dir", ruled)
    assert (said.code, said.out) == (1, "")
    assert "no class, peer or path is called 'consultation-vidoe'; did you mean" in said.err
    assert "did you mean 'consultation-video'?" in said.err


@pytest.mark.parametrize(
    ("service", "advice"),
    [("imaging", ""), ("consultation-vidoe", "did you mean 'consultation-video'? ")],
)
def test_misspelt_class_of_a_call_is_an_error(sanaga, enrolled, service, advice):
    call = ("call", "add", "--from", "10.0.3.20", "--to", "10.0.1.5")
    said = sanaga("edge", *call, "--class", service, "--dir", enrolled)
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"sanaga: no class of consultations is called '{service}'; {advice}"
        "the classes of consultations are consultation-audio, consultation-video\n"
    )
    # The control: with a class that there is, the daemon is asked.
    known = sanaga("edge", *call, "--class", "consultation-audio", "--dir", enrolled)
    assert "no edge runs here" in known.err


@pytest.mark.parametrize("about", ["imaging", "kolofata-lte", "fault"])
def test_nothing_was_decided_about_what_there_is(sanaga, ruled, about):
    said = sanaga("edge", "explain", about, "--dir", ruled)
    assert (said.code, said.out) == (0, "")
    assert f"nothing about '{about}' has been decided yet" in said.err


def test_door_answers_in_json_what_the_client_of_ssh_asked(sanaga, enrolled):
    said = sanaga("edge", "door", "--dir", enrolled, SSH_ORIGINAL_COMMAND="rm -rf /")
    assert (said.code, json.loads(said.out)["error"]) == (64, "usage")
    said = sanaga("edge", "door", "--dir", enrolled, SSH_ORIGINAL_COMMAND="read")
    assert (said.code, json.loads(said.out)["error"]) == (1, "hanging")


def test_door_without_a_request_is_no_shell(sanaga, enrolled):
    said = sanaga("edge", "door", "--dir", enrolled, stdin="id\n")
    assert (said.code, json.loads(said.out)["error"]) == (64, "usage")


def test_door_answers_a_request_with_and_without_the_command_line(sanaga, tmp_path):
    request = {"SSH_ORIGINAL_COMMAND": "probe 127.0.0.1 127.0.0.2"}
    said = sanaga("edge", "door", "--dir", tmp_path, **request)
    command = [sys.executable, "-P", "-m", "edge.door", str(tmp_path)]
    environment = {**sanaga.environment(), **request}
    alone = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert json.loads(said.out)["unreached"] == json.loads(alone.stdout)["unreached"] == []


def test_door_starts_without_what_no_request_needs():
    named = (
        "asyncio concurrent.futures cryptography pydantic rich subprocess typer edge.policy.model"
    )
    words = f"import sys, edge.door; print(*({{*sys.modules}} & {{*'{named}'.split()}}))"
    done = subprocess.run([sys.executable, "-P", "-c", words], capture_output=True, check=True)
    assert done.stdout == b"\n"
