/* New small files, copied in C: see plain.py, which does the same. */

#ifndef MIRRORFS_SMALL_COPY_H
#define MIRRORFS_SMALL_COPY_H

#include <stddef.h>
#include <stdint.h>

/* How files are made; see `Terms` in small/__init__.py. */
struct manner {
    int mode, owners, permissions, xattrs;
    int64_t grain_ns; /* so coarse are the times that the destination keeps */
    int64_t most;     /* bytes of a file that counts as small */
    int64_t uid;      /* of the source's file; -1: anybody's */
};

/* Files of one open directory, for another; see `Group` in small/__init__.py. In `moved`: what is
   to come out, the bytes of each; -1 for one that is left to the long way: nothing of it is there. */
struct group {
    int source, target;
    size_t count;
    const char *const *names;
    const char *const *temporaries; /* NULL: none has one */
    int64_t *moved;
};

void small_copy(const struct group *groups, size_t count, const struct manner *manner);

#endif
