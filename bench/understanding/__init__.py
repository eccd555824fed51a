"""How well callers are understood, over phrases that nobody trained or tuned on: `make bench-understanding`."""
