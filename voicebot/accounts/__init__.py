"""Who may see what: users, their sessions, keys of other programs, and the audit of what they looked at."""
