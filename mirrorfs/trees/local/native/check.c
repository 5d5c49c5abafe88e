/* Two listings and one stat for each file on both sides.

   Law: whatever goes wrong, and whatever is not understood, ends in "not known" or in the rest,
   never in "equal". Nothing is followed, nothing is written, no descriptor is kept. */

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define READ_SIZE 32768  /* of one getdents64 */
#define LARGE 4096       /* names of a directory that two threads share */
#define WORTH 128        /* names seen, after which help is called for */
#define MOST_THREADS 8
#define STACK_SIZE (256 << 10)
#define LISTXATTRAT 465  /* Linux 6.13, on every architecture but one */

/* As the kernel writes it (getdents64). */
struct found {
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* ---- listings ---------------------------------------------------------------------------- */

static int add(struct listing *list, const char *name, uint8_t type)
{
    size_t length = strlen(name);
    if (list->size + length + 1 > list->room) {
        size_t room = list->room ? list->room * 2 : 4096;
        char *bytes = room < UINT32_MAX ? realloc(list->bytes, room) : NULL;
        if (!bytes)
            return -1;
        list->bytes = bytes;
        list->room = room;
    }
    if (list->count == list->most) {
        size_t most = list->most ? list->most * 2 : 128;
        struct name *names = realloc(list->names, most * sizeof *names);
        if (!names)
            return -1;
        list->names = names;
        list->most = most;
    }
    memcpy(list->bytes + list->size, name, length + 1);
    list->names[list->count++] =
        (struct name){(uint32_t)list->size, (uint32_t)length, type, REST};
    list->size += length + 1;
    return 0;
}

int read_names(int directory, struct listing *list)
{
    _Alignas(struct found) char buffer[READ_SIZE];
    for (;;) {
        long got = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (got <= 0)
            return got < 0 ? -1 : 0;
        for (long at = 0; at < got;) {
            const struct found *found = (const struct found *)(buffer + at);
            const char *name = found->name;
            at += found->size;
            if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
                continue;
            if (add(list, name, found->type) < 0)
                return -1;
        }
    }
}

void release_names(struct listing *list)
{
    free(list->bytes);
    free(list->names);
}

/* A table of the destination's names: positions plus one, 0 for an empty place. */
struct table {
    uint32_t *places;
    size_t mask;
};

static uint64_t hash(const char *name, size_t length)
{
    uint64_t value = 14695981039346656037u;
    for (size_t at = 0; at < length; at++)
        value = (value ^ (unsigned char)name[at]) * 1099511628211u;
    return value ^ value >> 29;
}

static int make_table(struct table *table, const struct listing *list)
{
    size_t size = 16;
    while (size < list->count * 2)
        size *= 2;
    table->mask = size - 1;
    table->places = calloc(size, sizeof *table->places);
    if (!table->places)
        return -1;
    for (size_t at = 0; at < list->count; at++) {
        struct name *name = &list->names[at];
        size_t place = hash(list->bytes + name->offset, name->length) & table->mask;
        while (table->places[place])
            place = (place + 1) & table->mask;
        table->places[place] = (uint32_t)at + 1;
    }
    return 0;
}

static struct name *find(const struct table *table, const struct listing *list, const char *bytes,
                         const struct name *wanted)
{
    const char *text = bytes + wanted->offset;
    size_t place = hash(text, wanted->length) & table->mask;
    for (; table->places[place]; place = (place + 1) & table->mask) {
        struct name *name = &list->names[table->places[place] - 1];
        if (name->length == wanted->length &&
            !memcmp(list->bytes + name->offset, text, wanted->length))
            return name;
    }
    return NULL;
}

/* ---- two files --------------------------------------------------------------------------- */

ssize_t list_xattrs(int directory, const char *name, char *path, char *names)
{
    static int lacks; /* the call; whatever thread finds out, it is the same */
    if (!__atomic_load_n(&lacks, __ATOMIC_RELAXED)) {
        long size = syscall(LISTXATTRAT, directory, name, AT_SYMLINK_NOFOLLOW, names, XATTR_SIZE);
        if (size >= 0)
            return size;
        if (errno == ENOTSUP)
            return 0;
        if (errno == ENOSYS)
            __atomic_store_n(&lacks, 1, __ATOMIC_RELAXED);
    }
    snprintf(path, PATH_MAX, "/proc/self/fd/%d/%s", directory, name);
    ssize_t size = llistxattr(path, names, XATTR_SIZE);
    return size < 0 && (errno == ENOTSUP || errno == EPERM) ? 0 : size;
}

static int same_xattrs(int source, int destination, const char *name)
{
    char paths[2][PATH_MAX], names[2][XATTR_SIZE], values[2][XATTR_SIZE];
    ssize_t size = list_xattrs(source, name, paths[0], names[0]);
    if (size < 0 || list_xattrs(destination, name, paths[1], names[1]) != size)
        return 0;
    if (!size)
        return 1;
    if (memcmp(names[0], names[1], (size_t)size))
        return 0;
    snprintf(paths[0], PATH_MAX, "/proc/self/fd/%d/%s", source, name);
    snprintf(paths[1], PATH_MAX, "/proc/self/fd/%d/%s", destination, name);
    for (const char *key = names[0]; key < names[0] + size; key += strlen(key) + 1) {
        ssize_t length = lgetxattr(paths[0], key, values[0], XATTR_SIZE);
        if (length < 0 || lgetxattr(paths[1], key, values[1], XATTR_SIZE) != length ||
            memcmp(values[0], values[1], (size_t)length))
            return 0;
    }
    return 1;
}

static int is_equal(int source, int destination, const char *name, const struct terms *terms)
{
    struct stat one, two;
    if (fstatat(source, name, &one, AT_SYMLINK_NOFOLLOW) < 0 ||
        fstatat(destination, name, &two, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (!S_ISREG(one.st_mode) || !S_ISREG(two.st_mode) || one.st_size != two.st_size ||
        one.st_nlink != 1 || two.st_nlink != 1)
        return 0;
    int64_t apart;
    if (__builtin_sub_overflow((int64_t)one.st_mtim.tv_sec, (int64_t)two.st_mtim.tv_sec, &apart) ||
        __builtin_mul_overflow(apart, (int64_t)1000000000, &apart) ||
        __builtin_add_overflow(apart, (int64_t)(one.st_mtim.tv_nsec - two.st_mtim.tv_nsec), &apart))
        return 0;
    if (apart <= -terms->window_ns || apart >= terms->window_ns)
        return 0;
    return (!terms->mode || one.st_mode == two.st_mode) &&
           (!terms->owner || (one.st_uid == two.st_uid && one.st_gid == two.st_gid)) &&
           (terms->uid < 0 || (int64_t)one.st_uid == terms->uid) &&
           (!terms->xattrs || same_xattrs(source, destination, name));
}

/* ---- threads ----------------------------------------------------------------------------- */

/* Signals are for the threads that Python knows. */
static int start(pthread_t *thread, void *(*work)(void *), void *given)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_attr_init(&attributes))
        return -1;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, &attributes, work, given);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed ? -1 : 0;
}

/* ---- two directories --------------------------------------------------------------------- */

struct pairing {
    struct answer *answer;
    const struct table *table;
    const struct terms *terms;
    int source, destination;
    size_t from, to; /* the source's names that are looked at */
};

static void *pair(void *given)
{
    const struct pairing *work = given;
    struct listing *ours = &work->answer->ours, *theirs = &work->answer->theirs;
    for (size_t at = work->from; at < work->to; at++) {
        struct name *name = &ours->names[at];
        struct name *twin = find(work->table, theirs, ours->bytes, name);
        if (!twin) {
            if (name->type == DT_REG)
                name->verdict = FRESH;
        } else if (__atomic_exchange_n(&twin->verdict, DROPPED, __ATOMIC_RELAXED) == DROPPED)
            name->verdict = DROPPED; /* a name that moved while it was listed is there twice */
        else if ((name->type == DT_REG || name->type == DT_UNKNOWN) &&
                 (twin->type == DT_REG || twin->type == DT_UNKNOWN) &&
                 is_equal(work->source, work->destination, ours->bytes + name->offset,
                          work->terms))
            name->verdict = EQUAL;
        else if (name->type == DT_DIR && twin->type == DT_DIR)
            name->verdict = BELOW;
    }
    return NULL;
}

static void pair_all(struct pairing *whole, int threads)
{
    size_t count = whole->answer->ours.count;
    struct pairing half = *whole;
    pthread_t helper;
    whole->from = 0;
    whole->to = count;
    if (threads > 1 && count >= LARGE) {
        half.from = count / 2;
        half.to = count;
        if (!start(&helper, pair, &half)) {
            whole->to = half.from;
            pair(whole);
            pthread_join(helper, NULL);
            return;
        }
    }
    pair(whole);
}

static int open_directory(int above, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int found = openat(above, name, flags | O_NOATIME);
    return found < 0 && errno == EPERM ? openat(above, name, flags) : found;
}

static int is_strange(const struct listing *list, const char *beginning)
{
    size_t length = strlen(beginning);
    for (size_t at = 0; at < list->count; at++)
        if (!strncmp(list->bytes + list->names[at].offset, beginning, length))
            return 1;
    return 0;
}

/* Look at the directories on both sides. What cannot be told of one leaves it in the rest. */
static void look_below(struct answer *answer, const struct bounds *bounds, const int sides[2])
{
    struct listing *ours = &answer->ours;
    size_t count = 0, kept = 0;
    for (size_t at = 0; at < ours->count; at++) {
        answer->equal += ours->names[at].verdict == EQUAL;
        count += ours->names[at].verdict == BELOW;
    }
    const char **names = malloc((count + 1) * sizeof *names);
    for (int side = 0; side < 2; side++)
        answer->seen[side] = malloc((count + 1) * sizeof *answer->seen[side]);
    int told = names && answer->seen[0] && answer->seen[1];
    for (size_t at = 0, next = 0; told && at < ours->count; at++)
        if (ours->names[at].verdict == BELOW)
            names[next++] = ours->bytes + ours->names[at].offset;
    for (int side = 0; told && side < 2; side++)
        look_at_names(sides[side], count, names, bounds->prefix, bounds->devices[side],
                      bounds->xattrs[side], answer->seen[side]);
    for (size_t at = 0, next = 0; at < ours->count; at++) {
        if (ours->names[at].verdict != BELOW)
            continue;
        struct seen *one = &answer->seen[0][next], *two = &answer->seen[1][next];
        next++;
        if (told && one->look == SEEN && two->look == SEEN && S_ISDIR(one->found.st_mode) &&
            S_ISDIR(two->found.st_mode)) {
            answer->seen[0][kept] = *one;
            answer->seen[1][kept++] = *two;
        } else
            ours->names[at].verdict = REST;
    }
    answer->below = kept;
    free(names);
}

static void look_at(int source, int destination, const char *name, const struct terms *terms,
                    const struct bounds *bounds, int threads, struct answer *answer)
{
    struct table table = {NULL, 0};
    int here = open_directory(source, name);
    int there = here < 0 ? -1 : open_directory(destination, name);
    if (there >= 0 && !read_names(here, &answer->ours) && !read_names(there, &answer->theirs) &&
        !is_strange(&answer->ours, bounds->prefix) &&
        !is_strange(&answer->theirs, bounds->prefix) && !make_table(&table, &answer->theirs)) {
        struct pairing work = {answer, &table, terms, here, there, 0, 0};
        pair_all(&work, threads);
        look_below(answer, bounds, (int[]){here, there});
        answer->known = 1;
    }
    free(table.places);
    if (there >= 0)
        close(there);
    if (here >= 0)
        close(here);
}

/* ---- many directories -------------------------------------------------------------------- */

struct looking {
    int source, destination, threads;
    const char *const *names;
    size_t count, most;
    const struct terms *terms;
    const struct bounds *bounds;
    struct answer *answers;
    size_t next, seen; /* shared */
};

static int look_once(struct looking *work)
{
    if (__atomic_load_n(&work->seen, __ATOMIC_RELAXED) >= work->most)
        return 0;
    size_t at = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
    if (at >= work->count)
        return 0;
    struct answer *answer = &work->answers[at];
    look_at(work->source, work->destination, work->names[at], work->terms, work->bounds,
            work->threads, answer);
    __atomic_fetch_add(&work->seen, answer->ours.count + answer->theirs.count, __ATOMIC_RELAXED);
    return 1;
}

static void *look_on(void *given)
{
    while (look_once(given))
        ;
    return NULL;
}

size_t quick_look(int source, int destination, const char *const *names, size_t count,
                  const struct terms *terms, const struct bounds *bounds, int threads, size_t most,
                  struct answer *answers)
{
    struct looking work = {source, destination, threads, names, count,
                           most,   terms,       bounds,  answers, 0, 0};
    pthread_t helpers[MOST_THREADS];
    int started = 0;
    memset(answers, 0, count * sizeof *answers);
    while (work.next < count && work.seen < WORTH && look_once(&work))
        ; /* so little is done sooner than a thread is made */
    if (work.next < count)
        while (started < threads - 1 && started < MOST_THREADS &&
               !start(&helpers[started], look_on, &work))
            started++;
    look_on(&work);
    while (started)
        pthread_join(helpers[--started], NULL);
    return work.next < count ? work.next : count;
}

void quick_release(struct answer *answer)
{
    release_names(&answer->ours);
    release_names(&answer->theirs);
    free(answer->seen[0]);
    free(answer->seen[1]);
}
