"""The pending plan as a file system: what will happen, before it happens, for every tool that can
read a file.

Law: read-only, and an adapter. What is shown is decided by `mirrorfs.core.preview`; what lies there
now is read through `mirrorfs.trees`; nothing in here decides anything about a mirror.

    places      what stands where in the mount, and its inode number
    trees       the two trees, looked at and opened for the view
    picture     one plan, with what lies there now: answers for one moment
    planner     the plan, again and again, from what the journal or a watcher of our own says
    documents   plan.json, plan.txt, summary, status.json
    attributes  what the kernel is told of an entry
    listings    directories as they were listed, ready to be told
    rows        their names and attributes as the bytes the kernel is told
    telling     as many of these as fit into an answer
    unopened    have the kernel keep listings, too
    inodes      what the kernel knows of, until it forgets
    operations  the kernel's questions, answered from the picture
    refusals    what it is told where there is no answer
    mount       mounting, unmounting, and mounts that a killed process left behind
    live        all of these together: follow the changes, tell the kernel what it must forget

At the mount point:

    after/                     the destination as it will be when the plan is done
    pending/VERB/              only what changes, by verb, in tree form
    plan.json plan.txt         the plan, with the reason of each action
    summary                    what it amounts to, whether it is held, and what to type then
    status.json                what the running mirror says about itself

Threads: trio serves the kernel; whatever may touch a disk is done in a thread with a deadline, so
that a slow drive costs an error for one file and never the whole view. Pages in memory are read at
once (RWF_NOWAIT).
"""

from mirrorfs.view import unopened as unopened  # it has to be there before pyfuse3 is imported
