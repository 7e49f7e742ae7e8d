"""What is known to be wrong with Kubernetes versions: the CVE feed, end of life, and what of it concerns a cluster."""
