"""Code shared by the commands: the console, and Typer commands built from dataclasses of options."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, get_args, get_origin

import typer
from rich.console import Console
from typer.core import TyperCommand

from pellucid.app.options import FILES, GROUPS, Declaration, Options, flag, option
from pellucid.app.settings import TrainSettings

console = Console()
#: Standard error, for messages about a result that itself goes to standard output.
messages = Console(stderr=True)
METAVARS = {int: "N", float: "X", str: "NAME", Path: "PATH"}
#: Matches the default and limits at the end of a help text, if short enough to fit on one line.
NOTES = re.compile(r"\[.{,36}\]$")
SETTINGS = {each.name: each for each in fields(TrainSettings)}


@dataclass(frozen=True)
class ConfigOptions(Options):
    """Base class for the options of a command that takes training settings too."""

    config: Path | None = option(
        None, "TOML file of settings; flags override it.", group=FILES, path="file", metavar="FILE"
    )


class GroupedHelp(TyperCommand):
    """A command whose help page lists its options group by group."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a table for each group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            is_argument = each.param_type_name == "argument"
            group = "Arguments" if is_argument else getattr(each, "rich_help_panel", None) or "Options"
            name = f"{each.metavar}" if is_argument else _flags(each)
            groups.setdefault(group, []).append((name, getattr(each, "help", None) or ""))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write(_table(rows, formatter.width))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, one per line."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in (self.epilog or "").splitlines()))


def _table(rows: list[tuple[str, str]], width: int) -> str:
    """Return names and texts in two columns; words such as he-normal are not split."""
    column = max(len(name) for name, _ in rows) + 4
    lines = []
    for name, text in rows:
        whole_notes = NOTES.sub(lambda found: found[0].replace(" ", "\xa0"), text)
        wrapped = wrap(whole_notes, width - column, break_on_hyphens=False)
        lines += [
            f"{shown:{column}}{line}\n" for shown, line in zip_longest([f"  {name}"], wrapped, fillvalue="")
        ]
    return "".join(lines).replace("\xa0", " ")


def _flags(parameter: Any) -> str:
    """Return an option as the help page shows it: ``--epochs N`` or ``--[no-]nesterov``."""
    name: str = parameter.opts[0]
    if parameter.is_flag:
        return f"--[no-]{name[2:]}" if parameter.secondary_opts else name
    return f"{name} {parameter.metavar}"


def add_command(
    app: typer.Typer, run: Callable[..., None], *, settings: Iterable[str] = (), examples: str
) -> None:
    """Add a command whose flags come from dataclasses.

    The argument ``options`` of `run` is annotated with a subclass of `Options`; its docstring is the help
    text. `settings` names the fields of `TrainSettings` that are flags too, unless an option replaces them;
    the second argument of `run` gets those given on the command line, by name.
    """
    options = inspect.signature(run).parameters["options"].annotation
    own = {each.name: each for each in fields(options)}
    chosen = {**{name: SETTINGS[name] for name in SETTINGS if name in {*settings}}, **own}

    def command(context: typer.Context, **values: Any) -> None:
        made = options(**{name: _frozen(values[name]) for name in own})
        run(made, given(context)) if settings else run(made)

    command.__signature__ = _signature(chosen.values())  # type: ignore[attr-defined]
    command.__annotations__ = {"context": typer.Context}
    command.__doc__ = run.__doc__
    app.command(run.__name__, cls=GroupedHelp, epilog=examples)(command)


def _signature(chosen: Iterable[Field[Any]]) -> inspect.Signature:
    """Return the signature that Typer reads: arguments first, then options by group."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    by_group = sorted(chosen, key=lambda each: GROUPS.index(each.metadata["option"].group))
    context = inspect.Parameter("context", keyword, annotation=typer.Context)
    return inspect.Signature([context, *map(_parameter, by_group)])


def _parameter(each: Field[Any]) -> inspect.Parameter:
    """Return the parameter that Typer turns into an argument or a flag."""
    about: Declaration = each.metadata["option"]
    kind, default = each.type, each.default
    if get_origin(kind) is tuple:
        kind = list.__class_getitem__(get_args(kind)[0])
        default = list(default) if isinstance(default, tuple) else default
    info = _typer_info(each.name, kind, about, _help(about, default))
    annotation = Annotated[kind, info]  # type: ignore[valid-type]
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(
        each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _typer_info(name: str, kind: Any, about: Declaration, text: str) -> Any:
    base = next((part for part in get_args(kind) if part is not type(None)), kind)
    metavar = about.metavar or {"folder": "FOLDER", "file": "FILE"}.get(about.path) or METAVARS.get(base)
    shared: dict[str, Any] = {
        "help": text,
        "show_default": False,
        "metavar": metavar,
        "file_okay": about.path != "folder",
        "dir_okay": about.path != "file",
    }
    if about.is_argument:
        return typer.Argument(**shared)
    names = [flag(name)] if kind is bool and not about.has_negative else []
    return typer.Option(*names, rich_help_panel=about.group or None, **shared)


def _help(about: Declaration, default: Any) -> str:
    """Return the help text with the default and the limits."""
    values = default if isinstance(default, list) else [default]
    is_shown = default != "" and not (default is None or default is False or default is MISSING)
    numbers = (f"{each:g}" if isinstance(each, float) else str(each) for each in values)
    shown = about.default_text or (", ".join(numbers) if is_shown else "")
    notes = [f"default: {shown}"] if shown else []
    notes += [about.limits()] if about.limits() else []
    return f"{about.help} [{'; '.join(notes)}]" if notes else about.help


def given(context: typer.Context) -> dict[str, Any]:
    """Return the training settings given on the command line, without defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        name: context.params[name]
        for name, source in sources.items()
        if name in SETTINGS and source and source.name == "COMMANDLINE"
    }


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
