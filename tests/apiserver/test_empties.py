"""Empty maps in messages."""

from sampan.api.errors import FieldError, StatusError, invalid
from sampan.apiserver.empties import with_empties
from sampan.resources.load import load_schema

DEPLOYMENTS = load_schema("1.36").node("io.k8s.api.apps.v1.Deployment")


def error(*causes: tuple[str, str]) -> StatusError:
    return invalid("apps", "Deployment", "x", [FieldError("FieldValueInvalid", at, text) for at, text in causes])


def test_a_map_that_was_given_is_shown_empty_and_one_that_was_not_is_null() -> None:
    labels, selector = "spec.template.metadata.labels", "spec.template.spec.nodeSelector"
    limits = "spec.template.spec.containers[1].resources.limits"
    found = error(
        (labels, "Invalid value: null: no"),
        (limits, "Unsupported value: null"),
        (selector, "Invalid value: null: b"),
        ("spec.selector", "Invalid value: null: a struct"),
    )
    containers = [{}, {"resources": {"limits": {"cpu": None}}}]
    given = {"spec": {"selector": {}, "template": {"metadata": {"labels": {}}, "spec": {"containers": containers}}}}
    made = with_empties(found, given, DEPLOYMENTS)
    assert made.details is not None
    assert [one["message"] for one in made.details["causes"]] == [
        "Invalid value: {}: no", "Unsupported value: {}", "Invalid value: null: b", "Invalid value: null: a struct",
    ]  # fmt: skip
    assert made.message == (
        f'Deployment.apps "x" is invalid: [{labels}: Invalid value: {{}}: no, {limits}: Unsupported value: {{}}, '
        f"{selector}: Invalid value: null: b, spec.selector: Invalid value: null: a struct]"
    )


def test_nothing_to_show_leaves_the_error_as_it_is() -> None:
    found = error(("spec.labels[a.b/c]", "Invalid value: null: no"))
    assert with_empties(found, {"spec": {"labels": {"a": {}}}}, DEPLOYMENTS) is found
    assert with_empties(found, None, DEPLOYMENTS) is found
