"""How the rows of a cluster share its allowance of K showings: a compiled pass over rows in (cluster, rank) order.

The best-ranked row is the decided one and claims its copies and its near-duplicates. The best-ranked row that nobody claimed is
released on its own, with one showing of the same allowance, claims in its turn, and so on while the allowance lasts: so no two
released rows of a cluster are near-duplicates of each other, and Σ showings ≤ K.
"""

import numpy as np
from numba import njit

from curation.mixture.verdict import NEAR_DUPLICATE, OVER_CAP, SHOWN


@njit(cache=True, nogil=True)
def share(
    cluster_start: np.ndarray,
    form: np.ndarray,
    wanted: np.ndarray,
    natural: bool,
    room: np.ndarray,
    edge_start: np.ndarray,
    edge_form: np.ndarray,
    edge_jaccard: np.ndarray,
    verdict: np.ndarray,
    repeat: np.ndarray,
    jaccard: np.ndarray,
    claimant: np.ndarray,
) -> None:
    """Verdict, showings, similarity and claiming row of every row; a row is its index in (cluster, rank) order.

    cluster_start [clusters + 1]: where each cluster's rows begin. form [rows]: ordinal of the row's normal form. wanted [clusters]:
    showings that the mode asks for; every row released on its own has one of them, the decided row what is left, at least one.
    natural: near-duplicates are shown too, in rank order and once each, up to the room. room [clusters]: showings that each
    cluster may have, K less those of earlier training. edge_start [forms + 1], edge_form, edge_jaccard: neighbours of each form.
    Outputs [rows]: verdict int8, repeat int32 (0 = rejected), jaccard float32 with, and claimant int64 (−1 = none) the row that it
    is a near-duplicate of.
    """
    forms = len(edge_start) - 1
    claim_row, claim_jaccard = np.full(forms, -1, np.int64), np.zeros(forms, np.float32)
    cluster_of = np.full(forms, -1, np.int64)
    for c in range(len(cluster_start) - 1):
        for row in range(cluster_start[c], cluster_start[c + 1]):
            cluster_of[form[row]] = c
    for c in range(len(cluster_start) - 1):
        first, last = cluster_start[c], cluster_start[c + 1]
        shown = 0
        for row in range(first, last):
            f = form[row]
            claimant[row], jaccard[row], repeat[row] = claim_row[f], claim_jaccard[f], 0
            if claim_row[f] >= 0:
                verdict[row] = NEAR_DUPLICATE
            elif shown == room[c]:
                verdict[row] = OVER_CAP
            else:
                verdict[row], repeat[row] = SHOWN, 1
                shown += 1
                claim_row[f], claim_jaccard[f] = row, 1.0
                for e in range(edge_start[f], edge_start[f + 1]):
                    other = edge_form[e]
                    if cluster_of[other] == c and claim_row[other] < 0:
                        claim_row[other], claim_jaccard[other] = row, edge_jaccard[e]
        if natural:
            for row in range(first, last):
                if verdict[row] == NEAR_DUPLICATE:
                    if shown < room[c]:
                        verdict[row], repeat[row] = SHOWN, 1
                        shown += 1
                    else:
                        verdict[row] = OVER_CAP
        elif min(wanted[c], room[c]) > shown:
            repeat[first] += min(wanted[c], room[c]) - shown
