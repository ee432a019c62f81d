"""What a page says about its own encoding: labels, and where a page states them.

A label is read as browsers read it (WHATWG Encoding Standard, "names and labels"): the name of a narrow standard means the wider
Microsoft or national codec that such pages are really written in. Labels of Japanese mail and PHP software are added.
"""

import codecs
import re
from functools import lru_cache

_WIDER = {
    "utf-8": "utf8 unicode-1-1-utf-8 x-unicode20utf8 utf8mb4 utf-8n utf-8-sig",
    "cp932": "shift_jis shift-jis shiftjis sjis x-sjis s-jis ms_kanji csshiftjis windows-31j windows31j cswindows31j cp932 ms932 "
    "mskanji x-ms-cp932 sjis-win cp943 cp943c ibm-943 x-sjis-cp932 windows-932 x-mac-japanese mac-japanese",
    "euc_jp": "euc-jp eucjp x-euc-jp ujis cseucpkdfmtjapanese eucjp-win eucjp-ms eucjpms euc-jp-ms cp51932 cp20932 x-euc x-eucjp",
    "iso2022_jp": "iso-2022-jp csiso2022jp iso-2022-jp-ms iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-2004 "
    "iso-2022-jp-ext cp50220 cp50221 cp50222 jis x-jis",
    "shift_jis_2004": "shift_jis-2004 shift_jisx0213 sjis2004",
    "euc_jis_2004": "euc-jis-2004 euc-jisx0213",
    "cp949": "euc-kr euckr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cseuckr uhc cp949",
    "gb18030": "gb2312 gb_2312 gb_2312-80 gbk x-gbk gb18030 chinese csgb2312 euc-cn euccn cp936 ms936 windows-936 x-euc-cn",
    "big5hkscs": "big5 big-5 big5-hkscs csbig5 cn-big5 x-x-big5 cp950 windows-950",
    "cp1252": "iso-8859-1 iso8859-1 iso88591 latin1 l1 us-ascii ascii ansi_x3.4-1968 windows-1252 x-cp1252 cp1252 iso_8859-1",
    "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 x-cp1254",
    "cp874": "iso-8859-11 tis-620 windows-874 dos-874",
    "utf-16": "utf-16 utf16 unicode ucs-2 iso-10646-ucs-2 csunicode",
}
_CODEC_OF = {label: codec for codec, labels in _WIDER.items() for label in labels.split()}
_NEVER = {
    "utf-7",
    "undefined",
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "mbcs",
    "oem",
    "replacement",
}
"""Codecs that Python has and that no page may choose: they read some plain ASCII as something else (EBCDIC does so throughout)."""

_META = re.compile(rb"<meta\b[^>]{0,1000}?\bcharset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"\s{0,64}<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']\s*([\w.:+-]{1,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)

HEAD_BYTES = 4096
"""How far a `<meta>` is looked for. Browsers look at 1,024 bytes; pages with long scripts before it exist."""


@lru_cache(maxsize=4096)
def codec_of(label: str | None) -> str | None:
    """Python codec for a charset label in any spelling; None for no label, an unknown one, or one that no page may choose.

    >>> codec_of(" 'Shift_JIS' "), codec_of("ISO-8859-1"), codec_of("x-eucjp"), codec_of("none"), codec_of("utf-7")
    ('cp932', 'cp1252', 'euc_jp', None, None)
    """
    if not label:
        return None
    name = label.strip(" \t\r\n\"';,").lower()
    if found := _CODEC_OF.get(name) or _CODEC_OF.get(name.replace("_", "-")):
        return found
    if name.replace("_", "-") in _NEVER or not re.fullmatch(r"[a-z0-9][a-z0-9_.:+-]{0,39}", name):
        return None
    try:
        found = codecs.lookup(name).name
        plain = found.startswith(("utf-16", "utf-32")) or b"<html> aZ09".decode(found) == "<html> aZ09"
    except (LookupError, ValueError):
        return None
    return found if plain and found.replace("_", "-") not in _NEVER else None


def stated(payload: bytes) -> tuple[tuple[str, str], ...]:
    """Codecs that the page states in its first bytes, as (codec, "xml" or "meta"), in that order; comments do not count.

    >>> stated(b'<?xml version="1.0" encoding="EUC-JP"?><html><META http-equiv=x content="text/html; charset=x-sjis">')
    (('euc_jp', 'xml'), ('cp932', 'meta'))
    """
    head = payload[:HEAD_BYTES]
    found = []
    if (xml := _XML.match(head)) and (codec := codec_of(xml[1].decode("ascii", "replace"))):
        found.append((codec, "xml"))
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    if (meta := _META.search(head)) and (codec := codec_of(meta[1].decode("ascii", "replace"))):
        found.append((codec, "meta"))
    return tuple(found)
