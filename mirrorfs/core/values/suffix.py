"""Suffixes of file names: of backups (--suffix) and of files being written (--partial-suffix)."""

from .errors import ValueRefused

PARTIAL_SUFFIX_MAX = 16

# Second extensions that stay with the last one (`a.tar.gz`). rclone asks the host's MIME
# tables, so its names differ from host to host; this list is the same everywhere.
_KNOWN = frozenset(  # one text: a hundred quoted names would hide what is in it
    """
    7z aac apk atom avi avif bin bmp bz2 c cpio css csv cpp cxx deb doc docx dtd eml eps epub exe
    flac flv gif gz h heic hpp htm html ico ics iso jar java jpeg jpg js json jsonld key lz lzma m3u
    m4a m4v man md mid midi mjs mkv mov mp3 mp4 mpeg mpg msi odp ods odt ogg ogv opus otf pdf pem
    php pl png po pps ppt pptx ps psd py rar rpm rss rst rtf sh sql sqlite srt svg swf tar tcl tex
    tgz tif tiff toml tsv ttf txt txz vcf wasm wav webm webp wma wmv woff woff2 xhtml xls xlsx xml
    xpi xsl xz yaml yml zip zst
    """.split()  # noqa: SIM905
)


def suffix_name(path: str, suffix: str, *, keep_extension: bool = False) -> str:
    """`path` with `suffix` at its end, or before its extensions.

    The last extension always counts as one; those before it only while they are known types
    (rclone: --suffix-keep-extension).

    >>> suffix_name("d/a.tar.gz", "-old", keep_extension=True)
    'd/a-old.tar.gz'
    """
    if not suffix or not keep_extension:
        return path + suffix
    base = path
    while dot := base.rfind(".", base.rfind("/") + 1) + 1:
        if len(base) < len(path) and base[dot:].lower() not in _KNOWN:
            break
        base = base[: dot - 1]
    return base + suffix + path[len(base) :]


def parse_partial_suffix(value: str) -> str:
    """The suffix itself. Raises ValueRefused when it is empty, too long or no part of a name."""
    accepted = f"1 to {PARTIAL_SUFFIX_MAX} characters without '/'"
    if not 1 <= len(value) <= PARTIAL_SUFFIX_MAX or "/" in value or "\0" in value:
        raise ValueRefused(value, accepted)
    return value
