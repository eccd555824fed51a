"""What the desk shows: full-text search, figures, marks, hand-overs."""

import sqlalchemy as sa
from alembic import op

revision = "0004_desk"
down_revision = "0003_visits"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_UNDIGESTED = sa.text("digested_at IS NULL")


def upgrade() -> None:
    op.add_column("dialogs", sa.Column("digested_at", _TIME, nullable=True))
    op.create_index("ix_dialogs_undigested", "dialogs", ["started_at"], sqlite_where=_UNDIGESTED, postgresql_where=_UNDIGESTED)
    op.create_table(
        "dialog_facts",
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("dialplan", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("is_transferred", sa.Boolean(), nullable=False),
        sa.Column("is_contained", sa.Boolean(), nullable=False),
        sa.Column("is_lost", sa.Boolean(), nullable=False),
        sa.Column("handling_seconds", sa.Float(), nullable=True),
        sa.Column("caller_turns", sa.Integer(), nullable=False),
        sa.Column("unclear_turns", sa.Integer(), nullable=False),
        sa.Column("bargeins", sa.Integer(), nullable=False),
        sa.Column("least_confidence", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("dialog_id", name=op.f("pk_dialog_facts")),
    )
    op.create_index("ix_dialog_facts_day", "dialog_facts", ["day"])
    op.create_index("ix_dialog_facts_started_at", "dialog_facts", ["started_at"])
    op.create_table(
        "latencies",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "stage", "bucket", name=op.f("pk_latencies")),
    )
    op.create_table(
        "unclear_phrases",
        *_turn_key("unclear_phrases"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("phrase", sa.String(200), nullable=False),
        sa.Column("prompt", sa.String(128), nullable=False),
    )
    op.create_index("ix_unclear_phrases_day", "unclear_phrases", ["day"])
    op.create_table(
        "marks",
        *_turn_key("marks"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("right_text", sa.Text(), nullable=False),
        sa.Column("right_intent", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("heard_words", sa.Integer(), nullable=True),
        sa.Column("word_errors", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_index("ix_marks_at", "marks", ["at"])
    op.create_table(
        "handovers",
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("taken_by", sa.String(64), nullable=False),
        sa.Column("taken_at", _TIME, nullable=True),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dialog_id"], ["dialogs.id"], name=op.f("fk_handovers_dialog_id_dialogs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dialog_id", name=op.f("pk_handovers")),
    )
    _create_search()


def _turn_key(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dialog_id"], ["dialogs.id"], name=op.f(f"fk_{table}_dialog_id_dialogs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dialog_id", "number", name=op.f(f"pk_{table}")),
    ]


def _create_search() -> None:
    """Words in their dictionary forms, of the caller and of the robot: what each database has for full-text search."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE dialog_words USING fts5(dialog_id UNINDEXED, caller, robot, detail=column)")
        return
    op.execute(
        "CREATE TABLE dialog_words (dialog_id VARCHAR(8) PRIMARY KEY, caller TEXT NOT NULL, robot TEXT NOT NULL, "
        "vector TSVECTOR GENERATED ALWAYS AS "
        "(setweight(to_tsvector('simple', caller), 'A') || setweight(to_tsvector('simple', robot), 'B')) STORED)"
    )
    op.execute("CREATE INDEX ix_dialog_words_vector ON dialog_words USING gin (vector)")


def downgrade() -> None:
    op.execute("DROP TABLE dialog_words")
    for table in ("handovers", "marks", "unclear_phrases", "latencies", "dialog_facts"):
        op.drop_table(table)
    op.drop_index("ix_dialogs_undigested", "dialogs")
    with op.batch_alter_table("dialogs") as dialogs:
        dialogs.drop_column("digested_at")
