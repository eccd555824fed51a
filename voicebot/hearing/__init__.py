"""From audio to what the caller said: voice activity, turn taking, recognition."""
