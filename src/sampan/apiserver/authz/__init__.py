"""Who may what, by more than roles: a chain of authorizers from a file, servers outside among them."""
