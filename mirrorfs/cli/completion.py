"""Print a completion script: `eval "$(mirrorfs completion bash)"`.

bash, zsh and fish are known. An installed mirrorfs brings the scripts to where the shells look;
this is for where they do not.
"""

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import ALL, of_command
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.errors import UsageError

CONFIGURATIONS = '/etc/mirrorfs/*.toml "${XDG_CONFIG_HOME:-$HOME/.config}"/mirrorfs/*.toml'
FISH_NAMES = (
    "for file in /etc/mirrorfs/*.toml ~/.config/mirrorfs/*.toml; "
    "string replace -r '.*/(.*)\\.toml$' '$1' $file; end"
)


def run(call: Call) -> int:
    shell = call.places[0]
    if shell not in MAKERS:
        raise UsageError(f"no completion for {shell!r}", remedy=f"one of {', '.join(MAKERS)}")
    print_out(MAKERS[shell]())
    return 0


def bash() -> str:
    """Commands, flags, the words that flags and arguments are one of, and mirrors' names."""
    flags = [
        f'    {name}) flags="{" ".join("--" + f for f in of_command(name))}" ;;'
        for name in COMMANDS
    ]
    values = [
        f'    --{flag.name}) COMPREPLY=($(compgen -W "{" ".join(flag.choices)}" -- "$word"))\n'
        "      return ;;"
        for flag in ALL.values()
        if flag.choices
    ]
    first = [
        f'    {name}) first="{" ".join(words)}" ;;' for name in COMMANDS if (words := _first(name))
    ]
    named = "|".join(f"{name}:{place + 2}" for name, place in _named().items())
    return f"""\
_mirrorfs() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" flags="" first=""
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)}" -- "$word")); return
  fi
  # A word with an equals sign is three.
  if [[ $word == = ]]; then word=""; elif [[ $before == = ]]; then
    before="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  case "$before" in
{chr(10).join(values)}
  esac
  case "${{COMP_WORDS[1]}}" in
{chr(10).join(flags)}
  esac
  if ((COMP_CWORD == 2)); then
    case "${{COMP_WORDS[1]}}" in
{chr(10).join(first)}
    esac
  fi
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -n $first ]]; then
    COMPREPLY=($(compgen -W "$first" -- "$word"))
  else
    local IFS=$'\\n' name
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
    case "${{COMP_WORDS[1]}}:$COMP_CWORD" in
    {named})
      for name in {CONFIGURATIONS}; do
        name="${{name##*/}}" name="${{name%.toml}}"
        [[ $name == "$word"* && $name != "*" ]] && COMPREPLY+=("$name")
      done
    esac
  fi
}}
complete -F _mirrorfs mirrorfs
"""


def zsh() -> str:
    """With the help of each command and flag."""
    commands = "\n".join(f"    {_quoted(f'{name}:{c.summary}')}" for name, c in COMMANDS.items())
    specs = "\n".join(f"    {name} {_quoted(_spec(name))}" for name in ALL)
    cases = []
    for name in COMMANDS:
        words = " ".join(_first(name))
        arguments = f"{_quoted(f'1:word:({words})')} " if words else ""
        if (place := _named().get(name)) is not None:
            arguments += f"'{place + 1}:mirror:_mirrorfs_mirrors' "
        flags = " ".join(of_command(name))
        cases.append(f"    {name}) use=({flags}); places=({arguments}'*:file:_files') ;;")
    return f"""\
#compdef mirrorfs
_mirrorfs_mirrors() {{
  local -a names
  names=({" ".join(f"{files}(N:t:r)" for files in CONFIGURATIONS.split())})
  compadd -a names
  _files
}}
_mirrorfs() {{
  local -a commands use places flags
  local -A spec
  local name
  commands=(
{commands}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  spec=(
{specs}
  )
  case $words[2] in
{chr(10).join(cases)}
  esac
  for name in $use; do flags+=("$spec[$name]"); done
  shift words
  (( CURRENT-- ))
  _arguments -s : $flags $places
}}
if [[ $funcstack[1] == _mirrorfs ]]; then _mirrorfs "$@"; else compdef _mirrorfs mirrorfs; fi
"""


def _spec(name: str) -> str:
    """One flag, as zsh's _arguments wants it."""
    flag = ALL[name]
    help = "".join(f"\\{c}" if c in "[]:\\" else c for c in flag.help)
    takes = ""
    if not flag.bare:
        values = f"({' '.join(flag.choices)})" if flag.choices else "_files"
        takes = f":{flag.value or 'value'}:{values}"
    return (
        f"{'*' if flag.repeats or flag.counts else ''}--{name}{'=' if takes else ''}[{help}]{takes}"
    )


def fish() -> str:
    """With the help of each command and flag."""
    names = " ".join(COMMANDS)
    lines = [
        f"complete -c mirrorfs -n 'not __fish_seen_subcommand_from {names}' -f -a {name} "
        f"-d {_escaped(command.summary)}"
        for name, command in COMMANDS.items()
    ]
    for name in COMMANDS:
        if words := _first(name):
            seen = " ".join(words)
            when = f"__fish_seen_subcommand_from {name}; and not __fish_seen_subcommand_from {seen}"
            if name == "help":  # what it explains are commands themselves
                when = f"__fish_seen_subcommand_from {name}"
            lines.append(f"complete -c mirrorfs -n {_escaped(when)} -f -a {_escaped(seen)}")
    lines += [f"function __mirrorfs_mirrors; {FISH_NAMES}; end"]
    for name, place in _named().items():
        when = f"__fish_seen_subcommand_from {name}"
        when += f"; and test (count (commandline -opc)) -eq {place + 2}"
        lines.append(f"complete -c mirrorfs -n {_escaped(when)} -a '(__mirrorfs_mirrors)'")
    for flag in ALL.values():
        where = " ".join(name for name in COMMANDS if name in flag.commands)
        short = f" -s {flag.short[1:]}" if flag.short else ""
        value = "" if flag.bare else " -r"
        choices = f" -f -a '{' '.join(flag.choices)}'" if flag.choices else ""
        lines.append(
            f"complete -c mirrorfs -n '__fish_seen_subcommand_from {where}' -l {flag.name}{short}"
            f"{value}{choices} -d {_escaped(flag.help)}"
        )
    return "\n".join(lines) + "\n"


def _first(command: str) -> list[str]:
    """The words that a command's first argument is one of; [] where it may be any."""
    first = COMMANDS[command].places.partition(" ")[0].strip("[]")
    if "|" not in first:
        return []
    return [w for word in first.split("|") for w in (COMMANDS if word == "COMMAND" else [word])]


def _named() -> dict[str, int]:
    """By command, which argument may be the name of a mirror; 0 is the first."""
    return {
        name: number
        for name, command in COMMANDS.items()
        for number, place in enumerate(command.places.split())
        if place.strip("[].") in ("SRC", "MIRROR", "NAME")
    }


def _quoted(text: str) -> str:
    """For bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(text: str) -> str:
    """For fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


MAKERS = {"bash": bash, "zsh": zsh, "fish": fish}

# Where the shells look, below share/.
PLACES = {
    "bash-completion/completions/mirrorfs": bash,
    "zsh/site-functions/_mirrorfs": zsh,
    "fish/vendor_completions.d/mirrorfs.fish": fish,
}
