"""Text of devices and of other people: it is shown, and nothing ever does what it says."""

import json
import re

import pytest

from accounts.roles import Grant
from controller.app import open_controller
from controller.cli_service import handover, noc
from controller.incidents.model import Health, Observation, Source, Subject, SubjectKind
from controller.roles import Right, Role
from controller.terminal.output import Format
from controller.transport.api_client import ApiClient
from controller.watch.source import ApiSource
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.matrix import World

CUT = "mora-kolofata-fibre"
ENDS = ("mora-r1", "kolofata-r1")
# A title for the window, a bell, C1's CSI, a mark that turns the line around, markup of rich and
# textual, HTML, formulas, and what templates and format strings would take for theirs.
HOSTILE = (
    "\x1b]0;owned\x07\x9b31m\u202e[red]x[/red][@click=app.quit]y[/]"
    "<script>alert(1)</script><img src=x onerror=alert(1)>=HYPERLINK(1)"
    "{0.__class__}{{7*7}}${7*7}%s%n"
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def world():
    with api_bench({}) as bench:
        made = World(bench)
        made.enter("chief", (Role.ADMINISTRATOR, ""))
        made.program("noc", "chief", Right.LOOK)
        circuit, now_s = Subject(SubjectKind.CIRCUIT, CUT), bench.clock()
        said = (
            Observation(circuit, end, Source.EDGE_PATH, Health.DOWN, 1, now_s, now_s, HOSTILE)
            for end in ENDS
        )
        bench.engine.submit(*said)
        yield made


@pytest.fixture
def client(world, monkeypatch):
    """Let verbs ask the API with a token, over TCP."""
    url = f"http://127.0.0.1:{world.bench.client.port}"
    token = world.people["noc"].headers["Authorization"].removeprefix("Bearer ")
    made = ApiClient(url, token)
    for module in (noc, handover):
        assert module.open_controller is open_controller
        monkeypatch.setattr(module, "open_controller", lambda _: made)
    return made


def test_the_api_hands_hostile_text_on_as_text(client):
    (incident,) = client.get("/incidents")["items"]
    assert any("<script>" in line for line in incident["evidence"]), "control: it gets that far"


@pytest.mark.parametrize("form", Format)
def test_a_terminal_obeys_nothing_of_it(client, capsys, form):
    (incident,) = client.get("/incidents")["items"]
    noc.incidents(incident["number"], output=form)
    noc.incidents(output=form)
    handover.handover(output=form)
    said = capsys.readouterr()
    assert "<script>" in said.out
    assert OBEYED.search(said.out + said.err) is None


def test_the_screens_are_given_nothing_that_a_terminal_obeys(client):
    source = ApiSource(client)
    (incident,) = source.overview().incidents
    whole = source.incident(incident["number"])
    assert "<script>" in str(whole)
    assert OBEYED.search(json.dumps([incident, whole], ensure_ascii=False)) is None


def test_json_keeps_every_character(client, capsys):
    (incident,) = client.get("/incidents")["items"]
    noc.incidents(incident["number"], output=Format.JSON)
    assert json.loads(capsys.readouterr().out)["evidence"] == incident["evidence"]


@pytest.mark.parametrize("text", ["\x1b[2J", "two\nlines", "\x9b31m", "\u202eright to left", "\0"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/incidents/1/acts", {"kind": "comment", "text": None}),
        (
            "PUT",
            "/maintenance/w",
            {
                "subjects": [{"kind": "circuit", "name": CUT}],
                "first_day": "2099-12-01",
                "begins": "22:00",
                "ends": "23:00",
                "reason": None,
            },
        ),
        ("POST", "/proposals", {"account": "chief", "kind": "demote", "because": None}),
    ],
    ids=["comment", "window", "proposal"],
)
def test_people_write_plain_lines(world, method, path, body, text):
    filled = {key: text if value is None else value for key, value in body.items()}
    answer = world.people["chief"].browser.send(method, path, filled)
    assert answer.status_code == 422
    assert "control character U+" in answer.text
    assert text not in answer.text


def test_nobody_writes_a_key_into_a_comment(world):
    key = "cGxlYXNlIGRvIG5vdCBwYXN0ZSB5b3VyIGtleXMhISE="
    body = {"kind": "comment", "text": f"the new key is {key}"}
    answer = world.people["chief"].browser.send("POST", "/incidents/1/acts", body)
    assert answer.status_code == 422
    assert key not in answer.text
    assert world.people["chief"].by.grants == (Grant(Role.ADMINISTRATOR, ""),)
