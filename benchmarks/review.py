"""`seimai review up` until it answers, and pages of 50,000 records through Argilla's REST interface with the embedded search engine.

    uvx nox -s bench -- review [--quick]

ready_s: the median of three warm starts (environment, database and owner are there), from the command to the first answer of
`/api/v1/status`; the first start, which makes the database and, where they are not in the cache, the environments, is printed above.
page_ms_50k: 50 records of 50,000 as an annotator's page asks for them, with responses and suggestions, the slowest of six kinds by
its median: each filtered, sorted or searched another way. The records are written into both files directly (the server's bulk
endpoint takes 70 a second), in its own form: `up` compares both row by row, and would index anew what differs. There is no other
side: Argilla runs on Elasticsearch or OpenSearch, which have no wheel.
push_ratio_bare, pull_10k_s: see `_review_answers.py`. The push is of 10,000 pairs; with --quick of 300, where
what every push costs once (a dozen small calls, tables of the masking) is a good part of it.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median

from _review_answers import fill_answers, pull_seconds, push_seconds

from annotation.client import Client
from annotation.labels import Labels
from annotation.server.engine import writing
from annotation.server.engine.store import Store
from annotation.server.home import Home, open_home
from annotation.server.state import state, stop
from annotation.server.up import Up, Wanted, up

RECORDS = 50_000
NOW = "2026-11-26 09:00:00.000000"
WORDS = (
    "米 水 蔵 酒 味噌 出汁 昆布 豆腐 湯気 朝市 港町 坂道 電車 図書館 祭り 花火 夕立 山道 海辺 神社 石段 縁側 風鈴 団扇"
).split()
PARTS = (
    "{}の話を聞きました。", "{}と{}を並べてみます。", "東京では{}が有名です。", "京都の{}は静かでした。",
    "昔から{}を大切にしています。",
    "{}の値段は{}円です。", "今年の{}は去年より早いようです。", "{}について調べたことをまとめます。",
)  # fmt: skip


def text(draw: random.Random, sentences: int) -> str:
    """Running Japanese of some sentences."""
    return "".join(draw.choice(PARTS).format(draw.choice(WORDS), draw.choice(WORDS)) for _ in range(sentences))


def opened(client: Client) -> tuple[str, str]:
    """A published dataset with metadata, a rating and a label; ids of it and of the rating."""
    about = {"name": "pages", "workspace_id": client.workspace("review")}
    made = client.call("POST", "/datasets", {**about, "distribution": {"strategy": "overlap", "min_submitted": 1}})[
        "id"
    ]
    field = {"name": "text", "title": "文", "required": True, "settings": {"type": "text", "use_markdown": False}}
    client.call("POST", f"/datasets/{made}/fields", field)
    rating = {"type": "rating", "options": [{"value": n} for n in range(1, 6)]}
    question = {"name": "quality", "title": "質", "required": True, "settings": rating}
    asked = client.call("POST", f"/datasets/{made}/questions", question)["id"]
    for name, kind in (("host", "terms"), ("length", "integer"), ("perplexity", "float")):
        client.call(
            "POST", f"/datasets/{made}/metadata-properties", {"name": name, "title": name, "settings": {"type": kind}}
        )
    client.call("PUT", f"/datasets/{made}/publish")
    return made, asked


def fill(home: Home, dataset: str, question: str, user: str, sentences: int) -> float:
    """Writes the records, a suggestion for each and an answer to every tenth; seconds that the index took."""
    draw, store, took = random.Random(1), Store(home.index), 0.0
    at = uuid.UUID(dataset).hex
    with sqlite3.connect(home.database) as db:
        for start in range(0, RECORDS, 2000):
            documents = []
            for n in range(start, start + 2000):
                name, score = uuid.UUID(int=draw.getrandbits(128), version=4).hex, round(draw.random(), 3)
                body = text(draw, sentences)
                about = {
                    "host": f"h{n % 97}.example.jp",
                    "length": len(body),
                    "perplexity": round(draw.uniform(5, 80), 2),
                }
                value = draw.randint(1, 5)
                status = "completed" if n % 10 == 0 else "pending"
                record = (name, json.dumps({"text": body}), f"row{n}", at, NOW, NOW, json.dumps(about), status)
                db.execute(
                    "INSERT INTO records (id, fields, external_id, dataset_id, inserted_at, updated_at, metadata, status)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", record,
                )  # fmt: skip
                said = (
                    uuid.uuid4().hex,
                    str(value),
                    str(score),
                    "judge",
                    "model",
                    name,
                    uuid.UUID(question).hex,
                    NOW,
                    NOW,
                )
                db.execute(
                    "INSERT INTO suggestions (id, value, score, agent, type, record_id, question_id, inserted_at, updated_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", said,
                )  # fmt: skip
                answers = []
                if status == "completed":
                    answers.append(writing.Answered(uuid.uuid4().hex, user, "submitted", NOW, {"quality": value}))
                    given = (
                        answers[0].response,
                        json.dumps({"quality": {"value": value}}),
                        "submitted",
                        name,
                        user,
                        NOW,
                        NOW,
                    )
                    db.execute(
                        'INSERT INTO responses (id, "values", status, record_id, user_id, inserted_at, updated_at)'
                        " VALUES (?, ?, ?, ?, ?, ?, ?)", given,
                    )  # fmt: skip
                said = {"quality": {"value": value, "score": score, "agent": "judge", "type": "model"}}
                documents.append(
                    writing.Document(name, status, NOW, NOW, f"row{n}", {"text": body}, about, said, answers, {})
                )
            began = time.perf_counter()
            store.writing(lambda db, rows=documents: writing.put(db, at, rows))
            took += time.perf_counter() - began
    db.close()
    return took


def kinds() -> dict[str, dict]:
    """What pages are asked for, as the UI sends it."""
    meta = {name: {"entity": "metadata", "metadata_property": name} for name in ("host", "length", "perplexity")}
    pending = {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]}
    waiting = {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]}
    some = {"type": "range", "scope": meta["perplexity"], "ge": 10, "le": 60}
    hosts = {"type": "terms", "scope": meta["host"], "values": [f"h{n}.example.jp" for n in range(20)]}
    value = {"entity": "suggestion", "question": "quality", "property": "value"}
    score = {**value, "property": "score"}
    good = {"type": "terms", "scope": value, "values": ["4", "5"]}
    answer = {"entity": "response", "question": "quality"}
    done = {**pending, "values": ["submitted"]}

    def page(*filters: dict, sort: dict | None = None, q: str | None = None) -> dict:
        body: dict = {"filters": {"type": "and", "and": list(filters)}}
        body |= {"sort": [{"scope": sort, "order": "desc"}]} if sort else {}
        return {**body, **({"query": {"text": {"q": q}}} if q else {})}

    return {
        "queue, shuffled": page(pending, waiting),
        "metadata range, sorted by metadata": page(pending, some, sort=meta["length"]),
        "metadata terms, sorted by metadata": page(pending, hosts, sort=meta["perplexity"]),
        "suggestion, sorted by its score": page(pending, good, sort=score),
        "answered, sorted by answer": page(done, sort=answer),
        "東京 -京都 in the text, filtered, sorted": page(pending, some, sort=meta["length"], q="東京 -京都"),
    }


def cpu(home: Home) -> float:
    """CPU seconds of the server so far, which a busy machine changes little; 0.0 where there is no /proc."""
    found = state(home)
    server = next(part.process.pid for part in found.parts if part.name == "server") if found else 0
    stat = Path(f"/proc/{server}/stat")
    fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds(do: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def main() -> None:
    """Starts a review in a temporary home, fills it, asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter texts, fewer pages")
    quick = parser.parse_args().quick
    sentences, times, starts = (5, 5, 1) if quick else (20, 15, 3)
    folder = Path(tempfile.mkdtemp(prefix="seimai-bench-review-"))
    home = open_home(folder / "home")
    started: list[Up] = []

    def start() -> None:
        started.append(up(home, Wanted(), print))

    try:
        print(f"first start: {seconds(start):.1f} s")
        draw, labels, some = random.Random(2), Labels(folder / "labels"), 1 if quick else 3
        with Client(started[0].url, started[0].owner.api_key) as client:
            parts, size = (1, 300) if quick else (10, 1000)
            pushes = push_seconds(client, parts, size, lambda: text(draw, some), lambda: cpu(home))
            about = f"{pushes.bare:.1f} s bare, {pushes.ours:.1f} s ours"
            print(
                f"push of {parts * size:,}: {about}; CPU of both ends {pushes.cpu_bare:.1f} and {pushes.cpu_ours:.1f} s"
            )
            dataset, question = opened(client)
            user = uuid.UUID(client.me["id"]).hex
            answers = fill_answers(home, client, labels, 10_000, lambda: text(draw, some))
        stop(home)
        count = answers()
        took = fill(home, dataset, question, user, sentences)
        print(
            f"index: {RECORDS / took:,.0f} records a second of {sentences} sentences; {home.index.stat().st_size / 2**20:.0f} MB"
        )
        warm = []
        for _ in range(starts):
            stop(home)
            warm.append(seconds(start))
        print("warm starts: " + ", ".join(f"{s:.1f}" for s in warm) + " s")
        medians = {}
        with Client(started[0].url, started[0].owner.api_key) as client:
            pulled = pull_seconds(client, labels, count)
            print(f"pull of {count:,} answers: {pulled:.1f} s")
            path = f"/me/datasets/{dataset}/records/search?include=responses&include=suggestions&limit=50"
            for name, body in kinds().items():
                found = client.call("POST", path, body)  # once to warm
                assert len(found["items"]) == 50, name
                before = cpu(home)
                took_ms = [1000 * seconds(lambda b=body: client.call("POST", path, b)) for _ in range(times)]
                medians[name], spent = median(took_ms), 1000 * (cpu(home) - before) / times
                about = f"{found['total']:,} found; {min(took_ms):.0f} to {max(took_ms):.0f}; server CPU {spent:.0f}"
                print(f"{medians[name]:6.0f} ms  {name} ({about})")
        said = {"push_ratio_bare": round(pushes.ours / pushes.bare, 2), "pull_10k_s": round(pulled, 1)}
        print(json.dumps(said | {"page_ms_50k": round(max(medians.values())), "ready_s": round(median(warm), 1)}))
    finally:
        stop(home)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
