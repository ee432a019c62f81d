"""Components of signatures by a peer, run by `benchmarks/cluster.py` in an environment of its own.

    python _peer_cluster.py datatrove FOLDER     stages 2 and 3 over FOLDER/sig, in one process
    python _peer_cluster.py scipy FOLDER         FOLDER/signatures.npy → keys → edges between neighbours of a bucket → components

Writes FOLDER/PEER.npy (documents that are with another, and a number for each component) and prints {"seconds": CPU seconds,
"keys": those of them that made band keys}.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def by_datatrove(folder: Path) -> np.ndarray:
    """Components as stage 3 writes them, [documents, 2]."""
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.remove()
    config = MinhashConfig(hash_config=HashConfig(precision=32), num_buckets=14, hashes_per_bucket=8)
    for rank in range(14):
        MinhashDedupBuckets(str(folder / "sig"), str(folder / "dups"), config=config).run(None, rank, 14)
    out = str(folder / "out")
    MinhashDedupCluster(str(folder / "dups"), out, config=config, save_cluster_id=True).run(None, 0, 1)
    found = np.fromfile(folder / "out" / "000000.clusters", "<u4").reshape(-1, 2)
    return found.astype(np.int64)


def by_scipy(folder: Path) -> np.ndarray:
    """Components of a sparse graph with an edge between neighbours of a sorted bucket, [documents, 2]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    global keys_seconds
    signed = np.load(folder / "signatures.npy")
    docs = len(signed)
    a, b = [], []
    for band in range(14):
        started = time.process_time()
        keys = np.zeros(docs, np.uint64)
        for place in range(8 * band, 8 * band + 8):
            keys ^= signed[:, place]
            keys *= np.uint64(0xFF51AFD7ED558CCD)
            keys ^= keys >> np.uint64(32)
        keys_seconds += time.process_time() - started
        order = np.argsort(keys)
        ordered = keys[order]
        same = ordered[1:] == ordered[:-1]
        a.append(order[:-1][same])
        b.append(order[1:][same])
    x, y = np.concatenate(a), np.concatenate(b)
    _, label = connected_components(coo_array((np.ones(len(x), np.int8), (x, y)), shape=(docs, docs)), directed=False)
    together = np.flatnonzero(np.bincount(label)[label] > 1)
    return np.column_stack([together, label[together]])


keys_seconds = 0.0


def main(peer: str, folder: str) -> None:
    """Times the peer; imports are not counted."""
    import scipy.sparse.csgraph  # noqa: F401

    work = {"datatrove": by_datatrove, "scipy": by_scipy}[peer]
    started = time.process_time()
    found = work(Path(folder))
    seconds = time.process_time() - started
    np.save(Path(folder) / f"{peer}.npy", found)
    print(json.dumps({"seconds": seconds, "keys": keys_seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
