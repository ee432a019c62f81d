"""Pages out of crawls that lie elsewhere: a list says where each record is, and only those bytes are read.

Common Crawl's index (one row a capture: file, offset, length, languages, status, media type) is such a list, and so is any Parquet or
CSV file with a file, an offset and a length, and a WAT file. Two steps of a recipe read it:

    range_list.py   list_files.py   wanted.py    the source `ranges`: rows of a list that are wanted, in order of file and offset
    fetch.py        spans.py                     the step `fetch`: ranges → near ones together → records, as `warc` gives them
    remote.py       http_ranges.py  object_ranges.py  pace.py   a range of a file over https, s3 …: retried, politely, checked

A range's id is made of its file and offset, so that a partition of the list holds whole files in order, whatever wrote
it; the page that is read there takes the id of its record (DESIGN rule 3), and is the same row that reading the whole file gives.
"""
