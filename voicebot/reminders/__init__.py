"""Visits that are not forgotten: what is due when, what patients answer, the process that sends it all."""
