"""What repeated tokens are worth, and the loss that a model of a size may reach on them.

Two published laws. Muennighoff+23 ("Scaling Data-Constrained Language Models", constants of the authors' repository datablations)
was fitted on repeated data: a token's r-th showing is worth e^(−(r − 1)/R*) of a fresh one, with R* = 15.39, and parameters beyond
what the unique tokens can feed lose worth in the same way. Hoffmann+22 ("Training Compute-Optimal Large Language Models", appendix
D.3) knows no repetition; it is read here at the effective tokens of the first, so that two exponents stand beside each other.

Both were fitted on English web text, with other tokenizers than yours, one epoch rate for all data, and models below 10 (16)
billion parameters. They say which of two plans is better, not what loss a Japanese model will show.
"""

from dataclasses import dataclass
from math import exp

import numpy as np

Array = np.ndarray | float

R_D = 15.387756
"""R*_D: epochs beyond the first after which a repeated token is worth 1/e of a fresh one."""

R_N = 5.309743
"""R*_N: the same for parameters beyond the optimum of the unique tokens."""

TOKENS_PER_PARAMETER = 20.0
"""The rule of thumb of Hoffmann+22; the constants of Muennighoff+23 give 19.6."""

FLOPS_PER_PARAMETER_TOKEN = 6.0
"""Training FLOPs of a dense transformer: 6 N D (Kaplan+20)."""


@dataclass(frozen=True)
class LossLaw:
    """L(N, D) = E + A / N^alpha + B / D^beta, loss in nats a token of the corpus that it was fitted on."""

    name: str
    fitted_on: str
    e: float
    a: float
    b: float
    alpha: float
    beta: float

    def loss(self, parameters: float, tokens: Array) -> Array:
        """Loss of N parameters after D tokens, both above 0.

        >>> round(float(HOFFMANN.loss(70e9, 1.4e12)), 3)
        1.937
        """
        return self.e + self.a / parameters**self.alpha + self.b / np.asarray(tokens, np.float64) ** self.beta

    def optimal_parameters(self, tokens: float) -> float:
        """Parameters for which these tokens are the compute optimum: (D G)^(β/α) G with G = (αA / βB)^(1/(α+β)).

        >>> round(1e9 / MUENNIGHOFF.optimal_parameters(1e9), 1)
        19.6
        """
        g = ((self.alpha * self.a) / (self.beta * self.b)) ** (1 / (self.alpha + self.beta))
        return (tokens * g) ** (self.beta / self.alpha) * g


MUENNIGHOFF = LossLaw(
    "Muennighoff+23",
    "C4 (English), GPT-2 tokens, models up to 9 B parameters, the same epochs for all data",
    exp(0.6254804),
    exp(6.255414),
    exp(7.3049974),
    0.3526596,
    0.3526596,
)
HOFFMANN = LossLaw(
    "Hoffmann+22",
    "MassiveText (English), no repetition, models up to 16 B parameters",
    1.69,
    406.4,
    410.7,
    0.34,
    0.28,
)


def worth(showings: Array) -> np.ndarray:
    """Effective showings of a token shown `showings` times (≥ 0): itself up to 1, then 1 + R*(1 − e^(−(r − 1)/R*)).

    >>> [round(float(worth(r)), 2) for r in (0.5, 1, 2, 4, 16, 1e9)]
    [0.5, 1.0, 1.97, 3.73, 10.58, 16.39]
    """
    shown = np.asarray(showings, np.float64)
    return np.minimum(shown, 1.0) + R_D * -np.expm1(-np.maximum(shown - 1.0, 0.0) / R_D)


def effective_parameters(parameters: float, unique: float) -> float:
    """N′: parameters above the optimum of the unique tokens count less and less. unique > 0 in tokens."""
    fed = min(parameters, MUENNIGHOFF.optimal_parameters(unique))
    return fed + fed * R_N * -float(np.expm1(-(parameters / fed - 1) / R_N))


def constrained_loss(parameters: float, effective_tokens: Array, unique: float) -> Array:
    """Loss by Muennighoff+23 from effective tokens D′ (`worth` summed over tokens) and unique tokens U.

    >>> u = 25e9
    >>> round(float(constrained_loss(6.34e9, u * worth(242e9 / u), u)), 5)
    2.22564
    >>> round(float(constrained_loss(8.67e9, u * worth(178e9 / u), u)), 5)
    2.22696
    """
    return MUENNIGHOFF.loss(effective_parameters(parameters, unique), effective_tokens)
