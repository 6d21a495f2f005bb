from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.engine.gbnf import literal
from jupyter_fastgen.engine.redaction import PLACEHOLDER, Redactor, redact

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
    "login('github_pat_11ABCDEFG0abcdefghijkl_xyz')": "github_pat_11ABCDEFG0abcdefghijkl_xyz",
    "login('glpat-zeppelin9931zeppel')": "glpat-zeppelin9931zeppel",
    "stripe.api_key = key('sk_live_4eC39HqLyjWDarjtT1zdp7dc')": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    f"Client('SK{'0a' * 16}', pw)": f"SK{'0a' * 16}",
    f"SendGrid('SG.{'a1' * 11}.{'b2' * 20}')": f"SG.{'a1' * 11}.{'b2' * 20}",
    "post('https://hooks.slack.com/services/T0001/B0001/zeppelin9931')": "zeppelin9931",
    f"h = 'Authorization: Bearer {'a1.' * 8}'": "a1.a1.",
    "headers={'Authorization': 'Basic YWxhZGRpbjpvcGVuc2VzYW1lMQ=='}": "YWxhZGRpbjpvcGVu",
    'c = "Server=db;Database=x;Uid=me;Pwd=zeppelin!;"': "zeppelin!",
    f"s = 'AccountName=a;AccountKey={'a1/+' * 21}Ab==;Suffix=x'": "a1/+a1/+",
    "psycopg.connect('host=db user=me password=zeppelin')": "zeppelin",
    f"get('https://x.blob.core.windows.net/c?sv=2022&sig={'a1%2B' * 8}')": "a1%2Ba1",
    "redis.from_url('redis://:zeppelin@cache:6379')": "zeppelin",
    "os.environ.setdefault('DB_PASSWORD', 'zeppelin')": "zeppelin",
    "export DB_PASSWORD=zeppelin": "zeppelin",
    "%env API_KEY zeppelin": "zeppelin",
    'password = "zeppelin"': "zeppelin",
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
    "eos_token = '<|endoftext|>'",
    "tokenizer.pad_token = 'unknown'",
    "token_type = 'value-terminal-2'",
    "password_file = 'passwords/2024.txt'",
    "secret_name = 'prod/db/2024'",
    'getpass("Password: ", stream=None)',
    "f'postgres://{user}:{password}@{host}/db'",
    "create_engine('postgres://me:$PASSWORD@db')",
    "password = f'{prefix}-{name}'",
    "basic understanding of bearer assets and token economics",
    "User(name='a', password=SecretStr('b'))",
    '"AWS::SecretsManager::Secret": "resources/secret.json",',
    "sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
    "id = '123e4567-e89b-12d3-a456-426614174000'",
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


def test_a_secret_that_is_told_of_once_is_hidden_wherever_it_stands():
    text = "pw = Secret('zeppelin9931')\npassword = 'zeppelin9931'\nlogin('me', 'zeppelin9931')\n"
    assert "zeppelin" not in redact(text)
    words = "password = 'password'\ndef check(password): ..."
    assert redact(words).endswith("def check(password): ...")


def test_a_text_that_has_placeholders_of_its_own_keeps_them():
    text = "REDACTED_1_ = 2\npassword = 'zeppelin9931'\n"
    redactor = Redactor()
    told = redactor.redact(text)
    assert told == "REDACTED_1_ = 2\npassword = 'REDACTED_2_'\n"
    assert redactor.restore(told) + redactor.rest() == text


@given(st.text(alphabet='abc123\\"z-', min_size=8, max_size=12))
def test_what_is_hidden_in_a_prompt_is_hidden_in_its_grammar(secret: str):
    line = f"headers = 'Bearer {JWT}'; password = '{secret}'"
    redactor = Redactor()
    redactor.redact(line)
    told = redactor.redact_quoted(f"root ::= {literal(line)}")
    assert JWT not in told
    assert literal(secret)[1:-1] not in told


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
