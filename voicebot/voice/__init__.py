"""From stressed Russian text to PCM: engines, prompt cache."""
