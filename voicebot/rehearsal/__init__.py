"""Conversation files played over real SIP calls: a real ear, a real voice, the real line, on a clock of their own."""
