"""The real extractor, which hangs in C or crashes on pages that say so: what a broken parser does to a worker."""

import ctypes
import re

from curation.extract import page_text


def extract(data, start, stop, options, scratch):
    page = data[start:stop].tobytes()
    if b"HANG" in page:
        re.match(r"(a+)+$", "a" * 60 + "b")
    if b"CRASH" in page:
        ctypes.string_at(0)
    return page_text.extract(data, start, stop, options, scratch)
