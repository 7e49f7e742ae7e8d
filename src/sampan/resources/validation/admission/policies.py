"""What is wrong with admission policies (ValidateValidatingAdmissionPolicy, ValidateMutatingAdmissionPolicy)."""

import re

from sampan.api.json import Obj
from sampan.api.meta import is_dns1035_label, is_dns1123_subdomain, is_qualified_name
from sampan.resources.policies.compile import Compiler
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    invalid,
    meta_of,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.admission.conditions import check_conditions, wrong
from sampan.resources.validation.admission.rules import check_choice, check_match_resources
from sampan.resources.validation.conditions import check_conditions as check_status_conditions

FAILURE, REINVOCATION = ("Fail", "Ignore"), ("IfNeeded", "Never")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
MUTABLE = ("*", "CONNECT", "CREATE", "UPDATE")
PATCHES = ("ApplyConfiguration", "JSONPatch")
NOTHING = "validations or auditAnnotations must contain at least one item"
MOST_ANNOTATIONS, MOST_VALUE = 20, 5 * 1024
IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
RESERVED = frozenset((
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
))  # fmt: skip


def check_validating_policy(obj: Obj) -> Errors:
    """A new ValidatingAdmissionPolicy."""
    return _validating(obj, False)


def check_validating_policy_update(new: Obj, old: Obj) -> Errors:
    """A changed one: match conditions that stay are not looked at again."""
    return _validating(new, _same_conditions(new, old))


def check_mutating_policy(obj: Obj) -> Errors:
    """A new MutatingAdmissionPolicy."""
    return _mutating(obj, False)


def check_mutating_policy_update(new: Obj, old: Obj) -> Errors:
    """A changed one: match conditions that stay are not looked at again."""
    return _mutating(new, _same_conditions(new, old))


def check_policy_status(new: Obj, old: Obj) -> Errors:
    """What type checking found, and conditions."""
    status = new.get("status") or {}
    errors: Errors = []
    for index, warning in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        at = f"status.typeChecking.expressionWarnings[{index}]"
        if not warning.get("warning"):
            errors.append(required(f"{at}.warning"))
        if not (warning.get("fieldRef") or "").strip():
            errors.append(required(f"{at}.fieldRef"))
    return errors + check_status_conditions(status.get("conditions") or [], "status.conditions")


def _same_conditions(new: Obj, old: Obj) -> bool:
    now, before = spec_of(new), spec_of(old)
    return all(now.get(key) == before.get(key) for key in ("paramKind", "matchConditions"))


def _common(spec: Obj) -> Errors:
    errors = [required("spec.failurePolicy")] if spec.get("failurePolicy") is None else []
    errors += check_choice(spec, "spec", "failurePolicy", FAILURE)
    params = spec.get("paramKind")
    if params is not None:
        errors += _param_kind(params, "spec.paramKind")
    matches = spec.get("matchConstraints")
    if matches is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += check_match_resources(matches, "spec.matchConstraints")
        if not matches.get("resourceRules"):
            errors.append(required("spec.matchConstraints.resourceRules"))
    return errors


def _conditions(spec: Obj, known: bool) -> Errors:
    if known:
        return []
    conditions = spec.get("matchConditions") or []
    return check_conditions(conditions, "spec.matchConditions", params=spec.get("paramKind") is not None)


def _validating(obj: Obj, known: bool) -> Errors:
    spec = spec_of(obj)
    variables = spec.get("variables") or []
    compiler = Compiler(params=spec.get("paramKind") is not None, composed=bool(variables))
    errors = _common(spec) + _conditions(spec, known) + _variables(compiler, variables)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        return [*errors, required("spec.validations", NOTHING), required("spec.auditAnnotations", NOTHING)]
    for index, validation in enumerate(validations):
        errors += _validation(compiler, validation, f"spec.validations[{index}]")
    if len(annotations) > MOST_ANNOTATIONS:
        text = f"must not have more than {MOST_ANNOTATIONS} auditAnnotations"
        shown = [{"Key": a.get("key", ""), "ValueExpression": a.get("valueExpression", "")} for a in annotations]
        errors.append(invalid("spec.auditAnnotations", shown, text))
    keys: set[str] = set()
    for index, annotation in enumerate(annotations):
        at, key = f"spec.auditAnnotations[{index}]", annotation.get("key") or ""
        errors += _annotation(compiler, meta_of(obj).get("name") or "", annotation, at)
        if key in keys:
            errors.append(duplicate(f"{at}.key", key))
        keys.add(key)
    return errors


def _mutating(obj: Obj, known: bool) -> Errors:
    spec = spec_of(obj)
    compiler = Compiler(params=spec.get("paramKind") is not None)
    errors = _common(spec)
    errors += check_mutable(spec.get("matchConstraints"), "spec.matchConstraints")
    errors += _conditions(spec, known) + _variables(compiler, spec.get("variables") or [])
    mutations, again = spec.get("mutations") or [], spec.get("reinvocationPolicy") or ""
    if not mutations:
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        errors += _mutation(compiler, mutation, f"spec.mutations[{index}]")
    if not again:
        errors.append(required("spec.reinvocationPolicy"))
    elif again not in REINVOCATION:
        errors.append(not_supported("spec.reinvocationPolicy", again, REINVOCATION))
    return errors


def check_mutable(matches: Obj | None, at: str) -> Errors:
    """Requests that a policy can change: none that delete."""
    rules = (matches or {}).get("resourceRules") or ()
    operations = [operation for rule in rules for operation in rule.get("operations") or ()]
    here = f"{at}.resourceRules.operations"
    return [not_supported(here, operation, MUTABLE) for operation in operations if operation not in MUTABLE]


def _param_kind(given: Obj, at: str) -> Errors:
    version, kind = given.get("apiVersion") or "", given.get("kind") or ""
    errors = _api_version(version, f"{at}.apiVersion") if version else [required(f"{at}.apiVersion")]
    if not kind:
        errors.append(required(f"{at}.kind"))
    elif problems := is_dns1035_label(kind.lower()):
        text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
        errors.append(invalid(f"{at}.kind", kind, text))
    return errors


def _api_version(given: str, at: str) -> Errors:
    if given.count("/") > 1:
        return [invalid(at, given, f"unexpected GroupVersion string: {given}")]
    group, _, version = ("", "", "") if given == "/" else given.rpartition("/")
    errors: Errors = []
    if group and (problems := is_dns1123_subdomain(group)):
        errors.append(invalid(at, group, ",".join(problems)))
    if not version:
        errors.append(invalid(at, given, "version must be specified"))
    elif problems := is_dns1035_label(version):
        errors.append(invalid(at, version, ",".join(problems)))
    return errors


def _variables(compiler: Compiler, variables: list[Obj]) -> Errors:
    errors: Errors = []
    for index, variable in enumerate(variables):
        at, name, source = f"spec.variables[{index}]", variable.get("name") or "", variable.get("expression") or ""
        if not name.strip():
            errors.append(required(f"{at}.name", "name is not specified"))
        elif not IDENTIFIER.fullmatch(name) or name in RESERVED:
            errors.append(invalid(f"{at}.name", name, "must be a valid CEL identifier"))
        if not source.strip():
            errors.append(required(f"{at}.expression", "expression is not specified"))
        else:
            errors += wrong(compiler.variable(name, source), f"{at}.expression")
    return errors


def _validation(compiler: Compiler, given: Obj, at: str) -> Errors:
    source, message = given.get("expression") or "", given.get("message") or ""
    dynamic, reason = given.get("messageExpression") or "", given.get("reason")
    errors: Errors = []
    if not source.strip():
        errors.append(required(f"{at}.expression", "expression is not specified"))
    else:
        errors += wrong(compiler.validation(source), f"{at}.expression")
    if dynamic and not dynamic.strip():
        errors.append(invalid(f"{at}.messageExpression", dynamic, "must be non-empty if specified"))
    elif dynamic:
        errors += wrong(compiler.message(dynamic), f"{at}.messageExpression")
    if message and not message.strip():
        errors.append(invalid(f"{at}.message", message, "must be non-empty if specified"))
    elif re.search(r"[\n\r]", message.strip()):
        errors.append(invalid(f"{at}.message", message, "must not contain line breaks"))
    if reason is not None and reason not in REASONS:
        errors.append(not_supported(f"{at}.reason", reason, REASONS))
    return errors


def _annotation(compiler: Compiler, name: str, annotation: Obj, at: str) -> Errors:
    key, given = annotation.get("key") or "", annotation.get("valueExpression") or ""
    source, here = given.strip(), f"{at}.valueExpression"
    whole = f"{name}/{key}"
    if name:
        errors = [invalid(f"{at}.key", whole, problem) for problem in is_qualified_name(whole)]
    else:
        errors = [invalid(f"{at}.key", key, "requires metadata.name be non-empty")]
    if not source:
        errors.append(required(here, "valueExpression is not specified"))
    elif len(source.encode()) > MOST_VALUE:
        errors.append(required(here, f"must not exceed {MOST_VALUE} bytes in length"))
    else:
        errors += wrong(compiler.audit(source), here, given)
    return errors


def _mutation(compiler: Compiler, mutation: Obj, at: str) -> Errors:
    kind = mutation.get("patchType") or ""
    apply, patch = mutation.get("applyConfiguration"), mutation.get("jsonPatch")
    if not kind:
        return [required(f"{at}.patchType")]
    if kind not in PATCHES:
        return [not_supported(f"{at}.patchType", kind, PATCHES)]
    if kind == "JSONPatch":
        own, other, given, foreign = "jsonPatch", "applyConfiguration", patch, apply
    else:
        own, other, given, foreign = "applyConfiguration", "jsonPatch", apply, patch
    errors: Errors = []
    if given is None:
        errors.append(required(f"{at}.{own}", f"must be specified when patchType is {kind}"))
    else:
        source, here = (given.get("expression") or "").strip(), f"{at}.{own}.expression"
        compile_ = compiler.json_patch if kind == "JSONPatch" else compiler.apply_configuration
        errors += wrong(compile_(source), here) if source else [required(here)]
    if foreign is not None:
        errors.append(invalid(f"{at}.{other}", f"{{{other}}}", f"must not be specified when patchType is {kind}"))
    return errors
