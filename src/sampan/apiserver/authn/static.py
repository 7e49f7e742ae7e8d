"""Static tokens: the file of kube-apiserver's --token-auth-file."""

import csv
from collections.abc import Mapping

from sampan.apiserver.authn.certificates import AUTHENTICATED
from sampan.apiserver.context import UserInfo


class TokenFileError(ValueError):
    """The file cannot be used; the text names the line."""


def parse_token_file(text: str) -> Mapping[str, UserInfo]:
    """CSV of token,user,uid[,"group,group"]; raises TokenFileError."""
    users: dict[str, UserInfo] = {}
    for number, row in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), 1):
        if not row:
            continue
        if len(row) < 3:
            raise TokenFileError(f'line {number}: expected token,user,uid[,"groups"], found {len(row)} columns')
        token, name, uid = (part.strip() for part in row[:3])
        if not token:
            raise TokenFileError(f"line {number}: the token is empty")
        groups = tuple(g.strip() for g in row[3].split(",") if g.strip()) if len(row) > 3 else ()
        users[token] = UserInfo(name, uid, (*groups, AUTHENTICATED))
    return users
