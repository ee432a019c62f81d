"""The sequence of a mixture's stage, read from its shards or looked up where its index says."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.verify import key_words
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.normal_form import form_key, normal_form
from curation.verify.stated import MixtureStage

_NO_KEYS = np.zeros((0, 2), np.uint64)


@dataclass(frozen=True)
class Sequence:
    """What a stage shows, in order: form, label and tokens of each row. A row without a text is its own form and label, by its id."""

    form: np.ndarray
    label: np.ndarray
    tokens: np.ndarray


def read_stage(folder: Folder, stage: MixtureStage, form: str, sums: Check, forms: Check) -> Sequence:
    """Reads a stage. What its rows and files do not say alike goes into `sums`, what texts do not bear out into `forms`."""
    parts = [(_NO_KEYS, _NO_KEYS, np.zeros(0, np.int64))]
    lookup = _Lookup(forms)
    for file in (f for f in stage.files if folder.exists(f.path)):
        count = 0
        try:
            for batch in folder.parquet(file.path).iter_batches(1024):
                of = lookup.named(batch) if form == "index" else _held(batch, stage.name, forms)
                parts.append((*of, _tokens(batch)))
                count += batch.num_rows
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            sums.fail(f"{file.path}: cannot be read ({error})")
        if count != file.rows:
            sums.fail(f"{file.path}: mixture.json says {file.rows:,} rows, the file holds {count:,}")
    made = Sequence(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    sums.looked_at += len(made.form)
    for name, stated, found in (
        ("rows", stage.rows, len(made.form)),
        ("tokens", stage.tokens, int(made.tokens.sum())),
    ):
        if stated != found:
            sums.fail(f"stage {stage.name}: mixture.json says {stated:,} {name}, the files hold {found:,}")
    return made


def _tokens(batch: pa.RecordBatch) -> np.ndarray:
    return batch.column("tokens").cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def _keys(batch: pa.RecordBatch, name: str, otherwise: np.ndarray) -> np.ndarray:
    """A column of keys, with others where it is null or missing."""
    made = otherwise.copy()
    if name in batch.schema.names:
        column = batch.column(name).cast(key_words.KEY)
        given = key_words.present(column)
        made[given] = key_words.words(column)[given]
    return made


def _held(batch: pa.RecordBatch, stage: str, forms: Check) -> tuple[np.ndarray, np.ndarray]:
    """Forms, worked out from the texts, and labels of rows that the mixture holds itself."""
    ids = batch.column("id").to_pylist()
    own = _keys(batch, "id", np.zeros((batch.num_rows, 2), np.uint64))
    form, stated = own.copy(), _keys(batch, "form_key", own)
    label = _keys(batch, "cluster", own)
    texts = batch.column("text").to_pylist() if "text" in batch.schema.names else [None] * batch.num_rows
    has = {n: n in batch.schema.names for n in ("form_key", "cluster")}
    given = {n: key_words.present(batch.column(n)) if has[n] else np.zeros(batch.num_rows, bool) for n in has}
    for row, text in enumerate(texts):
        if text is None:
            form[row] = stated[row]
            continue
        forms.looked_at += 1
        form[row] = key_words.of_bytes([form_key(normal_form(text))])[0]
        for name, said in (("form_key", "form key"), ("cluster", "label")):
            if has[name] and not given[name][row]:
                forms.fail(f"stage {stage}, row {_hex(ids[row])}: is shown and has no {said}")
        if given["form_key"][row] and (form[row] != stated[row]).any():
            forms.fail(f"stage {stage}, row {_hex(ids[row])}: its form key is not its text's")
        if not given["cluster"][row]:
            label[row] = form[row] if has["cluster"] else own[row]
    return form, label


class _Lookup:
    """Rows that an index names, in their files; a file's keys are read once."""

    def __init__(self, forms: Check):
        self.forms = forms
        self._files: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def named(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
        """Forms and labels of the rows that a batch of an index names."""
        ids = _keys(batch, "id", np.zeros((batch.num_rows, 2), np.uint64))
        form, label = ids.copy(), ids.copy()
        rows = batch.column("row").cast(pa.int64()).fill_null(-1).to_pylist()
        for at, (file, row) in enumerate(zip(batch.column("file").to_pylist(), rows, strict=True)):
            self.forms.looked_at += 1
            found, forms, labels = self._keys(file)
            if not 0 <= row < len(found):
                self.forms.fail(f"row {key_words.hexed(ids[at])}: {file} has no row {row}")
                continue
            form[at], label[at] = forms[row], labels[row]
            if (found[row] != ids[at]).any():
                self.forms.fail(f"row {key_words.hexed(ids[at])}: {file} has another row at {row}")
        return form, label

    def _keys(self, file: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if file not in self._files:
            place, _, name = str(file).rpartition("/")
            try:
                opened = Folder(place).parquet(name)
                names = [c for c in ("id", "form_key", "cluster") if c in opened.schema_arrow.names]
                batches = list(opened.iter_batches(1 << 16, columns=names))
            except (OSError, pa.ArrowException, ValueError) as error:
                self.forms.fail(f"{file}: cannot be read ({error})")
                batches = []
            ids = [_keys(b, "id", np.zeros((b.num_rows, 2), np.uint64)) for b in batches]
            parts = [
                (own, _keys(b, "form_key", own), _keys(b, "cluster", own)) for b, own in zip(batches, ids, strict=True)
            ]
            found = [np.concatenate([_NO_KEYS, *(p[i] for p in parts)]) for i in range(3)]
            self._files[file] = found[0], found[1], found[2]
        return self._files[file]


def _hex(key: bytes | None) -> str:
    return "without an id" if key is None else key.hex()
