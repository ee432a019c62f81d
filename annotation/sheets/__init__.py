"""Review in a spreadsheet: rows of a stratum as CSV or XLSX, and a sheet that was filled in as answers in the label shards.

    cell.py      a text as a cell and back: formulas, control characters, 32,767 characters, Shift_JIS
    columns.py   the columns of a task: what is shown, what is asked, and an answer as cells and back
    file.py      CSV and XLSX, written and read
    written.py   a sheet written, and what it said kept in the label shards
    taken.py     a sheet read back: answers, and conflicts
    conflict.py  everything for which a line is not taken

What a sheet said when it was written is in the label shards (`sheets/`), so a line that comes back is held against that: a cell that
is as it was is no answer, and a line whose text is another than the one of its id was moved. A sheet changes no answer of anybody:
what it says is an answer of its own, by whoever filled it in.
"""
