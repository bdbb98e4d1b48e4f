"""The reference for engineers says what the catalogue says, and its example is accepted."""

import re
from collections.abc import Iterator
from pathlib import Path

from inventory.documents import entries
from inventory.documents.messages import Misread
from inventory.model import Segment
from policies import clinical
from policies.documents import check_policies
from policies.model import PathPolicy, ServiceClass
from policies.quality import JITTER_MS
from policies.schema import code_point_name
from policies.segmentation import entitled_zones
from policies.sentences import FORMS, parse_sentence
from topology.quality.emodel import END_SYSTEM_MS

REFERENCE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")


def class_row(c: ServiceClass) -> str:
    mos = f"{c.slo.mos:.1f}" if c.slo.mos else "–"
    return (
        f"| `{c.name}` | {c.title} | {c.slo.delay_ms:g} ms | {c.slo.jitter_ms:g} ms "
        f"| {100 * c.slo.loss:g} % | {mos} | {code_point_name(c.dscp)} | {c.rate_mbps:g} Mbit/s "
        f"| {100 * c.share:g} % |"
    )


def path_row(p: PathPolicy) -> str:
    metered = f"cost {p.metered_cost}" if p.metered_allowed else "never"
    return (
        f"| `{p.service}` | {', '.join(p.media)} | {p.leave_after_ms} ms "
        f"| {p.return_after_s} s | {p.hold_down_s} s | {metered} |"
    )


def access_rows() -> Iterator[str]:
    catalogue = clinical.read_catalogue()
    for target in (*Segment, *catalogue.classes):
        yield f"| `{target}` | {', '.join(entitled_zones(catalogue, target)) or 'nobody'} |"


def example(language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", REFERENCE, re.DOTALL)
    return "".join(blocks)


def test_every_class_stands_in_the_table():
    for service in clinical.read_catalogue().classes.values():
        assert class_row(service) in REFERENCE


def test_every_path_policy_stands_in_the_table():
    for policy in clinical.read_catalogue().paths.values():
        assert path_row(policy) in REFERENCE


def test_who_reaches_what_stands_in_the_table():
    for row in access_rows():
        assert row in REFERENCE


def test_sentence_forms_stand_in_the_reference_and_its_sentences_can_be_read():
    for form in FORMS:
        assert form in REFERENCE
    sentences = example("text").strip().splitlines()
    assert len(sentences) > len(FORMS)
    assert [text for text in sentences if isinstance(parse_sentence(text), Misread)] == []


def test_figures_of_the_model_stand_in_the_reference():
    assert f"{END_SYSTEM_MS:g} ms" in REFERENCE
    for medium, jitter in JITTER_MS.items():
        assert f"{medium} {jitter:g} ms" in REFERENCE


def test_example_folder_is_accepted(tmp_path: Path):
    (tmp_path / "policies.yaml").write_text(example("yaml"), encoding="utf-8")
    read = entries.read_documents(tmp_path)
    assert read.faults == ()
    policies, faults = check_policies(read, None)
    assert faults == ()
    assert policies is not None
    assert "telepathology" in policies.classes
