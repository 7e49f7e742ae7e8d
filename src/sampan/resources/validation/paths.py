"""What is wrong with paths that lie inside a volume, or may not lead out of one (core validation)."""

import re

from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, invalid, required

HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
HTTP_PATH_RE = re.compile(HTTP_PATH)


def check_no_backsteps(path: str, at: str) -> Errors:
    """No element is `..`."""
    return [invalid(at, path, "must not contain '..'")] if ".." in path and ".." in path.split("/") else []


def check_descending(path: str, at: str) -> Errors:
    """A relative path without `..`."""
    if path[:1] != "/" and ".." not in path:
        return []
    if path.startswith("/"):
        return [invalid(at, path, "must be a relative path"), *check_no_backsteps(path, at)]
    return check_no_backsteps(path, at)


def check_unreserved(path: str, at: str) -> Errors:
    """A relative path without `..` whose first element does not start so (those names are the kubelet's)."""
    if path[:1] != "/" and ".." not in path:
        return []
    errors = check_descending(path, at)
    if path.startswith("..") and not path.startswith("../"):
        errors.append(invalid(at, path, "must not start with '..'"))
    return errors


def check_domain_prefixed(value: str, at: str) -> Errors:
    """A path that starts with a domain, as `acme.io/foo` (apimachinery: IsDomainPrefixedPath)."""
    if not value:
        return [required(at)]
    host, _, path = value.partition("/")
    if not host or not path:
        return [invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid(at, host, text) for text in is_dns1123_subdomain(host)]
    if not HTTP_PATH_RE.fullmatch(path):
        errors.append(invalid(at, path, f"Invalid path (regex used for validation is '{HTTP_PATH}')"))
    return errors
