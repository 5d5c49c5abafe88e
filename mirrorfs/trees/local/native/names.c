/* Look at names, rename files, remove files: what is out of the ordinary is left.

   Law: nothing is followed. What is renamed or removed is a regular file, and the one that was
   seen; a name that is taken is left as it is. */

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64
#include "names.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define NOREPLACE 1

/* Whether the time can be told in nanoseconds. */
static int nanoseconds(struct timespec time, int64_t *told)
{
    return !__builtin_mul_overflow((int64_t)time.tv_sec, SECOND, told) &&
           !__builtin_add_overflow(*told, (int64_t)time.tv_nsec, told);
}

static int is_name(const char *text)
{
    return *text && strcmp(text, ".") && strcmp(text, "..") && !strchr(text, '/');
}

static enum look look_at(int directory, const char *name, uint64_t device, int xattrs,
                         struct seen *seen)
{
    char path[PATH_MAX], names[XATTR_SIZE];
    struct stat *found = &seen->found;
    if (fstatat(directory, name, found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? ABSENT : LEFT;
    if (!(S_ISREG(found->st_mode) || S_ISDIR(found->st_mode)) || found->st_dev != device)
        return LEFT;
    if (!nanoseconds(found->st_mtim, &seen->modified) ||
        !nanoseconds(found->st_ctim, &seen->changed) ||
        !nanoseconds(found->st_atim, &seen->accessed))
        return LEFT;
    return xattrs && list_xattrs(directory, name, path, names) ? LEFT : SEEN;
}

void look_at_names(int directory, size_t count, const char *const *names, const char *prefix,
                   uint64_t device, int xattrs, struct seen *seen)
{
    size_t length = strlen(prefix);
    for (size_t at = 0; at < count; at++)
        seen[at].look = is_name(names[at]) && strncmp(names[at], prefix, length)
                            ? look_at(directory, names[at], device, xattrs, &seen[at])
                            : LEFT;
}

void rename_names(int directory, int to, size_t count, const char *const *names,
                  const char *const *others, const uint64_t *inodes, uint8_t *done)
{
    struct stat found;
    for (size_t at = 0; at < count; at++)
        done[at] = is_name(names[at]) && is_name(others[at]) &&
                   !fstatat(directory, names[at], &found, AT_SYMLINK_NOFOLLOW) &&
                   S_ISREG(found.st_mode) && found.st_ino == inodes[at] &&
                   !syscall(SYS_renameat2, directory, names[at], to, others[at], NOREPLACE);
}

void remove_names(int directory, size_t count, const char *const *names,
                  const struct version *versions, uint8_t *done)
{
    struct stat found;
    int64_t modified;
    for (size_t at = 0; at < count; at++) {
        const struct version *saw = &versions[at];
        /* RACE: whoever changes the file between this look and the removal loses the change. */
        done[at] = is_name(names[at]) &&
                   !fstatat(directory, names[at], &found, AT_SYMLINK_NOFOLLOW) &&
                   S_ISREG(found.st_mode) && found.st_ino == saw->inode &&
                   found.st_size == saw->size && nanoseconds(found.st_mtim, &modified) &&
                   modified == saw->modified && !unlinkat(directory, names[at], 0);
    }
}
