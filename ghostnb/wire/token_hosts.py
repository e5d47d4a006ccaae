"""Which token servers are a registry's own, by their names."""

# Token servers beside their registries, each as the registry's own challenge names it.
_KNOWN = {
    "registry-1.docker.io": "auth.docker.io",
    "index.docker.io": "auth.docker.io",
    "ecr-public.aws.com": "public.ecr.aws",
    "registry.digitalocean.com": "api.digitalocean.com",
}
# Domains in which strangers have names side by side: those that registries are found
# in. The Public Suffix List (publicsuffix.org) has 10,000 of them, and changes weekly.
_SHARED_DOMAINS = (
    "aliyuncs.com",
    "amazonaws.com",
    "amazonaws.com.cn",
    "appspot.com",
    "azure.com",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "azurewebsites.net",
    "duckdns.org",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "jfrog.io",
    "myhuaweicloud.com",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "nip.io",
    "ocir.io",
    "onrender.com",
    "pages.dev",
    "pkg.dev",
    "railway.app",
    "run.app",
    "scw.cloud",
    "sslip.io",
    "tencentcloudcr.com",
    "trycloudflare.com",
    "ts.net",
    "vercel.app",
    "workers.dev",
)
_SHARED_ENDS = tuple(f".{domain}" for domain in _SHARED_DOMAINS)
# Under a country's domain these are nobody's own: co.uk, com.au, or.jp.
_SECOND_LEVELS = frozenset(
    {"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "govt", "gv", "id", "ind"}
    | {"info", "ltd", "me", "mil", "ne", "net", "nhs", "nic", "nom", "or", "org", "plc", "sch"}
)


def belongs_to(token_host: str, registry_host: str) -> bool:
    """Tell whether a token server is the registry's own, as far as their names say.

    Parameters
    ----------
    token_host, registry_host : str
        In lower case, without a port.

    Returns
    -------
    bool
        True for the same host; for a domain above or below it that has one
        owner, as GitLab's ``gitlab.com`` for ``registry.gitlab.com``; and for
        the pairs that are known. False for one beside it: who has
        ``auth.example.com`` need not run ``registry.example.com``.

    Examples
    --------
    >>> belongs_to("auth.docker.io", "registry-1.docker.io")
    True
    >>> belongs_to("other.azurecr.io", "team.azurecr.io")
    False
    """
    return (
        token_host == registry_host
        or _KNOWN.get(registry_host) == token_host
        or _is_within(token_host, registry_host)
        or _is_within(registry_host, token_host)
    )


def _is_within(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and _has_one_owner(domain)


def _has_one_owner(domain: str) -> bool:
    """Tell whether the names within a domain are one owner's; in doubt they are not."""
    first, *rest = domain.split(".")
    if not rest or rest[-1].isdigit():
        return False  # a top level, or an address, which is in no domain
    if len(rest) == 1 and len(rest[0]) == 2 and first in _SECOND_LEVELS:
        return False
    return not f".{domain}".endswith(_SHARED_ENDS)
