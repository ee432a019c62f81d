"""What is done before a server starts: a new home's database with its owner and workspace, datasets that must be indexed anew.

What is in the database already stays.
"""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

from argilla_server.cli.database.migrate import migrate_db
from argilla_server.cli.search_engine.reindex import Reindexer
from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.models import User, UserRole, Workspace
from argilla_server.search_engine import get_search_engine


def prepare(wanted: str) -> None:
    """Brings the database to this Argilla's form and makes the owner of {username, password, api_key, workspace} (JSON)."""
    migrate_db(revision="head")
    asyncio.run(_owner(**json.loads(wanted)))


async def _owner(username: str, password: str, api_key: str, workspace: str) -> None:
    async with AsyncSessionLocal() as db:
        if await Workspace.get_by(db, name=workspace) is None:
            await Workspace.create(db, name=workspace)
        if await accounts.get_user_by_username(db, username) is None:
            # not accounts.create_user: it draws a key of its own, and this one is known before the server runs
            owner = {"first_name": username, "username": username, "role": UserRole.owner, "api_key": api_key}
            await User.create(db, **owner, password_hash=accounts.hash_password(password))


def reindex(datasets: Sequence[str]) -> None:
    """Makes the index of datasets anew, whatever the engine, by Argilla's own means; all in one process, which is slow to start."""
    asyncio.run(_reindex([UUID(name) for name in datasets]))


async def _reindex(datasets: Sequence[UUID]) -> None:
    async with AsyncSessionLocal() as db:
        async for engine in get_search_engine():
            for name in datasets:
                dataset = await Reindexer.reindex_dataset(db, engine, name)
                async for _ in Reindexer.reindex_dataset_records(db, engine, dataset):
                    pass
