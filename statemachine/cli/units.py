"""Numbers as people read them."""

from typing import Final

_UNITS: Final = (("s", 10**9), ("ms", 10**6), ("µs", 10**3), ("ns", 1))


def duration(nanoseconds: float) -> str:
    """A duration with three digits and the unit that fits.

    Example:
        >>> [duration(n) for n in (0, 999, 1_500, 2_000_000, 61_000_000_000, 7.3e12)]
        ['0 ns', '999 ns', '1.50 µs', '2.00 ms', '61.0 s', '2 h 1 min']
    """
    if nanoseconds >= 100 * 10**9:
        return _long(int(nanoseconds / 1e9))
    for unit, size in _UNITS:
        if nanoseconds >= size:
            value = nanoseconds / size
            digits = 0 if size == 1 else max(2 - len(str(int(value))) + 1, 0)
            return f"{value:.{digits}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def _long(seconds: int) -> str:
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent.

    Example:
        >>> share(1, 3), share(1, 0)
        ('33.3 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


def size(bytes_: int) -> str:
    """A number of bytes.

    Example:
        >>> size(999), size(2048), size(5 << 30)
        ('999 B', '2.0 KiB', '5.0 GiB')
    """
    value = float(bytes_)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def count(number: int, noun: str) -> str:
    """A number and what is counted.

    Example:
        >>> count(1, "event"), count(12_345, "event")
        ('1 event', '12,345 events')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
