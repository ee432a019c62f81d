"""The fingerprint of a generation's rounds: everything that decides about candidates and about which of them are taken.

A changed target, which only the release is held to, leaves it as it is, so that such a change needs no new rounds.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.source_hash import of_module
from recipes.engine import code_version
from recipes.engine.generation.benchmarks import benchmark_search
from recipes.engine.generation.earlier_sets import base_hashes
from recipes.engine.source_read import hash_of
from synth import orders

if TYPE_CHECKING:
    from recipes.engine.generation.plan import Generation

FORMAT = 2
"""Version of the rounds' and the release's layout; part of every fingerprint."""
CODE = (
    "synth.answering",
    "synth.candidates",
    "synth.deciding",
    "synth.import_candidates",
    "synth.orders",
    "synth.seed",
    "synth.verify.constraint",
)
LIBRARIES = ("sudachipy", "sudachidict-core", "jsonschema", "datasketch", "regex", "pyyaml")


def asked(g: "Generation") -> str:
    """Hash of everything that the rounds depend on: orders and rules, what they read, code, wordings, data, policy, engine."""
    tasks = sorted({type(o.task).__module__ for o in g.orders})
    code = {name: of_module(name) for name in (*CODE, *tasks)}
    libraries = code_version.libraries([*LIBRARIES, *(("xllamacpp",) if g.engine.kind == "llama_cpp" else ())])
    root = Path(orders.__file__).parent
    files = sorted(path for folder in ("prompts", "seeds", "domains") for path in (root / folder).glob("*.yaml"))
    data = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}
    own = {path for order in g.orders for path in order.task.files()}
    data["own"] = hash_of(sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in own))
    benchmarks = benchmark_search(g)
    files_of_sets = {} if benchmarks is None else benchmarks.artefacts()
    evaluation: dict[str, Any] = {n: hashlib.sha256(c).hexdigest()[:16] for n, c in files_of_sets.items()}
    said = g.spec.model_dump(by_alias=True)
    release = [g.target.purpose, g.release.draft_wordings]
    evaluation |= {"novelty base": base_hashes(g.spec.novelty.base, g.folder, g.where)}
    evaluation |= {"imports": {one.order.name: [f.sha256 for f in one.files] for one in g.imports}}
    engine = [g.engine.kind, sorted(g.left_out)]  # its keys are in `said`, as the recipe has them
    return hash_of(
        [FORMAT, said, release, g.read.fingerprint, code, libraries, data, evaluation, engine, g.policy_hash]
    )
