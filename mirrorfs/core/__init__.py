"""The pure core: what a mirror should do, decided from data alone.

Law: nothing in here does I/O, reads a clock, logs or knows a thread. Readings of the trees come
in as listings, decisions go out as plain data (`plan.Action`), each with its reason.
"""
