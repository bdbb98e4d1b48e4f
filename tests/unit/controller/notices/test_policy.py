"""The section notices of an intent, and every fault of it at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.channels.message import ChannelKind
from controller.incidents.model import Severity
from controller.load import load
from controller.notices.model import Language
from controller.notices.policy import place_paths
from controller.notices.schedule import on_call
from inventory.errors import IntentError

EXAMPLE = Path(__file__).parents[4] / "inventory" / "examples" / "northern-spur"
NOTICES = """\
notices:
  language: fr
  mail: {server: mail.example.cm, sender: noc@example.cm, user: noc, password: "env:MAIL"}
  sms: {server: smpp.example.cm, system_id: noc, password: "env:SMS", sender: SANAGA}
  people:
    - name: awa
      contacts: [{email: awa@example.cm}, {sms: "+237650000001"}]
      quiet: [{from: 22:00, to: 06:00}]
    - name: ben
      language: en
      timezone: Europe/Paris
      contacts: [{webhook: "env:BEN_HOOK", secret: "env:BEN_KEY", name: pager, wakes: true}]
  rotas:
    - name: noc
      timezone: Europe/Paris
      begins: 2026-01-05
      at: 08:00
      order: [awa, ben]
      overrides: [{person: ben, from: 2026-01-06 18:00, to: 2026-01-07 08:00}]
  subscriptions:
    - {rotas: [noc], under: mora, severity: critical, causes: [fibre-cut], channels: [sms]}
  escalations:
    - steps: [{after_minutes: 15, people: [ben]}]
  limits: {notices: 5}
  beat: {webhook: "env:BEAT", secret: "env:BEAT_KEY"}
  all_clear: {at: 07:00, people: [awa]}
  reports: {people: [ben]}
"""


@pytest.fixture
def folder(tmp_path):
    for file in EXAMPLE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def write(folder, text):
    (folder / "notices.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_the_section_tells_nobody(folder):
    assert load(folder).notices.people == {}


def test_the_section_becomes_a_policy(folder):
    policy = load(write(folder, NOTICES)).notices
    awa, ben = policy.people["awa"], policy.people["ben"]
    assert (awa.language, awa.zone, ben.zone) == (
        Language.FRENCH,
        "Africa/Douala",
        "Europe/Paris",
    )
    assert [(one.name, one.wakes) for one in awa.contacts] == [("email", False), ("sms", True)]
    assert [(one.kind, one.name, one.wakes) for one in ben.contacts] == [
        (ChannelKind.WEBHOOK, "pager", True)
    ]
    one = policy.subscriptions[0]
    assert one.under.endswith("mayo-sava/mora")
    assert one.least is Severity.CRITICAL
    assert policy.escalations[0].steps[0].wait_s == 900
    assert policy.limits.notices == 5


def test_overrides_are_in_the_zone_of_their_rota(folder):
    rota = load(write(folder, NOTICES)).notices.rotas["noc"]
    assert on_call(rota, datetime(2026, 1, 6, 16, 59, tzinfo=UTC)) == "awa"
    assert on_call(rota, datetime(2026, 1, 6, 17, 0, tzinfo=UTC)) == "ben"
    assert on_call(rota, datetime(2026, 1, 7, 7, 0, tzinfo=UTC)) == "awa"


def test_places_are_paths_below_the_central_site(folder):
    paths = place_paths(load(folder).intent)
    assert paths["yaounde"] == ""
    assert paths["mora"].split("/")[-2:] == ["mayo-sava", "mora"]


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("awa@example.cm", '"awa@example.cm\\nBcc: x@y.cm"', "is no mail address"),
        ('"+237650000001"', '"0650000001"', "is no telephone number"),
        ("22:00", "25:00", "is no time of day"),
        (
            "timezone: Europe/Paris\n      contacts",
            "timezone: Paris\n      contacts",
            "no time zone",
        ),
        ("order: [awa, ben]", "order: [awa, bem]", "unknown person 'bem'; did you mean 'ben'"),
        ("rotas: [noc]", "rotas: [nok]", "unknown rota 'nok'"),
        ("under: mora", "under: morra", "unknown site 'morra'"),
        ("[{email: awa@example.cm}", "[{email: awa@example.cm, sms: '+2376500000'}", "has 2 of"),
        ("2026-01-06 18:00", "2026-03-29 02:30", "does not exist in Europe/Paris"),
        ("2026-01-07 08:00", "2026-10-25 02:30", "occurs twice in Europe/Paris"),
        ("2026-01-07 08:00", "2026-01-06 17:00", "ends before it begins"),
        ('"env:BEN_HOOK"', "https://hook.example/secret", "the credential is no reference"),
        ("rotas: [noc], ", "", "nobody is named"),
        ("causes: [fibre-cut]", "causes: [fiber-cut]", "fiber-cut"),
        ("    - name: ben\n", "    - name: awa\n", "'awa' stands in people twice"),
        ("user: noc", "user: noc, security: none", "in clear text"),
        ("  limits: {notices: 5}", "  limits: {notices: 0}", "out of range"),
    ],
)
def test_faults_are_told_at_their_place(folder, written, instead, said):
    assert written in NOTICES
    write(folder, NOTICES.replace(written, instead, 1))
    with pytest.raises(IntentError) as caught:
        load(folder)
    text = str(caught.value)
    assert said in text
    assert "notices.yaml:" in text
    assert "hook.example" not in text


def test_who_is_told_of_reports_is_named_and_must_exist(folder):
    assert load(write(folder, NOTICES)).notices.reports.people == ("ben",)
    with pytest.raises(IntentError, match="unknown person 'bem'"):
        load(write(folder, NOTICES.replace("reports: {people: [ben]}", "reports: {people: [bem]}")))


def test_all_faults_are_told_at_once(folder):
    text = NOTICES.replace("order: [awa, ben]", "order: [awa, bem]").replace("mora,", "morra,")
    with pytest.raises(IntentError) as caught:
        load(write(folder, text.replace("rotas: [noc]", "rotas: [nok]")))
    assert len(caught.value.faults) == 3


def test_a_server_that_is_needed_and_not_written_is_told(folder):
    lines = [line for line in NOTICES.splitlines() if not line.startswith("  sms:")]
    with pytest.raises(IntentError, match="the notices lack 'sms'"):
        load(write(folder, "\n".join(lines)))


def test_the_section_is_written_once(folder):
    write(folder, NOTICES)
    (folder / "more.yaml").write_text("notices: {language: en}\n", encoding="utf-8")
    with pytest.raises(IntentError, match="written twice"):
        load(folder)
