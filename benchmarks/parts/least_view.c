/* The least that shows a tree by FUSE: names and attributes, all known before the first question.
 *
 *     least_view MOUNTPOINT TREE
 *
 * What it takes to look at this is the kernel's share, which no program can do without. It is
 * unmounted by who started it.
 */
#define FUSE_USE_VERSION 312
#include <dirent.h>
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 1e8
#define MOST 1000000

static struct node {
    char *name;
    struct stat stat;
    size_t first, end; /* of its names */
} nodes[MOST + 1] = {[1] = {""}};
static size_t last = 1;

static void load(size_t at, const char *path)
{
    char below[4096];
    struct dirent *found;
    DIR *directory = opendir(path);
    lstat(path, &nodes[at].stat);
    nodes[at].first = last + 1;
    while (directory && last < MOST && (found = readdir(directory))) {
        if (found->d_name[0] == '.')
            continue;
        nodes[++last].name = strdup(found->d_name);
        snprintf(below, sizeof below, "%s/%s", path, found->d_name);
        lstat(below, &nodes[last].stat);
    }
    nodes[at].end = last + 1;
    if (directory)
        closedir(directory);
    for (size_t one = nodes[at].first; one < nodes[at].end; one++) {
        snprintf(below, sizeof below, "%s/%s", path, nodes[one].name);
        if (S_ISDIR(nodes[one].stat.st_mode))
            load(one, below);
    }
}

static struct fuse_entry_param entry(size_t at)
{
    struct fuse_entry_param told = {.ino = at, .attr = nodes[at].stat};
    told.attr.st_ino = at;
    told.attr_timeout = told.entry_timeout = SECONDS;
    return told;
}

static void lookup(fuse_req_t request, fuse_ino_t above, const char *name)
{
    for (size_t at = nodes[above].first; at < nodes[above].end; at++)
        if (!strcmp(nodes[at].name, name)) {
            struct fuse_entry_param told = entry(at);
            fuse_reply_entry(request, &told);
            return;
        }
    fuse_reply_err(request, ENOENT);
}

static void getattr(fuse_req_t request, fuse_ino_t at, struct fuse_file_info *open)
{
    struct fuse_entry_param told = entry(at);
    fuse_reply_attr(request, &told.attr, SECONDS);
}

static void readdirplus(fuse_req_t request, fuse_ino_t above, size_t size, off_t offset,
                        struct fuse_file_info *open)
{
    char *rows = malloc(size);
    size_t filled = 0, at = nodes[above].first + offset;
    for (; at < nodes[above].end; at++) {
        struct fuse_entry_param told = entry(at);
        size_t needs = fuse_add_direntry_plus(request, rows + filled, size - filled,
                                              nodes[at].name, &told, at - nodes[above].first + 1);
        if (needs > size - filled)
            break;
        filled += needs;
    }
    fuse_reply_buf(request, rows, filled);
    free(rows);
}

static void begin(void *nothing, struct fuse_conn_info *kernel)
{
    kernel->want &= ~FUSE_CAP_READDIRPLUS_AUTO; /* attributes with every name, as the view tells */
}

int main(int count, char **words)
{
    struct fuse_args options = FUSE_ARGS_INIT(0, NULL);
    struct fuse_lowlevel_ops answers = {
        .init = begin, .lookup = lookup, .getattr = getattr, .readdirplus = readdirplus};
    struct fuse_session *session;
    if (count != 3)
        return 2;
    load(1, words[2]);
    fuse_opt_add_arg(&options, words[0]);
    session = fuse_session_new(&options, &answers, sizeof answers, NULL);
    if (!session || fuse_session_mount(session, words[1]))
        return 1;
    return fuse_session_loop(session) ? 1 : 0;
}
