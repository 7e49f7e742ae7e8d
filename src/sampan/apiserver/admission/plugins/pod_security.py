"""PodSecurity: pods, their carriers and namespaces against the Pod Security Standards that namespaces ask for."""

from typing import Literal, Protocol

from sampan.api.errors import FieldError, internal, invalid
from sampan.api.json import Obj
from sampan.api.meta import labels_of
from sampan.api.pod_security.carriers import TEMPLATES, pod_at
from sampan.api.pod_security.configuration import Configuration
from sampan.api.pod_security.evaluate import Result, evaluate
from sampan.api.pod_security.levels import PREFIX, LevelVersion, Mode, Policy, policy_of, stricter
from sampan.apiserver.admission.plugin import Base, Facts, Need, refuse
from sampan.apiserver.admission.plugins.pod_security_existing import LIST_FAILED, existing_pods
from sampan.apiserver.admission.plugins.pod_security_updates import is_significant
from sampan.apiserver.admission.review import Review

IGNORED = frozenset(("attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "status"))
"""Subresources of pods that cannot change a spec; any other is evaluated."""
Decision = Literal["allow", "deny"]


class Recorder(Protocol):
    """Counts what was decided."""

    def evaluated(self, review: Review, decision: Decision, policy: LevelVersion, mode: Mode) -> None: ...

    def exempted(self, review: Review) -> None: ...

    def failed(self, review: Review, fatal: bool) -> None: ...


class Silent:
    """Counts nothing."""

    def evaluated(self, review: Review, decision: Decision, policy: LevelVersion, mode: Mode) -> None:
        return None

    def exempted(self, review: Review) -> None:
        return None

    def failed(self, review: Review, fatal: bool) -> None:
        return None


class PodSecurity(Base):
    """Upstream's plugin of the same name, with its defaults, exemptions and metrics."""

    name = "PodSecurity"
    kinds = frozenset({("", "pods"), ("", "namespaces"), *TEMPLATES})
    mutates = False

    def __init__(self, configuration: Configuration = Configuration(), recorder: Recorder | None = None) -> None:  # noqa: B008
        self._defaults, self._exempt = configuration
        self._recorder = recorder or Silent()

    def handles(self, review: Review) -> bool:
        if review.operation not in ("CREATE", "UPDATE"):
            return False
        kind = (review.resource.mapping.group, review.resource.mapping.plural)
        if kind == ("", "pods"):
            return review.subresource not in IGNORED
        return not review.subresource and (kind == ("", "namespaces") or kind in TEMPLATES)

    def needs(self, review: Review) -> tuple[Need, ...]:
        if review.resource.mapping.plural == "namespaces":
            return (_pods_of(_name(review)),) if self._tightened(review) is not None else ()
        return () if self._exemption(review) else (_namespace(review),)

    def validate(self, review: Review, facts: Facts) -> None:
        if review.resource.mapping.plural == "namespaces":
            self._validate_namespace(review, facts)
            return
        why = self._exemption(review)
        if why:
            self._exempted(review, why)
        elif review.resource.mapping.plural == "pods":
            self._validate_pod(review, facts)
        else:
            self._validate_carrier(review, facts)

    # ---- namespaces

    def _validate_namespace(self, review: Review, facts: Facts) -> None:
        labels = labels_of(review.obj or {})
        policy, errors = policy_of(labels, self._defaults)
        if errors and (
            review.operation == "CREATE" or errors != policy_of(labels_of(review.old or {}), self._defaults)[1]
        ):
            raise invalid("", "Namespace", _name(review), errors)
        if _name(review) in self._exempt.namespaces:
            if review.operation == "CREATE" or self._enforces_more(review):
                review.warnings.extend(self._exempt_warning(_name(review), policy, labels))
            return
        tightened = self._tightened(review)
        if tightened is None:
            return
        need = _pods_of(_name(review))
        if facts.failed(need):
            review.warnings.append(LIST_FAILED)
            return
        pods = [
            pod
            for pod in facts.all(need)
            if (pod.get("spec") or {}).get("runtimeClassName") not in self._exempt.runtime_classes
        ]
        review.warnings.extend(existing_pods(_name(review), tightened, pods, facts.elapsed))

    def _tightened(self, review: Review) -> LevelVersion | None:
        """What an update of a namespace enforces from now on, if existing pods are to be looked at for it."""
        if _name(review) in self._exempt.namespaces or not self._enforces_more(review):
            return None
        return policy_of(labels_of(review.obj or {}), self._defaults)[0].enforce

    def _enforces_more(self, review: Review) -> bool:
        """Whether the update enforces another version, or a stricter level."""
        if review.operation != "UPDATE":
            return False
        new = policy_of(labels_of(review.obj or {}), self._defaults)[0].enforce
        old = policy_of(labels_of(review.old or {}), self._defaults)[0].enforce
        if new.level == "privileged":
            return False
        return new.version != old.version or stricter(new.level, old.level)

    def _exempt_warning(self, name: str, policy: Policy, labels: object) -> list[str]:
        """What to say of labels that do nothing."""
        if policy.fully_privileged or policy.same_as(self._defaults):
            return []
        given = labels if isinstance(labels, dict) else {}
        said = [
            f"{mode}={wanted}"
            for mode, wanted in zip(Policy._fields, policy, strict=True)
            if wanted.level != "privileged" and (f"{PREFIX}{mode}" in given or f"{PREFIX}{mode}-version" in given)
        ]
        return [f'namespace "{name}" is exempt from Pod Security, and the policy ({", ".join(said)}) will be ignored']

    # ---- pods and their carriers

    def _exemption(self, review: Review) -> str:
        """Why the request is exempt; empty if it is not."""
        if review.namespace and review.namespace in self._exempt.namespaces:
            return "namespace"
        return "user" if review.user.name and review.user.name in self._exempt.usernames else ""

    def _exempted(self, review: Review, why: str) -> None:
        review.annotations[f"{PREFIX}exempt"] = why
        self._recorder.exempted(review)

    def _validate_pod(self, review: Review, facts: Facts) -> None:
        namespace = facts.one(_namespace(review))
        if namespace is None:
            self._recorder.failed(review, True)
            why = f'failed to lookup namespace "{review.namespace}"'
            review.annotations[f"{PREFIX}error"] = f"Internal error occurred: {why}"
            raise internal(why)
        policy, errors = policy_of(labels_of(namespace), self._defaults)
        if not errors and policy.fully_privileged:
            review.annotations[f"{PREFIX}enforce-policy"] = "privileged:latest"
            self._recorder.evaluated(review, "allow", policy.enforce, "enforce")
            return
        pod = review.obj or {}
        if review.operation == "UPDATE" and not is_significant(pod, review.old or {}):
            return
        self._evaluate(review, (policy, errors), (pod.get("metadata") or {}, pod.get("spec") or {}), True)

    def _validate_carrier(self, review: Review, facts: Facts) -> None:
        namespace = facts.one(_namespace(review))
        if namespace is None:
            self._recorder.failed(review, True)
            review.annotations[f"{PREFIX}error"] = f'failed to lookup namespace "{review.namespace}"'
            return
        policy, errors = policy_of(labels_of(namespace), self._defaults)
        if not errors and policy.warn.level == policy.audit.level == "privileged":
            return
        mapping = review.resource.mapping
        pod = pod_at(review.obj or {}, TEMPLATES[mapping.group, mapping.plural][1])
        if pod is not None:
            self._evaluate(review, (policy, errors), pod, False)

    def _evaluate(
        self, review: Review, asked: tuple[Policy, list[FieldError]], pod: tuple[Obj, Obj], enforce: bool
    ) -> None:
        """Refuse, annotate and warn; a level and version is evaluated once."""
        (policy, errors), (metadata, spec) = asked, pod
        if spec.get("runtimeClassName") in self._exempt.runtime_classes:
            self._exempted(review, "runtimeClass")
            return
        if errors:
            review.annotations[f"{PREFIX}error"] = f"Failed to parse policy: {_aggregate(errors)}"
            self._recorder.failed(review, False)
        known: dict[LevelVersion, Result] = {}

        def result_of(wanted: LevelVersion) -> Result:
            if wanted not in known:
                known[wanted] = evaluate(wanted.level, wanted.version, metadata, spec)
            return known[wanted]

        denied = False
        if enforce:
            review.annotations[f"{PREFIX}enforce-policy"] = str(policy.enforce)
            denied = not result_of(policy.enforce).allowed
            self._recorder.evaluated(review, "deny" if denied else "allow", policy.enforce, "enforce")
        if not result_of(policy.audit).allowed:
            review.annotations[f"{PREFIX}audit-violations"] = (
                f"would {_violates(policy.audit, result_of(policy.audit))}"
            )
            self._recorder.evaluated(review, "deny", policy.audit, "audit")
        if denied:
            raise refuse(review, _violates(policy.enforce, result_of(policy.enforce), "violates"))
        if not result_of(policy.warn).allowed:
            review.warnings.append(f"would {_violates(policy.warn, result_of(policy.warn))}")
            self._recorder.evaluated(review, "deny", policy.warn, "warn")


def _violates(policy: LevelVersion, result: Result, verb: str = "violate") -> str:
    return f'{verb} PodSecurity "{policy}": {result.details}'


def _aggregate(errors: list[FieldError]) -> str:
    texts = [f"{error.field}: {error.message}" for error in errors]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _name(review: Review) -> str:
    name: str = review.name or ((review.obj or {}).get("metadata") or {}).get("name", "")
    return name


def _namespace(review: Review) -> Need:
    return Need("", "namespaces", "", review.namespace, may_fail=True)


def _pods_of(namespace: str) -> Need:
    return Need("", "pods", namespace, may_fail=True)
