"""A new home's database: its tables, its owner, its first workspace. What is there already stays."""

import asyncio
import json

from argilla_server.cli.database.migrate import migrate_db
from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.models import User, UserRole, Workspace


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
