"""What is wrong with objects of the rbac.authorization.k8s.io group."""
