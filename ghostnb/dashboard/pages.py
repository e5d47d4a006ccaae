"""What the dashboard answers, and in what words; the rest is Voilà's."""

import logging
import re
from typing import Any
from urllib.parse import parse_qsl

import tornado.web
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.log import log_request
from tornado.httputil import url_concat
from voila.request_info_handler import RequestInfoSocketHandler
from voila.tornado.handler import TornadoVoilaHandler

__all__ = ["HEADERS", "Absent", "Page", "log_answer", "tidy"]

_TOKEN = re.compile(r"(token=)[^&\s]+")

# Widgets' modules are made into blobs, and imported from there. Everything else
# comes from here, whatever the page contains.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    # The first address has the token in it.
    "Referrer-Policy": "same-origin",
}


class Page(TornadoVoilaHandler):
    """The dashboard's page."""

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Start a kernel, or take one that waits, and give the page that talks to it."""
        if path:
            raise tornado.web.HTTPError(404, "There is one page only.")
        if "token" in self.request.query_arguments:
            # By now it is in a cookie: what has the address, kernels too, need not have the token.
            self.redirect(url_concat(self.request.path, _without_token(self.request.query)))
            return
        # A cookie is set by looking: the page must show it to be allowed to end its kernel.
        _ = self.xsrf_token
        await self.kernel_manager.end_dead()
        await super().get(path)
        # Voilà does so only where a kernel waited, and one may have died.
        self.kernel_manager.fill_if_needed(notebook_name=self.notebook_path)
        # Voilà keeps what came with the request for whoever asks; here nobody does.
        RequestInfoSocketHandler._cache.clear()

    def get_argument(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Leave the theme to the page, so that a kernel that waits does for both."""
        if name in ("theme", "template"):
            return None
        return super().get_argument(name, *args, **kwargs)


class Absent(JupyterHandler):
    """What Voilà would serve beside the page: files."""

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Say that it is not here."""
        raise tornado.web.HTTPError(404, "The dashboard serves no files.")


def _without_token(query: str) -> list[tuple[str, str]]:
    pairs = parse_qsl(query, keep_blank_values=True)
    return [(name, value) for name, value in pairs if name != "token"]


def tidy(record: logging.LogRecord) -> bool:
    """Take what is secret out of a line of Tornado's log, which has whole addresses.

    Jupyter Server says in milliseconds how long it waits for a ping's answer; Tornado
    reads seconds, and complains.
    """
    record.msg, record.args = _TOKEN.sub(r"\1[secret]", record.getMessage()), None
    return not record.msg.startswith("The websocket_ping_timeout")


def log_answer(handler: tornado.web.RequestHandler) -> None:
    """Log a request without what is secret in its address; but no successful one."""
    log_request(handler, record_prometheus_metrics=False)
