"""YAML that stands for more than it says is refused before anything follows its aliases."""

import pytest
import yaml

from inventory.documents.yaml_bounds import deep_bracket, require_bounded
from inventory.documents.yaml_reader import compose_yaml
from inventory.errors import IntentError, LabError
from inventory.exchange.formats import Source, import_path
from simulations.scenario import read_scenario

# Ten times as many values on each of eight lines: of these hundred million nobody makes one.
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)
)
TOO_MUCH = (
    "the aliases up to here stand for more than 1,000,000 values; "
    "write out what is meant, without aliases of aliases"
)
ORDINARY = """\
defaults: &defaults {platform: frr, groups: []}
mora-r1: {<<: *defaults, hostname: 198.18.0.19}
maroua-r1: {<<: *defaults, hostname: 198.18.0.27}
"""


@pytest.mark.parametrize(
    ("text", "line"), [(ALIASES, 6), (MERGES, 7)], ids=["aliases", "merge keys"]
)
@pytest.mark.parametrize("source", [Source.NORNIR, Source.ANSIBLE])
def test_aliases_that_multiply_are_refused_where_they_go_too_far(tmp_path, text, line, source):
    file = tmp_path / "hosts.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(IntentError) as caught:
        import_path(file, source)
    (fault,) = caught.value.faults
    assert (fault.where.file, fault.where.line) == (str(file), line)
    assert str(fault).endswith(f": {TOO_MUCH}")


@pytest.mark.parametrize("source", [Source.NORNIR, None])
def test_ordinary_aliases_and_merge_keys_are_read(tmp_path, source):
    """The control: hosts that share what a line above says."""
    (tmp_path / "hosts.yaml").write_text(ORDINARY, encoding="utf-8")
    devices = import_path(tmp_path / "hosts.yaml", source).sections["devices"]
    assert {"mora-r1", "maroua-r1"} <= {device["name"] for device in devices}


def test_many_hosts_that_share_their_defaults_are_no_bomb(tmp_path):
    hosts = "".join(f"r{n}: {{<<: *d, hostname: r{n}.example.cm}}\n" for n in range(2_000))
    (tmp_path / "hosts.yaml").write_text(f"d: &d {{platform: frr}}\n{hosts}", encoding="utf-8")
    assert len(import_path(tmp_path / "hosts.yaml", Source.NORNIR).sections["devices"]) > 2_000


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {<<: *a}\n", "a: &a {b: {c: *a}}\n"])
def test_an_alias_inside_of_what_it_stands_for_is_refused(text):
    with pytest.raises(IntentError, match=r"f:1:\d+: the alias '\*a' stands inside of what it"):
        require_bounded("f", text, yaml.CSafeLoader)


def test_a_scenario_that_multiplies_is_refused(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_text(ALIASES, encoding="utf-8")
    with pytest.raises(LabError, match="stand for more than 1,000,000 values"):
        read_scenario(file)


@pytest.mark.parametrize("text", ["[" * 5_000, "[" * 101, "- " * 101, '{"a":' * 5_000])
def test_what_nests_too_deeply_is_told_in_our_words_by_every_release_of_libyaml(text):
    with pytest.raises(IntentError, match=r"f:1:\d+: more than 100 levels of nesting; no inv"):
        require_bounded("f", text, yaml.CSafeLoader)
    (fault,) = compose_yaml("f", text).faults
    assert str(fault).endswith(
        ": more than 32 levels of nesting; no document is that deep; undo it"
    )


def test_a_text_that_is_broken_and_flat_is_told_as_such():
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        require_bounded("f", "a: [1, 2\nb: }\n", yaml.CSafeLoader)
    assert deep_bracket("f", "a: [1, 2\nb: }\n", caught.value, 100) is None
    assert str(deep_bracket("f", "[[\n [[", yaml.MarkedYAMLError(), 3)) == "f:2:3"
