"""The page to try the model on: one HTML document with its style and script inside, and nothing from elsewhere."""

import base64
import hashlib
from importlib.resources import files

from function_app.http import Response

__all__ = ["docs_page"]


def docs_page(mode: str) -> Response:
    """Return the page for callers that authenticate in one of the settings' modes.

    Its policy lets the browser run this very script and style, and speak to this very server: nothing else.
    """
    style, script = _part("docs.css"), _part("docs.js")
    page = _part("docs.html").replace("{mode}", mode).replace("/*style*/", style).replace("/*script*/", script)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, page.encode(), "text/html; charset=utf-8", headers)


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
