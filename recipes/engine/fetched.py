"""What reading by ranges cost a run: bytes that were read, of those that the files have, and what was asked for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recipes.engine.wording import Words


@dataclass(frozen=True)
class Fetched:
    """Counts of a `fetch` step and of the lists that it read from."""

    ranges: int
    requests: int
    retries: int
    seconds_waited: int
    bytes_read: int
    bytes_listed: int
    bytes_whole: int
    files: int
    list_bytes_read: int
    listed: int

    @property
    def words(self) -> Words:
        """In a line."""
        share = f"{self.bytes_read / self.bytes_whole:.1%}" if self.bytes_whole else "–"
        read, whole, lists = (f"{n / 1e6:,.1f} MB" for n in (self.bytes_read, self.bytes_whole, self.list_bytes_read))
        return Words(
            f"{self.files:,} ファイル {whole} のうち {read}（{share}）を {self.requests:,} 回の要求で読んだ"
            f"（再試行 {self.retries:,}、混雑の待ち {self.seconds_waited:,} 秒）。"
            f"範囲 {self.ranges:,} は一覧 {self.listed:,} 行（{lists}）から",
            f"{read} read of the {whole} of {self.files:,} files ({share}), in {self.requests:,} requests "
            f"({self.retries:,} tried again, {self.seconds_waited:,} s waited for busy servers); "
            f"{self.ranges:,} ranges out of {self.listed:,} listed rows ({lists})",
        )


def fetched(manifests: Iterable[Mapping[str, Any]]) -> Fetched | None:
    """From the manifests of a run's blocks; None where nothing was fetched."""
    sums: dict[str, float] = {}
    found = False
    for manifest in manifests:
        for step in manifest.get("steps", ()):
            if step["step"].rstrip("0123456789") in ("fetch", "read_ranges"):
                fetch = step["step"] != "read_ranges"
                found |= fetch
                names = {"ranges": step.get("rows", 0)} if fetch else {}
                for name, value in {**step, **names}.items():
                    if name in Fetched.__dataclass_fields__:
                        sums[name] = sums.get(name, 0) + value
    return Fetched(**{name: round(sums.get(name, 0)) for name in Fetched.__dataclass_fields__}) if found else None
