"""The steps `decode` and `sniff` over batches: columns, reasons, and bytes that are no page."""

import csv
import gzip
import io
import random
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from curation.document import schema
from curation.extract.binary import binary_kind
from curation.extract.decode import Decode
from curation.extract.sniff import Sniff, binary_buffers, kana_evidence
from curation.extract.sniff_kernel import kana_evidence_rows

PROSE = "精米とは、玄米から糠を取り除くことです。" * 5
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ALL = 1 << 60


def batch(
    *payloads: bytes | None, label: str | None = None, kind: str = "response", mime: str | None = "text/html"
) -> pa.RecordBatch:
    """Rows of these bodies with one header for all."""
    n = len(payloads)
    columns = {
        "payload": pa.array(payloads, pa.large_binary()),
        "mime_declared": pa.array([mime] * n, pa.string()),
        "charset_declared": pa.array([label] * n, pa.string()),
        "record_type": pa.array([kind] * n, pa.string()),
    }
    wanted = schema(columns)
    return pa.record_batch([columns[name] for name in wanted.names], schema=wanted)


def sniff(*payloads: bytes | None, min_kana: int = 30) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """Kept and rejected rows."""
    step = Sniff(min_kana=min_kana)
    step.setup()
    return step.split(batch(*payloads))


def test_decode_writes_markup_encoding_evidence_and_losses_and_ends_the_payload():
    kept, rejected = Decode().split(batch(PROSE.encode("cp932"), (PROSE + "㈱").encode() + b"\xff", label="utf-8"))
    assert rejected is None
    assert "payload" not in kept.schema.names
    assert kept.column("html").to_pylist() == [PROSE, PROSE + "㈱\ufffd"]
    assert kept.column("encoding").to_pylist() == ["cp932", "utf-8"]
    assert kept.column("encoding_evidence").to_pylist() == ["detected", "http"]
    assert kept.column("replaced_chars").to_pylist() == [0, 1]


def test_a_wet_record_is_given_as_utf8():
    kept, _ = Decode().split(batch(PROSE.encode(), PROSE.encode("euc_jp"), kind="conversion", mime="text/plain"))
    assert kept.column("encoding_evidence").to_pylist() == ["given", "detected"]
    assert kept.column("html").to_pylist() == [PROSE, PROSE]


def test_each_body_without_text_gets_its_reason_and_the_others_stay():
    page = PROSE.encode()
    kept, rejected = Decode().split(batch(b"", page, b" \r\n", PNG, None, page))
    assert rejected is not None
    assert kept.num_rows == 2
    assert rejected.column("reason").to_pylist() == ["empty_body", "empty_body", "not_text", "empty_body"]
    assert rejected.column("detail").to_pylist() == [None, None, "png", None]


def test_a_page_that_is_mostly_losses_is_decode_failed_with_its_share():
    kept, rejected = Decode(max_replaced=0.1).split(
        batch(("米" * 4).encode() + b"\xff", ("米" * 9).encode() + b"\xff", label="utf-8")
    )
    assert rejected is not None
    assert kept.num_rows == 1
    verdict = rejected.select(["reason", "value", "threshold", "detail"]).to_pylist()
    assert verdict == [{"reason": "decode_failed", "value": 0.2, "threshold": 0.1, "detail": "utf-8"}]


def test_a_script_is_no_page_unless_it_is_markup():
    kept, rejected = Decode().split(batch(b"var a = 1;", b"\xef\xbb\xbf\n <html>", mime="application/javascript"))
    assert rejected is not None
    assert (kept.num_rows, rejected.column("detail").to_pylist()) == (1, ["application/javascript"])


def test_a_sliced_batch_is_read_from_its_own_rows():
    rows = batch(*(f"{n}番の".encode() + PROSE.encode() for n in range(6))).slice(2, 3)
    kept, _ = Decode().split(rows)
    assert [text[0] for text in kept.column("html").to_pylist()] == ["2", "3", "4"]
    assert sniff_counts(rows) == [kana_evidence(p) for p in rows.column("payload").to_pylist()]


def sniff_counts(rows: pa.RecordBatch) -> list[int]:
    """Full counts by the kernel."""
    return kana_evidence_rows(*binary_buffers(rows.column("payload")), ALL).tolist()


def zipped() -> bytes:
    """A small archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", PROSE)
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
        (b"GIF89a\x01\x00\x01\x00\x80\x00\x00", "gif"),
        (b"%PDF-1.7\n", "pdf"),
        (zipped(), "zip"),
        (gzip.compress(PROSE.encode(), mtime=0), "gzip"),
        (b"MZ\x90\x00\x03\x00", "exe"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "webp"),
        (b"\x00\x00\x00\x18ftypmp42", "mp4"),
        (random.Random(0).randbytes(3000), "binary"),
        (PROSE.encode("utf-16"), None),
        ("<p>rice</p>".encode("utf-16-le"), None),
        (("<p>" + PROSE).encode("utf-32-be"), None),
        (PROSE.encode("iso2022_jp"), None),
        (b"GIF89a is a format", None),
        (b"\x1b[1mlog\x1b[m", None),
        ((PROSE + "\0").encode(), None),
        (b"", None),
    ],
)
def test_binary_data_is_known_by_its_first_bytes(body, kind):
    assert binary_kind(body) == kind


@pytest.mark.parametrize("codec", ["utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-16-le", "utf-16-be"])
def test_six_kana_of_ten_characters_count_six_in_every_encoding(codec):
    assert kana_evidence("<b>abc</b> 精米とカナの、かず".encode(codec)) == 6
    assert sniff_counts(batch("<b>abc</b> 精米とカナの、かず".encode(codec))) == [6]


def test_references_count_as_the_kana_they_stand_for():
    text = "".join(f"&#{ord(c)};" if n % 2 else f"&#x{ord(c):X};" for n, c in enumerate("いろはにほ"))
    assert kana_evidence(text.encode()) == 5
    assert kana_evidence(b"&#12354&#x;&#99999;&#xZZZZ;&#1234") == 0


def test_chinese_and_korean_bytes_show_no_kana():
    for text, codec in [
        ("去除糠层的大米，一个网页。" * 50, "gb18030"),
        ("去除糠層的大米，一個網頁，中日月人不之。" * 50, "big5"),
        ("정미는 현미를 도정하는 것입니다." * 50, "cp949"),
        ("Рис шлифованный очищают" * 50, "cp1251"),
        ("Le riz décortiqué à la façon" * 50, "cp1252"),
        ("去除糠层的大米，一个网页。정미는" * 50, "utf-8"),
    ]:
        assert kana_evidence(text.encode(codec)) < 30, codec


def test_kernel_and_reference_agree_on_any_bytes():
    rng = random.Random(0)
    alphabet = b"\x1b$B(J@!%$#v~&#;x0123fF\x82\x83\xa0\xa4\xa5\xa2\x8e\xe3\x81\x82<\n\r\xff\xfe\xfd\x00\xf0\x9f\x8d\xfc"
    bodies = [rng.randbytes(rng.randrange(60)) for _ in range(1500)]
    bodies += [bytes(rng.choice(alphabet) for _ in range(rng.randrange(60))) for _ in range(6000)]
    assert sniff_counts(batch(*bodies)) == [kana_evidence(body) for body in bodies]


def test_kernel_and_reference_agree_on_the_development_corpus(records):
    bodies = [body for _, body, _, _ in records[::7]]
    assert sniff_counts(batch(*bodies)) == [kana_evidence(body) for body in bodies]


def test_sniff_keeps_a_page_of_code_with_one_paragraph_of_japanese():
    page = b"for (i = 0; i < n; i++) { x += y; } // loop\n" * 2000 + PROSE.encode()
    kept, rejected = sniff(page)
    assert (kept.num_rows, rejected) == (1, None)


def test_sniff_says_how_many_kana_it_saw_and_how_many_it_wanted():
    _, rejected = sniff("<a href=/ja>にほんご</a> A page about rice.".encode())
    assert rejected is not None
    assert rejected.select(["reason", "value", "threshold"]).to_pylist() == [
        {"reason": "not_japanese_bytes", "value": 4.0, "threshold": 30.0}
    ]


def test_sniff_names_what_is_no_text_and_what_is_empty():
    _, rejected = sniff(PNG, b"", b"\n ", None, b"rice")
    assert rejected is not None
    reasons = ["not_text", "empty_body", "empty_body", "empty_body", "not_japanese_bytes"]
    assert rejected.column("reason").to_pylist() == reasons


def test_sniff_loses_no_japanese_page_and_skips_the_other_languages(dev, records):
    with (dev / "truth.tsv").open(encoding="utf-8", newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    counts = sniff_counts(batch(*(body for _, body, _, _ in records)))
    long = [
        (truth[url], n) for (url, *_), n in zip(records, counts, strict=True) if int(truth[url]["text_chars"]) >= 400
    ]
    japanese = np.array([n for row, n in long if row["package_lang"] == "ja" and row["lang"] != "und"])
    other = np.array([n for row, n in long if row["package_lang"] != "ja"])
    assert len(japanese) == 1551
    assert np.mean(japanese < 30) < 0.002
    assert len(other) == 349
    assert np.mean(other < 30) > 0.99
