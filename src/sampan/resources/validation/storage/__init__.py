"""What is wrong with objects of the storage.k8s.io group."""
