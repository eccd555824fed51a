"""The pages of the desk, a file each: routes only; what they show is made in the rooms below."""
