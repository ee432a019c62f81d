"""Which models may write, judge or teach, and under which conditions: the policy file, and what follows for a row and a release.

A policy entry is for one model: id, revision and weight hash, with the hash of the licence text that was reviewed, what the model
stands on, a status (allow | conditional | deny), obligations, and who reviewed it when and why. What has no entry is denied,
also when its licence text is one that another entry has: one Apache text is shared by many projects, and an Apache fine-tune may
still stand on forbidden output. Along a row's provenance (generator, judges, reward models, and everything upstream of each) the
strictest status wins and obligations are united. Judges and reward models count as authors.

A model behind a server that the run did not start is only declared: it is denied at release unless the policy has a line for it.
Documents are another matter: `synth/rights.py`. This is engineering policy, not legal advice.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from synth.engine.content_key import Identity
from synth.obligations import Obligation, PolicyError, Target, contradiction, read_obligations
from synth.weights import Weights

Status = Literal["allow", "conditional", "deny"]
STATUSES = {"allow": 0, "conditional": 1, "deny": 2}
"""Every status, by how strict it is."""


@dataclass(frozen=True)
class Ruling:
    """What the policy says of a model, a row or a release: a status, why, and what must be kept.

    reasons: one line for each entry that is not plainly allowed, the strictest first.
    """

    status: Status
    reasons: tuple[str, ...] = ()
    obligations: frozenset[Obligation] = frozenset()

    def __or__(self, other: "Ruling") -> "Ruling":
        """Both together: the strictest status, all obligations."""
        first, second = sorted((self, other), key=lambda r: -STATUSES[r.status])
        reasons = tuple(dict.fromkeys((*first.reasons, *second.reasons)))
        return Ruling(first.status, reasons, first.obligations | second.obligations)


ALLOWED = Ruling("allow")


@dataclass(frozen=True)
class Policy:
    """A policy file, read and checked."""

    where: str
    version: str
    providers: Sequence[Mapping[str, Any]]
    families: Sequence[Mapping[str, Any]]
    models: Mapping[tuple[str, str, str], Mapping[str, Any]]
    data: Mapping[str, Mapping[str, Any]]
    declared: Sequence[Mapping[str, Any]]
    documents: Mapping[str, Mapping[str, Any]]
    unknown_web: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def of_model(self, model: str, revision: str, weights: str) -> Ruling:
        """What holds for a model by its entry and everything upstream; denied where it has none."""
        if (refused := self._by_name(model)) is not None and refused.status == "deny":
            return refused
        entry = self.models.get((model, revision, weights))
        if entry is None:
            return Ruling("deny", (self._unlisted(model, revision, weights),))
        return self.of_entry(f"model {model}", entry)

    def of_author(self, identity: Identity) -> Ruling:
        """What holds for whoever answered: a declared one has no hash, so its entry is found by id and revision."""
        if identity.verified:
            return self.of_model(identity.model, identity.revision, identity.weights)
        line = next(
            (d for d in self.declared if (d["model"], str(d["revision"])) == (identity.model, identity.revision)), None
        )
        entries = [e for (m, r, _), e in self.models.items() if (m, r) == (identity.model, identity.revision)]
        if (refused := self._by_name(identity.model)) is not None and refused.status == "deny":
            return refused
        said = f"model {identity.model}, revision {identity.revision}"
        if line is None:
            return Ruling(
                "deny",
                (
                    f"{said}: behind a server that the run did not start, and {self.where} has no `declared` line for it",
                ),
            )
        if not entries:
            return Ruling("deny", (self._unlisted(identity.model, identity.revision),))
        signed = f"{said}: declared, on the word of {line['signed_by']} ({line['date']})"
        return Ruling("conditional", (signed,)) | self.of_entry(f"model {identity.model}", entries[0])

    def of_data(self, name: str) -> Ruling:
        """What holds for a data set by its entry; denied where it has none."""
        if (entry := self.data.get(name)) is None:
            return Ruling("deny", (f"data {name}: not listed in {self.where}, so it is denied",))
        return self.of_entry(f"data {name}", entry)

    def upstream_of(self, model: str, revision: str) -> list[tuple[str, Status]]:
        """What a model stands on, each with its own status: the entries above it, and those above them, once each."""
        mine = [e for (m, r, _), e in self.models.items() if (m, r) == (model, revision)]
        return self._above([(u, model) for e in mine for u in e.get("upstream", ())])

    def upstream_of_data(self, name: str) -> list[tuple[str, Status]]:
        """Likewise a listed data set: itself, as `data:NAME`, and what stands above it."""
        return self._above([(f"data:{name}", name)])

    def _above(self, todo: list[tuple[str, str]]) -> list[tuple[str, Status]]:
        found: dict[str, Status] = {}
        while todo:
            named, of = todo.pop(0)
            if named in found:
                continue
            found[named] = self._upstream(named, of, (named,)).status
            kind, _, rest = named.partition(":")
            listed = [self.data[rest]] if kind == "data" and rest in self.data else []
            listed += [e for (m, _, _), e in self.models.items() if kind == "model" and m == rest]
            todo += [(u, rest) for e in listed for u in e.get("upstream", ())]
        return list(found.items())

    def licence_of(self, named: str, revision: str | None = None) -> str | None:
        """SPDX id that the entry of a model says, or that of something upstream (`data:…`, `family:…`, `model:…`)."""
        kind, _, rest = named.partition(":")
        if kind == "data":
            return self.data.get(rest, {}).get("licence")
        if kind == "family":
            return next((f.get("licence") for f in self.families if f["name"] == rest), None)
        model = rest if kind == "model" else named
        found = [e["licence"] for (m, r, _), e in self.models.items() if m == model and revision in (None, r)]
        return found[0] if found else None

    def check_named(self, models: Iterable[str]) -> None:
        """Refuses models by name, before anything is loaded or hashed: for `seimai check`. Raises PolicyError with the reason."""
        listed = {model for model, _, _ in self.models}
        for model in models:
            if (refused := self._by_name(model)) is not None and refused.status == "deny":
                raise PolicyError(refused.reasons[0])
            if model not in listed:
                raise PolicyError(self._unlisted(model))
            entries = [self.of_entry(f"model {m}", e) for (m, _, _), e in self.models.items() if m == model]
            if all(e.status == "deny" for e in entries):
                raise PolicyError(entries[0].reasons[0])

    def check_called(self, name: str, where: str) -> None:
        """Refuses the name by which a server is asked for a model, where it is a denied one's, whatever its operator declares."""
        if (refused := self._by_name(name)) is not None and refused.status == "deny":
            raise PolicyError(f"{where} is asked for {refused.reasons[0].removeprefix('model ')}")

    def is_demo(self, model: str) -> bool:
        """Whether an entry marks a model so (`demo: true`): as a judge it shows how judging works and decides nothing."""
        return any(m == model and entry.get("demo") is True for (m, _, _), entry in self.models.items())

    def check_host(self, url: str) -> None:
        """Refuses the addresses of providers whose terms forbid training on their output. Raises PolicyError with the reason."""
        host = (urlsplit(url if "://" in url else f"//{url}").hostname or "").lower().rstrip(".")
        for provider in self.providers:
            if any(fnmatch.fnmatchcase(host, pattern) for pattern in provider["hosts"]):
                raise PolicyError(
                    f"{url}: {host} is an address of {provider['name']}: {provider['reason']} ({provider['link']})"
                )

    def check_licence_text(self, identity: Identity, weights: Weights) -> None:
        """The licence text beside the weights is the one that was reviewed. Raises PolicyError where it has changed."""
        entry = self.models.get((identity.model, identity.revision, weights.sha256))
        self._hold([] if entry is None else [entry], weights.licences, identity.model, str(weights.path))

    def check_reviewed(self, model: str, revision: str, licences: Mapping[str, str], where: str) -> None:
        """Before weights are hashed: one of the licence texts beside them (hash by name) is that of an entry for model and revision.

        Raises PolicyError where it has changed.
        """
        entries = [e for (m, r, _), e in self.models.items() if (m, r) == (model, revision)]
        self._hold(entries, licences, model, where)

    def _hold(self, entries: Sequence[Mapping[str, Any]], licences: Mapping[str, str], model: str, where: str) -> None:
        """One of the licence texts is the reviewed one of one of the entries, where there are any."""
        if not entries or any(e["licence_sha256"] in licences.values() for e in entries):
            return
        reviewed = entries[0]["licence_sha256"]
        found = ", ".join(f"{name} {digest[:12]}…" for name, digest in licences.items())
        raise PolicyError(
            f"{where}: its licence text is not the one that was reviewed for {model} ({reviewed[:12]}…), but {found}; "
            f"review it and change the entry in {self.where}"
        )

    def of_entry(self, name: str, entry: Mapping[str, Any], above: tuple[str, ...] = ()) -> Ruling:
        """An entry's own ruling and that of everything upstream of it."""
        where = f"{self.where}, {name}"
        own = read_obligations(entry.get("obligations", ()), name, where)
        reasons = () if entry["status"] == "allow" else (f"{name}: {entry['reason']} ({entry['link']})",)
        ruling = Ruling(entry["status"], reasons, own)
        for upstream in entry.get("upstream", ()):
            if upstream in above:
                raise PolicyError(f"{where}: '{upstream}' is upstream of itself")
            ruling |= self._upstream(upstream, name, (*above, upstream))
        return ruling

    def _upstream(self, named: str, of: str, above: tuple[str, ...]) -> Ruling:
        kind, _, rest = named.partition(":")
        if kind == "data" and rest in self.data:
            return self.of_entry(f"{named.replace(':', ' ')}, upstream of {of}", self.data[rest], above)
        if kind == "family" and (family := next((f for f in self.families if f["name"] == rest), None)) is not None:
            return self.of_entry(f"{rest}, upstream of {of}", family, above)
        if kind == "model" and (entries := [e for (m, _, _), e in self.models.items() if m == rest]):
            rulings = [self.of_entry(f"{rest}, upstream of {of}", e, above) for e in entries]
            return max(rulings, key=lambda r: STATUSES[r.status])
        if (refused := self._by_name(rest or named)) is not None:
            return refused
        return Ruling("deny", (f"{named}, upstream of {of}: not listed in {self.where}, so it is denied",))

    def _by_name(self, model: str) -> Ruling | None:
        """What a name alone says: a provider's or a family's ruling, None where nothing is known of it."""
        for provider in self.providers:
            if _matches(model, provider["models"]) and not _matches(model, provider.get("except", ())):
                return Ruling(
                    "deny", (f"model {model}: {provider['name']}: {provider['reason']} ({provider['link']})",)
                )
        for family in self.families:
            if _matches(model, family["models"]):
                return self.of_entry(f"model {model} ({family['name']})", family)
        return None

    def _unlisted(self, model: str, revision: str | None = None, weights: str | None = None) -> str:
        """revision, weights: None where they are not known, or no matter."""
        others = [f"revision {r}, weights {w[:12]}…" for (m, r, w) in self.models if m == model]
        known = next((f for f in self.families if _matches(model, f["models"])), None)
        hint = f"; listed are {'; '.join(others)}" if others else ""
        if known is not None and not others:
            hint = f"; its family ({known['name']}) is {known['status']}: {known['reason']}; review it and add an entry"
        named = "" if revision is None else f", revision {revision}"
        named += "" if not weights else f", weights {weights[:12]}…"
        return f"model {model}{named}: not listed in {self.where}, so it is denied{hint}"


def check_release(rulings: Iterable[Ruling], target: Target | None) -> Ruling:
    """What holds for a release of everything that these rulings are about. Raises PolicyError where it may not be.

    The error names the denied entry's reason, the two obligations that contradict each other, or every one that the target lacks.
    """
    whole = ALLOWED
    for ruling in rulings:
        whole |= ruling
    if whole.status == "deny":
        raise PolicyError(f"the release is denied: {whole.reasons[0]}")
    if (both := contradiction(whole.obligations)) is not None:
        raise PolicyError(f"the release cannot be: {both}")
    if target is None:
        raise PolicyError(
            "the recipe's release has no `target`: say model_name, purpose (train_internal | share | publish), publish, notices, "
            "licence and signoffs, since what may be released depends on them"
        )
    if target.publish and target.purpose == "train_internal":
        raise PolicyError(
            "the release's target says purpose: train_internal, and publish: true: "
            "what is published is not inside; say purpose: publish"
        )
    unmet = [said for o in sorted(whole.obligations) if (said := o.unmet(target)) is not None]
    if unmet:
        raise PolicyError("the release's target does not keep its obligations: " + "; ".join(unmet))
    return whole


def _matches(model: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of the patterns; letters' case, and `_` for `-`, are no matter.

    Patterns without a slash are held against the name without its owner, the others against the whole and against what a gateway
    has put its own parts before.

    >>> _matches("bedrock/us.anthropic.claude-3-5-sonnet", ["*claude*"]), _matches("openrouter/openai/gpt-oss-20b", ["openai/*"])
    (True, True)
    >>> _matches("claude-fans/own-model", ["*claude*"])
    False
    """
    parts = model.lower().replace("_", "-").split("/")
    tails = ["/".join(parts[i:]) for i in range(len(parts))]
    for pattern in (p.lower().replace("_", "-") for p in patterns):
        if any(fnmatch.fnmatchcase(name, pattern) for name in (tails if "/" in pattern else tails[-1:])):
            return True
    return False
