"""The root group of ``jit``: which app, which commands there are, and how errors look.

Commands get an :class:`AppOpener` as ``click.get_current_context().obj``: calling it opens the App of ``--app`` once
and has it closed when the command ends. Exit codes: 0 done, 1 the work failed or found problems, 2 the call was wrong.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from jitcore.contributions import CommandSpec
from jitcore.errors import JitError, PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jitcore.app import App

__all__ = ["PLUGINS", "AppOpener", "main", "root"]

#: Where click's ``Context.meta`` keeps the plugins that were loaded to learn their commands.
PLUGINS = f"{__name__}.plugins"

_OWN_COMMANDS = (
    CommandSpec("check", "jitcore.cli.check:check", "Find every problem of the app, with place and remedy."),
    CommandSpec("dev", "jitcore.cli.dev:dev", "Watch the app: what each save does, and what is wrong."),
    CommandSpec("explain", "jitcore.cli.inspection:explain", "Show where an element comes from, and why."),
    CommandSpec("list", "jitcore.cli.inspection:list_elements", "List the app's elements with type, state and layer."),
    CommandSpec("new", "jitcore.cli.making:new", "Make an app, an element, a Type or a plugin, with its test."),
    CommandSpec("override", "jitcore.cli.making:override", "Put the app's own version in place of a Type."),
    CommandSpec("plugins", "jitcore.cli.plugin_list:plugins", "List the installed plugins, their hooks and times."),
    CommandSpec("schema", "jitcore.cli.schema:schema", "Print or write JSON Schemas for editors."),
    CommandSpec("problem", "jitcore.cli.problem:problem", "Explain a problem: its cause, an example, the cure."),
)


class AppOpener:
    """Opens the App of ``--app`` when a command needs it.

    :param path: the app's folder.
    :param plugins: False opens it without third-party plugins.
    :param overrides: False opens it without its own versions of Types.
    """

    def __init__(self, path: str, *, plugins: bool = True, overrides: bool = True) -> None:
        self.path = path
        self.plugins = plugins
        self.overrides = overrides
        self._app: App | None = None

    def __call__(
        self,
        *,
        variables: Mapping[str, str] | None = None,
        strict: bool = True,
        path: str | Path | None = None,
        watch: bool = False,
    ) -> App:
        """The open App; the arguments count on the first call."""
        if self._app is None:
            from jitcore.app import App

            self._app = App(
                path or self.path,
                variables=variables,
                strict=strict,
                plugins=self.plugins,
                overrides=self.overrides,
                watch=watch,
            )
        return self._app

    def close(self) -> None:
        """Close the App if it was opened."""
        if self._app is not None:
            self._app.close()


class _Commands(click.Group):
    """A group whose commands come from the plugins, by name, and are imported only to run."""

    def specs(self, ctx: click.Context) -> dict[str, CommandSpec]:
        """The commands by name, without those of third-party plugins under ``--no-plugins``."""
        specs: dict[str, CommandSpec] | None = ctx.meta.get(__name__)
        if specs is None:
            from jitcore.entrypoints import installed_plugins
            from jitcore.plugins import Plugins

            plugins = Plugins(installed_plugins(), third_party=not ctx.params.get("no_plugins"))
            ctx.meta[PLUGINS] = plugins
            specs = {spec.name: spec for spec in _OWN_COMMANDS}
            for _plugin, contributed in plugins.collect("jit_commands"):
                for spec in contributed:
                    specs.setdefault(spec.name, spec)
            ctx.meta[__name__] = specs
        return specs

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.specs(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        spec = self.specs(ctx).get(cmd_name)
        if spec is None:
            return None
        module, _, attribute = spec.target.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"The command {cmd_name} cannot be loaded from {spec.target}: {error}", plugin=cmd_name
            ) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, spec.help) for name, spec in sorted(self.specs(ctx).items())])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--app", "path", metavar="PATH", envvar="JIT_APP", default=".", help="The app's folder [JIT_APP].")
@click.option(
    "--no-plugins",
    is_flag=True,
    is_eager=True,  # before --help, which lists the plugins' commands
    envvar="JIT_NO_PLUGINS",
    help="Load the shipped plugins only [JIT_NO_PLUGINS=1].",
)
@click.option(
    "--no-overrides",
    is_flag=True,
    envvar="JIT_NO_OVERRIDES",
    help="Ignore the app's own versions of Types [JIT_NO_OVERRIDES=1].",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="jitcore", prog_name="jit")
@click.pass_context
def root(ctx: click.Context, path: str, no_plugins: bool, no_overrides: bool, debug: bool) -> None:
    """Work with an application of elements.

    An app is a folder of elements, each a folder with an e.json. Commands work on the current folder unless --app
    or the environment variable JIT_APP names another.
    """
    del debug  # read by main(), which also sees errors from before this runs
    opener = AppOpener(path, plugins=not no_plugins, overrides=not no_overrides)
    ctx.obj = opener
    ctx.call_on_close(opener.close)


def main(args: Sequence[str] | None = None) -> None:
    """Run ``jit`` and exit.

    :param args: the words after ``jit``; those of the process when None.
    """
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        result: Any = root.main(words, prog_name="jit", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except JitError as error:
        if debug:
            raise
        _show(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if debug:
            raise
        _show(_refusal(error))
        return 1
    return result if isinstance(result, int) else 0


def _refusal(error: OSError) -> JitError:
    """What the operating system refused: a full disk, a file in the way, a folder that may not be written."""
    # Only what the system says: other words of an OSError, such as a URL, may hold a secret.
    place = f"{error.filename}: " if error.filename else ""
    message = f"{place}{error.strerror or type(error).__name__}."
    return JitError(message, hint="jit --debug shows where it happened.")


def _show(error: JitError) -> None:
    from jitcore.rendering import render_text

    click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {error.message}", err=True)
    problems = getattr(error, "problems", ())
    if problems:
        click.echo(render_text(problems, color=sys.stderr.isatty()), err=True)
    if error.hint:
        click.echo(error.hint, err=True)
