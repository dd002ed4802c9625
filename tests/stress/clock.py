"""The clock set back, and set right again whatever happens.

A child that does nothing but wait sets it right: it wakes up when the pipe to
it closes, which is also what the death of its parent does.
"""
import os
import signal
import time


class ClockSet:
    """The clock shows ns (since the Epoch) at the beginning of a block."""

    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - \
            time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wait, self.pipe = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.pipe)
            self.restore(wait, offset)
        os.close(wait)
        time.clock_settime_ns(time.CLOCK_REALTIME, self.ns)

    @staticmethod
    def restore(wait, offset):
        try:
            os.setsid()
            for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(s, signal.SIG_IGN)
            os.read(wait, 1)
        finally:
            time.clock_settime_ns(
                time.CLOCK_REALTIME,
                time.clock_gettime_ns(time.CLOCK_BOOTTIME) + offset)
            os._exit(0)

    def __exit__(self, *_):
        os.close(self.pipe)
        os.waitpid(self.child, 0)


def can_be_set():
    """By setting it to what it shows: a moment is lost."""
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME,
                              time.clock_gettime_ns(time.CLOCK_REALTIME))
        return True
    except (PermissionError, OSError):
        return False
