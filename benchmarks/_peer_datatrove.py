"""datatrove's own parts as a Japanese pipeline, run by `benchmarks/curate.py` in an environment of its own.

WarcReader → Trafilatura → LanguageFilter → GopherRepetition and GopherQuality with FineWeb2's values for Japanese →
ParquetWriter → MinHash in four stages → ParquetWriter. One task, one process a stage, as its examples do.

    python _peer_datatrove.py WARC_FOLDER OUT LID_MODEL
"""

import json
import sys
from pathlib import Path


def main(crawl: str, out: str, model: str) -> None:
    """Runs the five executors one after the other and prints the number of documents at the end."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
    from datatrove.pipeline.readers import ParquetReader, WarcReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.lid import FT176LID

    FT176LID.MODEL_URL = model
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    stop_words = ["の", "に", "を", "は", "た", "て", "が", "と", "で", "年", "し", "・", "月", "れ", "さ"]

    def stage(name: str, *steps: object, tasks: int = 1) -> None:
        LocalPipelineExecutor(list(steps), tasks=tasks, workers=1, logging_dir=f"{out}/logs/{name}").run()

    stage(
        "clean",
        WarcReader(crawl, glob_pattern="*.warc.gz", default_metadata={"dump": "bench"}),
        Trafilatura(favour_precision=True, timeout=10),
        LanguageFilter(languages=["ja"], language_threshold=0.65),
        GopherRepetitionFilter(
            language="jpn_Jpan",
            dup_line_frac=0.328,
            dup_para_frac=None,
            dup_line_char_frac=None,
            dup_para_char_frac=None,
            top_n_grams=((2, 0.239), (3, 0.196), (4, 0.172)),
            dup_n_grams=((5, 0.243), (6, 0.225), (7, 0.207), (8, 0.19), (9, 0.175), (10, 0.159)),
        ),
        GopherQualityFilter(
            language="jpn_Jpan",
            min_avg_word_length=1,
            max_avg_word_length=6,
            max_non_alpha_words_ratio=0.759,
            stop_words=stop_words,
            min_stop_words=2,
        ),
        ParquetWriter(f"{out}/clean"),
    )
    documents = sum(1 for _ in Path(out, "clean").glob("*.parquet"))
    if documents:
        stage(
            "sig",
            ParquetReader(f"{out}/clean"),
            MinhashDedupSignature(f"{out}/sig", config=config, language="jpn_Jpan"),
        )
        stage("buckets", MinhashDedupBuckets(f"{out}/sig", f"{out}/buckets", config=config), tasks=14)
        stage("cluster", MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config))
        stage(
            "filter", ParquetReader(f"{out}/clean"), MinhashDedupFilter(f"{out}/remove"), ParquetWriter(f"{out}/final")
        )
    import pyarrow.parquet as pq

    kept = sum(pq.read_metadata(p).num_rows for p in Path(out, "final").glob("*.parquet"))
    print(json.dumps({"documents": kept}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
