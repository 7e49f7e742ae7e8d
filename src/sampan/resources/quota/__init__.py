"""Resource quotas: what objects count for, and whether it fits."""
