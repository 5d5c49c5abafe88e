/* Open, look, read, write, look again, set, publish: one file after the other.

   Law: a file is published whole and of one moment, or left to the long way with nothing of it
   there; no link is followed, and nothing is put in the place of anything. No call is made twice
   for what one answer proves: what a new file is like already is not set. */

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SLACK (SECOND / 10)
#define YOUNG (60 * SECOND) /* whoever wrote before that is done */
#define XATTR_SIZE 4096
#define NOREPLACE 1

/* The ticks of file times that are known; see tick.py. */
static const int64_t GRAINS[] = {2 * SECOND, SECOND, SECOND / 100, SECOND / 1000, 1000, 100};

static int64_t nanoseconds(struct timespec time)
{
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Whether a change would not get another time than `stamp` yet. */
static int unsettled(int64_t stamp, int64_t now, int64_t least)
{
    int64_t tick = least > 0 ? least : 1;
    for (size_t at = 0; at < sizeof GRAINS / sizeof *GRAINS; at++)
        if (stamp % GRAINS[at] == 0) {
            if (GRAINS[at] > tick)
                tick = GRAINS[at];
            break;
        }
    int64_t begun = stamp % tick;
    int64_t end = stamp - (begun < 0 ? begun + tick : begun) + tick;
    return now < end && stamp <= now + tick + SLACK;
}

/* Whether the look at an open file proves that later changes will show. */
static int settled(int file, const struct stat *seen, int64_t now, int64_t grain)
{
    int64_t changed = nanoseconds(seen->st_ctim);
    if (unsettled(changed, now, 0))
        return 0;
    if (grain > 1 && unsettled(nanoseconds(seen->st_mtim), now, grain))
        return 0;
    if (now - changed >= YOUNG)
        return 1;
    /* RACE: who writes has set the times already, and holds the lock that this takes. */
    off_t data = lseek(file, 0, SEEK_DATA);
    return data == 0 || (data < 0 && (errno == ENXIO || errno == EINVAL));
}

/* Whether there is no extended attribute but the labels of a security module. */
static int bare(int file)
{
    static const char *const labels[] = {"security.selinux", "security.SMACK64",
                                         "security.apparmor", "security.evm"};
    char names[XATTR_SIZE];
    ssize_t size = flistxattr(file, names, sizeof names);
    if (size < 0)
        return errno == ENOTSUP || errno == ENOSYS;
    for (const char *name = names; name < names + size; name += strlen(name) + 1) {
        int label = 0;
        for (size_t at = 0; at < sizeof labels / sizeof *labels; at++)
            label |= !strncmp(name, labels[at], strlen(labels[at]));
        if (!label)
            return 0;
    }
    return 1;
}

static int same(const struct stat *one, const struct stat *two)
{
    return one->st_size == two->st_size &&
           nanoseconds(one->st_mtim) == nanoseconds(two->st_mtim) &&
           nanoseconds(one->st_ctim) == nanoseconds(two->st_ctim);
}

/* Everything that a new file is to have; 0 when something is out of the ordinary. */
static int fill(int here, int there, const struct stat *seen, const struct manner *manner,
                char *room)
{
    ssize_t size = seen->st_size;
    /* One byte more than there should be: the end shows without another read. */
    if (size && (read(here, room, size + 1) != size || write(there, room, size) != size))
        return 0;
    struct stat after, made;
    if (fstat(here, &after) || !same(seen, &after))
        return 0;
    if ((manner->owners || manner->permissions) && fstat(there, &made))
        return 0;
    int owned = manner->owners && (made.st_uid != seen->st_uid || made.st_gid != seen->st_gid);
    if (owned && fchown(there, seen->st_uid, seen->st_gid))
        return 0;
    if (manner->permissions && (owned || made.st_mode != seen->st_mode) &&
        fchmod(there, seen->st_mode & 07777))
        return 0;
    struct timespec times[] = {seen->st_atim, seen->st_mtim};
    if (!nanoseconds(times[0]))
        times[0] = times[1];
    return !futimens(there, times);
}

/* Give a file without a name its first one. */
static int name_it(int file, int target, const char *name)
{
    if (!linkat(file, "", target, name, AT_EMPTY_PATH))
        return 0;
    if (errno != ENOENT) /* before Linux 6.10 that takes a right */
        return -1;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return linkat(AT_FDCWD, path, target, name, AT_SYMLINK_FOLLOW);
}

/* A new file in `target`, published as `name` when it is whole; 0 when it is not there. */
static int make(int here, int target, const char *name, const char *temporary,
                const struct stat *seen, const struct manner *manner, char *room)
{
    const int how = O_RDWR | O_CLOEXEC;
    int there;
    if (temporary)
        there = openat(target, temporary, how | O_CREAT | O_EXCL | O_NOFOLLOW, manner->mode);
    else /* nobody can open what has no name, so it may have its mode before its owner */
        there = openat(target, ".", how | O_TMPFILE,
                       manner->permissions ? seen->st_mode & 0777 : (mode_t)manner->mode);
    if (there < 0)
        return 0;
    int whole = fill(here, there, seen, manner, room);
    int named = whole && !temporary && !name_it(there, target, name);
    if (close(there)) {
        if (named) /* it was not written after all */
            unlinkat(target, name, 0);
        whole = named = 0;
    }
    if (!temporary)
        return named;
    if (whole && !syscall(SYS_renameat2, target, temporary, target, name, NOREPLACE))
        return 1;
    unlinkat(target, temporary, 0);
    return 0;
}

static int64_t copy(int source, int target, const char *name, const char *temporary,
                    const struct manner *manner, char *room)
{
    const int how = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
    int here = openat(source, name, how | O_NOATIME);
    if (here < 0 && errno == EPERM)
        here = openat(source, name, how);
    if (here < 0)
        return -1;
    int64_t moved = -1;
    struct timespec now;
    struct stat seen;
    if (!clock_gettime(CLOCK_REALTIME_COARSE, &now) && !fstat(here, &seen) &&
        S_ISREG(seen.st_mode) && seen.st_size <= manner->most &&
        seen.st_blocks * 512 >= seen.st_size && (temporary || seen.st_nlink == 1) &&
        (manner->uid < 0 || seen.st_uid == manner->uid) &&
        settled(here, &seen, nanoseconds(now), manner->grain_ns) &&
        (!manner->xattrs || bare(here)) &&
        make(here, target, name, temporary, &seen, manner, room))
        moved = seen.st_size;
    close(here);
    return moved;
}

/* Whether new files in a directory are given an ACL. */
static int bequeaths(int target)
{
    return fgetxattr(target, "system.posix_acl_default", NULL, 0) > 0;
}

void small_copy(int source, int target, size_t count, const char *const *names,
                const char *const *temporaries, const struct manner *manner, int64_t *moved)
{
    char *room = manner->xattrs && bequeaths(target) ? NULL : malloc(manner->most + 1);
    for (size_t at = 0; at < count; at++) {
        const char *temporary = temporaries ? temporaries[at] : NULL;
        moved[at] = room ? copy(source, target, names[at], temporary, manner, room) : -1;
    }
    free(room);
}
