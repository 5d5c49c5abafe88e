"""How large everything is: tiny for the tests, quick, medium, standard, full.

The bars are set for the standard scale. At the smaller ones every run is over so soon that its
start decides, and what takes long (many files on a disk, waiting) is left out, by name.

Law: a scale changes numbers only; every question is asked at every scale, and says at which.
"""

from dataclasses import dataclass

GB = 1 << 30
MB = 1 << 20


ALL_SHAPES = ("few large", "deep", "wide", "real")


@dataclass(frozen=True, slots=True)
class Scale:
    name: str
    rounds: int  # how often each contender runs
    small: int  # many small files
    shapes: tuple[str, ...]  # the trees of other shapes that are mirrored, too
    shaped: int  # files of the deep and the wide tree
    large: int  # bytes of each of a few large files
    million: int  # the tree of which one file changes; the ballast of a storm
    repeats: int  # of what is over in milliseconds
    storm: int
    renamed: int  # files in the directory that is renamed
    huge: int  # bytes of the large file
    watched: int  # directories
    idle: float  # seconds
    records: int  # of the journal
    seen: int  # files in the view
    growth: tuple[int, ...]
    patience: float  # seconds after which a live peer is given up

    @property
    def whole(self) -> bool:
        """Whether this is what the bars are set for."""
        return self.million >= 1_000_000

    @property
    def counted(self) -> int:
        """Files whose system calls are counted: strace makes each many times as dear."""
        return min(self.small // 5, 2000)


TINY = Scale(
    name="tiny",
    rounds=1,
    small=50,
    shapes=("deep",),
    shaped=50,
    large=64 << 10,
    million=120,
    repeats=2,
    storm=50,
    renamed=50,
    huge=MB,
    watched=50,
    idle=0.2,
    records=1000,
    seen=50,
    growth=(20, 50),
    patience=20.0,
)
QUICK = Scale(
    name="quick",
    rounds=3,
    small=3_000,
    shapes=(),
    shaped=1_000,
    large=32 * MB,
    million=10_000,
    repeats=20,
    storm=5_000,
    renamed=5_000,
    huge=GB,
    watched=5_000,
    idle=10.0,
    records=100_000,
    seen=5_000,
    growth=(1_000, 10_000),
    patience=5.0,
)
MEDIUM = Scale(
    name="medium",
    rounds=3,
    small=20_000,
    shapes=("real",),
    shaped=2_000,
    large=128 * MB,
    million=100_000,
    repeats=100,
    storm=20_000,
    renamed=20_000,
    huge=GB,
    watched=20_000,
    idle=20.0,
    records=500_000,
    seen=20_000,
    growth=(1_000, 10_000, 100_000),
    patience=30.0,
)
STANDARD = Scale(
    name="standard",
    rounds=5,
    small=200_000,
    shapes=ALL_SHAPES,
    shaped=20_000,
    large=512 * MB,
    million=1_000_000,
    repeats=100,
    storm=200_000,
    renamed=100_000,
    huge=4 * GB,
    watched=100_000,
    idle=60.0,
    records=500_000,
    seen=100_000,
    growth=(10_000, 100_000, 1_000_000),
    patience=120.0,
)
FULL = Scale(
    name="full",
    rounds=5,
    small=1_000_000,
    shapes=ALL_SHAPES,
    shaped=100_000,
    large=GB,
    million=1_000_000,
    repeats=200,
    storm=200_000,
    renamed=100_000,
    huge=4 * GB,
    watched=100_000,
    idle=60.0,
    records=2_000_000,
    seen=100_000,
    growth=(10_000, 100_000, 1_000_000),
    patience=600.0,
)
SCALES = {scale.name: scale for scale in (TINY, QUICK, MEDIUM, STANDARD, FULL)}
