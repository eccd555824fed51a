"""Typed messages between line and brain, and their socket."""
