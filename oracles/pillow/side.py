"""Pillow's side of the matrix: what it sees in a file, frame by frame.

A request is a line of JSON and `bytes` bytes after it; an answer is the same. oracles/src/pipe.rs is the other end.
"""

import io
import json
import sys

from PIL import Image, ImageOps, ImageSequence


def shown(frame, size):
    """A frame upright and as RGBA; colours are weighted by their alpha while it is resized."""
    frame = ImageOps.exif_transpose(frame).convert("RGBA")
    if size is None or frame.size == size:
        return frame
    return frame.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def plays(picture):
    """How often the whole is shown, 0 for ever. A GIF says how often it is repeated, and may say nothing."""
    if picture.format == "GIF":
        repeats = picture.info.get("loop")
        return 1 if repeats is None else 0 if repeats == 0 else repeats + 1
    return picture.info.get("loop")


def film(request, payload):
    picture = Image.open(io.BytesIO(payload))
    size = tuple(request["size"]) if request["size"] else None
    played = plays(picture)
    # Of an APNG, the picture for those who know no animations is not part of it.
    apart = picture.info.get("default_image", False)
    frames, durations = [], []
    for number, frame in enumerate(ImageSequence.Iterator(picture)):
        if number == 0 and apart:
            continue
        frames.append(shown(frame, size))
        # Known once the frame is loaded.
        durations.append(frame.info.get("duration", 0))
    if len({frame.size for frame in frames}) > 1:
        raise ValueError("the canvas grows")
    width, height = frames[0].size
    data = b"".join(frame.tobytes() for frame in frames)
    return {"width": width, "height": height, "durations": durations, "plays": played}, data


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        request = json.loads(line)
        payload = source.read(request["bytes"])
        try:
            answer, data = {"film": film}[request["op"]](request, payload)
        except Exception as error:  # An oracle that cannot read a file says so and reads the next one.
            answer, data = {"error": f"{type(error).__name__}: {error}"}, b""
        sink.write(json.dumps({**answer, "bytes": len(data)}).encode() + b"\n" + data)
        sink.flush()


main()
