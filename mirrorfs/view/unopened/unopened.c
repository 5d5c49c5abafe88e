/* Directories that are listed without being opened.

   The kernel keeps the names of a directory of its own accord once opening one was answered with
   ENOSYS. From then on a request to list a directory has no handle, and pyfuse3 does not hand on
   the inode number. So the number is put where the handle would be, on the way into libfuse:
   pyfuse3 calls this function in place of libfuse's, because this library is in the global scope.

   In the same way the rows of a directory are put into an answer many at a time.

   Law: nothing else of a request is touched, and where nobody calls this nothing is lost: then
   directories are opened.  */

#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include "unopened.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>

int unopened_heard;
int unopened_told;

typedef void process(struct fuse_session *, const struct fuse_buf *);

void fuse_session_process_buf(struct fuse_session *session, const struct fuse_buf *buffer)
{
    static process *next;
    if (!next)
        next = (process *)dlsym(RTLD_NEXT, "fuse_session_process_buf");
    struct fuse_in_header *request = buffer->mem;
    if (!(buffer->flags & FUSE_BUF_IS_FD)) {
        if (request->opcode == FUSE_READDIRPLUS)
            ((struct fuse_read_in *)(request + 1))->fh = request->nodeid;
        else if (request->opcode == FUSE_INIT)
            unopened_heard =
                (((struct fuse_init_in *)(request + 1))->flags & FUSE_NO_OPENDIR_SUPPORT) != 0;
    }
    next(session, buffer);
}

/* As many rows as fit, in place of one. */
static size_t add_rows(char *buffer, size_t size, const char *rows,
                       const struct fuse_entry_param *told)
{
    size_t at = told->attr.st_blocks, end = told->attr.st_size, used = 0;
    for (unopened_told = 0; at < end; unopened_told++) {
        const struct fuse_direntplus *row = (const void *)(rows + at);
        size_t length = FUSE_DIRENTPLUS_SIZE(row);
        if (used + length > size)
            return unopened_told ? used : size + 1;
        memcpy(buffer + used, row, length);
        at += length;
        used += length;
    }
    return used;
}

typedef size_t add(fuse_req_t, char *, size_t, const char *, const struct fuse_entry_param *, off_t);

size_t fuse_add_direntry_plus(fuse_req_t request, char *buffer, size_t size, const char *name,
                              const struct fuse_entry_param *entry, off_t offset)
{
    static add *next;
    if (entry->generation == UNOPENED_ROWS)
        return add_rows(buffer, size, name, entry);
    if (!next)
        next = (add *)dlsym(RTLD_NEXT, "fuse_add_direntry_plus");
    return next(request, buffer, size, name, entry, offset);
}
