"""How well a recogniser hears callers, measured over texts, voices and noises that its training never met.

`python -m bench.recognition` (`make bench-recognition`) runs it; docs/recognition.md says what the figures mean.
"""
