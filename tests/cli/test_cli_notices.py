"""Who is on call, and tests of notices through real peers."""

import json
from datetime import UTC, datetime

import pytest

from tests.rigs.notices.peers import running
from tests.sanaga_process import ROOT

EXAMPLE = ROOT / "inventory" / "examples" / "northern-spur"
NOTICES = """\
notices:
  mail: {{server: 127.0.0.1, port: {mail}, sender: noc@example.cm, security: none}}
  sms: {{server: 127.0.0.1, port: {sms}, system_id: noc, password: "env:SMS", sender: SANAGA}}
  people:
    - name: awa
      contacts:
        - {{email: {box}@example.cm}}
        - {{sms: "+237650000001"}}
        - {{webhook: "env:HOOK", secret: "env:KEY", loopback: true}}
      quiet: [{{from: 00:00, to: 00:00}}]
    - {{name: ben, contacts: [{{email: ben@example.cm}}]}}
  rotas:
    - {{name: noc, begins: 2026-01-05, at: 08:00, turn_days: 1, order: [awa, ben]}}
    - name: nights
      begins: 2026-01-05
      at: 08:00
      order: [ben]
      hours: {{from: 18:00, to: 08:00}}
"""


@pytest.fixture
def folder(tmp_path):
    for file in EXAMPLE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def write(folder, mail=25, sms=2775, box="awa"):
    text = NOTICES.format(mail=mail, sms=sms, box=box)
    (folder / "notices.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def peers():
    with (
        running("mail_peer.py") as mail,
        running("smpp_peer.py") as sms,
        running("hook_peer.py") as hook,
    ):
        yield mail, sms, hook


@pytest.mark.parametrize("box", ["awa", "refused"])
def test_a_test_goes_through_every_contact_point_and_each_result_is_told(
    sanaga, folder, peers, box
):
    mail, sms, hook = peers
    secrets = {"SMS": "sesame", "KEY": "s3cret", "HOOK": f"http://127.0.0.1:{hook.port}/hook"}
    write(folder, mail.port, sms.port, box)
    answer = sanaga("notices", "test", "awa", "--dir", str(folder), "-o", "json", **secrets)
    rows = {row["contact"]: row for row in json.loads(answer.out)}
    assert list(rows) == ["email", "sms", "webhook"]
    assert rows["sms"] == {"contact": "sms", "channel": "sms", "sent": True, "result": "m1"}
    assert rows["webhook"]["sent"]
    assert sms.wait("submit")["to"] == "237650000001"
    assert "TEST" in hook.wait("request")["body"]
    if box == "awa":
        assert (answer.code, rows["email"]["sent"]) == (0, True)
        mail.wait("letter")
    else:
        assert (answer.code, rows["email"]["sent"]) == (1, False)
        assert "550" in rows["email"]["result"]
        assert "1 test of 3 not accepted" in answer.err


def test_a_person_who_is_not_there_is_named_with_the_nearest(sanaga, folder):
    answer = sanaga("notices", "test", "awo", "--dir", str(write(folder)))
    assert answer.code == 1
    assert "did you mean awa?" in answer.err


def test_the_rota_says_who_is_on_call_now_and_for_seven_days(sanaga, folder):
    answer = sanaga("notices", "rota", "--dir", str(write(folder)), "-o", "json")
    assert answer.code == 0
    noc, nights = json.loads(answer.out)
    assert noc["on_call"] in {"awa", "ben"}
    assert noc["shifts"][0]["person"] == noc["on_call"]
    assert len(noc["shifts"]) == 8
    ends = [datetime.fromisoformat(one[key]) for one in noc["shifts"] for key in ("from", "to")]
    assert (ends[-1] - ends[0]).total_seconds() == 7 * 86400
    assert all(one["to"].endswith("T08:00+01:00") for one in noc["shifts"][:-1])
    assert {one["person"] for one in nights["shifts"]} == {"ben", ""}
    assert ends[0].astimezone(UTC) <= datetime.now(UTC)  # noqa: TID251


def test_the_rota_is_a_table_for_people(sanaga, folder):
    answer = sanaga("notices", "rota", "noc", "--dir", str(write(folder)))
    assert answer.code == 0
    assert "is on call now (Africa/Douala)" in answer.err
    assert answer.out.splitlines()[0].split() == ["ROTA", "PERSON", "FROM", "TO"]


def test_an_intent_without_a_rota_says_what_to_write(sanaga, folder):
    answer = sanaga("notices", "rota", "--dir", str(folder), "-o", "json")
    assert (answer.code, json.loads(answer.out)) == (0, [])
    assert "notices: rotas:" in answer.err
