"""What each rule of a preset removes from a run."""

import pyarrow as pa

from curation.filters.effects import what_each_rule_removes
from curation.filters.preset import Preset

PRESET = Preset.model_validate(
    {
        "name": "p",
        "rules": [
            {"name": "short", "column": "chars", "keep": ">= 400"},
            {"name": "latin", "column": "japanese_fraction", "keep": ">= 0.5"},
            {"name": "words", "column": "stop_words", "keep": ">= 2"},
        ],
    }
)
IDS = [bytes([i]) * 16 for i in range(6)]
TABLE = pa.table(
    {
        "id": pa.array(IDS, pa.binary(16)),
        # both, short only, kept, latin only, latin only, rejected before it was measured
        "chars": pa.array([10, 20, 500, 600, 700, None], pa.int32()),
        "japanese_fraction": pa.array([0.1, 0.9, 0.9, 0.0, 0.1, None]),
    }
)


def test_each_rule_alone_only_and_after_those_above():
    short, latin, _ = what_each_rule_removes(PRESET, TABLE)
    assert (short.rows, short.alone, short.only, short.after, short.share) == (5, 2, 1, 2, 0.4)
    assert (latin.alone, latin.only, latin.after, latin.share) == (3, 2, 2, 0.6)
    assert latin.keep == "japanese_fraction >= 0.5"


def test_pages_that_only_this_rule_removes_are_shown_first():
    short, latin, _ = what_each_rule_removes(PRESET, TABLE, examples=2)
    assert short.examples == [IDS[1], IDS[0]]
    assert latin.examples == [IDS[3], IDS[4]]


def test_a_rule_without_its_column_says_so():
    words = what_each_rule_removes(PRESET, TABLE)[2]
    assert (words.missing, words.alone) == (("stop_words",), 0)
    assert [e.rows for e in what_each_rule_removes(PRESET, TABLE.select(["id"]))] == [0, 0, 0]


def test_chunked_and_empty_tables():
    chunked = pa.concat_tables([TABLE.slice(0, 2), TABLE.slice(2)])
    assert what_each_rule_removes(PRESET, chunked) == what_each_rule_removes(PRESET, TABLE)
    assert [e.alone for e in what_each_rule_removes(PRESET, TABLE.slice(0, 0))] == [0, 0, 0]
