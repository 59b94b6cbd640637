"""The page to try a model on: closed in itself, and driven in a real browser."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from function_app.pages import docs_page
from tests.http.openapi.browser import CHROMIUM, Tab, browse
from tests.http.running import KEY, Serving

browsing = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)")


class Elements(HTMLParser):
    """All elements of a page with their attributes, and what is inside `style` and `script`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag in {"style", "script"}:
            self.inside.setdefault(self.lasttag, data)


def page() -> tuple[Elements, dict[str, list[str]]]:
    response = docs_page("key")
    policy = response.headers["Content-Security-Policy"]
    directives = {name: values for name, *values in (each.split() for each in policy.split(";"))}
    return Elements(response.body.decode()), directives


def test_nothing_comes_from_elsewhere() -> None:
    elements, directives = page()
    for tag, attributes in elements.found:
        for name in ("src", "href", "action", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
    assert "url(" not in elements.inside["style"]
    assert "@import" not in elements.inside["style"]
    assert directives["default-src"] == ["'none'"]
    assert directives["connect-src"] == ["'self'"]
    assert not any("unsafe" in value or "*" in value for values in directives.values() for value in values)


def test_the_policy_allows_this_script_and_this_style_only() -> None:
    elements, directives = page()
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(elements.inside[tag].encode()).digest()).decode()
        assert directives[f"{tag}-src"] == [f"'sha256-{digest}'"]


def test_the_key_is_kept_nowhere_and_no_text_becomes_markup() -> None:
    script = page()[0].inside["script"]
    for word in (
        "localStorage",
        "sessionStorage",
        "document.cookie",
        "indexedDB",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
    ):
        assert word not in script
    assert not re.search(r"\beval\b|document\.write|new Function", script)


def test_what_people_see_has_names_for_those_who_do_not_see() -> None:
    elements, _ = page()
    identifiers = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    labelled = {attributes.get("for") for tag, attributes in elements.found if tag == "label"}
    for tag, attributes in elements.found:
        if tag in {"input", "textarea", "select"}:
            assert attributes["id"] in labelled or "aria-label" in attributes
        for name in ("aria-labelledby", "aria-describedby", "aria-controls"):
            assert attributes.get(name) is None or attributes[name] in identifiers
    assert ("html", {"lang": "en"}) in elements.found


async def opened(tab: Tab, server: Serving, key: str, model: str = "", **metrics: Any) -> None:
    await tab.open(f"http://127.0.0.1:{server.port}/docs" + (f"?model={model}" if model else ""), **metrics)
    await tab.run(
        f"document.getElementById('key').value = {json.dumps(key)};document.querySelector('#unlock button').click()"
    )
    await tab.until("document.body.dataset.state === 'open' || !document.getElementById('message').hidden")


def text(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)}).textContent"


@browsing
async def test_a_reader_tries_the_model(payments_server: Serving, tmp_path: Path) -> None:
    async with browse(tmp_path / "profile") as tab:
        await opened(tab, payments_server, KEY)
        assert await tab.run(text("#title")) == "payments"
        assert "certified" in await tab.run(text("#badges"))
        assert "Certified: compared with the original estimator" in await tab.run(text("#certificate"))
        assert "0.91" in await tab.run(text("#facts"))
        assert await tab.run("document.querySelectorAll('#features tr').length") == 6
        assert "country" in await tab.run(text("#features"))
        await _every_example_is_answered(tab)
        await tab.run(
            "document.getElementById('example').selectedIndex = 0; showExample();"
            "document.getElementById('body').value = '{\"data\": [{}]}'; document.getElementById('send').click()"
        )
        await tab.until(f"{text('#outcome')}.startsWith('422')")
        assert "row 0: amount, age, channel, vip are missing" in await tab.run(text("#answer"))
        kept = await tab.run("[document.cookie, localStorage.length, sessionStorage.length, location.href]")
        assert kept == ["", 0, 0, f"http://127.0.0.1:{payments_server.port}/docs"]
        assert tab.complaints == [
            "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"
        ]


async def _every_example_is_answered(tab: Tab) -> None:
    for index in range(await tab.run("document.getElementById('example').options.length")):
        await tab.run(
            f"document.getElementById('example').selectedIndex = {index}; showExample();"
            "document.getElementById('outcome').textContent = ''; document.getElementById('send').click()"
        )
        await tab.until(f"{text('#outcome')} !== ''")
        outcome = await tab.run(text("#outcome"))
        assert re.fullmatch(r"200 OK[\d.]+ ms", outcome), (index, outcome, await tab.run(text("#answer")))


@browsing
async def test_programs_name_the_page_s_own_address(payments_server: Serving, tmp_path: Path) -> None:
    async with browse(tmp_path / "profile") as tab:
        await opened(tab, payments_server, KEY)
        for index, word in enumerate(("curl", "urllib", "HttpClient", "httr2")):
            await tab.run(f"document.getElementById('tab-{index}').click()")
            snippet = await tab.run(text("#snippet"))
            assert f"http://127.0.0.1:{payments_server.port}/score" in snippet
            assert word in snippet
            assert KEY not in snippet


@browsing
async def test_another_model_can_be_tried(payments_server: Serving, tmp_path: Path) -> None:
    async with browse(tmp_path / "profile") as tab:
        await opened(tab, payments_server, KEY, model="flowers:1")
        assert await tab.run(text("#title")) == "flowers"
        await _every_example_is_answered(tab)
        assert "/models/flowers:1/score" in await tab.run(text("#snippet"))


@browsing
async def test_a_wrong_key_opens_nothing(payments_server: Serving, tmp_path: Path) -> None:
    async with browse(tmp_path / "profile") as tab:
        await opened(tab, payments_server, "wrong")
        assert await tab.run(text("#message")) == "401 Unauthorized: the key is not one of this service's keys"
        assert await tab.run("document.getElementById('content').hidden")
        assert "payments" not in await tab.run("document.body.innerText")


@browsing
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1200, "dark")])
async def test_it_fits_and_can_be_read(payments_server: Serving, tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window, and text stands out by 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    async with browse(tmp_path / "profile") as tab:
        await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await opened(tab, payments_server, KEY, width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        await _every_example_is_answered(tab)
        assert await tab.run("document.documentElement.scrollWidth") <= width
        pale = await tab.run(_PALE)
        assert pale == []


_PALE = """(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
  };
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
      return [e.tagName, e.id || e.className, e.textContent.slice(0, 20), (a + 0.05) / (b + 0.05)];
    })
    .filter(([, , , ratio]) => ratio < 4.5);
})()"""
