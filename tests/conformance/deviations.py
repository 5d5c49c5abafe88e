"""Where mirrorfs is not like rclone, on purpose: the only list there is.

Law: a case of facts.json that is named here must hold with what ``instead`` replaces, and must not
hold without it. docs/rclone.md has each reason, word for word.
"""

from typing import Any, NamedTuple

OLD = "2001-02-03T04:05:06.499999999Z"


class Deviation(NamedTuple):
    """``instead``: the fields of the case that are different."""

    reason: str
    instead: dict[str, Any]


CONVERGES = (
    "A file and a directory that trade places end as in the source, whatever the delete mode."
)
SOURCE_DECIDES = (
    "What a filter excludes in the source stays on the destination, unless --delete-excluded."
)
UNREADABLE = "Nothing is deleted below a source directory that could not be read."
ALL_OR_NOTHING = "--max-delete is checked before the first deletion: then nothing is deleted."
OVERLAP = "Overlap is recognised through symlinks and bind mounts."
ATTRIBUTES = "With --metadata a change of mode, owner or xattrs alone is mirrored."
CHOWN = "Without the rights of root owners are left alone, which is no error."
ANY_NAME = "Every name that Linux allows can be mirrored."
COPY_DEST = "--copy-dest works on local trees."
BACKED_UP = "A backup is made only once the new version is written: a failed copy leaves the old."
UNCHECKED = "--no-check-dest with --backup-dir is refused; rclone accepts it and backs up nothing."

DEVIATIONS: dict[str, Deviation] = {
    "types/src_dir_over_dst_file": Deviation(
        CONVERGES, {"exit": 0, "after": {"x/child": {"content": "new", "mtime": OLD}}}
    ),
    "filter/exclude_if_present_src_only_marker": Deviation(
        SOURCE_DECIDES,
        {"after": {"a/x": {"content": "x"}, "b": {"content": "b"}}},
    ),
    "filter/size_filter_is_per_side": Deviation(
        SOURCE_DECIDES,
        {"after": {"f": {"size": 10, "fill": "A"}, "g": {"content": "g"}}},
    ),
    "filter/max_age_ignore_existing_does_not_protect": Deviation(
        "--ignore-existing and --immutable protect files that a filter excludes by age or size.",
        {"after": {"f": {"content": "older", "mtime": OLD}}},
    ),
    "delete/unreadable_source_dir_delete_before": Deviation(
        UNREADABLE, {"after": {"d/a": {"content": "hi"}, "t": {"content": "top"}}}
    ),
    "delete/max_delete_exceeded": Deviation(
        ALL_OR_NOTHING,
        {
            "after_one_of": None,
            "after": {
                "keep": {"content": "k"},
                "small": {"size": 10, "fill": "A"},
                "medium": {"size": 60, "fill": "A"},
                "large": {"size": 100, "fill": "A"},
            },
        },
    ),
    "overlap/symlinked_dst_not_detected": Deviation(OVERLAP, {"exit": 7}),
    "metadata/xattr_change_alone_not_synced": Deviation(
        ATTRIBUTES, {"after": {"f": {"content": "x", "mtime": OLD, "xattr": {"user.a": "2"}}}}
    ),
    "metadata/chown_denied_is_error": Deviation(
        CHOWN, {"exit": 0, "after": {"f": {"content": "x", "mtime": OLD, "uid": 65534}}, "says": []}
    ),
    "names/quote_escape_name_cannot_be_copied": Deviation(
        ANY_NAME,
        {"exit": 0, "after": {"quoted\u201bDF": {"content": "z"}, "ok": {"content": "y"}}},
    ),
    "copydest/refused_by_rclone": Deviation(
        COPY_DEST, {"exit": 0, "after": {"one": {"content": "one", "mtime": OLD}}, "says": []}
    ),
    "backup/failed_copy_leaves_no_file_in_dst": Deviation(
        BACKED_UP,
        {
            "after": {"f": {"content": "old", "mtime": OLD}, "g": {"content": "g"}},
            "others_after": {"b": None},
        },
    ),
    "limits/no_check_dest_backup_dir_not_rejected": Deviation(
        UNCHECKED, {"exit": "not 0", "after": {"f": {"content": "old", "mtime": OLD}}}
    ),
}
