"""How many patients may chat at once."""
