"""$(NAME) references in commands, arguments, environment and paths; $$ is a dollar sign."""

import re
from collections.abc import Mapping

REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")


def expand(text: str, *scopes: Mapping[str, str]) -> str:
    """The text with every $(NAME) that a scope knows replaced; the others stay as they are written."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        for scope in scopes:
            if match[2] in scope:
                return scope[match[2]]
        return match[0]

    return REFERENCE.sub(replacement, text)
