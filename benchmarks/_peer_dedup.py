"""datatrove's MinHash deduplication in its four stages over a folder of Parquet files, run by `benchmarks/dedup.py`.

    python _peer_dedup.py ROWS OUT

A tokeniser that gives characters: the way it can be used for Japanese at all speed. One task, one process a stage; its defaults but
for character 5-grams and 14 bands of 8. The rows that it keeps are OUT/final.
"""

import sys


def main(rows: str, out: str) -> None:
    """Runs the four executors one after the other."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Characters(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return list(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(i, i + 1) for i in range(len(text))]

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)

    def stage(name: str, *steps: object, tasks: int = 1) -> None:
        LocalPipelineExecutor(list(steps), tasks=tasks, workers=1, logging_dir=f"{out}/logs/{name}").run()

    stage("sig", ParquetReader(rows), MinhashDedupSignature(f"{out}/sig", config, Characters()))
    stage("buckets", MinhashDedupBuckets(f"{out}/sig", f"{out}/buckets", config=config), tasks=14)
    stage("cluster", MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config))
    stage("filter", ParquetReader(rows), MinhashDedupFilter(f"{out}/remove"), ParquetWriter(f"{out}/final"))


if __name__ == "__main__":
    main(*sys.argv[1:])
