"""The poll for operators and due times is asked twice a second, of a table that keeps every chat."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event

from voicebot.channels import store
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade


def test_the_poll_reads_indexes_not_all_chats(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'chats.db'}")
    upgrade(database)
    plans: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM chats" in statement:
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())

    assert store.looked_after(database, datetime.now(UTC)) == []
    database.close()

    assert any("ix_chats_mode" in step for step in plans)
    assert any("ix_chats_due_at" in step for step in plans)
    assert not [step for step in plans if step.startswith("SCAN chats")]
