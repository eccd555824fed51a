"""The database under clinic and records: engine, sessions, migrations."""
