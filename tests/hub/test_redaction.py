from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.hub.redaction import PLACEHOLDER, Redactor, redact

ROOT = Path(__file__).parents[2]

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA75\n/Lx+9aB=\n-----END RSA PRIVATE KEY-----"

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"

SECRETS = {
    'api_key = "zeppelin-9931"': "zeppelin-9931",
    "os.environ['DB_PASSWORD'] = 'zeppelin9931'": "zeppelin9931",
    'connect(host, password="zeppelin 99")': "zeppelin 99",
    '{"client_secret": "zeppelin9931"}': "zeppelin9931",
    'token = "zeppelin-993': "zeppelin-993",
    "%env SERVICE_TOKEN=zeppelin9931": "zeppelin9931",
    "%env SERVICE_TOKEN zeppelin9931": "zeppelin9931",
    "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG": "wJalrXUtnFEMI/K7MDENG",
    "SECRET_KEY=zeppelin9931": "zeppelin9931",
    "boto3.client('s3', 'AKIAIOSFODNN7EXAMPLE')": "AKIAIOSFODNN7EXAMPLE",
    "clone https://me:zeppelin9931@git.example.org/x": "zeppelin9931",
    "login('ghp_16C7e42F292c6912E7710c838347Ae178B4a')": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "login('hf_abcdefghijklmnopqrstuvwxyz')": "hf_abcdefghijklmnopqrstuvwxyz",
    "OpenAI('sk-proj-abcdefghijklmnopqrst')": "sk-proj-abcdefghijklmnopqrst",
    f"headers = {{'X': '{JWT}'}}": JWT,
    PEM: "MIIEowIBAAKCAQEA75",
}

HARMLESS = [
    "token = tokenizer.encode(text)",
    "for token in tokens:\n    print(token)",
    "secret = get_secret('db')",
    "password = getpass()",
    "def login(user, password=None): ...",
    'key = "name"',
    "df['token'] = df['text'].str.split()",
    "%env CUDA_VISIBLE_DEVICES=0",
    "TOKEN=$(cat token.txt)",
    "api_key=config.api_key)",
    "requests.get('https://example.org:8080/a@b')",
    "max_tokens = 64",
    "<|fim_prefix|>password = <|fim_suffix|>\nprint(1)<|fim_middle|>",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_does_not_leave(text: str):
    told = redact(text)
    assert SECRETS[text] not in told
    assert PLACEHOLDER.search(told)
    assert told.count("\n") == text.count("\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_secrets_stays(text: str):
    assert redact(text) == text


def test_the_projects_own_code_stays():
    for path in sorted((ROOT / "jupyter_fastgen").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert redact(text) == text, path


def test_a_secret_that_is_being_typed_leaves_the_template_alone():
    prompt = '<|fim_prefix|>password = "zeppelin9931<|fim_suffix|>\nx = "1"<|fim_middle|>'
    told = redact(prompt)
    assert "zeppelin" not in told
    assert re.findall(r"<\|\w+\|>", told) == re.findall(r"<\|\w+\|>", prompt)
    assert told.endswith('\nx = "1"<|fim_middle|>')


code = st.lists(
    st.sampled_from(
        [*SECRETS, *HARMLESS, "\n", " ", "=", '"', "'", ":", "password", "REDACTED_1_", "x", "<|"]
    )
    | st.text(max_size=12),
    max_size=12,
).map("".join)


@given(code)
def test_redacting_twice_is_redacting_once(text: str):
    once = redact(text)
    assert redact(once) == once


@given(code)
def test_the_lines_stay_and_what_was_hidden_comes_back(text: str):
    redactor = Redactor()
    told = redactor.redact(text)
    assert told.count("\n") == text.count("\n")
    if "REDACTED_" not in text:
        assert redactor.restore(told) + redactor.rest() == text


@given(st.text(alphabet="abcxyz_ =()[]+-*,.\n0123456789", max_size=200))
def test_code_without_a_secret_is_not_touched(text: str):
    assert redact(text) == text


@given(code, st.integers(1, 7))
def test_an_answer_is_the_same_however_it_is_cut(text: str, size: int):
    whole, cut = Redactor(), Redactor()
    told = whole.redact(text)
    assert cut.redact(text) == told
    pieces = [told[at : at + size] for at in range(0, len(told), size)]
    restored = "".join(map(cut.restore, pieces)) + cut.rest()
    assert restored == whole.restore(told) + whole.rest()
