"""API priority and fairness (KEP-1040): which requests go first when there are more than can be served at once."""
