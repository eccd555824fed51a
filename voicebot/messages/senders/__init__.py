"""Ways to a provider: one file (or folder) a protocol, all behind `sender.Sender`."""
