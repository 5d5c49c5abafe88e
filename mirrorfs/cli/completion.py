"""Print a completion script: `eval "$(mirrorfs completion bash)"`.

bash, zsh and fish are known.
"""

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import Flag, of_command
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.errors import UsageError


def run(call: Call) -> int:
    shell = call.places[0]
    makers = {"bash": bash, "zsh": zsh, "fish": fish}
    if shell not in makers:
        raise UsageError(f"no completion for {shell!r}", remedy=f"one of {', '.join(makers)}")
    print_out(makers[shell]())
    return 0


def bash() -> str:
    """Commands, flags and the words of flags that are one of a few."""
    cases = [
        f'    {name}) flags="{" ".join("--" + flag for flag in of_command(name))}" ;;'
        for name in COMMANDS
    ]
    choices = [
        f'    --{flag.name}) COMPREPLY=($(compgen -W "{" ".join(flag.choices)}" -- "$word"))\n'
        "      return ;;"
        for flag in _flags()
        if flag.choices
    ]
    return f"""\
_mirrorfs() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" flags=""
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)}" -- "$word")); return
  fi
  case "$before" in
{chr(10).join(choices)}
  esac
  case "${{COMP_WORDS[1]}}" in
{chr(10).join(cases)}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -F _mirrorfs mirrorfs
"""


def zsh() -> str:
    """zsh runs bash's."""
    return "#compdef mirrorfs\nautoload -Uz bashcompinit && bashcompinit\n" + bash()


def fish() -> str:
    """With the help of each command and flag."""
    names = " ".join(COMMANDS)
    lines = [
        f"complete -c mirrorfs -n 'not __fish_seen_subcommand_from {names}' -f -a {name} "
        f"-d {_quoted(command.summary)}"
        for name, command in COMMANDS.items()
    ]
    for flag in _flags():
        where = " ".join(name for name in COMMANDS if name in flag.commands)
        short = f" -s {flag.short[1:]}" if flag.short else ""
        value = "" if flag.bare else " -r"
        words = f" -f -a '{' '.join(flag.choices)}'" if flag.choices else ""
        lines.append(
            f"complete -c mirrorfs -n '__fish_seen_subcommand_from {where}' -l {flag.name}{short}"
            f"{value}{words} -d {_quoted(flag.help)}"
        )
    return "\n".join(lines) + "\n"


def _flags() -> list[Flag]:
    from mirrorfs.cli.flags import ALL

    return list(ALL.values())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
