"""Names of files that are not there for good: what browsers, synchronisers and editors write before they rename it."""

import re

from imgtrans.images.formats import is_hidden_or_system

# Chrome, Firefox, Safari, Opera, wget, BitTorrent, WinSCP, FileZilla, rsync, Syncthing, Dropbox, OneDrive, Office,
# vim, Lightroom and whoever else is that plain.
_TEMPORARY = re.compile(
    r".*\.(?:part|partial|crdownload|download|opdownload|filepart|!ut|!qb|aria2|tmp|temp|swp|swx|crswap|lock|lrtmp)"
    r"|~\$.*|.*~|~.*\.tmp|.*\.sb-[0-9a-f]{8}-.{6}|.*\.~[0-9a-z]+|dropbox\..*|.*\.goutputstream-.*",
    re.IGNORECASE | re.DOTALL,
)

# What nearly all pictures are called, of which a look asks 100,000 times.
_PLAIN = re.compile(r"[^.~]+\.(?:jpe?g|png|tiff?|webp|bmp|heic|avif|dng)", re.IGNORECASE)


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is the system's, hidden, or only there until it is renamed."""
    if _PLAIN.fullmatch(name):
        return False
    return is_hidden_or_system(name) or _TEMPORARY.fullmatch(name) is not None
