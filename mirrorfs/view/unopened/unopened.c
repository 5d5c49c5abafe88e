/* Directories that are listed without being opened.

   The kernel keeps the names of a directory of its own accord once opening one was answered with
   ENOSYS. From then on a request to list a directory has no handle, and pyfuse3 does not hand on
   the inode number. So the number is put where the handle would be, on the way into libfuse:
   pyfuse3 calls this function in place of libfuse's, because this library is in the global scope.

   Law: nothing else of a request is touched, and where nobody calls this nothing is lost: then
   directories are opened.  */

#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include "unopened.h"

#include <dlfcn.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>

int unopened_heard;

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
