"""CEL's grammar (google/cel-spec: langdef), macros included."""

from sampan.api.cel.lexer import MOST_INT, RESERVED, Token, tokens
from sampan.api.cel.macros import expand
from sampan.api.cel.syntax import (
    Call,
    Const,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Problem,
    Select,
    StructExpr,
    report,
)

DEEPEST = 60
"""Brackets inside brackets; each costs the parser some frames of Python's stack."""
LONGEST = 1 << 17
BINARY = {
    "||": 1, "&&": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
STARTS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)


def parse(source: str) -> Expr:
    """The tree of an expression. Raises CompileError."""
    try:
        if len(source) > LONGEST:
            raise Problem(0, f"expression code point size exceeds limit: size: {len(source)}, limit {LONGEST}")
        parser = _Parser(tokens(source))
        made = parser.expr()
        parser.end()
    except Problem as problem:
        raise report(source, [problem]) from None
    except RecursionError:
        raise report(source, [Problem(0, "expression is nested too deeply")]) from None
    return made


class _Parser:
    def __init__(self, given: list[Token]) -> None:
        self._tokens, self._at, self._depth = given, 0, 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> Token | None:
        token = self._tokens[self._at]
        if token.kind != kind:
            return None
        self._at += 1
        return token

    def _need(self, kind: str) -> Token:
        token = self._take(kind)
        if token is None:
            raise self._unexpected("IDENTIFIER" if kind == "IDENT" else f"'{kind}'")
        return token

    def _unexpected(self, wanted: str) -> Problem:
        found = self._next
        return Problem(found.offset, f"Syntax error: mismatched input '{found.text}' expecting {wanted}")

    def end(self) -> None:
        if self._next.kind != "EOF":
            found = self._next
            text = f"Syntax error: mismatched input '{found.text}' expecting <EOF>"
            if self._tokens[self._at + 1].kind == "EOF":
                text = f"Syntax error: extraneous input '{found.text}' expecting <EOF>"
            raise Problem(found.offset, text)

    def expr(self) -> Expr:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Problem(self._next.offset, f"expression recursion limit exceeded: {DEEPEST}")
        made = self._binary(1)
        mark = self._take("?")
        if mark is not None:
            yes = self._binary(1)
            self._need(":")
            made = Call(mark.offset, "_?_:_", None, [made, yes, self.expr()])
        self._depth -= 1
        return made

    def _binary(self, least: int) -> Expr:
        left = self._unary()
        while (rank := BINARY.get(self._next.kind, 0)) >= least:
            token = self._tokens[self._at]
            self._at += 1
            right = self._binary(rank + 1)
            if rank <= 2 and isinstance(left, Call) and left.function == f"_{token.kind}_" and left.target is None:
                left.args.append(right)  # one node for a whole chain of && or ||
            else:
                name = "@in" if token.kind == "in" else f"_{token.kind}_"
                left = Call(token.offset, name, None, [left, right])
        return left

    def _unary(self) -> Expr:
        first = self._next
        if first.kind not in ("!", "-"):
            return self._members(self._primary())
        count = 0
        while self._take(first.kind):
            count += 1
        if first.kind == "-" and count % 2 and self._next.kind == "CONST":
            value = self._next.value
            if type(value) in (int, float):
                self._at += 1
                if type(value) is int and value > MOST_INT:
                    raise Problem(first.offset, "invalid int literal")
                return self._members(Const(first.offset, -value))
        operand = self._unary()
        if count % 2 == 0:
            return operand
        return Call(first.offset, "!_" if first.kind == "!" else "-_", None, [operand])

    def _members(self, made: Expr) -> Expr:
        while True:
            token = self._next
            if token.kind in (".", ".?"):
                self._at += 1
                name = self._need("IDENT")
                if token.kind == ".?":
                    made = Select(token.offset, made, name.text, optional=True)
                elif opened := self._take("("):
                    call = Call(opened.offset, name.text, made, self._list(")"))
                    made = expand(call)
                else:
                    made = Select(token.offset, made, name.text)
            elif token.kind in ("[", "[?"):
                self._at += 1
                index = self.expr()
                self._need("]")
                made = Call(token.offset, "_[_]" if token.kind == "[" else "_[?_]", None, [made, index])
            elif token.kind in ("{", "{?") and (name_of := dotted(made)):
                made = self._struct(name_of)
            else:
                return made

    def _primary(self) -> Expr:
        token = self._next
        self._at += 1
        match token.kind:
            case "CONST":
                if type(token.value) is int and token.value >= MOST_INT:
                    raise Problem(token.offset, "invalid int literal")
                return Const(token.offset, token.value)
            case "IDENT" | ".":
                name = token if token.kind == "IDENT" else self._need("IDENT")
                if name.text in RESERVED:
                    raise Problem(name.offset, f"reserved identifier: {name.text}")
                if opened := self._take("("):
                    return expand(Call(opened.offset, name.text, None, self._list(")")))
                return Ident(name.offset, name.text)
            case "(":
                made = self.expr()
                self._need(")")
                return made
            case "[" | "[?":
                self._at -= token.kind == "["
                return self._array(token)
            case "{" | "{?":
                self._at -= 1
                return self._map(token)
        self._at -= 1
        raise self._unexpected(STARTS)

    def _list(self, close: str) -> list[Expr]:
        made: list[Expr] = []
        if self._take(close):
            return made
        made.append(self.expr())
        while self._take(","):
            made.append(self.expr())
        if not self._take(close):
            raise self._unexpected(f"'{close}'")
        return made

    def _array(self, opened: Token) -> ListExpr:
        items: list[Expr] = []
        optional: set[int] = set()
        marked = opened.kind == "[?"
        if not marked:
            self._at += 1
        while marked or self._next.kind != "]":
            if marked or self._take("?"):
                optional.add(len(items))
            marked = False
            items.append(self.expr())
            if not self._take(","):
                break
        self._need("]")
        return ListExpr(opened.offset, items, frozenset(optional))

    def _map(self, opened: Token) -> MapExpr:
        marked = self._next.kind == "{?"
        self._at += 1
        entries: list[tuple[Expr, Expr, bool]] = []
        while marked or self._next.kind != "}":
            optional = marked or self._take("?") is not None
            marked = False
            key = self.expr()
            self._need(":")
            entries.append((key, self.expr(), optional))
            if not self._take(","):
                break
        self._need("}")
        return MapExpr(opened.offset, entries)

    def _struct(self, name: str) -> StructExpr:
        opened = self._next
        self._at += 1
        marked = opened.kind == "{?"
        entries: list[tuple[int, str, Expr, bool]] = []
        while marked or self._next.kind != "}":
            optional = marked or self._take("?") is not None
            marked = False
            field = self._need("IDENT")
            colon = self._need(":")
            entries.append((colon.offset, field.text, self.expr(), optional))
            if not self._take(","):
                break
        self._need("}")
        return StructExpr(opened.offset, name, entries)


def dotted(expr: Expr) -> str:
    """`a.b.c` for selections of names only, else nothing."""
    parts: list[str] = []
    while isinstance(expr, Select) and not expr.test and not expr.optional:
        parts.append(expr.name)
        expr = expr.operand
    if not isinstance(expr, Ident):
        return ""
    return ".".join([expr.name, *reversed(parts)])
