"""``make bench``: how fast it is, measured beside others, against the targets of the design."""
