"""Secrets in text that is about to leave the user's server, and their way back. Pure.

What looks like a secret is replaced by a placeholder, line by line, so that the text keeps its
lines; in what comes back the placeholder becomes the secret again. The shapes are those that the
services document: AWS access keys, GitHub, GitLab, Slack, Google, Hugging Face and OpenAI tokens,
JSON Web Tokens (RFC 7519), PEM (RFC 7468), credentials in URLs (RFC 3986); and whatever is
assigned to a name that says so, as a literal in code or as a line of an .env file.
"""

from __future__ import annotations

import re

HEAD = "REDACTED_"

PLACEHOLDER = re.compile(HEAD + r"(\d+)_")

LEAST_CHARS = 6
"""Of an assigned secret; what is shorter is an example more often than a secret."""

_NAME = (
    r"(?:api_?key|access_?key|secret_?key|private_?key|secret|token|passw(?:or)?d|passwd|pwd"
    r"|credentials?)(?![a-z])"
)

_PATTERNS = [
    # A PEM block, to its end or that of what is typed so far.
    r"(?<=-----BEGIN )(?P<pem>[A-Z ]*PRIVATE KEY-----(?:(?!-----END|<\|)[\s\S])*)",
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{16,}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}\b",
    r"\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bhf_[A-Za-z0-9]{20,}\b",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
    r"(?<=://)[^\s/:@\"'<>]+:(?P<url>[^\s/@\"'<>]+)(?=@)",
    # NAME = "literal", "name": "literal", name="literal; a literal may still be typed, and one of
    # capitals only is the name of a variable.
    rf"(?i:\b[\w.-]*{_NAME}\w*)[\"'\])]*\s*[:=]\s*[bruBRU]{{0,2}}[\"'](?![A-Z_]*[\"'])"
    rf"(?P<literal>(?:(?!<\|)[^\"'\n]){{{LEAST_CHARS},}})",
    # NAME=value as in .env files, shells and %env.
    rf"(?im:^\s*(?:export\s+|%(?:set_)?env\s+|!export\s+)?[A-Z0-9_]*{_NAME}[A-Z0-9_]*)"
    rf"(?:=|(?<=\w)\s+(?=\S+$))(?P<line>(?=[^\s()\[\]{{}}\"']*\d)(?:(?!<\|)[^\s()\[\]{{}}\"',]){{{LEAST_CHARS},}})$",
]

_SECRET = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.MULTILINE)


class Redactor:
    """Hides the secrets of one request, the same secret always by the same placeholder."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}
        self._held = ""

    @property
    def is_needed(self) -> bool:
        """Whether there was a secret."""
        return bool(self._placeholders)

    def redact(self, text: str) -> str:
        """`text` without its secrets; where there is none, `text` itself."""
        return _SECRET.sub(self._replace, text)

    def restore(self, piece: str) -> str:
        """The next piece of an answer, with its secrets; what may begin a placeholder waits."""
        if not self._placeholders:
            return piece
        text = self._held + piece
        at = _open_end(text)
        self._held = text[at:]
        return self._with_secrets(text[:at])

    def rest(self) -> str:
        """What still waits, at the end of an answer."""
        held, self._held = self._held, ""
        return self._with_secrets(held)

    def _with_secrets(self, text: str) -> str:
        for secret, placeholder in self._placeholders.items():
            text = text.replace(placeholder, secret)
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
        number = len(self._placeholders) + 1
        placeholder = self._placeholders.setdefault(stripped, f"{HEAD}{number}_")
        return line.replace(stripped, placeholder)


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
