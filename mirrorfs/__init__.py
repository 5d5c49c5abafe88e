"""mirrorfs keeps a destination folder identical to a source folder, continuously and one way.

    source tree ──inotify──▶ watch ──changes──▶ journal (append-only segments)
         │                                         │ records after this destination's cursor
         │                                         ▼
         │                                  core.fold ──▶ scope (paths, subtrees) + rename hints
         │  read the scope                         │
         ├──────────▶ core.reconcile, pair by pair ◀────── destination tree
         │                     │      (compare · filter · options: pure)
         │                     ▼
         │                   plan ──▶ core.guard ──▶ apply ──▶ destination ──▶ checkpoint
         │                     └──▶ text, JSON, preview       (the only writer)
         └─ content is read from here

The journal says which paths may have changed, never which operations to repeat; looking decides.
So a full comparison is the same call with the scope "everything", and losing the journal only
widens the scope. The layers, from below: ``errors`` and ``journal``; ``core`` (pure decisions);
``trees`` (the only input and output on the two trees); ``apply``; ``watch``, ``sync``,
``mirror``, ``follow``, ``run`` and what serves them; ``cli``. docs/architecture.md has the map
and the laws.
"""

__version__ = "0.1.0"
