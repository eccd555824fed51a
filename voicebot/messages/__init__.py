"""Messages to patients: templates as data, senders that speak with providers, prices, and what was delivered."""
