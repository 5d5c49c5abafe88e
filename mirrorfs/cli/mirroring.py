"""What sync and copy have in common: one run, its attempts, and what it comes to.

Law: the last attempt decides the exit code (rclone). What a flag promises and the run cannot keep
is an error, never silence.
"""

import os
import time
from collections.abc import Iterable
from contextlib import closing, suppress

from journal import JournalError, writer_alive
from mirrorfs.apply.apply import WITHHELD
from mirrorfs.apply.flow import Flow
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.settings import NANOSECONDS, Mirroring, mirroring, only_file, pace, quota
from mirrorfs.cli.stopping import Stopping
from mirrorfs.cli.texts import read_text
from mirrorfs.cli.toggling import toggling
from mirrorfs.cli.voice import Voice, print_out
from mirrorfs.core.guard import Danger, Refusal
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Outcome, Plan, Status
from mirrorfs.core.record import replace
from mirrorfs.core.report import Report
from mirrorfs.core.tree import Failure, Trouble
from mirrorfs.core.walk import Batch
from mirrorfs.core.withhold import withhold
from mirrorfs.drives import absolute, parse
from mirrorfs.errors import ExitCode, LimitReached, MirrorError, SettingError
from mirrorfs.history import History
from mirrorfs.hold import Recipe, remedy
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.reading import Reading
from mirrorfs.output.escape import printable
from mirrorfs.output.log import Level
from mirrorfs.output.narrator import Several, planned
from mirrorfs.state import State


def read_settings(call: Call) -> Mirroring:
    """What the flags mean, files read, the clock asked. Raises MirrorError."""
    texts: list[tuple[str, str, str]] = []

    def read(flag: str, file: str) -> str:
        texts.append((flag, file, read_text(flag, file)))
        return texts[-1][2]

    now_ns, draw = time.time_ns(), int.from_bytes(os.urandom(7))
    made = mirroring(call.command, call.flags, read, now_ns=now_ns, draw=draw)
    here = os.getcwd()
    made = replace(made, recipe=Recipe(call.command, call.words, here, tuple(texts), now_ns, draw))
    for warning in made.filter.warnings:
        call.log.error(warning)
    dump = call.flags.logging.dump
    if "filters" in dump.split(","):
        print_out(made.filter.dump() + "\n")
    elif dump:
        raise SettingError(f"--dump {dump} is not known", remedy="--dump filters is")
    return made


def one_file(source: str) -> tuple[str, str] | None:
    """The directory and the name of a source that is a file, and no directory (rclone)."""
    if parse(source) is not None or not os.path.isfile(source):
        return None
    directory, name = os.path.split(os.path.abspath(source))
    return directory, name


def mirror(call: Call) -> int:
    """One run of sync or copy; the exit code. Raises MirrorError."""
    source, destination = call.places
    made = read_settings(call)
    if call.command == "copy":
        for flag in ("--track-renames",) * call.flags.deleting.track_renames:
            call.log.notice(f"Ignoring {flag} as it doesn't work with copy or move, only sync")
    elif call.flags.copying.no_traverse:
        call.log.error("Ignoring --no-traverse with sync")
    if (single := one_file(source)) is not None:
        source, name = single
        made = replace(made, options=_one_file(made.options), filter=only_file(name), recipe=None)
    elif call.command == "sync" and call.flags.state.wait and not _looks_only(call):
        from mirrorfs.cli.waiting import waited

        if (code := waited(call, made, source, destination)) is not None:
            return code
    return carry_out(call, made, source, destination)


def _looks_only(call: Call) -> bool:
    """Whether the user wants to see or to decide what this very sync does."""
    flags = call.flags
    return flags.important.dry_run or flags.important.interactive or flags.copying.full


def carry_out(
    call: Call,
    made: Mirroring,
    source: str,
    destination: str,
    *,
    plan: str = "",
) -> int:
    """One run with its attempts; the exit code. ``plan``: the id of a held plan; exactly what that
    takes away goes, or nothing. Raises MirrorError."""
    with (
        Voice(call.flags, call.log, absolute(destination)) as voice,
        Stopping() as stopping,
    ):
        return _Run(call, made, voice, stopping, source, destination, plan).run()


def history(call: Call, state: State, source: str, destination: str) -> History:
    """What is done is written down where state is kept at all: where somebody watches the source,
    or did when this pair was mirrored last."""
    place = state.mirror(source, destination)
    kept = False
    with suppress(JournalError, MirrorError):  # the mirror says so itself
        kept = writer_alive(state.journal(source)) or CheckpointFile(place).load() is not None
    keeps = kept and not call.flags.important.dry_run
    return History(place, call.flags.looking.history_size if keeps else 0)


def _one_file(options: Options) -> Options:
    return replace(options, delete=False, delete_excluded=False, empty_directories=False)


class _Run:
    def __init__(
        self,
        call: Call,
        made: Mirroring,
        voice: Voice,
        stopping: Stopping,
        source: str,
        destination: str,
        plan: str,
    ) -> None:
        self._flags = call.flags
        self._command = call.command
        self._destination, self._plan_id = destination, plan
        self._made = made
        self._voice = voice
        self._stopping = stopping
        self._log = call.log
        self._dry = call.flags.important.dry_run
        self._pace = pace(call.flags, call.log.notice)
        limits = quota(call.flags)
        state = State.find(call.flags.state.state_dir)
        self._history = history(call, state, source, destination)
        self._mirror = Mirror(
            source,
            destination,
            options=made.options,
            filter=made.filter,
            settings=made.settings,
            listener=Several((self._history, voice.listener, stopping)),
            state=state,
            full=call.flags.copying.full,
            dry=self._dry,
            wait=call.flags.state.wait / NANOSECONDS,
            quota=limits,
            adopt=call.flags.deleting.adopt,
            fsync=call.flags.copying.fsync,
            recipe=made.recipe,
        )
        self._home = state.home
        self._mirror.destination.meter = Flow(
            stopping.check, heard=voice.stats.moved, pace=self._pace, quota=limits
        )

    def run(self) -> int:
        if self._pace.limits:
            self._log.info(f"Starting bandwidth limiter at {self._pace}")
        with self._mirror, closing(self._history), toggling(self._pace):
            code = self._plan() if self._dry else self._attempts()
            self._voice.finish()
            if code == 0 and self._flags.listing.dest_after:
                from mirrorfs.output.destination import list_tree

                list_tree(self._mirror.destination, self._made.filter, self._flags.listing)
        return code

    def _plan(self) -> int:
        reading = self._mirror.reading()
        self._say(reading)
        listener = self._voice.listener

        def stays(batch: Batch) -> None:
            listener.planned(Batch(batch.path, equal=batch.equal, kept=batch.kept))

        plan = self._mirror.plan(reading, heard=stays)
        planned(listener, plan)
        refusal = self._mirror.weigh(plan, whole=reading.scope.is_everything)
        self._voice.would(self._feasible(plan))
        if refusal is not None:
            return self._refused(refusal)
        if plan.failures:
            code = self._failed(len(plan.failures), plan.failures[-1].message)
            return code if _may_retry(plan.failures) else ExitCode.NO_RETRY
        return self._succeeded()

    def _feasible(self, plan: Plan) -> Plan:
        """What a run would do of it, after the errors that are known by now."""
        if not plan.failures or self._made.settings.ignore_errors:
            return plan
        done, withheld = withhold(plan.actions)
        why = Failure("", Trouble.LIMIT, WITHHELD)
        self._voice.listener.done([Outcome(action, Status.SKIPPED, why) for action in withheld])
        return plan._replace(actions=tuple(done))

    def _attempts(self) -> int:
        retries = self._flags.limiting.retries
        choose, approved = None, None
        if self._plan_id:
            retries, approved = 1, self._mirror.approval(self._plan_id)
        elif self._flags.important.interactive:
            from mirrorfs.cli.asking import Asking

            asking = Asking(self._voice.narrator, self._made.options.empty_directories)
            choose = self._stopping.asking(asking)
        report = Report()
        for attempt in range(1, retries + 1):
            if attempt > 1:
                time.sleep(self._flags.limiting.retries_sleep / NANOSECONDS)
                self._voice.attempt()
            reading = self._mirror.reading()
            self._say(reading)
            with self._stopping.patience():
                report = self._mirror.synchronise(reading, choose, approved=approved)
            if report.refusal is not None:
                self._history.held(report.refusal)
                return self._refused(report.refusal)
            if report.limit is not None:
                return self._limited(report.limit)
            if not report.errors:
                if report.vanished and attempt < retries:
                    # Renamed meanwhile, it may be, to where it had been listed already.
                    self._log.info(f"{len(report.vanished)} files went away; looking again")
                    continue
                if attempt > 1:
                    self._log.error(f"Attempt {attempt}/{retries} succeeded")
                return self._succeeded()
            self._log.error(
                f"Attempt {attempt}/{retries} failed with {report.errors} errors and: "
                f"{_last(report)}"
            )
            if not _may_retry(report.failures.values()):
                self._voice.stats.retry_helps = False
                self._failed(report.errors, _last(report))
                return ExitCode.NO_RETRY
        return self._failed(report.errors, _last(report))

    def _say(self, reading: Reading) -> None:
        """Which way the sync goes: news where a journal is kept, else as quiet as rclone."""
        level = Level.NOTICE if self._mirror.readings.recorded else Level.INFO
        self._log.log(level, printable(reading.why))

    def _succeeded(self) -> int:
        if self._voice.stats.transfers:
            return 0
        self._log.info("There was nothing to transfer")
        return ExitCode.NOTHING_TRANSFERRED if self._flags.limiting.error_on_no_transfer else 0

    def _failed(self, errors: int, last: str) -> int:
        many = f" with {errors} errors: last error was" if errors > 1 else ""
        self._log.error(f"Failed to {self._command}{many}: {last}")
        return ExitCode.UNCATEGORISED

    def _limited(self, limit: LimitReached) -> int:
        self._voice.stats.fatal = True
        self._voice.stats.errors += 1
        self._log.error(f"Failed to {self._command}: {limit}")
        return limit.exit_code

    def _refused(self, refusal: Refusal) -> int:
        self._voice.stats.fatal = True
        self._voice.stats.errors += 1
        start = ""
        if refusal.danger is Danger.MAX_DELETE:
            start = "--max-delete threshold reached: "  # rclone's words, which scripts look for
        message = f"{start}{refusal.message}; nothing was deleted or replaced"
        if not self._dry:
            message += f" ({remedy(refusal, self._destination, self._home)})"
        self._log.error(printable(f"Failed to {self._command}: {message}"))
        return ExitCode.FATAL


def _last(report: Report) -> str:
    path, failure = next(reversed(report.failures.items()))
    return printable(f"{path}: {failure.message}" if path else failure.message)


def _may_retry(failures: Iterable[Failure]) -> bool:
    """Whether another attempt could end better: not where a limit of the user was the reason."""
    return any(failure.trouble is not Trouble.LIMIT for failure in failures)
