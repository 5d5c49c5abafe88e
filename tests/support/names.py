"""Names that no one should choose, each for a reason; bytes, as Linux has them.

`NAMES` fit beside each other on a file system that tells all bytes apart.
"""

import os
from pathlib import Path

_BYTES = [bytes([byte]) for byte in range(1, 256) if byte not in b"./"]
_INSIDE = [b"in" + bytes([byte]) + b"side" for byte in range(1, 256) if byte != ord("/")]
_CONTROL = [
    b"new\nline",
    b"line\n2026-11-22 12:00:00 ERROR : a line of our own",
    b"carriage\rreturn",
    b"tab\t",
    b"\n",
    b"\r\n",
    b"escape \x1b[31mred\x1b]0;title\x07",
    b"\x1b[2J\x1b[H",
    b"\x1b]52;c;Y29waWVk\x07",
    b"eight bit \xc2\x9b31m",
    b"\x7f\x08\x08\x08",
]
_ENCODING = [
    b"not utf-8 \xff\xfe",
    b"\xff" * 255,
    b"half a character \xc3",
    b"overlong \xc0\xaf",
    b"surrogate \xed\xb2\x80",
    b"pair \xed\xa0\xbd\xed\xb8\x80",
    b"beyond \xf4\x90\x80\x80",
    b"latin \xe9t\xe9",
    b"\xef\xbb\xbfmark first",
    b"written out \\udcff",
    "private \ue000".encode(),
    "noncharacter \uffff".encode(),
    "outside \U0001f600 \U0010ffff".encode(),
]
_UNICODE = [
    "bidi \u202egpj.exe".encode(),
    "isolate \u2066x\u2069".encode(),
    "line\u2028separator".encode(),
    "paragraph\u2029separator".encode(),
    "next\u0085line".encode(),
    "soft\u00adhyphen".encode(),
    "zero\u200bwidth".encode(),
    "\u00a0".encode(),
    "\u3000".encode(),
    "nfc é".encode(),
    "nfd e\u0301".encode(),
    "pair é".encode(),
    "pair e\u0301".encode(),
    "\u212b".encode(),
    "\u00c5".encode(),
    "A\u030a".encode(),
    "straße".encode(),
    b"STRASSE",
    "ﬁ".encode(),
    "İ".encode(),
    "i\u0307".encode(),
    "\u0301".encode(),
    "e" + "\u0301" * 60 + ".zalgo",
]
_LENGTH = [b"n" * 255, "ü".encode() * 127, b"\n" * 255, "😀".encode() * 63, b"x" * 254 + b"\xff"]
_SHELL = [
    b"-rf",
    b"-",
    b"--",
    b"--adopt",
    b"--delete-excluded",
    b" leading",
    b"trailing ",
    b" ",
    b"  ",
    b"\\",
    b"back\\slash",
    b"back\\n",
    b"back\\",
    b"$(touch x) `touch x` %s",
    b"${HOME}",
    b"%",
    b"%n%n%n",
    b"%2e%2e%2f",
    b"{}",
    b"{0}",
    b"\"quotes\" and 'quotes'",
    b"'",
    b'"',
    b"a;b",
    b"a|b",
    b"a&b",
    b">",
    b"~",
    b"~root",
    b"!",
    b"!!",
    b"#1",
    b"#123",
    b"#",
]
_GLOBS = [b"*", b"**", b"?", b"[", b"]", b"[a-z]", b"?[]{}", b"{{.*}}", b"{a,b}", b"*.tmp", b"[!x]"]
_DOTS = [b"...", b"..foo", b".foo", b"dot.", b"..  ", b". ", b".hidden", b"a.b.c", b". .", b"....x"]
_SYSTEMS = [
    b"CON",
    b"nul.txt",
    b"a:b",
    b"a:$DATA",
    b"lpt1",
    b"desktop.ini",
    b".DS_Store",
    b"Thumbs.db",
]
_CASES = [b"Case", b"case", b"CASE", "ÉCASE".encode(), "écase".encode()]
_OURS = [
    b".mirrorfs",
    b".mirrorfs-",
    b".mirrorfs-looks-like-ours",
    b".mirrorfs-deadbeef-0badf00d.tmp",
    b".mirrorfs-deadbeef-0badf00d",
    b".mirrorfs-00000000-00000000.tmp.tmp",
    b".mirrorfs-deadbeef-0badf00d.partial",
    b"checkpoint",
    b"status.json",
    b"journal",
]
_OTHERS = [b".~tmp~", b".file.X3k9Qz", b".nfs000000000000001", b".fuse_hidden0001", b"file.partial"]

NAMES: list[bytes] = list(
    dict.fromkeys(
        name if isinstance(name, bytes) else name.encode()
        for group in (
            _CONTROL,
            _ENCODING,
            _UNICODE,
            _LENGTH,
            _SHELL,
            _GLOBS,
            _DOTS,
            _SYSTEMS,
            _CASES,
            _OURS,
            _OTHERS,
            _BYTES,
            _INSIDE,
        )
        for name in group
    )
)


def make_names(directory: Path) -> None:
    """Each name as a file, a directory with such a file, or a symlink to such a target."""
    held = os.fsencode(directory)
    for number, name in enumerate(NAMES):
        path = os.path.join(held, name)
        match number % 3:
            case 0:
                with open(path, "wb") as file:
                    file.write(b"%d" % number)
            case 1:
                os.mkdir(path)
                os.mknod(os.path.join(path, name))
            case _:
                os.symlink(name, path)
