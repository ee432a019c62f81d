"""One peer's MinHash signatures of the texts of a Parquet file: 112 permutations over character 5-grams, on one core.

    python _peer_minhash.py PEER FILE COUNT      prints {"seconds": CPU seconds, "bytes": UTF-8 bytes signed}

Texts come ready as Python strings; only shingling and signing are timed (gaoya's insert cannot be had without its band tables).
Peers whose interface takes shingles get the set of 5-grams, made in Python as their examples make it.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable


def gaoya() -> Callable[[str], object]:
    """Rust index with its own character n-grams."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(32, 0.8, 14, 8, None, "char", True, (5, 5))
    ids = iter(range(1 << 40))
    return lambda text: index.insert_document(next(ids), text)


def rensa() -> Callable[[str], object]:
    """RMinHash, the classic-like one of the two in the package."""
    from rensa import RMinHash

    def sign(text: str) -> object:
        signature = RMinHash(112, 1)
        signature.update(list(shingles(text)))
        return signature.digest()

    return sign


def datasketch() -> Callable[[str], object]:
    """MinHash.update_batch with its default SHA-1."""
    from datasketch import MinHash

    def sign(text: str) -> object:
        signature = MinHash(num_perm=112)
        signature.update_batch([s.encode() for s in shingles(text)])
        return signature.digest()

    return sign


def datatrove() -> Callable[[str], object]:
    """Its first MinHash stage with a tokenizer that gives characters: the way it can be used for Japanese at all speed."""
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Characters(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return list(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(i, i + 1) for i in range(len(text))]

    step = MinhashDedupSignature("/tmp", MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8), Characters())
    return lambda text: step.get_signature(step.get_shingles(text))


def shingles(text: str) -> set[str]:
    """Distinct character 5-grams."""
    return {text[i : i + 5] for i in range(len(text) - 4)} or {text}


def main(peer: str, file: str, count: str) -> None:
    """Times the peer on the first `count` texts."""
    import pyarrow.parquet as pq

    texts = pq.read_table(file, columns=["text"])["text"].slice(0, int(count)).to_pylist()
    sign = {"gaoya": gaoya, "rensa": rensa, "datasketch": datasketch, "datatrove": datatrove}[peer]()
    sign("始めに一度、表を用意させる。")
    started = time.process_time()
    _all(sign, texts)
    seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "bytes": sum(len(t.encode()) for t in texts)}))


def _all(sign: Callable[[str], object], texts: Iterable[str]) -> None:
    for text in texts:
        sign(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
