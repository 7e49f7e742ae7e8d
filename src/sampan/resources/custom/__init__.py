"""Kinds that a CustomResourceDefinition describes, as the same Resource records that built-in kinds have."""

from sampan.resources.custom.record import custom_resources

__all__ = ["custom_resources"]
