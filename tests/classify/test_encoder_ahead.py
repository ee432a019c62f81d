"""Texts that are tokenised ahead of the model: in processes of their own the same windows, none lost, nothing left running."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

from curation.classify.encoder.folder import ModelFolder
from curation.classify.encoder.windows import Cutter, WindowPolicy, encoder_of
from tests.classify.encoder_on_trial import batch, pages, scores, step

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")
ROOT = Path(__file__).resolve().parents[2]
TEXTS = [*pages(60), "", " \u3000", "𠮟🍚" * 300, "終"]


def processes(folder: Path, policy: str = "first", count: int = 2, tokenizer=None):
    """Processes that cut as the model's tokenizer does, and the cutter of this process."""
    from transformers import AutoTokenizer

    from curation.classify.encoder.ahead import InProcesses

    found = tokenizer or AutoTokenizer.from_pretrained(folder)
    said = WindowPolicy(policy=policy, max_tokens=64, most=3)
    cutter = Cutter(encoder_of(found), said, [2], [3])
    return InProcesses(ModelFolder(folder, str(folder), None, {}, ""), found, cutter, count, 2), cutter


def same(found, want) -> bool:
    pairs = ((found.tokens, want.tokens), (found.lengths, want.lengths), (found.text, want.text))
    return found.texts == want.texts and all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("policy", ["first", "first_last", "mean"])
def test_windows_of_other_processes_are_those_of_this_one(models, policy):
    ahead, cutter = processes(models["classes"], policy)
    try:
        whole = pa.array(["前", *TEXTS], pa.large_string())
        asked = [whole[at : at + 7] for at in range(1, len(whole), 7)]
        for texts, windows in [(t, ahead.submit(t)) for t in asked]:
            assert same(windows.result(60), cutter.cut(texts.to_pylist()))
        none = ahead.submit(pa.array(["", ""], pa.large_string())).result(60)
        assert (none.texts, len(none.lengths)) == (2, 0)
    finally:
        ahead.close()


def test_a_tokenizer_in_python_is_loaded_by_the_processes(tmp_path):
    from transformers.models.bert_japanese.tokenization_bert_japanese import BertJapaneseTokenizer

    letters = sorted(c for c in set("".join(TEXTS)) if not c.isspace())
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]))
    kinds = {"word_tokenizer_type": "basic", "subword_tokenizer_type": "character"}
    made = BertJapaneseTokenizer(str(tmp_path / "vocab.txt"), **kinds)
    made.save_pretrained(tmp_path)
    assert getattr(made, "backend_tokenizer", None) is None
    ahead, cutter = processes(tmp_path, count=1, tokenizer=made)
    try:
        found = ahead.submit(pa.array(TEXTS, pa.large_string())).result(120)
        assert same(found, cutter.cut(TEXTS))
        assert found.tokens.max() > 5
    finally:
        ahead.close()


def test_a_process_that_is_killed_is_started_anew_and_no_text_is_lost(models):
    ahead, cutter = processes(models["classes"], count=1)
    try:
        texts = pa.array(TEXTS, pa.large_string())
        assert same(ahead.submit(texts).result(60), cutter.cut(TEXTS))
        first = ahead.processes[0]._process
        first.kill()
        assert same(ahead.submit(texts).result(60), cutter.cut(TEXTS))
        assert ahead.processes[0]._process.pid != first.pid
    finally:
        ahead.close()


def test_processes_that_always_die_end_the_task_and_say_so(models, monkeypatch):
    from curation.classify.encoder.ahead import TokenisingEnded

    monkeypatch.setattr(sys, "executable", "/bin/false")
    ahead, _ = processes(models["classes"], count=1)
    try:
        with pytest.raises(TokenisingEnded, match=r"ended twice over the same 1 texts .*, with exit code 1"):
            ahead.submit(pa.array(["米"], pa.large_string())).result(60)
    finally:
        ahead.close()


def test_what_goes_wrong_in_a_process_is_told_with_its_place(tmp_path):
    from curation.classify.encoder.ahead import InProcesses

    cutter = Cutter(lambda texts: [], WindowPolicy(policy="first", max_tokens=64), [2], [3])
    ahead = InProcesses(ModelFolder(tmp_path, "nowhere", None, {}, ""), None, cutter, 1, 1)
    try:
        with pytest.raises(RuntimeError, match=r"ModelFolderError: .*the tokenizer cannot be loaded"):
            ahead.submit(pa.array(["米"], pa.large_string())).result(120)
    finally:
        ahead.close()


def test_processes_end_with_the_one_that_started_them_however_it_ends(models):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.classify.test_encoder_ahead import processes\n"
        f"ahead, _ = processes(Path({str(models['classes'])!r}))\n"
        "print(*[p._process.pid for p in ahead.processes], flush=True)\ntime.sleep(600)\n"
    )
    start = {"stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    holder = subprocess.Popen([sys.executable, "-c", code], **start)
    pids = [int(pid) for pid in holder.stdout.readline().split()]
    assert len(pids) == 2
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    until = time.monotonic() + 30
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
        assert time.monotonic() < until, "still running"
        time.sleep(0.1)


def test_scores_are_the_same_with_processes_ahead_and_in_input_order(models):
    """As beside a GPU, over several units and parts."""
    from curation.classify.encoder.ahead import InProcesses, InThread
    from curation.classify.encoder.engines import load_tokenizer

    texts = pages(900, seed=5)
    want = scores(step(models["classes"]), texts)
    made = step(models["classes"], batch_tokens=2000)
    made._scorer.ahead = InProcesses(made.folder, load_tokenizer(made.folder), made._scorer.cutter, 2, 1)
    try:
        assert (scores(made, texts, 50) == want).all()
    finally:
        made._scorer.ahead.close()
        made._scorer.ahead = InThread(made._scorer.cutter)


def test_a_unit_is_begun_before_the_one_ahead_of_it_is_read(models, monkeypatch):
    made, order = step(models["classes"]), []
    scorer = made._scorer
    begin, finish = scorer.begin, scorer.finish

    def begun(windows):
        order.append(("begin", windows.texts))
        return begin(windows)

    def finished(unit):
        order.append(("finish", unit.windows.texts))
        return finish(unit)

    monkeypatch.setattr(scorer, "begin", begun)
    monkeypatch.setattr(scorer, "finish", finished)
    scores(made, pages(900))
    assert order == [
        ("begin", 256), ("begin", 512), ("finish", 256), ("begin", 132), ("finish", 512), ("finish", 132),
    ]  # fmt: skip


def test_memory_of_a_unit_is_bounded_by_its_windows_tokens(models):
    """400 pages of 16 windows of 512: 3 million tokens, of which the tokenizer takes 130 bytes for each."""
    made = step(models["classes"], windows="mean", max_tokens=512, most_windows=16)
    engine = made._scorer.engine
    forward = engine.model

    def first_only(input_ids, attention_mask):
        out = forward(input_ids=input_ids[:1, :8], attention_mask=attention_mask[:1, :8])
        out.logits = out.logits.expand(len(input_ids), -1)
        return out

    engine.forward = first_only
    page = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(9000))
    process, peak = psutil.Process(), 0
    gc.collect()
    before = process.memory_info().rss
    try:
        for _ in made.run(batch([f"{n}-{k}{page}" for k in range(100)]) for n in range(4)):
            peak = max(peak, process.memory_info().rss)
    finally:
        engine.forward = forward
    assert made._scorer.tokens > 3_000_000
    assert peak - before < 300e6
