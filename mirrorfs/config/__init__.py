"""Configuration: one TOML file for each mirror, named after it.

Law: a file says what the command line would say, in the same words, and is judged by the same
parsers; the command line beats the environment, the environment the file. Nothing of this is
imported before a mirror is called by its name.

    directory   where the files lie, and what they are called
    read        a file's text becomes a configuration, or a list of what is wrong with it
    keys        which types a key takes, and how its value stands on a command line
    place       how paths stand in a file
    lines       which line a key stands on
    compose     a commented file from answers
    presets     what people leave out, as data with reasons
    changes     when a file was replaced or written
"""

from mirrorfs.config.directory import Directory
from mirrorfs.config.read import Configuration, Problem, Setting, Target

__all__ = ["Configuration", "Directory", "Problem", "Setting", "Target"]
