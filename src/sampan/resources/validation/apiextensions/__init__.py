"""Checks of CustomResourceDefinitions (apiextensions.k8s.io)."""
