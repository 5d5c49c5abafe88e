"""rclone's flags that mirrorfs does not take, and why; and those it does not take yet.

Law: a script must never believe that a flag has an effect it has not. What is refused is refused
by name, with one sentence.
"""

REASONS: dict[str, str] = {
    "there are no remotes and no accounts here, only local trees": """
        ask-password auto-confirm config disable password-command default-time local-description
        fs-cache-expire-duration fs-cache-expire-interval kv-lock-time no-console
        server-side-across-configs streaming-upload-cutoff""",
    "nothing goes over a network": """
        bind ca-cert client-cert client-key client-pass contimeout disable-http-keep-alives
        disable-http2 dscp expect-continue-timeout header header-download header-upload http-proxy
        max-connections no-check-certificate no-gzip-encoding timeout tpslimit tpslimit-burst
        use-cookies user-agent""",
    "there is no remote control; `mirrorfs status` tells what is going on": """
        rc rc-addr rc-allow-origin rc-baseurl rc-cert rc-client-ca rc-enable-metrics rc-files
        rc-htpasswd rc-job-expire-duration rc-job-expire-interval rc-key rc-max-header-bytes
        rc-min-tls-version rc-no-auth rc-pass rc-realm rc-response-header rc-salt rc-serve
        rc-serve-no-modtime rc-server-read-timeout rc-server-write-timeout rc-template rc-user
        rc-user-from-header rc-web-fetch-url rc-web-gui rc-web-gui-force-update
        rc-web-gui-no-open-browser rc-web-gui-update max-stats-groups""",
    "no metrics server is run": """
        metrics-addr metrics-allow-origin metrics-baseurl metrics-cert metrics-client-ca
        metrics-htpasswd metrics-key metrics-max-header-bytes metrics-min-tls-version metrics-pass
        metrics-realm metrics-response-header metrics-salt metrics-server-read-timeout
        metrics-server-write-timeout metrics-template metrics-user metrics-user-from-header""",
    "one local file is copied by the kernel in one stream": """
        multi-thread-chunk-size multi-thread-cutoff multi-thread-streams
        multi-thread-write-buffer-size use-mmap""",
    "a local directory is listed name by name; there is no faster list": "fast-list",
    "it is for the developers of rclone": "cpuprofile memprofile dump-bodies dump-headers",
    "names are bytes on Linux and stay as they are": """
        local-encoding local-nounc local-unicode-normalization""",
    "a link's size is the length of its target": "local-zero-size-links",
    "no external program is run for each file": "metadata-mapper",
    "metadata are mirrored as they are, all or none": """
        metadata-set metadata-exclude metadata-exclude-from metadata-filter metadata-filter-from
        metadata-include metadata-include-from""",
    "a temporary file lies beside the file it becomes, so that it can take its place in one step":
        "temp-dir",
    "the file system says itself whether case matters": """
        local-case-insensitive local-case-sensitive""",
    "contents are compared byte by byte, no hash is chosen": "local-hashes",
    "logrotate rotates log files": """
        log-file-compress log-file-max-age log-file-max-backups log-file-max-size""",
    "log lines have one format; see --use-json-log and --log-systemd": "log-format",
    "the terminal's title stays yours": "progress-terminal-title",
    "the systemd journal takes standard error; see --log-systemd": "syslog syslog-facility",
    "copies are always sparse where the source is, and share blocks where the file system can": """
        local-no-clone local-no-preallocate local-no-sparse""",
    "a destination that cannot keep times is compared with --size-only or --checksum":
        "local-no-set-modtime",
    "only modification times can be mirrored": "local-time-type",
    "files of sums are checked with md5sum -c or sha256sum -c": "checkfile",
}  # fmt: skip

REFUSED: dict[str, str] = {
    name: reason for reason, names in REASONS.items() for name in names.split()
}

# Parsed and carried in the settings, but the engine does not act on them yet.
NOT_YET: frozenset[str] = frozenset(
    {
        "name-transform",
    }
)
