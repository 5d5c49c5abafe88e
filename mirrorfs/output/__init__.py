"""What a run says: log lines, statistics, progress, reports. Decides nothing.

The rooms: `log` (levels and lines), `text`, `jsonlog`, `systemd` (their formats), `escape`,
`narrator` (a run as lines), `stats` and `ticker`, `progress`, `reports`, `destination` (what it
holds afterwards).
"""
