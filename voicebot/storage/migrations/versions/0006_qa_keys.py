"""What QA checked is counted in the figures, so that it outlives the words; keys of programs may be narrowed to scopes."""

import sqlalchemy as sa
from alembic import op

revision = "0006_qa_keys"
down_revision = "0005_accounts"
branch_labels = None
depends_on = None

_COUNTS = ("heard_turns", "heard_words", "word_errors")


def upgrade() -> None:
    with op.batch_alter_table("dialog_facts") as facts:
        for name in _COUNTS:
            facts.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    sums = {"heard_turns": "count(*)", "heard_words": "sum(m.heard_words)", "word_errors": "sum(m.word_errors)"}
    checked = "FROM marks m WHERE m.dialog_id = dialog_facts.dialog_id AND m.heard_words IS NOT NULL"
    values = ", ".join(f"{name} = (SELECT {sums[name]} {checked})" for name in _COUNTS)
    op.execute(f"UPDATE dialog_facts SET {values} WHERE EXISTS (SELECT 1 {checked})")  # noqa: S608 - ours
    # Moved visits were not counted as finished, promised call-backs were: both are counted anew.
    op.execute("UPDATE dialogs SET digested_at = NULL WHERE outcome IN ('moved', 'callback')")
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("scopes", sa.String(255), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as keys:
        keys.drop_column("scopes")
    with op.batch_alter_table("dialog_facts") as facts:
        for name in _COUNTS:
            facts.drop_column(name)
