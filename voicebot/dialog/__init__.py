"""Dialplans (VoiceXML words as YAML), the engine that runs them, understanding, the handling budget. Pure."""
