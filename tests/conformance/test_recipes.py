"""Recipes do what they say, as their commands are written: those that speak to no device.

The others are followed in tests/netns/documents and tests/browser. Commands within sentences are no
steps; that they exist is looked at in test_documents.py.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.docs_page import DOCS
from tests.rigs.documents import (
    laboratory_guides,
    machine_guides,
    noc_guides,
    plain_guides,
    screen,
    trouble_guides,
)
from tests.rigs.documents.follow import Guide, RecipeError, follow, named_steps
from tests.rigs.documents.output import first_difference, without_progress
from tests.rigs.documents.recipe import RECIPES, Command, Document, Step, read_recipe, steps_of
from tests.rigs.documents.shell import shell

FOLLOWED = (
    plain_guides.GUIDES,
    noc_guides.GUIDES,
    machine_guides.GUIDES,
    laboratory_guides.GUIDES,
    trouble_guides.GUIDES,
    screen.GUIDES,
)


# They draw and question the whole country.
OF_THE_COUNTRY = frozenset({"describe-the-country", "find-the-risks"})


def steps(page: str) -> tuple[Step, ...]:
    return read_recipe(DOCS / "recipes" / f"{page}.md")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.long] if page in OF_THE_COUNTRY else [])
        for page in plain_guides.GUIDES
    ],
)
def test_a_recipe_without_devices_does_what_it_says(page, tmp_path):
    with shell(tmp_path) as made:
        assert follow(steps(page), plain_guides.GUIDES[page](tmp_path, made), made)


@pytest.fixture(scope="module")
def noc(tmp_path_factory):
    with noc_guides.noc(tmp_path_factory.mktemp("noc")) as made:
        yield made


@pytest.mark.parametrize("page", noc_guides.GUIDES)
def test_a_recipe_of_the_noc_does_what_it_says(page, noc):
    noc.clear()
    with shell(noc.folder) as made:
        assert follow(steps(page), noc_guides.GUIDES[page](noc, made), made)


def test_every_recipe_is_followed_by_one_test():
    counted = Counter(page for guides in FOLLOWED for page in guides)
    assert counted == Counter(page.stem for page in RECIPES)


@pytest.mark.parametrize("page", machine_guides.NOT_RUN)
def test_every_command_that_is_not_run_is_in_its_recipe(page):
    """Tell what is listed and gone; what is neither run nor listed fails where it is run."""
    names = [name for name, _ in named_steps(steps(page))]
    listed = machine_guides.NOT_RUN[page]
    assert [key for key in listed if not any(name.startswith(key) for name in names)] == []


RIGHT = """\
# A page

    $ printf 'a\\nb\\nc\\n'    # three lines
    a
    ...

```yaml
key: [1]
```

| what | how |
|---|---|
| nothing | `sanaga --version` |

1. In a list:

        $ false
"""


def written(folder: Path, page: str, **tables: object) -> list[str]:
    """Follow the text of a page, of which a document goes into a file."""
    guide = Guide(
        documents={"key:": (folder / "made.yaml").write_text},
        **{"codes": {"false": 1}, **tables},  # type: ignore[arg-type]
    )
    with shell(folder) as made:
        return follow(tuple(steps_of(page)), guide, made)


def test_a_page_is_followed_from_its_first_step_to_its_last(tmp_path):
    done = written(tmp_path, RIGHT)
    assert done == [
        "printf 'a\\nb\\nc\\n'    # three lines",
        "key: [1]",
        "sanaga --version",
        "false",
    ]
    assert (tmp_path / "made.yaml").read_text() == "key: [1]\n"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    a\n", "    b\n", "line 3: .*shown and not printed: b"),
        ("    ...\n", "    b\n", "more was printed than is shown"),
        ("printf", "no-such-command", "line 3: .*ended with 127, not 0"),
        ("sanaga --version", "sanaga --nonsense", "line 13: .*ended with 64, not 0"),
        ("$ false", "$ true", "line 17: .*no step|no step that begins with .'false'"),
        ("key: [1]", "other: 1", "no step that begins with .'key:'"),
        ("```yaml\n", "```yaml\nnew: 1\n```\n\n```yaml\n", "where is this to be written. new: 1"),
    ],
)
def test_a_page_that_is_wrong_fails(tmp_path, old, new, why):
    assert RIGHT.count(old) == 1
    with pytest.raises(RecipeError, match=rf"(?s){why}"):
        written(tmp_path, RIGHT.replace(old, new))


def test_a_command_that_is_not_run_must_be_there(tmp_path):
    assert "false" not in written(tmp_path, RIGHT, codes={}, not_run={"false": "it fails"})
    with pytest.raises(RecipeError, match="no step that begins with"):
        written(tmp_path, RIGHT, not_run={"reboot": "it hurts"})


def test_answers_are_typed_and_variables_stay(tmp_path):
    page = '    IFS= read -rs SECRET; export SECRET\n    $ echo "$SECRET"\n'.replace(
        "$ echo", "echo"
    )
    guide = Guide(typed={"IFS=": (("", "a  b"),)})
    with shell(tmp_path) as made:
        follow(tuple(steps_of(page)), guide, made)
        assert made.run('echo "$SECRET"').lines == ("a  b",)


def test_what_differs_from_run_to_run_keeps_its_place():
    shown = ["2   small  c0cb05b53d84  2026-11-23T16:11:02+00:00", "apply 7 confirmed"]
    assert first_difference(shown, [
        "2   small  0123456789ab  2027-01-02T03:04:05+00:00", "apply 12 confirmed",
    ]) is None  # fmt: skip
    assert first_difference(shown, [shown[0], "apply 12 rolled-back"]) == shown[1]
    assert without_progress(["reading ━━━ 2/2", "", "done"]) == ["done"]


def test_steps_are_read_where_people_see_them():
    assert [type(step) for step in steps_of(RIGHT)] == [Command, Document, Command, Command]
    assert [step.line for step in steps_of(RIGHT)] == [3, 8, 13, 17]
