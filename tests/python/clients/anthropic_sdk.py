"""The client of Anthropic."""

import anthropic

ERRORS = anthropic.AnthropicError


def call(asked):
    options = {"max_retries": asked["retries"]} if "retries" in asked else {}
    client = anthropic.Anthropic(
        base_url=asked["base"], api_key="sk-ant-test", default_headers=asked["headers"], **options
    )
    if not asked["stream"]:
        return client.messages.create(**asked["body"]).model_dump(mode="json")
    return (event.model_dump(mode="json") for event in client.messages.create(**asked["body"], stream=True))


def fields(error):
    told = {"message": str(error)}
    if isinstance(error, anthropic.APIError):
        told |= {"message": error.message, "body": error.body}
    if isinstance(error, anthropic.APIStatusError):
        told["status"] = error.status_code
    return told
