"""An application with the official openai client: sends one chat call as its argument says and prints what it saw.

The argument is a JSON object: base (URL), headers, and body (the keyword arguments of the call).
"""

import json
import sys

import openai

asked = json.loads(sys.argv[1])
client = openai.OpenAI(base_url=asked["base"] + "/v1", api_key="sk-test", default_headers=asked["headers"])
try:
    answer = client.chat.completions.create(**asked["body"])
    if asked["body"].get("stream"):
        seen = {"chunks": [chunk.model_dump() for chunk in answer]}
    else:
        seen = {"answer": answer.model_dump()}
except openai.APIStatusError as error:
    seen = {
        "error": type(error).__name__,
        "status": error.status_code,
        "code": error.code,
        "type": error.type,
        "message": error.message,
    }
except openai.OpenAIError as error:
    seen = {"error": type(error).__name__, "message": str(error)}
print(json.dumps(seen))
