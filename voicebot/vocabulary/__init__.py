"""The recogniser's words: how they sound, and how a clinic's own words get into a model's graph without training."""
