"""Verdicts aggregated by crowd-kit, run by `benchmarks/jury.py` in an environment of its own.

python _peer_jury.py FILE.npz     every array [comparisons, judges] of 0, 1, 2 → FILE.npz with classes by DawidSkene and MajorityVote
"""

import sys

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote

made = {}
for name, said in np.load(sys.argv[1]).items():
    tasks, judges = np.indices(said.shape)
    table = pd.DataFrame({"task": tasks.ravel(), "worker": judges.ravel(), "label": said.ravel()})
    made[f"{name}/ds"] = DawidSkene(n_iter=200).fit_predict(table).sort_index().to_numpy()
    made[f"{name}/mv"] = MajorityVote().fit_predict(table).sort_index().to_numpy()
np.savez(sys.argv[1], **made)
