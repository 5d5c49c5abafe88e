#ifndef MIRRORFS_UNOPENED_H
#define MIRRORFS_UNOPENED_H

/* Whether requests come by here, from a kernel that needs no directory opened. */
extern int unopened_heard;

#endif
