"""The AWS client of Bedrock, and the proof that what it has signed is what arrived."""

import json

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions

ERRORS = botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"


def call(asked):
    if asked["call"] == "verify":
        return verify(**asked["body"])
    options = {"retries": {"total_max_attempts": asked["retries"] + 1}} if "retries" in asked else {}
    client = boto3.client(
        "bedrock-runtime",
        region_name=REGION,
        endpoint_url=asked["base"],
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=botocore.config.Config(**options),
    )
    # Before it is sent and after it is signed: what Envoy takes out again must not be under the signature.
    client.meta.events.register("before-send.bedrock-runtime", lambda request, **_: add(request, asked["headers"]))
    answer = getattr(client, asked["call"])(**asked["body"])
    answer["ResponseMetadata"] = {"HTTPStatusCode": answer["ResponseMetadata"]["HTTPStatusCode"]}
    if asked["stream"]:
        return (plain(event) for event in answer["stream" if "stream" in answer else "body"])
    return plain({key: value.read() if key == "body" else value for key, value in answer.items()})


def add(request, headers):
    for name, value in headers.items():
        request.headers[name] = value


def plain(value):
    return json.loads(json.dumps(value, default=bytes.decode))


def fields(error):
    told = {"message": str(error)}
    if isinstance(error, botocore.exceptions.ClientError):
        metadata = error.response.get("ResponseMetadata", {})
        told["code"] = error.response["Error"]["Code"]
        told["status"] = metadata.get("HTTPStatusCode")
        told["attempts"] = metadata.get("RetryAttempts", 0) + 1
    return told


def verify(method, path, headers, body):
    """Signs the request that arrived as the client has signed it, and tells both signatures."""
    headers = dict(headers)
    _, parts = headers["authorization"].split(" ", 1)
    parts = dict(part.split("=", 1) for part in parts.split(", "))
    _, _, region, service, _ = parts["Credential"].split("/")
    signed = {name: headers[name] for name in parts["SignedHeaders"].split(";")}
    request = botocore.awsrequest.AWSRequest(
        method, "http://" + headers["host"] + path, signed, body.encode()
    )
    request.context["timestamp"] = headers["x-amz-date"]
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return {
        "sent": parts["Signature"],
        "recomputed": signer.signature(text, request),
        "signed": sorted(signed),
    }
