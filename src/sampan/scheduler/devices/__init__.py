"""Dynamic resource allocation with structured parameters (KEP-4381): the devices of a pod's claims on a node. Pure."""
