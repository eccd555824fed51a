"""Benches: commands that print figures, for people and, in the last line, as JSON."""
