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
LITERALS = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
STARTS = f"{{'[', '{{', '(', '.', '-', '!', {LITERALS}"
IN_CALL = f"{{'[', '{{', '(', ')', '.', '-', '!', {LITERALS}"
IN_INDEX = f"{{'[', '{{', '(', '.', '-', '!', '?', {LITERALS}"
IN_MAP = f"{{'[', '{{', '}}', '(', '.', ',', '-', '!', '?', {LITERALS}"
IN_STRUCT = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"
BEGINNERS = frozenset(("[", "[?", "{", "{?", "(", ".", "-", "!", "CONST", "IDENT"))
"""Tokens that an expression may start with."""


def parse(source: str, binds: bool = False) -> Expr:
    """The tree of an expression; `binds`: it may use cel.bind. Raises CompileError."""
    problems: list[Problem] = []
    made: Expr | None = None
    try:
        if len(source) > LONGEST:
            raise Problem(0, f"expression code point size exceeds limit: size: {len(source)}, limit {LONGEST}")
        found, problems = tokens(source)
        parser = _Parser(found, problems, binds)
        made = parser.expr()
        parser.end()
    except Problem as problem:
        problems.append(problem)
    except RecursionError:
        problems = [Problem(0, "expression is nested too deeply")]
    if problems or made is None:
        raise report(source, problems)
    return made


class _Parser:
    def __init__(self, given: list[Token], problems: list[Problem], binds: bool) -> None:
        self._tokens, self._problems, self._at, self._depth = given, problems, 0, 0
        self._open, self._binds = 0, binds

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

    def _after(self) -> str:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)].kind

    def _skipped(self, wanted: str) -> None:
        """One token too much: it is told, and left out."""
        found = self._next
        self._problems.append(
            Problem(found.offset, f"Syntax error: extraneous input '{found.text}' expecting {wanted}")
        )
        self._at += 1

    def _close(self, kind: str, wanted: str = "") -> None:
        """A closing bracket. `wanted`: what else could stand there, which makes its lack no mere slip."""
        self._open -= 1
        if self._take(kind):
            return
        if self._after() == kind:
            self._skipped(wanted or f"'{kind}'")
            self._take(kind)
            return
        if not wanted and self._next.kind == "EOF" and not self._open:
            self._problems.append(self._missing(kind))
            return
        raise self._unexpected(wanted or f"'{kind}'")

    def _missing(self, kind: str) -> Problem:
        found = self._next
        return Problem(found.offset, f"Syntax error: missing '{kind}' at '{found.text}'")

    def _colon(self) -> Token:
        """Between key and value."""
        found = self._next
        if found.kind != ":" and found.kind in BEGINNERS:
            self._problems.append(self._missing(":"))
            return found
        return self._need(":")

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
        if self._next.kind == "EOF":
            end = self._next
            if first.kind == "!":
                raise Problem(end.offset, f"Syntax error: extraneous input '<EOF>' expecting {STARTS}")
            text = self._tokens[self._at - 1].text
            self._problems.append(Problem(end.offset, f"Syntax error: no viable alternative at input '{text}'"))
        operand = self._unary()
        if count % 2 == 0:
            return operand
        return Call(first.offset, "!_" if first.kind == "!" else "-_", None, [operand])

    def _members(self, made: Expr) -> Expr:
        while True:
            token = self._next
            if token.kind in (".", ".?"):
                self._at += 1
                name = self._name_after(token)
                if token.kind == ".?":
                    made = Select(token.offset, made, name.text, optional=True)
                elif opened := self._take("("):
                    call = Call(opened.offset, name.text, made, self._list(")"))
                    made = expand(call, self._binds)
                else:
                    made = Select(token.offset, made, name.text)
            elif token.kind in ("[", "[?"):
                self._at += 1
                self._open += 1
                if self._next.kind not in BEGINNERS and self._after() not in BEGINNERS:
                    raise self._unexpected(IN_INDEX if token.kind == "[" else STARTS)
                index = self.expr()
                self._close("]")
                made = Call(token.offset, "_[_]" if token.kind == "[" else "_[?_]", None, [made, index])
            elif token.kind in ("{", "{?") and (name_of := dotted(made)):
                made = self._struct(name_of)
            else:
                return made

    def _name_after(self, dot: Token) -> Token:
        found = self._next
        if found.kind == "IDENT":
            self._at += 1
            return found
        if found.kind == "QUOTED":
            raise Problem(found.offset, "unsupported syntax: '`'")
        if dot.kind == ".?":
            self._problems.append(self._unexpected("{IDENTIFIER, ESC_IDENTIFIER}"))
            raise Problem(found.offset, "unsupported ident kind")
        text = dot.text + ("" if found.kind == "EOF" else found.text)
        raise Problem(found.offset, f"Syntax error: no viable alternative at input '{text}'")

    def _primary(self, wanted: str = STARTS) -> Expr:
        if self._next.kind not in BEGINNERS and self._next.kind != "EOF" and self._after() in BEGINNERS:
            self._skipped(wanted)
            return self._unary()
        token = self._next
        self._at += 1
        match token.kind:
            case "CONST":
                if type(token.value) is int and token.value >= MOST_INT:
                    raise Problem(token.offset, "invalid int literal")
                return Const(token.offset, token.value)
            case "IDENT" | ".":
                name = token if token.kind == "IDENT" else self._name_after(token)
                if name.text in RESERVED:
                    self._problems.append(Problem(name.offset, f"reserved identifier: {name.text}"))
                if opened := self._take("("):
                    return expand(Call(opened.offset, name.text, None, self._list(")")), self._binds)
                return Ident(name.offset, name.text)
            case "(":
                self._open += 1
                made = self.expr()
                self._close(")")
                return made
            case "[" | "[?":
                self._at -= token.kind == "["
                return self._array(token)
            case "{" | "{?":
                self._at -= 1
                return self._map(token)
        self._at -= 1
        if (token.kind in BINARY or token.kind == "?") and self._after() == "EOF":
            self._problems.append(self._unexpected(STARTS))
            self._at += 1
        raise self._unexpected(STARTS)

    def _list(self, close: str) -> list[Expr]:
        """The arguments of a call."""
        made: list[Expr] = []
        self._open += 1
        if self._take(close):
            self._open -= 1
            return made
        if self._next.kind not in BEGINNERS:
            if self._after() in BEGINNERS or self._after() == close:
                self._skipped(IN_CALL)
                if self._take(close):
                    self._open -= 1
                    return made
            else:
                raise self._unexpected(IN_CALL)
        made.append(self.expr())
        while self._take(","):
            made.append(self.expr())
        self._close(close)
        return made

    def _array(self, opened: Token) -> ListExpr:
        items: list[Expr] = []
        optional: set[int] = set()
        marked = opened.kind == "[?"
        if not marked:
            self._at += 1
        self._open += 1
        if not marked and self._next.kind == "," and self._after() == "]":
            self._at += 1
        while marked or self._next.kind != "]":
            if marked or self._take("?"):
                optional.add(len(items))
            marked = False
            items.append(self.expr())
            if not self._take(","):
                break
        self._close("]", "{']', ','}" if items else "")
        return ListExpr(opened.offset, items, frozenset(optional))

    def _map(self, opened: Token) -> MapExpr:
        marked = self._next.kind == "{?"
        self._at += 1
        entries: list[tuple[Expr, Expr, bool]] = []
        self._open += 1
        if not marked and self._next.kind == "," and self._after() == "}":
            self._at += 1
        if not marked and self._next.kind not in ("}", "?") and self._next.kind not in BEGINNERS:
            if self._after() not in BEGINNERS:
                raise self._unexpected(IN_MAP)
            self._skipped(IN_MAP)
        while marked or self._next.kind != "}":
            optional = marked or self._take("?") is not None
            marked = False
            key = self.expr()
            self._colon()
            entries.append((key, self.expr(), optional))
            if not self._take(","):
                break
        self._close("}", "{'}', ','}" if entries else "")
        return MapExpr(opened.offset, entries)

    def _struct(self, name: str) -> StructExpr:
        opened = self._next
        self._at += 1
        marked = opened.kind == "{?"
        entries: list[tuple[int, str, Expr, bool]] = []
        self._open += 1
        while marked or self._next.kind != "}":
            optional = marked or self._take("?") is not None
            marked = False
            if self._next.kind != "IDENT":
                raise self._unexpected("'}'" if entries else IN_STRUCT)
            field = self._need("IDENT")
            colon = self._colon()
            entries.append((colon.offset, field.text, self.expr(), optional))
            if not self._take(","):
                break
        self._close("}", "{'}', ','}")
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
