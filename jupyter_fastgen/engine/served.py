"""A server that others run, by its URL: which API it has."""

from __future__ import annotations

from urllib.parse import urldefrag, urlsplit

import httpx

from . import http
from .address import is_gateway, shown
from .base import Engine, EngineError, ModelSpec
from .llamacpp import LlamaServer
from .openai import OpenAIServer

SECONDS = 5.0


async def adapter(spec: ModelSpec) -> Engine:
    """The engine for the server at `spec.location`; raises `EngineError` where nothing answers.

    A URL whose path ends in `/v1` is that of OpenAI's API. At another one llama-server is looked
    for first, whose own API can do more.
    """
    if is_gateway(spec.location):
        from .remote import RemoteEngine

        return RemoteEngine(spec.location)
    url = urldefrag(spec.location).url.rstrip("/")
    if urlsplit(url).path.endswith("/v1"):
        return OpenAIServer()
    async with http.client(url, spec.api_key, SECONDS) as client:
        try:
            props = (await client.get("/props")).json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineError(
                f"no server answers at {shown(url)}: {error or type(error).__name__}",
                "start one (`llama-server -m MODEL.gguf`) or correct the URL of the model",
            ) from error
        except ValueError:
            return OpenAIServer()
    is_llama = isinstance(props, dict) and "default_generation_settings" in props
    return LlamaServer() if is_llama else OpenAIServer()
