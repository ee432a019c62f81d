"""Records that are sorted by key and cut: whoever cuts them otherwise reads each once, in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.exchange import read_rows, write_part
from curation.dedup.keyed_records import read_keyed, wanted_records, write_keyed
from curation.dedup.partitioned.cut import part_of
from curation.place import Place

EDGES = [0, 1, (1 << 54) - 1, 1 << 54, 1 << 63, (1 << 63) - 1, (1 << 64) - 1]
KEYS = st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(KEYS, st.sampled_from([1, 2, 8, 1024]), st.sampled_from([1, 2, 4, 1024]))
def test_any_cut_of_the_keys_reads_every_record_once_in_order(tmp_path_factory, keys, partitions, parts):
    place = Place(str(tmp_path_factory.mktemp("keyed")))
    records = np.array([[k, i] for i, k in enumerate(sorted(keys))], np.uint64).reshape(-1, 2)
    of = part_of(records[:, 0], partitions)
    for partition in range(partitions):
        write_keyed(place, "some", partition, partitions, records[of == partition])
    asked = part_of(records[:, 0], parts)
    for part in {0, parts - 1, *asked.tolist()}:
        pieces = list(read_keyed(place, "some", 2, partitions, part, parts, rows=3))
        assert all(0 < len(p) <= 3 for p in pieces)
        found = np.concatenate([np.zeros((0, 2), np.uint64), *pieces])
        assert np.array_equal(found, records[asked == part])


def test_keys_that_share_their_high_word_are_told_apart_across_pieces():
    pieces = [np.array([[5, 1, 10], [5, 2, 11]], np.uint64), np.array([[5, 2, 12], [5, 3, 13], [9, 0, 14]], np.uint64)]
    wanted = np.array([[5, 2], [5, 4], [9, 0]], np.uint64)
    found = [(a, r) for at, records in wanted_records(pieces, wanted) for a, r in zip(at, records[:, 2], strict=True)]
    assert found == [(0, 11), (0, 12), (2, 14)]
    assert list(wanted_records(pieces, wanted[:0])) == []


@pytest.mark.parametrize("wanted", [[], [0], [999], [500, 3, 3, 130, 127, 128, 0]])
def test_rows_of_a_part_are_read_in_the_order_asked_for(tmp_path, wanted):
    words = np.arange(3000, dtype=np.uint64).reshape(1000, 3)
    write_part(Place(str(tmp_path)), "some", 4, words)
    rows = np.array(wanted, np.int64)
    assert np.array_equal(read_rows(Place(str(tmp_path)), "some", 4, rows, 3), words[rows])
