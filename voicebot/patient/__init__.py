"""A simulated patient over real SIP: `voicebot call`, `make demo`, benches and tests."""
