"""The file of --token-auth-file."""

import pytest

from sampan.apiserver.authn.static import TokenFileError, parse_token_file


def test_reads_users_with_and_without_groups() -> None:
    users = parse_token_file('t1,jane,7\n\nt2, joe , 8 ,"dev, ops,"\n')
    assert users["t1"].name == "jane"
    assert users["t1"].uid == "7"
    assert users["t1"].groups == ("system:authenticated",)
    assert users["t2"].name == "joe"
    assert users["t2"].groups == ("dev", "ops", "system:authenticated")
    assert len(users) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [("t1,jane,7\nt2,joe\n", "line 2: expected token,user,uid"), (",jane,7", "line 1: the token is empty")],
)
def test_says_which_line_is_wrong(text: str, why: str) -> None:
    with pytest.raises(TokenFileError, match=why):
        parse_token_file(text)


def test_an_error_does_not_tell_the_token() -> None:
    with pytest.raises(TokenFileError) as caught:
        parse_token_file("secret-token,jane")
    assert "secret-token" not in str(caught.value)
