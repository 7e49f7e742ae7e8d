"""How objects of a custom kind are converted between its versions."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1035_label
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_among, required

KNOWN = ("v1", "v1beta1")
STRATEGIES = ("None", "Webhook")
ALONE = "should not be set when strategy is not set to Webhook"


def check_conversion(given: Obj | None, at: str, *, lenient: bool, any_ca: bool) -> Errors:
    """What is wrong with a conversion. `lenient`: its reviews need not be known; `any_ca`: nor its CA be read."""
    if given is None:
        return []
    strategy, webhook = given.get("strategy") or "", given.get("webhook") or {}
    errors: Errors = []
    if not strategy:
        errors.append(required(f"{at}.strategy"))
    elif strategy not in STRATEGIES:
        errors.append(not_among(f"{at}.strategy", strategy, STRATEGIES))
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy != "Webhook":
        if client is not None:
            errors.append(forbidden(f"{at}.webhookClientConfig", ALONE))
        if reviews:
            errors.append(forbidden(f"{at}.conversionReviewVersions", ALONE))
        return errors
    if client is None:
        errors.append(required(f"{at}.webhookClientConfig", "required when strategy is set to Webhook"))
    else:
        from sampan.resources.validation.admission.webhooks import check_client_config  # which loads CEL

        errors += check_client_config(client, f"{at}.webhookClientConfig")
        if client.get("caBundle") and not any_ca:
            errors += _authority(client["caBundle"], f"{at}.webhookClientConfig.caBundle")
    return errors + _reviews(reviews, f"{at}.conversionReviewVersions", lenient)


def _authority(bundle: str, at: str) -> Errors:
    """Certificates that clients could trust."""
    from base64 import b64decode

    if b"-----BEGIN CERTIFICATE-----" in b64decode(bundle):
        return []
    text = "unable to load root certificates: unable to parse bytes as PEM block"
    return [invalid(at, bundle, text)]


def _reviews(versions: list[str], at: str, lenient: bool) -> Errors:
    if not versions:
        return [required(at)]
    errors: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid(f"{at}[{index}]", version, "duplicate version"))
            continue
        errors += [invalid(f"{at}[{index}]", version, problem) for problem in is_dns1035_label(version)]
    if not lenient and not set(KNOWN) & set(versions):
        errors.append(invalid(at, versions, f"must include at least one of {', '.join(KNOWN)}"))
    return errors
