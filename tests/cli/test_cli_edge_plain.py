"""sanaga on an edge, which has no library of command lines: the same verbs say the same."""

import json
import os
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from edge.storage.journal import DecisionJournal, JournalRecord
from tests.cli.test_cli_edge import CONTROLLER
from tests.rigs.edge.edge_install import command
from tests.rigs.edge.edge_policies import edge_policy, signed
from tests.sanaga_process import Answer

MAIN = "from controller.start import main; main()"
VERBS = (
    (),
    ("--help",),
    *((verb, "--help") for verb in ("enrol", "run", "status", "explain", "stop", "door")),
    *(("policy", verb, "--help") for verb in ("show", "load", "confirm", "rollback")),
    *(("call", verb, "--help") for verb in ("add", "remove", "list")),
)


@pytest.fixture
def plain(tmp_path, installed_edge):
    """Run sanaga as an edge has it installed."""

    def run(*words: str | Path) -> Answer:
        done = subprocess.run(
            [installed_edge.sanaga, *map(str, words)],
            env={"PATH": os.environ["PATH"], "COLUMNS": "100"},  # noqa: TID251
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def enrolled(plain, tmp_path):
    said = plain(
        "edge", "enrol", "--controller-key", CONTROLLER, "--device", "kolofata-e1", "--dir", "edge"
    )
    assert said.code == 0, said.err
    return tmp_path


def test_enrolment_prints_the_line_for_edge_keys(plain, enrolled):
    said = plain("edge", "enrol", "--controller-key", CONTROLLER, "--dir", enrolled / "edge")
    assert said.out.startswith("kolofata-e1 ")
    assert "add the line above to edge_keys" in said.err


@pytest.mark.parametrize("words", VERBS[1:], ids=" ".join)
def test_every_verb_explains_itself(plain, words):
    said = plain("edge", *words)
    assert said.code == 0
    assert said.out.startswith("usage: sanaga edge")


def test_explain_prints_what_was_decided(plain, enrolled):
    repaired = JournalRecord(1.8e9 + 90, "repair", "put 1 routes")
    DecisionJournal(enrolled / "edge").write((repaired,))
    shown = plain("edge", "explain", "--dir", "edge", "--all", "-n", "1", "-o", "json")
    assert json.loads(shown.out)[0]["kind"] == "repair"
    assert "put 1 routes" in plain("edge", "explain", "repair", "--dir", "edge").out


def test_policy_is_kept_for_the_next_start(plain, enrolled):
    (enrolled / "policy.json").write_text(signed(edge_policy()))
    said = plain("edge", "policy", "load", "policy.json", "--dir", "edge")
    assert (said.code, "takes effect when it starts" in said.err) == (0, True), said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("policy", "load", "missing.json"), "missing.json: there is no such file"),
        (("explain", "-n", "0"), "invalid int value: '0'"),
        (("status", "-o", "toml"), "invalid format value: 'toml'"),
        (("call", "add", "--from", "nowhere", "--to", "10.0.1.5"), "'nowhere' is no address"),
        (("enrol",), "the following arguments are required: --controller-key"),
        (("calls",), "invalid choice: 'calls'"),
        ((), "the following arguments are required: VERB"),
    ],
)
def test_wrong_usage_is_said(plain, words, said):
    answer = plain("edge", *words)
    assert (answer.code, said in answer.err) == (64, True), answer.err


def test_error_is_said_without_a_daemon(plain):
    answer = plain("edge", "status", "--dir", "edge")
    assert answer.code == 1
    assert answer.err.startswith("sanaga: ")


def test_other_verbs_say_what_they_need(plain):
    answer = plain("plan", "my-network")
    assert answer.code == 64
    assert "pip install './sanaga-VERSION-py3-none-any.whl[server]'" in answer.err


def test_version_says_whose_installation_it_is(plain):
    answer = plain("--version")
    assert (answer.code, answer.out) == (0, f"sanaga {version('sanaga')}+edge\n")


def test_controllers_wheel_with_the_libraries_of_an_edge_has_the_same_verbs(plain, tmp_path):
    done = subprocess.run(
        [*command(MAIN), "edge", "--help"],
        env={"PATH": os.environ["PATH"], "COLUMNS": "100"},  # noqa: TID251
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, plain("edge", "--help").out), done.stderr


def test_reader_that_goes_is_no_fault(enrolled, installed_edge):
    near, far = socket.socketpair()
    far.close()
    done = subprocess.run(
        [installed_edge.sanaga, "edge", "enrol", "--controller-key", CONTROLLER, "--dir", "edge"],
        cwd=enrolled,
        stdout=near.fileno(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    near.close()
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
