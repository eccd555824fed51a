"""Texts: what callers of a clinic say, as lists of words, templates and random sequences of frequent words."""
