/* Many names of one directory, one after the other: see at_once.py, which answers the same. */

#ifndef MIRRORFS_NAMES_H
#define MIRRORFS_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum look { ABSENT, SEEN, LEFT };

struct seen {
    struct stat found;
    int64_t modified, changed, accessed; /* nanoseconds */
    enum look look;
};

/* Of a file, as somebody saw it. */
struct version {
    uint64_t inode;
    int64_t size, modified; /* bytes, nanoseconds */
};

void look_at_names(int directory, size_t count, const char *const *names, const char *prefix,
                   uint64_t device, int xattrs, struct seen *seen);

/* Both: which of them is `done`. */
void rename_names(int directory, int to, size_t count, const char *const *names,
                  const char *const *others, const uint64_t *inodes, uint8_t *done);
void remove_names(int directory, size_t count, const char *const *names,
                  const struct version *versions, uint8_t *done);

#endif
