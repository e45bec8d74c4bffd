"""Writes what the fuzzers begin with: the recorded answers and requests, with the eight bytes before them that
src/input.rs describes. seeds.py FOLDER RECORDINGS…"""

import hashlib, json, pathlib, sys

# As filter::dialect::Dialect::ALL has them.
DIALECTS = {"responses": 1, "completions": 2, "embeddings": 3, "audio": 4, "images": 6, "anthropic": 8, "gemini": 9,
            "interactions": 11, "bedrock-converse": 12, "bedrock-invoke": 13, "cohere": 14, "ollama-native": 17, "chat": 0}
CONTENT_TYPES = ["text/event-stream", "application/json", "", "application/vnd.amazon.eventstream", "application/x-ndjson"]
CUTS = b"\x03\x01\x29\x07"
LONGEST = 16 * 1024

out, *places = map(pathlib.Path, sys.argv[1:])


def seed(target, choices, body):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    data = CUTS + bytes(choices) + body
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


for path in sorted(path for place in places for path in place.rglob("*.body")):
    about, body = path.with_suffix(".json"), path.read_bytes()
    about = json.loads(about.read_text()) if about.exists() else {}
    if len(body) > LONGEST:
        continue
    api = str(about.get("api") or path.parent.name)
    dialect = next((number for word, number in DIALECTS.items() if word in api), 0)
    told = about.get("content_type") or ""
    content_type = next((number for number, name in enumerate(CONTENT_TYPES) if name and name in told), 2)
    for flags in [0x41, 0x4b]:
        seed("response", [dialect, content_type, flags, 0], body)
    seed("response", [dialect, content_type | 8, 0x43, 0], body)
    for target in ["sse", "ndjson", "json_array", "json_scan", "json_check", "base64", "encoding"]:
        seed(target, [0, 0, 0, 0], body)
    seed("event_stream", [1, 0, 0, 0], body)
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines()]
    documents = [line for line in lines if line.startswith(b"{")]
    if documents:
        again = [document + b"\n~" + bytes([40 + number]) + b"x" for number, document in enumerate(documents[:20])]
        seed("skim", [dialect, 0, 3, 0], b"\n".join(documents[:20] + again))
    request = about.get("request") or about.get("request_body")
    if isinstance(request, dict):
        for number in range(24):
            seed("request", [number, 0, 0, 0], json.dumps(request).encode())

FORM = (b'--b0\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF --b\r\n--b0\r\n'
        b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b0--\r\n')
seed("request", [3, 1, 0, 0], FORM)
seed("request", [0, 0, 0, 0], b'{"stream":true,"stream_options":{"include_usage":false},"model":"m"}')
for start, total, headers in [(b"", 16, 0), (b"{}", 18, 0)]:
    seed("event_stream", [1, 0, 0, 0], total.to_bytes(4, "big") + headers.to_bytes(4, "big") + bytes(4) + start + bytes(4))
for encoded in ["1f8b08000000000000034b4c4a06001bc94dc203000000".replace("1bc94dc2", "c2412435"), "4b4c4a0600",
                "0b018061626303", "28b52ffd0458190000616263f5e27bd1"]:
    for number in range(4):
        seed("encoding", [number, 0, 0, 0], bytes.fromhex(encoded))
