"""One source and one destination over time.

`mirror` knows how to make them equal and what may be believed; `checkpoint` is what it remembers,
`record` writes the source's journal, `follow` replays it for as long as it is wanted.
"""
