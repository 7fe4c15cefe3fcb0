"""Packs and unpacks traces with the codec of the apps, and prints what it finds, as JSON."""

import base64
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "apps" / "hello_neurosift"))

FACTOR = 3.5


def traces(num_frames: int) -> Any:
    """Two channels of waves and spikes, the same each time."""
    frame = np.arange(num_frames)
    first = 20 * np.sin(frame / 7) + 50 * (frame % 37 == 5)
    return np.column_stack((first, -30 * np.cos(frame / 11))).astype(np.float32)


def content_of(packed: bytes) -> bytes:
    """The header and the numbers; zlib may pack these in more ways than one."""
    return packed[:20] + zlib.decompress(packed[20:])


if __name__ == "__main__":
    import sorting_qfc as qfc

    packed = base64.b64decode(sys.argv[1])
    codec = qfc.QfcCodec(FACTOR, "float32", segment_length=50)
    wide = traces(3000)
    found = {
        "unpacked": float(np.abs(codec.decode(packed) - traces(130)).max()),
        "is_packed_so": content_of(codec.encode(traces(130))) == content_of(packed),
        "config": codec.get_config(),
    }
    for name, factor in (
        ("ratio", qfc.scale_factor_for_ratio(wide, 6)),
        ("unreachable_ratio", qfc.scale_factor_for_ratio(wide, 0.1)),
        ("residual", qfc.scale_factor_for_residual(wide, 0.5)),
        ("too_large", 1e6),
    ):
        codec = qfc.QfcCodec(factor, "float32")
        content = codec.encode(wide)
        found[name] = {
            "ratio": 2 * wide.size / len(content),
            "residual": float((codec.decode(content) - wide).std()),
        }
    print(json.dumps(found))
