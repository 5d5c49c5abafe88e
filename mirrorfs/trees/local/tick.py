"""Whether the next change of a file will show in its times.

Law: a look at a file proves something only if every later change moves a time. Times are taken from
a clock that ticks: two writes within one tick look alike, and so does a write after the look with
one right before it. So a look is trusted only once the tick of the last change is over; until then
one waits, for files that changed a moment ago and for nobody else.

How long a tick is shows in the time itself: one of a file system that knows whole seconds is a
whole second. The system's own clock ticks every 1 to 10 ms; its coarse reading is what the kernel
stamps files with. (Since Linux 6.13 some file systems give the next change after a look a finer
time. Then the wait is not needed, and as short.) Times set by a server are as good as its clock.

Pure, but for `coarse_now`.
"""

import time

SECOND = 1_000_000_000
# FAT keeps even seconds, others whole ones, exFAT hundredths; then some servers, UDF and NTFS.
GRAINS = (2 * SECOND, SECOND, SECOND // 100, SECOND // 1000, 1000, 100)
SLACK = SECOND // 10
COARSE = 5  # CLOCK_REALTIME_COARSE, which `time` has no name for


def coarse_now() -> int:
    """The time that a change right now would be stamped with at the earliest, in nanoseconds."""
    return time.clock_gettime_ns(COARSE)


def grain(stamp: int) -> int:
    """The longest tick, in nanoseconds, that a time may have been rounded to; 0: the clock's."""
    return next((grain for grain in GRAINS if stamp % grain == 0), 0)


def unsettled(stamp: int, now: int, least: int = 0) -> int:
    """Nanoseconds until a change would get another time than ``stamp``; 0 when it would already.

    ``now`` is `coarse_now` from before the look that showed ``stamp``. ``least``: so coarse are
    the times that will be compared with it. A time of the future (the clock was set back) is
    different from any that is given now.
    """
    tick = max(grain(stamp), least) or 1
    end = stamp - stamp % tick + tick
    if now >= end or stamp > now + tick + SLACK:
        return 0
    return end - now
