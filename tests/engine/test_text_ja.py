"""Text that is text already: the standard recipe over Parquet and JSON lines, no YAML edited."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.shards import ShardSet

TOPICS = ("精米機", "玄米", "酒米", "糠床", "水車", "無洗米", "胚芽米", "古米")


def article(n: int) -> str:
    """A text of its own that swallow_v1 keeps."""
    topic, other = TOPICS[n % 8], TOPICS[n // 8 % 8]
    lines = [
        f"{topic}について、第{n}回の今日は産地の話から始めたい。",
        f"去年の秋に{other}を扱う農家を訪ねたところ、{n + 3}年ぶりの豊作だと聞いた。",
        f"乾いた風が吹く谷では、{topic}の出来が水の温度で変わるという。",
        "村の人たちは朝早くから田に出て、夕方まで草を取り、夜は囲炉裏のそばで昔の作り方を語り合っていた。",
        f"帰り道に買った{n * 7 + 1}グラムの袋を開けると、香りが部屋いっぱいに広がり、家族はみな顔をほころばせた。",
        f"次の回では{other}と{topic}の食べ比べをして、どの炊き方が合うのかを確かめるつもりである。",
        "さて、蔵の奥には大正の頃に使われた石の道具が残っていて、案内の人が重い蓋を持ち上げて見せてくれた。",
        f"木の枠には墨で{n + 40}と番号が書かれ、触れるとひんやりとした手ざわりが伝わってきた。",
        "昼には塩むすびと漬物をご馳走になり、湯気の向こうで笑う子どもたちの声が谷に響いていた。",
        "夕暮れの駅で列車を待つあいだ、土地の古老から聞いた唄の一節を手帳に書きとめ、節回しを忘れないよう口ずさんだ。",
        f"翌日、町の図書館で{n + 1900}年の新聞をめくると、当時の品評会の順位や審査員の短い感想が小さな活字で並んでいた。",
        "写真に写る人びとは誰もが誇らしげで、背後の棚には一等の札を付けた俵がいくつも積まれている。",
        "こうした記録をたどるたびに、毎日の食卓が長い工夫の上に成り立っていることを思い知らされる。",
        "便りは編集部まで葉書で寄せてほしい。読者の知恵がこの欄を支えている。",
    ]
    return "\n".join(lines[n % 3 :] + lines[: n % 3]) + f"\n（{n}）"


def test_parquet_and_json_lines_give_the_same_texts(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": article(n), "url": f"https://a.jp/{n}"} for n in range(24)]
    rows.append({"id": "en", "text": "Rice is milled in a mill. " * 30, "url": "https://a.jp/en"})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    texts = []
    for name in ("a.parquet", "a.jsonl"):
        out = tmp_path / name.replace(".", "-")
        command = [sys.executable, "-m", "recipes.engine.cli", "run", "text_ja", "--in", str(tmp_path / name)]
        done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        (release,) = out.glob("*/curated")
        shards = ShardSet.open(str(release))
        texts.append(sorted(t for b in shards.read(["text"]) for t in b.column("text").to_pylist()))
        (pages,) = out.glob("stages/pages-*/manifest.json")
        assert sum(json.loads(pages.read_text())["rejected"].values()) == 1
    assert texts[0] == texts[1]
    assert len(texts[0]) > 0
