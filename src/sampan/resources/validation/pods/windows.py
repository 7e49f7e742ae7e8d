"""What is wrong with the Windows options of security contexts (core validation)."""

import re

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, Shown, invalid, marshalled

MOST_SPEC = 64
"""Of the credential spec, in KiB."""
MOST_DOMAIN, MOST_USER = 256, 104
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NETBIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
DNS = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*")
BAD_USER = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
BLANK_USER = re.compile(r"[. ]+")
USER_TEXT = r"""runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"""


def check_windows_options(options: Obj, at: str) -> Errors:
    """WindowsSecurityContextOptions."""
    errors: Errors = []
    name, spec, user = (options.get(key) for key in ("gmsaCredentialSpecName", "gmsaCredentialSpec", "runAsUserName"))
    if name is not None:
        for problem in is_dns1123_subdomain(name):
            errors.append(invalid(f"{at}.gmsaCredentialSpecName", Shown(marshalled(name)), problem))
    if spec is not None:
        here = f"{at}.gmsaCredentialSpec"
        if not spec:
            errors.append(invalid(here, spec, "gmsaCredentialSpec cannot be an empty string"))
        elif len(spec.encode()) > MOST_SPEC * 1024:
            why = f"gmsaCredentialSpec size must be under {MOST_SPEC} KiB"
            errors.append(invalid(here, Shown(marshalled(spec)), why))
    if user is not None:
        errors += [invalid(f"{at}.runAsUserName", Shown(marshalled(user)), why) for why in _user_problems(user)]
    return errors


def _user_problems(name: str) -> list[str]:
    parts = name.split("\\")
    if not name:
        return ["runAsUserName cannot be an empty string"]
    if CONTROL.search(name):
        return ["runAsUserName cannot contain control characters"]
    if len(parts) > 2:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, user = parts if len(parts) == 2 else ("", name)
    problems = []
    if len(domain.encode()) >= MOST_DOMAIN:
        problems.append(f"runAsUserName's Domain length must be under {MOST_DOMAIN} characters")
    if len(parts) == 2 and not (NETBIOS.fullmatch(domain) or DNS.fullmatch(domain)):
        problems.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        problems.append("runAsUserName's User cannot be empty")
    elif len(user.encode()) > MOST_USER:
        problems.append(f"runAsUserName's User length must not be longer than {MOST_USER} characters")
    if BLANK_USER.fullmatch(user):
        problems.append("runAsUserName's User cannot contain only periods or spaces")
    if BAD_USER.search(user):
        problems.append(USER_TEXT)
    return problems
