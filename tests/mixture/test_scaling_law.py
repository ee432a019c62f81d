"""The laws give the figures that their papers and the authors' repository give."""

import numpy as np
import pytest

from curation.mixture.scaling_law import HOFFMANN, MUENNIGHOFF, constrained_loss, effective_parameters, worth

PUBLISHED = {1: 1, 2: 1.97, 3: 2.88, 4: 3.73, 5: 4.52, 8: 6.62, 10: 7.81, 16: 10.58, 40: 15.2}
"""Epochs → D′/U, from the constants of Muennighoff+23."""


@pytest.mark.parametrize(("epochs", "ratio"), PUBLISHED.items())
def test_epochs_are_worth_what_the_law_says(epochs, ratio):
    assert float(worth(epochs)) == pytest.approx(ratio, abs=0.05 if epochs == 40 else 0.005)


def test_the_losses_of_the_authors_readme_are_reproduced():
    unique = 25e9
    for parameters, tokens, loss in ((6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)):
        assert constrained_loss(parameters, unique * worth(tokens / unique), unique) == pytest.approx(loss, rel=1e-9)


def test_unique_data_is_the_plain_law():
    parameters = MUENNIGHOFF.optimal_parameters(1e11)
    assert constrained_loss(parameters, 1e11, 1e11) == pytest.approx(MUENNIGHOFF.loss(parameters, 1e11))
    assert effective_parameters(1e9, 1e12) == 1e9


def test_the_optimum_is_twenty_tokens_a_parameter_at_every_size():
    for tokens in (1e8, 1e10, 1e12):
        assert tokens / MUENNIGHOFF.optimal_parameters(tokens) == pytest.approx(19.6, abs=0.05)


def test_chinchilla_itself_by_the_second_law():
    assert HOFFMANN.loss(70e9, 1.4e12) == pytest.approx(1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28)


def test_worth_never_falls_and_never_passes_the_showings():
    shown = np.linspace(0, 50, 501)
    assert (np.diff(worth(shown)) > 0).all()
    assert (worth(shown) <= shown + 1e-12).all()
