"""What is wrong with the DNS configuration and the names of a pod's host (core validation: validatePodDNSConfig)."""

import re
from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, max_length_error, regex_error
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_among, required, too_long
from sampan.resources.validation.ip import check_ip

POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
MOST_SERVERS, MOST_SEARCHES, MOST_SEARCH_TEXT, MOST_HOSTNAME = 3, 32, 2048, 64
SEARCH_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
SEARCH = rf"{SEARCH_LABEL}(\.{SEARCH_LABEL})*"
SEARCH_RE = re.compile(SEARCH)
SEARCH_TEXT = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character"  # noqa: E501


def check_dns_policy(policy: str | None, at: str) -> Errors:
    """Where names are looked up."""
    if policy in POLICIES:
        return []
    return [not_among(at, policy, POLICIES)] if policy else [required(at)]


def check_dns(spec: Obj, at: str) -> Errors:
    """dnsConfig, which policy None cannot do without."""
    config = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or ()
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(at, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not servers:
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{at}.nameservers", why)]
    if config is None:
        return []
    errors: Errors = []
    if len(servers) > MOST_SERVERS:
        why = f"must not have more than {MOST_SERVERS} nameservers"
        errors.append(invalid(f"{at}.nameservers", servers, why))
    for index, server in enumerate(servers):
        errors += check_ip(server, f"{at}.nameservers[{index}]")
    errors += _searches(config.get("searches") or [], f"{at}.searches")
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(f"{at}.options[{index}]", "must not be empty"))
    return errors


def _searches(searches: list[str], at: str) -> Errors:
    errors: Errors = []
    if len(searches) > MOST_SEARCHES:
        errors.append(invalid(at, searches, f"must not have more than {MOST_SEARCHES} search paths"))
    if len(" ".join(searches).encode()) > MOST_SEARCH_TEXT:
        why = f"must not have more than {MOST_SEARCH_TEXT} characters (including spaces) in the search list"
        errors.append(invalid(at, searches, why))
    for index, search in enumerate(searches):
        if search == ".":
            continue
        search = search.removesuffix(".")
        if len(search) > 253:
            errors.append(invalid(f"{at}[{index}]", search, max_length_error(253)))
        if not SEARCH_RE.fullmatch(search):
            errors.append(invalid(f"{at}[{index}]", search, regex_error(SEARCH_TEXT, SEARCH, "example.com")))
    return errors


def check_host_aliases(aliases: Iterable[Obj], at: str) -> Errors:
    """Lines of /etc/hosts."""
    errors: Errors = []
    for index, alias in enumerate(aliases):
        errors += check_ip(alias.get("ip") or "", f"{at}[{index}].ip")
        for place, name in enumerate(alias.get("hostnames") or ()):
            here = f"{at}[{index}].hostnames[{place}]"
            errors += [invalid(here, name, problem) for problem in is_dns1123_subdomain(name)]
    return errors


def check_hostname_override(spec: Obj, at: str) -> Errors:
    """hostnameOverride, and what it excludes."""
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    errors: Errors = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(at, "may not be specified when hostNetwork is true"))
    if len(name.encode()) > MOST_HOSTNAME:
        errors.append(too_long(at, MOST_HOSTNAME))
    return errors + [invalid(at, name, problem) for problem in is_dns1123_subdomain(name)]
