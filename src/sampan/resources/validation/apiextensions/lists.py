"""x-kubernetes-list-type and x-kubernetes-list-map-keys of a schema."""

from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_among, plain, required
from sampan.resources.validation.apiextensions.printed import shown_items

LIST_TYPE, LIST_KEYS, MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
NEEDS_MAP = f"must be map if {LIST_KEYS} is non-empty"
A_KEY = f"this property is in {LIST_KEYS}, so it"


def check_lists(schema: Obj, at: str) -> Errors:
    """Whether the type of a list fits the schema, and its keys the items."""
    errors: Errors = []
    listed, keys = schema.get(LIST_TYPE), schema.get(LIST_KEYS) or []
    kind, items = schema.get("type") or "", schema.get("items")
    if listed is not None and kind != "array":
        text = f"must be array if {LIST_TYPE} is specified"
        errors.append(invalid(f"{at}.type", kind, text) if kind else required(f"{at}.type", text))
    elif listed == "set" and isinstance(items, dict):
        errors += _set_items(items, at)
    if listed not in (None, "atomic", "set", "map"):
        errors.append(not_among(f"{at}.{LIST_TYPE}", plain(listed), ("atomic", "set", "map")))
    if keys and listed is None:
        errors.append(required(f"{at}.{LIST_TYPE}", NEEDS_MAP))
    elif keys and listed != "map":
        errors.append(invalid(f"{at}.{LIST_TYPE}", listed, NEEDS_MAP))
    if listed == "map":
        if not keys:
            errors.append(required(f"{at}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map"))
        errors += _map_items(items, keys, at)
    return errors


def _set_items(items: Obj, at: str) -> Errors:
    text = f"must be atomic as item of a list with {LIST_TYPE}=set"
    given = items.get(LIST_TYPE)
    if items.get("type") == "array" and given not in (None, "atomic"):
        return [invalid(f"{at}.items.{LIST_TYPE}", given, text)]
    if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        # Upstream shows the list's type here, not the map's.
        return [invalid(f"{at}.items.{MAP_TYPE}", given, text)]
    return []


def _map_items(items: Any, keys: list[str], at: str) -> Errors:
    if items is None:
        return [required(f"{at}.items", f"must have a schema if {LIST_TYPE} is map")]
    if not isinstance(items, dict):
        text = f"must only have a single schema if {LIST_TYPE} is map"
        return [invalid(f"{at}.items", shown_items(items), text)]
    kind = items.get("type") or ""
    if kind != "object":
        return [invalid(f"{at}.items.type", kind, f"must be object if parent array's {LIST_TYPE} is map")]
    errors: Errors = []
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        found = properties.get(key)
        if found is None:
            errors.append(invalid(f"{at}.{LIST_KEYS}", keys, "entries must all be names of item properties"))
        elif found.get("type") in ("array", "object"):
            text = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            errors.append(invalid(f"{at}.items.properties[{key}].type", kind, text))
        if key in keys[:index]:
            errors.append(invalid(f"{at}.{LIST_KEYS}", keys, "must not contain duplicate entries"))
    return errors


def check_map_keys(schema: Obj, at: str) -> Errors:
    """Items of sets and maps are never null, and items of maps always have their keys."""
    listed, items = schema.get(LIST_TYPE), schema.get("items")
    if not isinstance(items, dict) or listed not in ("set", "map"):
        return []
    errors: Errors = []
    if items.get("nullable"):
        errors.append(forbidden(f"{at}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {listed}"))
    if listed == "set":
        return errors
    needed, properties = items.get("required") or (), items.get("properties") or {}
    for key in schema.get(LIST_KEYS) or ():
        found = properties.get(key)
        if found is None:
            continue
        below = f"{at}.items.properties[{key}]"
        if key not in needed and found.get("default") is None:
            errors.append(required(f"{below}.default", f"{A_KEY} must have a default or be a required property"))
        if found.get("nullable"):
            errors.append(forbidden(f"{below}.nullable", f"{A_KEY} cannot be nullable"))
    return errors
