"""Rejecting pages whose site or page reserves their use, with the evidence of what was seen, on every page that stays too.

Signals: directives of X-Robots-Tag and meta robots, TDM reservation in header, markup and `/.well-known/tdmrep.json`, robots.txt for
the user agents that the recipe names, content signals in it, and lists of hosts and URLs. What they are: `curation/rights`. They are
read as of the day of capture, or (`when: latest`) as of the newest robots.txt that there is: run again with newer files, only this
stage is made anew, so that an opt-out of today is honoured in what was crawled before.

A page is `reserved` where any signal of the kinds in `reject` reserves it, whatever others or its licence say; else `unknown` where
one of these kinds could not be looked at, robots.txt also where no files of it are named; else `silent`. `unknown: keep` or `reject`
is the recipe's to say. Of TDM reservation header and markup are enough: hardly any archive holds tdmrep.json.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from curation.filters.url_blocklist import UrlBlocklist
from curation.rights.licence_link import licence_of
from curation.rights.robots import content_signal, may_fetch, tdmrep
from curation.rights.robots_archive import ROBOTS, TDMREP, RobotsArchive, When, day, files_of, read_archive, seconds
from curation.rights.signals import KINDS, OF_THE_PAGE, Signal, of_robots, of_tdm
from curation.step import Batch, Columns, Decide

_SEEN = {
    "X-Robots-Tag": ("x_robots_tag", of_robots),
    "meta robots": ("robots_meta", of_robots),
    "header": ("tdm_header", of_tdm),
    "meta": ("tdm_meta", of_tdm),
}
_NO_MARKUP = ("conversion", "row")
"""Record types that come without their header and markup."""
REASON = "opted_out"


class OptOut(Decide):
    """Rejects pages that are `reserved`; writes `opt_out` (reserved | silent | unknown) and `rights_evidence`, a line a signal.

    reject: kinds of signal that reserve a page: noai, noimageai, noindex, tdm, robots_txt, content_signal, listed.
    unknown: keep | reject, what becomes of a page of which one of these could not be looked at.
    agents: user agents by which robots.txt is read; one that may not fetch the page is enough.
    robots: files of robots.txt and tdmrep.json by date (WARC, Parquet, a folder); none: what they say is unknown.
    when: captured | latest, which of them holds.
    lists: lists of hosts and URLs that have opted out (as of `url_blocklist`).
    """

    reads = (
        "url", "host", "date", "record_type", "x_robots_tag", "tdm_header", "robots_meta", "tdm_meta", "licence_link",
        "rights_basis", "licence",
    )  # fmt: skip
    writes, reasons, libraries = ("opt_out", "rights_evidence"), (REASON,), ("protego",)

    def __init__(
        self,
        reject: list[str],
        unknown: Literal["keep", "reject"],
        agents: list[str] | None = None,
        robots: list[str] | None = None,
        when: When = "captured",
        lists: list[str] | None = None,
    ):
        super().__init__()
        if wrong := [kind for kind in reject if kind not in KINDS]:
            raise ValueError(f"opt_out: there is no signal '{wrong[0]}'; signals are {', '.join(KINDS)}")
        if unknown not in ("keep", "reject") or when not in ("captured", "latest"):
            raise ValueError("opt_out: unknown is keep or reject, when is captured or latest")
        if "robots_txt" in reject and robots and not agents:
            raise ValueError("opt_out: robots_txt is read for user agents: name them (agents: [GPTBot, CCBot, …])")
        self.reject, self.unknown, self.agents = tuple(reject), unknown, tuple(agents or ())
        self.when: When = when
        self.robots, self.lists = list(robots or ()), list(lists or ())
        self._archive: RobotsArchive | None = None
        self._listed: UrlBlocklist | None = None

    def placed(self, folder: Path) -> None:
        """Robots files and lists of one's own begin at the recipe's folder."""
        self.robots = [one if "://" in one else str(folder / one) for one in self.robots]
        self.lists = [str(folder / one) if one.endswith((".yaml", ".yml")) else one for one in self.lists]
        self._listed = UrlBlocklist(self.lists) if self.lists else None

    @cached_property
    def _files(self) -> list[Any]:
        return files_of(self.robots)

    def artefacts(self) -> Mapping[str, bytes]:
        """Names, sizes and stamps of the robots files, and the lists."""
        made = {f"robots {f.file}": f"{f.size} {f.stamp}".encode() for f in self._files}
        return made | dict(self._listed.artefacts() if self._listed is not None else {})

    def manifest_notes(self) -> Mapping[str, Any]:
        """What was looked at, and which of it rejects."""
        said = {"reject": list(self.reject), "unknown": self.unknown, "agents": list(self.agents), "when": self.when}
        lists = self._listed.manifest_notes()["url_lists"] if self._listed is not None else {}
        return {"opt_outs": said | {"robots_files": [f.file for f in self._files], "lists": lists}}

    def plan_note(self) -> str:
        """What is not looked at."""
        if self.robots or self._in_robots_txt not in self.reject:
            return ""
        kept = "stays as `unknown`" if self.unknown == "keep" else "is rejected"
        return f"no robots files are named, so robots.txt is not looked at: a page that does not opt out itself {kept}"

    def setup(self) -> None:
        """Reads the archive and the lists."""
        if self._listed is not None:
            self._listed.setup()
        if self.robots and self._archive is None:
            self._archive = read_archive(self._files)

    def columns(self, batch: Batch) -> Columns:
        listed = self._listed.columns(batch)["detail"].to_pylist() if self._listed is not None else None
        rows = {name: batch.column(name).to_pylist() for name in self.reads if name != "date"}
        rows["date"] = seconds(batch.column("date"))
        states, lines, reasons, details = [], [], [], []
        for i in range(batch.num_rows):
            row = {name: values[i] for name, values in rows.items()}
            signals = list(self._signals(row, listed[i] if listed is not None else None))
            state, why = self._state(signals)
            gone = state == "reserved" or (state == "unknown" and self.unknown == "reject")
            states.append(state)
            lines.append([s.seen for s in signals] + _let_in(row, state))
            reasons.append(REASON if gone else None)
            details.append(why if gone else None)
        return {
            "opt_out": pa.array(states, pa.string()), "rights_evidence": pa.array(lines, pa.list_(pa.string())),
            "reason": pa.array(reasons, pa.string()), "detail": pa.array(details, pa.string()),
        }  # fmt: skip

    def _state(self, signals: Sequence[Signal]) -> tuple[str, str]:
        """The page's state and what decided: the strictest signal of the kinds that reject."""
        mine = [s for s in signals if s.kind in self.reject]
        for says in ("reserved", "unknown"):
            if found := [s.seen for s in mine if s.says == says]:
                return says, "; ".join(found)
        return "silent", ""

    def _signals(self, row: Mapping[str, Any], listed: str | None) -> Iterator[Signal]:
        """Everything that was seen of a page, silence and absence too."""
        captured = "" if row["date"] is None else f" {day(row['date'])}"
        found = [s for where, (name, read) in _SEEN.items() for s in read(row[name], f"{where}{captured}")]
        yield from found
        if row["record_type"] in _NO_MARKUP:
            for kind in (k for k in OF_THE_PAGE if k in self.reject and k not in {s.kind for s in found}):
                yield Signal(kind, "unknown", f"{kind}: a {row['record_type']} record has neither header nor markup")
        elif not found:
            yield Signal("page", "silent", f"header and markup{captured}: no directive, no reservation")
        if listed is not None:
            yield Signal("listed", "reserved", f"listed: {listed}")
        if self._archive is not None:
            yield from self._of_site(self._archive, row)
        elif self._in_robots_txt in self.reject:
            yield Signal(self._in_robots_txt, "unknown", "robots.txt: not looked at, no files of it are named")

    @property
    def _in_robots_txt(self) -> str:
        """The kind that is unknown where nobody has a site's robots.txt."""
        return "robots_txt" if "robots_txt" in self.reject else "content_signal"

    def _of_site(self, archive: RobotsArchive, row: Mapping[str, Any]) -> Iterator[Signal]:
        host, url, at = row["host"], row["url"], row["date"]
        robots = archive.of(host, ROBOTS, at, self.when) if host else None
        if robots is None or not url:
            said = f"of {host} none is known" if host else "the page has no URL"
            yield Signal(self._in_robots_txt, "unknown", f"robots.txt: {said}")
        else:
            late = ", later than the page" if at is not None and robots.at > at and self.when == "captured" else ""
            seen = f"robots.txt {day(robots.at)}{late}"
            says, why = may_fetch(robots.status, robots.body, url, self.agents)
            yield Signal(self._in_robots_txt if says == "unknown" else "robots_txt", says, f"{seen}: {why}")
            if (training := content_signal(robots.status, robots.body)) is not None:
                yield Signal("content_signal", training.says, f"{seen}: {training.why}")
        if host and url and (rep := archive.of(host, TDMREP, at, self.when)) is not None:
            says, why = tdmrep(rep.status, rep.body, url)
            yield Signal("tdm", says, f"tdmrep.json {day(rep.at)}: {why}")

    def __getstate__(self) -> dict[str, Any]:
        """A worker reads the archive itself."""
        return {k: v for k, v in self.__dict__.items() if k != "_archive"} | {"_archive": None}


def _let_in(row: Mapping[str, Any], state: str) -> list[str]:
    """The licence that was seen, and by which rule the page is in the source at all."""
    link, licence = row["licence_link"], licence_of(row["licence_link"])
    lines = [f"licence link: {link} ({licence or 'none that is known'})"] if link else []
    basis = " and ".join(str(row[n]) for n in ("licence", "rights_basis") if row[n])
    return [*lines, f"in by {basis or 'nothing that was declared'}; {state}"]
