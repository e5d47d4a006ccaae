"""Whether anybody is there at all."""

import ssl

import httpx2

from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.failures import hung_up, transport_error
from ghostnb.registries.session.routing import RoutingCarrier
from ghostnb.wire.endpoints import Endpoint

__all__ = ["reach"]


async def reach(config: RegistryConfig) -> bool:
    """Ask whether anybody answers at a registry's address, and be content with any answer.

    It is shown neither credentials nor a client certificate, and believed nothing: so its own
    certificate does not matter, and no file of this machine is read.

    Returns
    -------
    bool
        False if somebody is there, and hangs up: perhaps for want of a client certificate.

    Raises
    ------
    TransportError
        If nobody answers.
    ConfigError
        If the environment's proxy cannot be used.
    """
    request = Endpoint(config.url).ping()
    carrier = RoutingCarrier(config, context=httpx2.create_ssl_context(verify=False))
    try:
        opened = await carrier.send(request, None, is_small=True)
        await opened.stream.aclose()
    except (httpx2.TransportError, ssl.SSLError) as e:
        if carrier.is_by_proxy(request.url) or not hung_up(e, request.url):
            raise transport_error(
                e, registry=config.name, base_url=config.url, url=request.url
            ) from e
        return False
    finally:
        await carrier.aclose()
    return True
