"""What is wrong with objects of resource.k8s.io: device classes, claims and slices (KEP-4381)."""
