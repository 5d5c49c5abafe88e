/* Open, look, read, write, look again, set, rename: one file after the other.

   Law: a file is published whole and of one moment, or left to the long way with nothing of it
   there; no link is followed, and nothing is put in the place of anything. */

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
static int fill(int here, int there, const struct stat *seen, const struct terms *terms,
                char *room)
{
    ssize_t size = seen->st_size;
    /* One byte more than there should be: the end shows without another read. */
    if (size && (read(here, room, size + 1) != size || write(there, room, size) != size))
        return 0;
    struct stat after;
    if (fstat(here, &after) || !same(seen, &after))
        return 0;
    if (terms->owners && fchown(there, seen->st_uid, seen->st_gid))
        return 0;
    if (terms->xattrs && !bare(there)) /* inherited from the directory */
        return 0;
    if (terms->permissions && fchmod(there, seen->st_mode & 07777))
        return 0;
    struct timespec times[] = {seen->st_atim, seen->st_mtim};
    if (!nanoseconds(times[0]))
        times[0] = times[1];
    return !futimens(there, times);
}

static int64_t copy(int source, int target, const char *name, const char *temporary,
                    const struct terms *terms, char *room)
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
    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) || fstat(here, &seen) ||
        !S_ISREG(seen.st_mode) || seen.st_size > terms->most ||
        seen.st_blocks * 512 < seen.st_size ||
        !settled(here, &seen, nanoseconds(now), terms->grain_ns) ||
        (terms->xattrs && !bare(here)))
        goto done;
    int there = openat(target, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       terms->mode);
    if (there < 0)
        goto done;
    int whole = fill(here, there, &seen, terms, room);
    if (close(there))
        whole = 0;
    if (whole && !syscall(SYS_renameat2, target, temporary, target, name, NOREPLACE))
        moved = seen.st_size;
    else
        unlinkat(target, temporary, 0);
done:
    close(here);
    return moved;
}

void small_copy(int source, int target, size_t count, const char *const *names,
                const char *const *temporaries, const struct terms *terms, int64_t *moved)
{
    char *room = malloc(terms->most + 1);
    for (size_t at = 0; at < count; at++)
        moved[at] = room ? copy(source, target, names[at], temporaries[at], terms, room) : -1;
    free(room);
}
