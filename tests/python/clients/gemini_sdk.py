"""The client of Gemini."""

from google import genai
from google.genai import errors, types

ERRORS = errors.APIError


def call(asked):
    options = types.HttpOptions(base_url=asked["base"], headers=asked["headers"])
    client = genai.Client(api_key="test", http_options=options)
    if asked["call"] == "embed":
        return seen(client.models.embed_content(**asked["body"]))
    if not asked["stream"]:
        return seen(client.models.generate_content(**asked["body"]))
    # The client must live as long as its stream.
    return (seen(chunk) for client in [client] for chunk in client.models.generate_content_stream(**asked["body"]))


def seen(answer):
    # Without the HTTP headers, in which every answer differs.
    return answer.model_dump(mode="json", exclude_none=True, exclude={"sdk_http_response"})


def fields(error):
    return {"status": error.code, "type": error.status, "message": error.message}
