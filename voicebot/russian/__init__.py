"""Text <-> typed values: numerals, dates, times, names, phones, inflection, stress. Pure."""
