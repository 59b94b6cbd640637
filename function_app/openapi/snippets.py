"""Programs that post an example to the scoring route, ready to be copied: curl, Python, C# and R.

The key is taken from the environment, never written into a program. Bodies are quoted by each language's own rules.
"""

import json
import pprint
import shlex
from collections.abc import Callable
from typing import Any, Final

from function_app.openapi.subject import Subject

__all__ = ["KEY_VARIABLE", "snippets"]

KEY_VARIABLE: Final = "WEIR_KEY"
_FILE: Final = "body.json"
_LONGEST = 8_000  # characters; a longer body is read from a file


def snippets(subject: Subject) -> list[dict[str, str]]:
    """Return a program in each language, as `x-codeSamples` wants them."""
    url = subject.address + subject.score_path
    body = subject.score_bodies()["records"][1]
    asks = subject.settings.auth.mode != "none"
    return [{"lang": lang, "label": label, "source": write(url, body, asks)} for lang, label, write in _LANGUAGES]


def _curl(url: str, body: Any, asks: bool) -> str:
    data = f"--data @{_FILE}" if _is_long(body) else f"--data-raw {shlex.quote(_pretty(body))}"
    key = f'  -H "Authorization: Bearer ${KEY_VARIABLE}" \\\n' if asks else ""
    return f'curl {shlex.quote(url)} \\\n{key}  -H "Content-Type: application/json" \\\n  {data}\n'


def _python(url: str, body: Any, asks: bool) -> str:
    if _is_long(body):
        given = f'body = open("{_FILE}", "rb").read()'
    else:
        given = f"body = json.dumps({pprint.pformat(body, sort_dicts=False, width=88)}).encode()"
    key = f'    "Authorization": "Bearer " + os.environ["{KEY_VARIABLE}"],\n' if asks else ""
    imports = "import json\nimport os\nimport urllib.request\n" if asks else "import json\nimport urllib.request\n"
    return (
        f"{imports}\n{given}\nheaders = {{\n{key}"
        '    "Content-Type": "application/json",\n}\n'
        f"request = urllib.request.Request({url!r}, body, headers)\n"
        "with urllib.request.urlopen(request, timeout=60) as response:\n    print(json.load(response))\n"
    )


def _csharp(url: str, body: Any, asks: bool) -> str:
    # JSON never has three quotes in a row, so a raw string holds any body
    text = f'File.ReadAllText("{_FILE}")' if _is_long(body) else f'"""\n{_pretty(body)}\n"""'
    key = (
        "client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(\n"
        f'    "Bearer", Environment.GetEnvironmentVariable("{KEY_VARIABLE}"));\n'
        if asks
        else ""
    )
    imports = "using System.Net.Http.Headers;\nusing System.Text;\n" if asks else "using System.Text;\n"
    return (
        f"{imports}\nvar body = {text};\nusing var client = new HttpClient();\n{key}"
        'using var content = new StringContent(body, Encoding.UTF8, "application/json");\n'
        f"using var response = await client.PostAsync({json.dumps(url)}, content);\n"
        "response.EnsureSuccessStatusCode();\n"
        "Console.WriteLine(await response.Content.ReadAsStringAsync());\n"
    )


def _r(url: str, body: Any, asks: bool) -> str:
    given = f'req_body_file("{_FILE}", type = "application/json")'
    text = ""
    if not _is_long(body):
        pretty = _pretty(body)
        dashes = "-"
        while f"){dashes}'" in pretty:
            dashes += "-"
        text = f"body <- r'{dashes}({pretty}){dashes}'\n"
        given = 'req_body_raw(body, type = "application/json")'
    key = f'  req_auth_bearer_token(Sys.getenv("{KEY_VARIABLE}")) |>\n' if asks else ""
    return (
        f"library(httr2)\n\n{text}response <- request({json.dumps(url)}) |>\n{key}  {given} |>\n"
        "  req_perform()\nprint(resp_body_json(response))\n"
    )


def _pretty(body: Any) -> str:
    """Return the body with one field a line, and lists of plain values on one."""
    return json.dumps(body, indent=2, ensure_ascii=False)


def _is_long(body: Any) -> bool:
    return len(json.dumps(body)) > _LONGEST


_LANGUAGES: Final[tuple[tuple[str, str, Callable[[str, Any, bool], str]], ...]] = (
    ("Shell", "curl", _curl),
    ("Python", "Python", _python),
    ("C#", "C#", _csharp),
    ("R", "R", _r),
)
