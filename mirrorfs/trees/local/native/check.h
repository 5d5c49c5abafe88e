/* The quick check in C, without Python: see plain.py, which answers the same. */

#ifndef MIRRORFS_QUICK_CHECK_H
#define MIRRORFS_QUICK_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "names.h"

#define XATTR_SIZE 4096 /* whoever has more is left to the ordinary way */

struct terms {
    int64_t window_ns; /* modification times less than this apart are equal */
    int64_t uid;       /* of the source's file; -1: anybody's */
    int mode, owner, xattrs;
};

/* Of whose directories more is told: see plain.py. By side, the source's first. */
struct bounds {
    const char *prefix;
    uint64_t devices[2];
    int xattrs[2];
};

enum verdict { REST, FRESH, EQUAL, BELOW, DROPPED };

struct name {
    uint32_t offset, length; /* in the bytes of its listing */
    uint8_t type;            /* as in struct dirent */
    uint8_t verdict;         /* of the destination's names: DROPPED where the source has it, too */
};

struct listing {
    char *bytes;
    struct name *names;
    size_t size, room, count, most;
};

/* What a directory holds on both sides, where that is `known`. */
struct answer {
    struct listing ours, theirs; /* of the source, of the destination */
    size_t equal, below;         /* so many names of that verdict */
    struct seen *seen[2];        /* of those below, in their order, on both sides */
    int known;
};

/* Look at `count` directories by their names in two open ones, with `threads` threads at most. The
   answer: how many of them, the first ones, were looked at, enough for some `most` names. Each of
   these answers is to be released. */
size_t quick_look(int source, int destination, const char *const *names, size_t count,
                  const struct terms *terms, const struct bounds *bounds, int threads, size_t most,
                  struct answer *answers);
void quick_release(struct answer *answer);

/* The names of an open directory; -1 for not known. To be released in either case. */
int read_names(int directory, struct listing *list);
void release_names(struct listing *list);

/* The names of a file's extended attributes, each with a zero after it, into room for XATTR_SIZE;
   their size, -1 for not known. `path` is room for the way to it through /proc (PATH_MAX). */
ssize_t list_xattrs(int directory, const char *name, char *path, char *names);

#endif
