"""An Argilla over its REST interface: what a review needs of it, and clear words for what it refuses.

REST and not Argilla's SDK, for two reasons that were measured: the SDK is 41 packages with `datasets` and pandas among them, and
takes 3 seconds to import, for a dozen kinds of call; and its 2.8.0 drops the ranks of a ranking and gives the options in the order
in which they were asked, so that chosen and rejected change places. REST gives what the database holds.
"""

import http.client
import json
import select
import urllib.parse
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from annotation.errors import ReviewError
from annotation.server.environment import ARGILLA

PAGE = 1000
"""Records of one search page (the server's limit)."""

MOST_PUSHED = 500
"""Records of one bulk call (the server's limit)."""

MOST_DELETED = 100
"""Records of one deleting call (the server's limit)."""

Json = dict[str, Any]


class Client:
    """Calls as one user. Use it in a `with`: the connection is kept between calls.

    hint: where the key is from. owner: whether it must be an owner's; others see some of a review, and would take the rest for gone.
    Raises ReviewError from every call: where nothing answers, for a wrong key, for another version of Argilla, for what is refused.
    """

    def __init__(self, url: str, api_key: str, hint: str = "", seconds: float = 120, *, owner: bool = False):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ReviewError(f"{url}: an address is http://HOST:PORT")
        self.url, self.hint, self._key, self._base = url.rstrip("/"), hint, api_key, parts.path.rstrip("/")
        self._owner = owner
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=seconds)

    def __enter__(self) -> Self:
        """Checks version and key."""
        version = self.call("GET", "/version").get("version")
        if version != ARGILLA:
            raise ReviewError(f"{self.url}: Argilla {version or 'of an unknown version'} answers; this needs {ARGILLA}")
        self.me = self.call("GET", "/me")
        if self._owner and self.me["role"] != "owner":
            raise ReviewError(
                f"{self.url}: the API key is that of '{self.me['username']}', an {self.me['role']} of this Argilla, who sees a part"
                f" of it; an owner's is needed{self.hint and f' ({self.hint})'}"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call: `call("POST", "/datasets", {...})`; the answer's JSON, or None where there is none."""
        status, content = self._sent(method, f"{self._base}/api/v1{path}", body)
        if status == 401:
            raise ReviewError(f"{self.url}: the API key is wrong{self.hint and f' ({self.hint})'}")
        if status >= 500 and b"disk is full" in content:
            raise ReviewError(f"{self.url}: the server's disk is full; make room, and give the same command again")
        if status >= 300:
            raise ReviewError(
                f"{self.url}: {method} {path.partition('?')[0]} was refused ({status}): {_detail(content)}"
            )
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise ReviewError(f"{self.url}: what answers is no Argilla: {content[:80]!r}") from error

    def _sent(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"X-Argilla-Api-Key": self._key, "Content-Type": "application/json"}
        if self._ended():
            self._connection.close()  # the next request opens another
        for fresh in (False, True):
            try:
                self._connection.request(method, path, content, headers)
                answered = self._connection.getresponse()
                return answered.status, answered.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                # closed as it was used; once more on a new one, where that repeats nothing
                self._connection.close()
                if fresh or (method == "POST" and "/search?" not in path):
                    raise ReviewError(
                        f"{self.url}: the connection was cut off{self.hint and f' ({self.hint})'}"
                    ) from error
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise ReviewError(
                    f"{self.url}: no Argilla answers ({error or type(error).__name__}){self.hint and f'; {self.hint}'}"
                ) from error
        raise AssertionError("a call ends or raises")

    def _ended(self) -> bool:
        """Whether the server has closed the kept connection: Argilla's does so after five seconds without a call."""
        if self._connection.sock is None:
            return False
        waiting = select.poll()
        waiting.register(self._connection.sock, select.POLLIN)
        return bool(waiting.poll(0))  # nothing was asked, so there is nothing to read but the end

    def workspace(self, name: str) -> str:
        """Id of a workspace, which is made where there is none."""
        there = self.workspaces()
        return there[name] if name in there else self.call("POST", "/workspaces", {"name": name})["id"]

    def workspaces(self) -> dict[str, str]:
        """Ids of the workspaces that are there, by name."""
        return {found["name"]: found["id"] for found in self.call("GET", "/me/workspaces")["items"]}

    def datasets(self, workspace: str) -> list[Json]:
        """Datasets of a workspace."""
        return self.call("GET", f"/me/datasets?workspace_id={workspace}")["items"]

    def records(self, dataset: str, *, include: Sequence[str] = ()) -> Iterator[Json]:
        """All records of a published dataset, each once, in the order of their ids; include: `responses`, `suggestions`."""
        wanted = "".join(f"&include={part}" for part in include)
        sort = [{"scope": {"entity": "record", "property": "id"}, "order": "asc"}]
        offset = 0
        while True:
            path = f"/datasets/{dataset}/records/search?limit={PAGE}&offset={offset}{wanted}"
            page = self.call("POST", path, {"sort": sort})["items"]
            yield from (item["record"] for item in page)
            offset += PAGE
            if len(page) < PAGE:
                return

    def push(self, dataset: str, records: Sequence[Json]) -> None:
        """Writes records; one with an external id that is there takes its place."""
        for start in range(0, len(records), MOST_PUSHED):
            items = records[start : start + MOST_PUSHED]
            self.call("PUT", f"/datasets/{dataset}/records/bulk", {"items": items})

    def delete(self, dataset: str, records: Sequence[str]) -> None:
        """Deletes records by their server's ids, with their responses."""
        for start in range(0, len(records), MOST_DELETED):
            ids = ",".join(records[start : start + MOST_DELETED])
            self.call("DELETE", f"/datasets/{dataset}/records?ids={ids}")


def _detail(content: bytes) -> str:
    """What the server says of a refusal."""
    try:
        said = json.loads(content)
        detail = said.get("detail", said)
        if isinstance(detail, dict):
            detail = detail.get("params", detail)
            detail = detail.get("detail", detail) if isinstance(detail, dict) else detail
        return str(detail)[:400]
    except (ValueError, AttributeError):
        return content[:200].decode("utf-8", "replace") or "nothing was said"
