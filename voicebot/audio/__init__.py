"""PCM that carries its rate, resampling, levels, G.711."""
