"""The client of OpenAI, and of what is compatible with it."""

import openai

ERRORS = openai.OpenAIError


def call(asked):
    options = {"max_retries": asked["retries"]} if "retries" in asked else {}
    client = openai.OpenAI(
        base_url=asked["base"] + "/v1", api_key="sk-test", default_headers=asked["headers"], **options
    )
    api = {
        "chat": client.chat.completions,
        "completions": client.completions,
        "embeddings": client.embeddings,
        "responses": client.responses,
    }[asked["call"]]
    if not asked["stream"]:
        return api.create(**asked["body"]).model_dump(mode="json")
    return (event.model_dump(mode="json") for event in api.create(**asked["body"], stream=True))


def fields(error):
    told = {"message": str(error)}
    if isinstance(error, openai.APIError):
        told |= {"message": error.message, "code": error.code, "type": error.type}
    if isinstance(error, openai.APIStatusError):
        told["status"] = error.status_code
    return told
