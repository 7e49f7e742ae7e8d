"""Legacy service account tokens: Secrets of type kubernetes.io/service-account-token, and the names around them."""

import re
from datetime import date, datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
TOKEN, CA, NAMESPACE = "token", "ca.crt", "namespace"
"""Keys of such a Secret's data."""
LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
"""Labels with dates."""
TRACKING, SINCE = "kube-apiserver-legacy-service-account-token-tracking", "since"
"""The ConfigMap in kube-system that says since when uses are written down."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def is_token(secret: Obj) -> bool:
    """Whether a Secret is meant for a token."""
    return secret.get("type") == TYPE


def belongs_to(secret: Obj, name: str, uid: str) -> bool:
    """Whether a Secret has the token of that account."""
    notes = annotations_of(secret)
    return is_token(secret) and notes.get(ACCOUNT_NAME) == name and notes.get(ACCOUNT_UID) == uid


def refers_to(account: Obj, secret: str) -> bool:
    """Whether an account lists that Secret, as those were that controllers made by themselves before 1.24."""
    return any(one.get("name") == secret for one in account.get("secrets") or ())


def date_of(when: datetime) -> str:
    """2030-01-31"""
    return when.strftime("%Y-%m-%d")


def is_date(text: str) -> bool:
    """Whether it is such a date."""
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False
