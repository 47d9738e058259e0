#!/usr/bin/env python3
"""Takes the TCP options out of captures, as seeds for the fuzz target `parse`.

  areas.py DIRECTORY CAPTURE...

Writes DIRECTORY/area-LENGTH-HASH for each different area that has an MPTCP option: an
octet for the kind of segment (see rust/fuzz/src/input.rs), then the options. Keys and
numbers differ from capture to capture; one area of each shape is kept.
"""

import hashlib
import sys
from pathlib import Path

from scapy.layers.inet import TCP
from scapy.utils import PcapReader

MPTCP = 30
SYN, RST, ACK = 0x02, 0x04, 0x10


def kind(segment):
    """The octet that makes the target parse the options as those of such a segment."""
    flags = int(segment.flags)
    if flags & RST:
        return 2
    if flags & SYN:
        return 1 if flags & ACK else 0
    return 5 if len(segment.payload) else 3


def shape(area):
    """Kinds, lengths, and what in an MPTCP option is no number: None without such an option."""
    seen, at = [], 0
    while at < len(area) and area[at] != 0:
        if area[at] == 1:
            at += 1
            continue
        length = area[at + 1] if at + 1 < len(area) else 0
        if length < 2:
            break
        # Subtype and flags; of an address or a priority the second octet is just a number.
        flags = bytes(area[at + 2 : at + 4]) if area[at] == MPTCP else b""
        seen.append((area[at], length, flags[:1] if flags[:1] >= b"\x30" else flags))
        at += length
    return tuple(seen) if any(option[0] == MPTCP for option in seen) else None


def areas(capture):
    """(kind, area) of each TCP segment; a capture cut short is read as far as it goes."""
    with PcapReader(str(capture)) as packets:
        for packet in packets:
            if TCP in packet:
                segment = packet[TCP]
                octets = segment.original or bytes(segment)
                yield kind(segment), octets[20 : 4 * (octets[12] >> 4)]


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__.strip())
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    seen, total = set(), 0
    for capture in sys.argv[2:]:
        for number, area in areas(capture):
            total += 1
            key = (number, shape(area))
            if key[1] is None or key in seen:
                continue
            seen.add(key)
            seed = bytes([number]) + area
            name = f"area-{len(area)}-{hashlib.sha1(seed).hexdigest()[:8]}"
            (directory / name).write_bytes(seed)
    print(f"{total} segments, {len(seen)} different areas with MPTCP, in {directory}")
    return 0 if seen else 1


if __name__ == "__main__":
    sys.exit(main())
