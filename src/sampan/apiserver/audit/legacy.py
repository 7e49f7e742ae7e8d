"""Events as lines for people (upstream: --audit-log-format=legacy)."""

from sampan.api.json import Obj


def legacy_line(event: Obj) -> str:
    """An event on one line."""
    user, ref = event.get("user") or {}, event.get("objectRef") or {}
    other = event.get("impersonatedUser") or {}

    def quoted(text: str) -> str:
        return f'"{text}"' if text else '"<none>"'

    def names(groups: list[str]) -> str:
        return ",".join(f'"{group}"' for group in groups) if groups else '"<none>"'

    as_user = quoted(other.get("username", "")) if other else '"<self>"'
    as_groups = names(other.get("groups") or []) if other else '"<lookup>"'
    code = (event.get("responseStatus") or {}).get("code")
    return (
        f'{event["requestReceivedTimestamp"]} AUDIT: id="{event["auditID"]}" stage="{event["stage"]}" '
        f'ip="{(event.get("sourceIPs") or ["<unknown>"])[0]}" method="{event["verb"]}" '
        f"user={quoted(user.get('username', ''))} groups={names(user.get('groups') or [])} as={as_user} "
        f"asgroups={as_groups} user-agent={quoted(event.get('userAgent', ''))} "
        f"namespace={quoted(ref.get('namespace', ''))} uri={quoted(event['requestURI'])} "
        f'response="{code if code is not None else "<deferred>"}"'
    )
