"""What boto3 raises, in the tree of this package's errors."""

import shlex
from typing import Any, TypeVar

from ghostnb.errors import (
    Diagnostic,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsupportedError,
)

__all__ = ["NO_BOTO3", "NoAWSCredentialsError", "kind_of", "refusal_hint", "translated"]

NO_BOTO3 = "it takes boto3, which is not installed: pip install 'ghostnb[aws]'"
_MAX_TEXT = 200
Found = TypeVar("Found")


class NoAWSCredentialsError(UnauthorizedError):
    """There are no AWS credentials here."""


# Sources: Amazon ECR API Reference and Amazon ECR Public API Reference, "Errors" of each
# operation, ``ImageFailure`` and "Common Errors"; AWS STS API Reference, "Common Errors".
_BY_CODE: dict[str, type[RegistryError]] = {
    "ExpiredToken": UnauthorizedError,
    "ExpiredTokenException": UnauthorizedError,
    "IncompleteSignature": UnauthorizedError,
    "IncompleteSignatureException": UnauthorizedError,
    "InvalidClientTokenId": UnauthorizedError,
    "InvalidSignatureException": UnauthorizedError,
    "MissingAuthenticationToken": UnauthorizedError,
    "MissingAuthenticationTokenException": UnauthorizedError,
    "RequestExpired": UnauthorizedError,
    "SignatureDoesNotMatch": UnauthorizedError,
    "UnrecognizedClientException": UnauthorizedError,
    "AccessDenied": ForbiddenError,
    "AccessDeniedException": ForbiddenError,
    "BlockedByOrganizationPolicyException": ForbiddenError,
    "NotAuthorized": ForbiddenError,
    "OptInRequired": ForbiddenError,
    "UpstreamAccessDenied": ForbiddenError,
    "ImageNotFound": NotFoundError,
    "ImageNotFoundException": NotFoundError,
    "RegistryNotFoundException": NotFoundError,
    "RepositoryNotFoundException": NotFoundError,
    "RequestLimitExceeded": RateLimitedError,
    "Throttling": RateLimitedError,
    "ThrottlingException": RateLimitedError,
    "TooManyRequestsException": RateLimitedError,
    "UpstreamTooManyRequests": RateLimitedError,
    "UnknownOperationException": UnsupportedError,
    "UnsupportedCommandException": UnsupportedError,
    "InternalFailure": ServerError,
    "InternalServerError": ServerError,
    "KmsError": ServerError,
    "ServerException": ServerError,
    "ServiceUnavailable": ServerError,
    "ServiceUnavailableException": ServerError,
    "UpstreamUnavailable": ServerError,
}
_BY_STATUS: dict[int, type[RegistryError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    429: RateLimitedError,
}
# By the names of the classes in botocore.exceptions, of which older releases lack some.
_BY_NAME: dict[str, type[RegistryError]] = {
    "CredentialRetrievalError": UnauthorizedError,
    "LoginError": UnauthorizedError,
    "MetadataRetrievalError": UnauthorizedError,
    "MissingDependencyException": UnauthorizedError,
    "NoAuthTokenError": UnauthorizedError,
    "NoCredentialsError": NoAWSCredentialsError,
    "PartialCredentialsError": UnauthorizedError,
    "RefreshWithMFAUnsupportedError": UnauthorizedError,
    "SSOError": UnauthorizedError,
    "TokenRetrievalError": UnauthorizedError,
    # Of the files in which credentials are looked for.
    "ConfigNotFound": UnauthorizedError,
    "ConfigParseError": UnauthorizedError,
    "InvalidConfigError": UnauthorizedError,
    "ProfileNotFound": UnauthorizedError,
    "ConnectTimeoutError": TransportTimeoutError,
    "ReadTimeoutError": TransportTimeoutError,
    "ConnectionError": TransportError,
    "HTTPClientError": TransportError,
    "BaseEndpointResolverError": UnsupportedError,
    "EndpointProviderError": UnsupportedError,
    "InvalidRegionError": UnsupportedError,
    "OperationNotPageableError": UnsupportedError,
    "UnknownServiceError": UnsupportedError,
    "ParamValidationError": RejectedError,
    # Of its parsers, which stumble over what is no answer of Amazon's.
    "ResponseParserError": ProtocolError,
    "IncompleteReadError": ProtocolError,
    "AttributeError": ProtocolError,
    "KeyError": ProtocolError,
    "TypeError": ProtocolError,
    "ValueError": ProtocolError,
}
_ON_SSO = "Log in anew: aws sso login{profile}"
_ON_LOGIN = "Log in anew: aws login{profile}"
_HINTS_BY_NAME = {
    "NoCredentialsError": "Give some: aws configure, aws sso login, the variables "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile of the registry.",
    "ProfileNotFound": "aws configure list-profiles names those that there are; it is the "
    "registry's profile, or the variable AWS_PROFILE.",
    "SSOError": _ON_SSO,
    "TokenRetrievalError": _ON_SSO,
    "LoginError": _ON_LOGIN,
    "SSLError": "If a proxy is between, give its authority to boto3, too: AWS_CA_BUNDLE.",
    "BaseEndpointResolverError": "Is the region right? If it is new, upgrade boto3.",
    "EndpointProviderError": "Is the region right? If it is new, upgrade boto3; a variable "
    "AWS_ENDPOINT_URL goes with no FIPS or dual-stack address.",
}
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: "Check the AWS credentials that are used here: "
    "aws sts get-caller-identity{profile}",
    ForbiddenError: "Ask for that permission, or use other AWS credentials: the profile of the "
    "registry.",
    NotFoundError: "Check the spelling; repositories() and tags() list what there is.",
    RateLimitedError: "Wait and try again: the limit is the account's in that region.",
    ServerError: "Try again; if it stays so, see https://health.aws.amazon.com.",
    TransportError: "Check the network, and whether a proxy is needed: HTTPS_PROXY.",
}
_HINTS_BY_CODE = {
    "ImageReferencedByManifestList": "An image of several platforms leads to it: delete that one "
    "first.",
    "InvalidSignatureException": "Is the secret right, and the clock of this machine?",
    "SignatureDoesNotMatch": "Is the secret right, and the clock of this machine?",
    "ExpiredToken": "They were temporary: get new ones, as by aws sso login{profile}",
    "ExpiredTokenException": "They were temporary: get new ones, as by aws sso login{profile}",
}


def kind_of(code: str, status: int = 200) -> type[RegistryError]:
    """Choose the class for one of Amazon's codes; statuses say little, 400 is for nearly all."""
    general = ServerError if status >= 500 else RejectedError
    return _BY_CODE.get(code, _BY_STATUS.get(status, general))


def refusal_hint(kind: type[RegistryError], code: str, profile: str | None) -> str:
    """Say what to try after a refusal."""
    hint = _HINTS_BY_CODE.get(code) or _first(_HINTS, kind) or ""
    return hint.format(profile=_option(profile))


def translated(
    error: Exception, asked: str, *, registry: str, url: str, profile: str | None = None
) -> RegistryError:
    """Give an exception of boto3 in the tree.

    Parameters
    ----------
    error : Exception
    asked : str
        Who was asked for what.
    registry, url : str
        Of the registry.
    profile : str, optional
        Of the AWS CLI, for what to try next.

    Returns
    -------
    RegistryError
        That class itself for what is in none of the tables: a fault in how boto3 is used here.
        It has no HTTP status: Amazon's codes tell what its statuses do not.
    """
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return _answered(response, asked, registry, url, profile)
    kind = _first_named(_BY_NAME, error) or RegistryError
    hint = _first_named(_HINTS_BY_NAME, error) or _first(_HINTS, kind) or ""
    return kind(
        f"{asked}: {_said(error)}",
        hint=hint.format(profile=_option(profile)),
        registry=registry,
        url=url,
    )


def _answered(
    response: dict[str, Any], asked: str, registry: str, url: str, profile: str | None
) -> RegistryError:
    told = response.get("Error") or {}
    code, message = str(told.get("Code", "")), _one_line(str(told.get("Message", "")))
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 400
    kind = kind_of(code, status)
    said = Diagnostic(code[:_MAX_TEXT], message)
    return kind(
        f"{asked} was refused ({said}).",
        hint=refusal_hint(kind, code, profile),
        registry=registry,
        url=url,
        diagnostics=(said,),
    )


def _said(error: Exception) -> str:
    """Give the first line, which names no more than a file, a profile or an address."""
    return f"{_one_line(str(error)) or type(error).__name__}".rstrip(".") + "."


def _one_line(text: str) -> str:
    """Give the first line: after it, what was wrongly signed is repeated with its secrets."""
    return text.strip().partition("\n")[0].strip()[:_MAX_TEXT]


def _option(profile: str | None) -> str:
    return f" --profile {shlex.quote(profile)}" if profile else ""


def _first_named(table: dict[str, Found], error: Exception) -> Found | None:
    names = (one.__name__ for one in type(error).__mro__)
    return next((table[name] for name in names if name in table), None)


def _first(table: dict[type[RegistryError], str], kind: type[RegistryError]) -> str | None:
    return next((table[one] for one in kind.__mro__ if one in table), None)
