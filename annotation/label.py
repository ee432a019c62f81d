"""What people were asked and what they answered: every column of the label shards, explained once.

    LABELS/
      salt.json                 draws orders, places and external ids; whoever has it can undo the blinding
      records/00000001.parquet  what was put before people, written before it is sent; and what was withdrawn
      answers/00000001.parquet  what came back: a row an event, none ever changed or removed
      frozen/00000001.parquet   which answers a batch was closed with

An event says how an answer came to be what it is: first given, edited, discarded after it was submitted, deleted. Annotators stand
under pseudonyms. Values are JSON text, since their form differs from question to question; what later steps count (preferences,
ranks, ratings) stands in columns of its own, mapped back from the places that the annotator saw to the row's own order.
"""

from collections.abc import Mapping

import pyarrow as pa

from curation.document import KEY, Column

TIME = pa.timestamp("us", tz="UTC")
RANK = pa.struct([("answer", KEY), ("rank", pa.int8())])
"""Rank of an answer, 1 is the best; answers that are equally good have one rank."""
RATING = pa.struct([("question", pa.string()), ("points", pa.int8())])
SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("kind", pa.string())])
"""A marked piece of the answer: code points of the text that was shown, the end excluded."""

_RECORD = [
    Column("external_id", pa.string(), "its name in Argilla: a keyed hash that tells nothing"),
    Column("task", pa.string(), "review task, with its variant"),
    Column("version", pa.string(), "version of guidelines, fields and questions"),
]

RECORDS: dict[str, Column] = {
    c.name: c
    for c in [
        Column("event", pa.string(), "pushed | withdrawn"),
        Column(
            "reason",
            pa.string(),
            "why it was withdrawn: changed | gone | moved | older_version | forgotten; null for a push",
        ),
        *_RECORD,
        Column("workspace", pa.string(), "Argilla's workspace"),
        Column("dataset", pa.string(), "Argilla's workspace and dataset"),
        Column("source", pa.string(), "recipe and set that the row is of"),
        Column("row", KEY, "the row: a generated answer, a pair, or a prompt whose answers are ranked"),
        Column("answers", pa.list_(KEY), "ids of the row's answers in its own order (of a pair: chosen, rejected)"),
        Column(
            "order", pa.list_(pa.int8()), "which answer stands in each place: order[0] is the number of the one in A"
        ),
        Column("mirrored", pa.bool_(), "the other raters of an overlapped row see it in this, the opposite order"),
        Column("content", KEY, "hash of what is asked about, before it is put in order"),
        Column("fields", pa.large_string(), "what is shown, as JSON, personal data masked; {} once forgotten"),
        Column("metadata", pa.large_string(), "what only owners see, as JSON"),
        Column("masked", pa.int32(), "pieces of personal data that were masked in it"),
        Column("harmful", pa.bool_(), "whether it goes to those who offered to read such content"),
        Column("people", pa.int32(), "people who are to answer the row, over all its records"),
        Column("stratum", pa.string(), "names of the routes that may draw the row, joined by +"),
        Column("inclusion", pa.float64(), "probability with which the row was drawn, in (0, 1]"),
        Column("use", pa.string(), "estimate | calibrate: what its answers may be used for"),
        Column("document", KEY, "seed document; the row itself where it has none"),
        Column("again", pa.string(), "version since which it is asked again; null for a first time"),
        Column("at", TIME, "when"),
    ]
}
"""A line of `records/`: one record was pushed, or withdrawn."""

EVENTS = ("answered", "discarded", "skipped", "edited", "discarded_after_submission", "reopened", "deleted")
"""What may happen to an answer. skipped: harmful content was left at no cost. reopened: a submitted one is a draft again."""

ANSWERS: dict[str, Column] = {
    c.name: c
    for c in [
        Column("response", pa.string(), "the server's id of the answer"),
        Column("n", pa.int32(), "number of this state of it, from 1"),
        Column("event", pa.string(), " | ".join(EVENTS)),
        Column("reason", pa.string(), "why it was deleted: response | record | annotator; null for another event"),
        Column("status", pa.string(), "submitted | discarded | skipped | draft | deleted: what it is now"),
        *_RECORD,
        Column("dataset", pa.string(), "Argilla's workspace and dataset"),
        Column("found_version", pa.string(), "version of what the dataset said when the answer was pulled"),
        Column(
            "edited_ui", pa.bool_(), "it said something else than `version`: the answer is to words we did not write"
        ),
        Column("source", pa.string(), "recipe and set that the row is of"),
        Column("row", KEY, "the row that it is about"),
        Column("content", KEY, "hash of what was asked about"),
        Column("annotator", pa.string(), "pseudonym"),
        Column("mirrored", pa.bool_(), "whether the annotator saw the opposite order"),
        Column(
            "given",
            pa.large_string(),
            "the values as they were given, in the annotator's places, spans by UTF-16 units, as JSON",
        ),
        Column("values", pa.large_string(), "the values in the row's own order, spans by code points, as JSON"),
        Column("preference", pa.string(), "a | b | same | both_bad | cannot_tell, where a is the row's first answer"),
        Column("ranks", pa.list_(RANK), "each answer's rank; empty where none was asked"),
        Column("ratings", pa.list_(RATING), "points of each rated aspect"),
        Column("spans", pa.list_(SPAN), "marked pieces of the answer"),
        Column("place", pa.string(), "first | second: where the preferred answer stood; null where none was preferred"),
        Column("masked", pa.int32(), "pieces of personal data that were masked in what the annotator wrote"),
        Column("late", pa.bool_(), "it came after its batch was frozen: kept, and counted nowhere"),
        Column("given_at", TIME, "when the answer was first given"),
        Column("updated_at", TIME, "when it was last changed; of a deletion, when it was noticed"),
        Column("pulled_at", TIME, "when it was pulled"),
    ]
}
"""A line of `answers/`: one event of one answer."""

FROZEN: dict[str, Column] = {
    c.name: c
    for c in [
        Column("batch", pa.string(), "name of the batch"),
        Column("response", pa.string(), "the server's id of the answer"),
        Column("n", pa.int32(), "the state that holds from now on"),
        Column("at", TIME, "when"),
    ]
}
"""A line of `frozen/`: one answer that may change no more."""


def schema(columns: Mapping[str, Column]) -> pa.Schema:
    """Arrow schema of one of the tables, each column with its meaning."""
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in columns.values()])
