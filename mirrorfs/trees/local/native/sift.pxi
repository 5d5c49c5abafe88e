"""One pass over the events of a read, in C; answers as `mirrorfs.watch.sift.plain`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memcmp, memcpy


cdef extern from "<sys/inotify.h>" nogil:
    enum:
        IN_ATTRIB, IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MODIFY


cdef struct event_header:
    int32_t wd
    uint32_t mask, cookie, length


def sift(bytes data not None, int cookies):
    """See `mirrorfs.watch.sift.Sift`."""
    cdef const char *at = PyBytes_AS_STRING(data)
    cdef const char *end = at + PyBytes_GET_SIZE(data)
    cdef const char *named = NULL  # where `name` was read
    cdef Py_ssize_t count = 0, length, size = 0
    cdef event_header event
    cdef int32_t current = 0
    cdef bytes name = b""
    cdef dict finished = {}, touched = {}, opened = {}
    cdef dict done = None, open_ = None  # those of the current directory
    cdef list rare = []
    while at < end:
        if end - at < <Py_ssize_t>sizeof(event_header):
            raise ValueError("an event is cut")
        memcpy(&event, at, sizeof(event_header))
        at += sizeof(event_header)
        if event.length > <size_t>(end - at):
            raise ValueError("an event is cut")
        length = event.length
        while length and not at[length - 1]:
            length -= 1
        if named == NULL or length != size or memcmp(at, named, size):
            name = PyBytes_FromStringAndSize(at, length)
            named, size = at, length
        at += event.length
        if not count or event.wd != current:
            current = event.wd
            done = finished.get(current)
            open_ = opened.get(current)
        count += 1
        if event.mask == IN_CLOSE_WRITE or event.mask == IN_DELETE:
            if open_ is not None and name in open_:
                del open_[name]
            if done is None:
                done = finished[current] = {}
            done[name] = None
        elif event.mask == IN_MODIFY or (event.mask == IN_CREATE and current != cookies):
            if done is not None and name in done:
                continue
            if open_ is None:
                open_ = opened[current] = {}
            if event.mask == IN_MODIFY:
                open_[name] = True
            elif name not in open_:
                open_[name] = False
        elif event.mask == IN_ATTRIB:
            if open_ is None or name not in open_:
                touched.setdefault(current, {})[name] = None
        else:
            if open_ is not None and name in open_:
                del open_[name]
            rare.append((current, event.mask, event.cookie, name))
    return count, finished, touched, {wd: names for wd, names in opened.items() if names}, rare
