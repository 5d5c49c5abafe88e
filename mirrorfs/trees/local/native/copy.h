/* New small files of one directory, copied in C: see plain.py, which does the same. */

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

/* Copy `count` files from one open directory to another, each by way of its temporary name; without
   `temporaries` each gets its name when it is whole, and what has several names is left. In
   `moved`: the bytes of each; -1 for one that is left to the long way: nothing of it is there. */
void small_copy(int source, int target, size_t count, const char *const *names,
                const char *const *temporaries, const struct manner *manner, int64_t *moved);

#endif
