"""Copies of the database and the recordings, and the way back. docs/operations.md tells how to use them."""
