"""Evaluation on phrases, voices and recordings that training never met."""
