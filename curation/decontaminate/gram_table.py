"""The table behind the search: n-grams of all items' texts by hash, each with every place where it stands.

Hashes are polynomials modulo 2^64 in an odd multiplier, so that they roll. Two different n-grams of a table never share one: where
they would, the table is made with the next multiplier.
"""

from typing import NamedTuple

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xD1342543DE82EF95, 0xAF251AF3B0F025B5, 0xB564EF22EC7AECE5, 0xF7C2EBC08F67F2B5)
_BITS_AN_ENTRY = 16
"""Bits of the filter for each entry: one place in a page in 16 or more is looked up in vain."""


class GramTable(NamedTuple):
    """Entries (distinct n-grams of `width` code points) with their places.

    filter: uint64 words of 2^filter_bits bits. slot_hash uint64, slot_entry int32 (−1 empty): open addressing over 2^slot_bits slots.
    entry_pool [entries]: where in the pool an entry can be read. entry_start [entries + 1]: its postings; text, place [postings]: the
    text, and where in it the n-gram stands, in code points.
    """

    width: int
    multiplier: np.uint64
    filter_bits: int
    filter: np.ndarray
    slot_bits: int
    slot_hash: np.ndarray
    slot_entry: np.ndarray
    entry_pool: np.ndarray
    entry_start: np.ndarray
    text: np.ndarray
    place: np.ndarray


def gram_table(pool: np.ndarray, at: np.ndarray, text: np.ndarray, place: np.ndarray, width: int) -> GramTable:
    """A table of the n-grams pool[at : at + width] (pool uint32, at int64), which stand at `place` of `text`.

    Raises RuntimeError where no multiplier tells the n-grams apart, which chance does not bring about.
    """
    for multiplier in _MULTIPLIERS:
        hashes = _hashes(pool, at, width, multiplier)
        order = np.lexsort((place, text, hashes))
        hashes, at_sorted = hashes[order], at[order]
        first = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]]) if len(order) else np.zeros(0, np.int64)
        entry = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(order)]))
        start = at_sorted[first]
        if all((pool[at_sorted + i] == pool[start[entry] + i]).all() for i in range(width)):
            return _table(width, multiplier, hashes[first], start, first, text[order], place[order])
    raise RuntimeError(f"{len(at)} n-grams collide under every multiplier")


def _hashes(pool: np.ndarray, at: np.ndarray, width: int, multiplier: int) -> np.ndarray:
    h = np.zeros(len(at), np.uint64)
    for i in range(width):
        h = h * np.uint64(multiplier) + pool[at + i].astype(np.uint64)
    return h


def _table(
    width: int,
    multiplier: int,
    hashes: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    text: np.ndarray,
    place: np.ndarray,
) -> GramTable:
    entries = len(hashes)
    slot_bits = max(4, (2 * entries).bit_length())
    filter_bits = max(10, (_BITS_AN_ENTRY * entries).bit_length())
    mixed = hashes * np.uint64(GOLDEN)
    bit = mixed >> np.uint64(64 - filter_bits)
    words = np.zeros(1 << (filter_bits - 6), np.uint64)
    np.bitwise_or.at(words, (bit >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bit & np.uint64(63)))
    slot_hash, slot_entry = _slots(hashes, (mixed >> np.uint64(64 - slot_bits)).astype(np.int64), slot_bits)
    return GramTable(
        width,
        np.uint64(multiplier),
        filter_bits,
        words,
        slot_bits,
        slot_hash,
        slot_entry,
        start.astype(np.int64),
        np.r_[first, len(text)].astype(np.int64),
        text.astype(np.int32),
        place.astype(np.int32),
    )


def _slots(hashes: np.ndarray, home: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Open addressing with linear probing, in rounds: every entry without a slot tries its next one, and the first of them has it."""
    size = 1 << bits
    slot_hash, slot_entry = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    waiting, at = np.arange(len(hashes)), home.copy()
    while len(waiting):
        where = at[waiting]
        free = slot_entry[where] < 0
        wanted, winner = np.unique(where[free], return_index=True)
        chosen = waiting[free][winner]
        slot_entry[wanted], slot_hash[wanted] = chosen, hashes[chosen]
        waiting = waiting[slot_entry[at[waiting]] != waiting]
        at[waiting] = (at[waiting] + 1) & (size - 1)
    return slot_hash, slot_entry
