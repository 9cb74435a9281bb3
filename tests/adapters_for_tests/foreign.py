"""A program that speaks the protocol without assay, as one in another language would: softmax in float32."""

import json
import math
import struct
import sys


def write(header, block=b""):
    """One frame."""
    text = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack("<IQ", len(text), len(block)) + text + block)
    sys.stdout.buffer.flush()


write({"reply": "offer", "protocol": 1, "name": "foreign", "functions": ["softmax"], "version": "7"})
while lengths := sys.stdin.buffer.read(12):
    of_header, of_tensors = struct.unpack("<IQ", lengths)
    request = json.loads(sys.stdin.buffer.read(of_header))
    block = sys.stdin.buffer.read(of_tensors)
    (of_index,) = struct.unpack("<Q", block[:8])
    entry = json.loads(block[8 : 8 + of_index])["x"]
    begin, end = entry["data_offsets"]
    values = struct.unpack(f"<{(end - begin) // 4}f", block[8 + of_index :][begin:end])
    e = [math.exp(value - max(values)) for value in values]
    result = struct.pack(f"<{len(e)}f", *(each / sum(e) for each in e))
    index = json.dumps({"result": {**entry, "data_offsets": [0, len(result)]}}).encode()
    write({"reply": "ok", "id": request["id"]}, struct.pack("<Q", len(index)) + index + result)
