"""Every fault of a wg-quick file is reported at once, in these words, and no key is repeated."""

from pathlib import Path

import pytest

from inventory.errors import IntentError
from tests.golden_files import assert_golden
from vpn.wireguard import parser

CASES = Path(__file__).with_name("wgquick_errors")


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.conf")))
def test_faults_of_files_are_worded_for_the_administrator(case: str):
    text = (CASES / f"{case}.conf").read_text(encoding="utf-8")
    with pytest.raises(IntentError) as refused:
        parser.parse_config(text, f"{case}.conf")
    assert_golden(CASES / f"{case}.txt", f"{refused.value}\n")
