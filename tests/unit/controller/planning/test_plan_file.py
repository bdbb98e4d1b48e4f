import json
import stat
from datetime import UTC, datetime

import pytest

from controller.planning.plan import plan
from controller.planning.plan_file import decode, encode, intent_json, load, parse_intent, save
from inventory.errors import PlanError
from tests.factories import hierarchy
from tests.rigs.controller.apply_rig import chain
from tests.rigs.controller.plan_views import blank, view


@pytest.fixture(scope="module")
def made():
    intent = hierarchy()
    return plan(view(intent, blank(intent)), datetime(2026, 3, 2, tzinfo=UTC))


def test_plan_comes_back_from_its_file_unchanged(made, tmp_path):
    save(made, tmp_path / "change.plan")
    assert load(tmp_path / "change.plan") == made


def test_plan_without_an_intent_comes_back_too(tmp_path):
    save(chain(), tmp_path / "change.plan")
    loaded = load(tmp_path / "change.plan")
    assert loaded.intent is None
    assert loaded.waves[0][0].after == chain().waves[0][0].after


def test_intent_comes_back_from_its_json():
    intent = hierarchy(3, 1, 1)
    assert parse_intent(intent_json(intent)) == intent


def test_file_is_for_its_owner_alone_and_nothing_else_is_left(made, tmp_path):
    save(made, tmp_path / "change.plan")
    assert stat.S_IMODE((tmp_path / "change.plan").stat().st_mode) == 0o600
    assert [f.name for f in tmp_path.iterdir()] == ["change.plan"]


def test_file_holds_references_to_credentials_alone(made, tmp_path):
    save(made, tmp_path / "change.plan")
    assert "env:SANAGA_TEST_KEY" in (tmp_path / "change.plan").read_text()


def test_file_that_cannot_be_written_is_explained(made, tmp_path):
    with pytest.raises(PlanError, match="cannot be written"):
        save(made, tmp_path / "nowhere" / "change.plan")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlanError, match="cannot be written"):
        save(made, tmp_path / "folder")
    assert [f.name for f in tmp_path.iterdir()] == ["folder"]


def spoilt(made, tmp_path, change):
    file = tmp_path / "change.plan"
    save(made, file)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return file


def test_changed_configuration_is_noticed(made, tmp_path):
    def change(document):
        name = next(iter(document["texts"]))
        document["texts"][name] += "no router bgp 65000\n"

    with pytest.raises(PlanError, match="was changed after it was made"):
        load(spoilt(made, tmp_path, change))


def test_changed_order_is_noticed(made, tmp_path):
    def change(document):
        body = json.loads(document["plan"])
        body["waves"].reverse()
        document["plan"] = json.dumps(body)

    with pytest.raises(PlanError, match="was changed after it was made"):
        load(spoilt(made, tmp_path, change))


def test_another_version_is_named(made, tmp_path):
    with pytest.raises(PlanError, match=r"version 99.* version 1"):
        load(spoilt(made, tmp_path, lambda document: document.update(version=99)))


@pytest.mark.parametrize("key", ["plan", "texts", "sha256"])
def test_missing_part_is_noticed(made, tmp_path, key):
    with pytest.raises(PlanError):
        load(spoilt(made, tmp_path, lambda document: document.pop(key)))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_cut_off_file_is_noticed(made, tmp_path, share):
    file = tmp_path / "change.plan"
    save(made, file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PlanError, match="only a part"):
        load(file)


@pytest.mark.parametrize("content", [b"[]", b"3", b'{"format": "other"}', b"\xff\xfe\x00"])
def test_other_files_are_no_plans(tmp_path, content):
    file = tmp_path / "change.plan"
    file.write_bytes(content)
    with pytest.raises(PlanError, match="is no plan"):
        load(file)


def test_bottomless_file_is_no_plan(tmp_path):
    file = tmp_path / "plan"
    file.write_text("[" * 200_000)
    with pytest.raises(PlanError, match="is no plan"):
        load(file)


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(PlanError, match="cannot be read"):
        load(tmp_path / "change.plan")


@pytest.mark.parametrize("body", ["{}", "[]", "null", '{"waves": [[{}]], "intent": null}', "x"])
def test_body_of_another_shape_is_refused(body):
    with pytest.raises(PlanError, match="incomplete or was changed"):
        decode(body, {})


def test_text_under_another_fingerprint_is_refused(made):
    body, texts = encode(made)
    with pytest.raises(PlanError, match="is not what it was"):
        decode(body, {name: text + " " for name, text in texts.items()})


def test_recorded_intent_of_another_shape_is_refused():
    with pytest.raises(PlanError, match="cannot be understood"):
        parse_intent("{}")
