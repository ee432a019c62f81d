"""Which cluster a normal form is counted under: today's labels of forms, and labels that are one because they share a form.

A label is the form key of its kept row, so it counts as a form too. Rows that were deduplicated together give every form one label.
Rows that were deduplicated apart may give one form two, and then all that stands under either label is one cluster for the cap: its
name is the smallest of its labels in byte order.
"""

from dataclasses import dataclass

import numpy as np

from curation.dedup.key_order import distinct_keys
from curation.merge_join import positions


@dataclass(frozen=True)
class Labels:
    """Today's label of each form that today's rows hold: sorted distinct form keys and, beside each, its cluster, uint64 [n, 2]."""

    forms: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(cls, forms: np.ndarray, clusters: np.ndarray) -> "Labels":
        """From a form key and a cluster a row, in any order; rows of one form have one cluster."""
        distinct, place = distinct_keys(forms)
        label = np.zeros_like(distinct)
        label[place] = clusters
        return cls(distinct, label)

    @classmethod
    def joined(cls, forms: np.ndarray, labels: np.ndarray) -> "Labels":
        """From a form key and a label a row, in any order; labels that share a form become one (see the head of this file).

        >>> a, b, c = ([n, 0] for n in (1, 2, 3))
        >>> made = Labels.joined(np.array([c, c], np.uint64), np.array([a, b], np.uint64))
        >>> made.forms[:, 0].tolist(), made.clusters[:, 0].tolist()
        ([1, 2, 3], [1, 1, 1])
        """
        from curation.dedup.clusters import families  # compiled: the commands that only check a recipe do without

        keys, place = distinct_keys(np.concatenate([forms, labels]))
        form, label = np.split(place, 2)
        family = families(len(keys), np.stack([form, label], axis=1))
        smallest = np.full(len(keys), len(keys), np.int64)
        np.minimum.at(smallest, family[label], label)
        return cls(keys, keys[smallest[family]])

    def resolve(self, forms: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Today's labels of entries with these forms and old labels.

        A form that today's rows hold has today's label; one that they lack has today's label of its old kept row, else its old label.
        """
        label = old.copy()
        for keys in (old, forms):
            at = positions(self.forms, keys)
            label[at >= 0] = self.clusters[at[at >= 0]]
        return label
