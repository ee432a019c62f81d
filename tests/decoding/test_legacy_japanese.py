"""Cells that Python's codecs lack or map otherwise, held against cp932 and glibc's EUC-JP-MS."""

import shutil
import subprocess

import pytest

from curation.extract.legacy_japanese import decode_cp932, decode_euc_jp, decode_iso_2022_jp


def sjis(row: int, cell: int) -> bytes:
    """Shift_JIS bytes of a JIS cell (JIS X 0208:1997, annex 1)."""
    first = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
    if row % 2 == 0:
        return bytes((first, cell + 0x9E))
    return bytes((first, cell + (0x3F if cell <= 63 else 0x40)))


def test_one_cell_is_one_character_in_all_three_encodings():
    for row in range(1, 95):
        for cell in range(1, 95):
            want = decode_cp932(sjis(row, cell))[0]
            assert decode_euc_jp(bytes((row + 0xA0, cell + 0xA0))) == want
            assert decode_iso_2022_jp(b"\x1b$B" + bytes((row + 0x20, cell + 0x20)) + b"\x1b(B") == want


@pytest.mark.skipif(not shutil.which("iconv"), reason="needs glibc's iconv")
def test_ibm_rows_of_jis_x_0212_are_those_of_glibc():
    cells = [bytes((0x8F, r, c)) for r in (0xF3, 0xF4) for c in range(0xA1, 0xFF) if (r, c) >= (0xF3, 0xF3)]
    ran = subprocess.run(["iconv", "-f", "EUC-JP-MS", "-t", "UTF-8"], input=b"".join(cells), capture_output=True)
    if ran.returncode:
        pytest.skip("this iconv does not know EUC-JP-MS")
    assert decode_euc_jp(b"".join(cells)) == ran.stdout.decode()


def test_wave_dash_is_microsofts_everywhere():
    assert decode_cp932(b"\x81\x60") == decode_euc_jp(b"\xa1\xc1") == decode_iso_2022_jp(b"\x1b$B!A\x1b(B") == "～"


def test_broken_bytes_cost_themselves_only():
    assert decode_euc_jp(b"\xa4\xa2\xff\xa4\xa4") == "あ\ufffdい"
    assert decode_cp932(b"\x82\xa0\xfd\x82\xa2") == "あ\ufffdい"
    assert decode_iso_2022_jp(b'\x1b$B$"\x1b(B\xff\x1b$B$$\x1b(B') == "あ\ufffdい"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'\x1b$@$"\x1b(J\\x', "あ\\x"),
        (b"\x1b$(D0!\x1b(B", "丂"),
        (b"\x1b$(Q-!\x1b(B", "①"),
        (b"\x1b(I1\x1b(B", "ｱ"),
        (b'\x1b$B$"\x1b(B \x0e12\x0f.', "あ ｱｲ."),
        (b'\x1b$B$"\x1b(B\xb1\xb2', "あｱｲ"),
        (b'\x1b$B$"\nabc', "あ\nabc"),
        (b"\x1b&@\x1b$Bt%\x1b(B", "凜"),
        (b'\x1b$A0!\x1b$B$"\x1b(B', "啊あ"),
        (b'\x1b$B$"\x1b', "あ\ufffd"),
        (b'\x1b$B$"\x1b(', "あ\ufffd"),
        (b'\x1b$B$"$', "あ\ufffd"),
    ],
)
def test_iso_2022_jp_and_its_extensions(raw, text):
    assert decode_iso_2022_jp(raw) == text


def test_iso_2022_jp_reads_what_python_writes():
    text = "精米と玄米、ﾊﾝｶｸ。\r\n\tabc ~ 鷗 表\n"
    assert decode_iso_2022_jp(text.encode("iso2022_jp_ext", "xmlcharrefreplace")) == text
