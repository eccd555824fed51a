"""What people and other systems see over HTTP."""
