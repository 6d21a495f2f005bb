"""Secrets in text that is about to leave the user's server, and their way back. Pure.

What looks like a secret is replaced by a placeholder, line by line, so that the text keeps its
lines; in what comes back the placeholder becomes the secret again. The shapes are those that the
services document themselves, and those of GitHub's list of what it scans for
(https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns);
JSON Web Tokens (RFC 7519), PEM (RFC 7468), credentials in URLs (RFC 3986) and in HTTP headers
(RFC 6750, RFC 7617), connection strings; and whatever is assigned to a name that says so, as a
literal in code or as a line of an .env file.
"""

from __future__ import annotations

import re
from itertools import count

HEAD = "REDACTED_"

PLACEHOLDER = re.compile(HEAD + r"(\d+)_")

LEAST_CHARS = 6
"""Of an assigned secret; what is shorter is an example more often than a secret."""

LEAST_ALONE = 8
"""Of one that is hidden wherever it stands, and not only where something says what it is."""

_SECRETS = (
    r"api_?key|access_?key|secret_?key|private_?key|account_?key|secret|passw(?:or)?d|passwd|pwd"
    r"|credentials?"
)

_ITSELF = (
    r"(?![a-z])"
    # What it is called, where it is or what it looks like is not the thing itself.
    r"(?!_?(?:types?|names?|ur[il]s?|files?|paths?|env|vars?|headers?|fields?|class|prefix|suffix"
    r"|endpoint|errors?|messages?|format|pattern|regex|help|label|prompt|policy|hint|re)\b)"
)

_NAME = rf"(?:{_SECRETS}|token){_ITSELF}"

_TOKENS = "|".join(
    [
        r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",  # AWS
        r"gh[pousr]_[A-Za-z0-9]{16,}\b",
        r"github_pat_[A-Za-z0-9_]{20,}\b",
        r"gl(?:pat|ptt|rt|dt|cbt|soat)-[A-Za-z0-9_-]{16,}",  # GitLab
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
        r"xapp-\d-[A-Za-z0-9-]{20,}",
        r"AIza[A-Za-z0-9_-]{30,}",  # Google
        r"GOCSPX-[A-Za-z0-9_-]{20,}",
        r"ya29\.[A-Za-z0-9_-]{20,}",
        r"hf_[A-Za-z0-9]{20,}\b",  # Hugging Face
        r"sk-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
        r"whsec_[A-Za-z0-9+/]{16,}=*",
        r"SK[0-9a-f]{32}\b",  # Twilio
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
        r"npm_[A-Za-z0-9]{36}\b",
        r"pypi-AgE[A-Za-z0-9_-]{30,}",
        r"dapi[0-9a-f]{32}\b",  # Databricks
        r"do[opr]_v1_[0-9a-f]{64}\b",  # DigitalOcean
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",  # Shopify
        r"hv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
        r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
    ]
)

_VALUE = r"(?![{$%<*])"
"""A template's place for a secret is none."""


def _assigned(quote: str, kind: str, condition: str = "") -> str:
    """From a name on, the literal that is assigned to it, or what is typed of it so far."""
    return (
        rf"[\"'\])]*\s*[:=]\s*[bruBRU]{{0,2}}(?P<{quote}>[\"'])(?![A-Z_]*(?P={quote}))"
        rf"(?!\w*\{{)(?![\s,;:)+\]}}])(?P<{kind}>{condition}{_VALUE}"
        rf"(?:(?!<\||(?P={quote}))[^\n]){{{LEAST_CHARS},}})"
    )


_PATTERNS = [
    # A PEM block, to its end or that of what is typed so far.
    r"(?<=-----BEGIN )(?P<pem>[A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END|<\|)[\s\S])*)",
    rf"\b(?:{_TOKENS})",
    r"(?<=hooks\.slack\.com/)(?P<hook>(?:services|workflows)/[A-Za-z0-9/_-]{16,})",
    rf"(?<=://)[^\s/:@\"'<>]*:(?P<url>{_VALUE}[^\s/@\"'<>]+)(?=@)",
    # A header, as it is written or between quotes.
    r"(?i:\b(?:bearer|basic|token)[ ])(?P<header>(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{20,}=*)",
    # Connection strings: of ADO and ODBC, Azure, libpq; and signatures of Azure's URLs.
    rf"(?i:[;\"']\s*(?:password|pwd|accountkey|sharedaccesskey)\s*=\s*)"
    rf"(?P<part>{_VALUE}[^;\"'()\n]{{4,}})(?=;|[\"'])",
    rf"(?i:\b(?:host|user|dbname|port)=[^\s,;\"']+\s+password=)(?P<libpq>{_VALUE}[^\s,;\"']{{4,}})",
    r"(?i:[?&]sig=)(?P<sig>[A-Za-z0-9%+/]{30,}=*)",
    # NAME = "literal", "name": "literal", name="literal; a literal may still be typed, and one of
    # capitals only is the name of a variable. Languages and parsers have tokens that are words.
    rf"(?i:(?<![\w.:-])[\w.-]*(?:{_SECRETS}){_ITSELF}\w*)" + _assigned("quote", "literal"),
    rf"(?i:(?<![\w.:-])[\w.-]*token{_ITSELF}\w*)" + _assigned("mark", "token", r"(?=[^\"'\n]*\d)"),
    # environ.setdefault("NAME", "literal"), setenv("NAME", "literal")
    rf"(?i:\b(?:setdefault|setenv|putenv)\([\"'][A-Z0-9_]*{_NAME}[A-Z0-9_]*[\"'],\s*[\"'])"
    rf"(?P<set>{_VALUE}[^\"'\n]{{{LEAST_CHARS},}})(?=[\"'])",
    # NAME=value as in shells and %env, where nothing else is meant.
    rf"(?im:^\s*(?:export\s+|%(?:set_)?env\s+|!export\s+)[A-Z0-9_]*{_NAME}[A-Z0-9_]*)"
    rf"(?:=|(?<=\w)\s+(?=\S+$))(?P<shell>{_VALUE}(?:(?!<\|)[^\s()\[\]{{}}\"',]){{{LEAST_CHARS},}})$",
    # NAME=value as in .env files; what has no digit may be the name of a variable.
    rf"(?im:^\s*[A-Z0-9_]*{_NAME}[A-Z0-9_]*)="
    rf"(?P<line>(?=[^\s()\[\]{{}}\"']*\d)(?:(?!<\|)[^\s()\[\]{{}}\"',]){{{LEAST_CHARS},}})$",
]

_SECRET = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.MULTILINE)


class Redactor:
    """Hides the secrets of one request, the same secret always by the same placeholder."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}
        self._numbers = count(1)
        self._taken: set[str] = set()
        self._held = ""

    def redact(self, text: str) -> str:
        """`text` without its secrets; where there is none, `text` itself."""
        self._taken.update(found[0] for found in PLACEHOLDER.finditer(text))
        return self._without_known(_SECRET.sub(self._replace, text))

    def redact_quoted(self, text: str) -> str:
        """As `redact`, for `text` in which backslashes and quotes have backslashes before them."""
        for secret, placeholder in self._placeholders.items():
            text = text.replace(secret.replace("\\", "\\\\").replace('"', '\\"'), placeholder)
        return self.redact(text)

    def restore(self, piece: str) -> str:
        """The next piece of an answer, with its secrets; what may begin a placeholder waits."""
        if not self._placeholders:
            return piece
        text = self._held + piece
        at = _open_end(text)
        self._held = text[at:]
        return self.whole(text[:at])

    def rest(self) -> str:
        """What still waits, at the end of an answer."""
        held, self._held = self._held, ""
        return self.whole(held)

    def whole(self, text: str) -> str:
        """`text`, which is no piece of another, with its secrets."""
        for secret, placeholder in self._placeholders.items():
            text = text.replace(placeholder, secret)
        return text

    def _without_known(self, text: str) -> str:
        """A secret that is told of in one place may stand alone in another."""
        for secret, placeholder in self._placeholders.items():
            # Without a digit it is more likely to be something else there.
            if len(secret) >= LEAST_ALONE and re.search(r"\d", secret):
                text = text.replace(secret, placeholder)
        return text

    def _replace(self, found: re.Match[str]) -> str:
        name = found.lastgroup
        secret = found[name] if name else found[0]
        lines = (self._hide(line) for line in secret.split("\n"))
        start, end = found.span(name) if name else found.span()
        whole, offset = found[0], found.start()
        return whole[: start - offset] + "\n".join(lines) + whole[end - offset :]

    def _hide(self, line: str) -> str:
        stripped = line.strip()
        if not stripped or PLACEHOLDER.search(stripped):
            return line
        if stripped not in self._placeholders:
            names = (f"{HEAD}{number}_" for number in self._numbers)
            # One that stands in the text already is that text's own.
            self._placeholders[stripped] = next(name for name in names if name not in self._taken)
        return line.replace(stripped, self._placeholders[stripped])


def redact(text: str) -> str:
    """`text` without its secrets."""
    return Redactor().redact(text)


def _open_end(text: str) -> int:
    """Where a placeholder begins that `text` may have only the start of; its length if none."""
    at = text.rfind(HEAD[0])
    while at >= 0 and len(text) - at <= len(HEAD) + 6:
        end = text[at:]
        if HEAD.startswith(end) or re.fullmatch(HEAD + r"\d*", end):
            return at
        at = text.rfind(HEAD[0], 0, at)
    return len(text)
