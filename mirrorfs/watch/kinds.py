"""Which file systems change without a word.

Law: where another machine or another program can change files behind the kernel's back, events tell
half of the truth at most: such a place is polled, and its events only make that faster.
"""

SILENT = frozenset(
    {
        *("9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "gfs2", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2"),
        *("smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs"),
    }
)


def is_silent(kind: str) -> bool:
    """Whether a file system of this type (as in mountinfo: ``nfs4``, ``fuse.sshfs``) is shared with
    somebody the kernel does not hear of. A disk served by a program here (``fuseblk``) is not."""
    return kind in SILENT or kind.startswith("fuse.")
