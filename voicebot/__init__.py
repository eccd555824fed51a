"""Voicebot: a telephony voice robot for Russian-speaking clinics."""

__version__ = "0.1.0"
