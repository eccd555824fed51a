"""What happened: dialogs, turns, recordings."""
