import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.quality.emodel import BEST_MOS, G711, G711_PLC, G729A, GSM_EFR, OPUS, mos, r_factor

DELAYS = st.floats(0, 2000)
LOSSES = st.floats(0, 1)
CODECS = st.sampled_from([G711, G711_PLC, G729A, GSM_EFR, OPUS])


# G.107 annex B and G.109: the limits of its quality classes, and the best with default values.
@pytest.mark.parametrize(
    ("r", "score"),
    [(93.2, 4.41), (90, 4.34), (80, 4.02), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0)],
)
def test_scores_are_those_of_the_recommendation(r, score):
    assert mos(r) == pytest.approx(score, abs=0.005)


def test_scores_end_at_one_and_four_and_a_half():
    assert (mos(-5), mos(100), mos(120)) == (1.0, BEST_MOS, BEST_MOS)
    assert mos(99.99999) == pytest.approx(BEST_MOS, abs=1e-3)
    assert mos(3) == 1.0


def test_without_delay_or_loss_only_the_codec_counts():
    assert r_factor(0, 0) == 93.2
    assert r_factor(0, 0, codec=G729A) == pytest.approx(82.2)


# Id = 0.024 d, and 0.11 (d - 177.3) more beyond 177.3 ms.
@pytest.mark.parametrize(
    ("delay_ms", "r"), [(100, 90.8), (150, 89.6), (177.3, 88.9448), (400, 59.103)]
)
def test_delay_impairs_twice_as_it_passes_177_ms(delay_ms, r):
    assert r_factor(delay_ms, 0) == pytest.approx(r)


# Ie-eff = Ie + (95 - Ie) Ppl / (Ppl + Bpl): the published shape of G.113 appendix I.
@pytest.mark.parametrize(
    ("codec", "loss", "impairment"),
    [
        (G711, 0.01, 95 / 5.3),
        (G711_PLC, 0.02, 190 / 27.1),
        (G729A, 0.02, 11 + 84 * 2 / 21),
        (GSM_EFR, 0.10, 50),
        (OPUS, 1.0, 9500 / 125.1),
    ],
)
def test_loss_impairs_by_the_robustness_of_the_codec(codec, loss, impairment):
    assert r_factor(0, loss, codec=codec) == pytest.approx(93.2 - impairment)


@given(DELAYS, DELAYS, LOSSES, LOSSES, CODECS)
def test_more_delay_or_loss_never_improves_the_rating(delay, more_delay, loss, more_loss, codec):
    least = r_factor(min(delay, more_delay), min(loss, more_loss), codec=codec)
    most = r_factor(max(delay, more_delay), max(loss, more_loss), codec=codec)
    assert 0 <= most <= least <= 93.2


@given(st.floats(-10, 110), st.floats(-10, 110))
def test_a_better_rating_never_scores_worse(one, other):
    low, high = sorted((one, other))
    assert 1.0 <= mos(low) <= mos(high) <= BEST_MOS


@pytest.mark.parametrize(
    ("delay_ms", "loss"), [(-1, 0), (0, -0.1), (0, 1.1), (0, float("nan")), (float("nan"), 0)]
)
def test_impossible_measurements_are_refused(delay_ms, loss):
    with pytest.raises(ValueError, match="outside its range"):
        r_factor(delay_ms, loss)
