"""What is wrong with paths that lie inside a volume, or may not lead out of one (core validation)."""

from sampan.resources.strategies.checks import Errors, invalid


def check_no_backsteps(path: str, at: str) -> Errors:
    """No element is `..`."""
    return [invalid(at, path, "must not contain '..'")] if ".." in path and ".." in path.split("/") else []


def check_descending(path: str, at: str) -> Errors:
    """A relative path without `..`."""
    if path.startswith("/"):
        return [invalid(at, path, "must be a relative path"), *check_no_backsteps(path, at)]
    return check_no_backsteps(path, at)


def check_unreserved(path: str, at: str) -> Errors:
    """A relative path without `..` whose first element does not start so (those names are the kubelet's)."""
    errors = check_descending(path, at)
    if path.startswith("..") and not path.startswith("../"):
        errors.append(invalid(at, path, "must not start with '..'"))
    return errors
