"""The audit log is append-only: the database itself refuses to change a record, or to delete one that was not released."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

KEPT = ("id", "at", "by", "act", "subject", "detail", "items", "digest")  # what not even the sealer may change
REFUSAL = "the audit trail is append-only"
LET_GO = "OLD.sequence IS NOT NULL AND OLD.sequence <= (SELECT number FROM marker WHERE name = 'trail-start')"


def upgrade() -> None:
    """Put the triggers in place."""
    statements = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for statement in statements:
        op.execute(sa.text(statement))


SQLITE = (
    f"""CREATE TRIGGER audit_record_keeps BEFORE UPDATE ON audit_record
WHEN OLD.sequence IS NOT NULL OR {" OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in KEPT)}
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_record_stays BEFORE DELETE ON audit_record
WHEN ({LET_GO}) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)

POSTGRESQL = (
    f"""CREATE FUNCTION audit_record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN RAISE EXCEPTION '{REFUSAL}'; END IF;
    IF TG_OP = 'DELETE' THEN
        IF ({LET_GO}) IS NOT TRUE THEN RAISE EXCEPTION '{REFUSAL}'; END IF;
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '{REFUSAL}';
END $$""",
    f"""CREATE TRIGGER audit_record_keeps BEFORE UPDATE ON audit_record FOR EACH ROW
WHEN (OLD.sequence IS NOT NULL OR {" OR ".join(f'NEW."{name}"::text IS DISTINCT FROM OLD."{name}"::text' for name in KEPT)})
EXECUTE FUNCTION audit_record_append_only()""",
    "CREATE TRIGGER audit_record_stays BEFORE DELETE ON audit_record FOR EACH ROW EXECUTE FUNCTION audit_record_append_only()",
    "CREATE TRIGGER audit_record_whole BEFORE TRUNCATE ON audit_record FOR EACH STATEMENT EXECUTE FUNCTION audit_record_append_only()",
)
