#ifndef MIRRORFS_UNOPENED_H
#define MIRRORFS_UNOPENED_H

/* Whether requests come by here, from a kernel that needs no directory opened. */
extern int unopened_heard;

/* What stands as generation in attributes that are none, but tell where rows are: from
   `st_blocks` on, up to `st_size`, in what is given as the name. */
#define UNOPENED_ROWS 0x6d6972726f720001ULL

/* How many rows the last answer took. */
extern int unopened_told;

#endif
