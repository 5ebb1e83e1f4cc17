"""The command ``problem``: the page about a code, in the terminal."""

from __future__ import annotations

import click

__all__ = ["problem"]


@click.command("problem")
@click.argument("code", required=False)
def problem(code: str | None) -> None:
    """Explain the problem CODE, such as key-unknown: its cause, an example, the cure.

    Without CODE: all codes, a line each.
    """
    from jitcore.problems import CODES

    if code is None:
        width = max(map(len, CODES))
        for name, title in CODES.items():
            click.echo(f"{name:{width}}  {title}")
        return
    if code not in CODES:
        from jitcore.suggestions import did_you_mean

        guess = did_you_mean(code, CODES) or "jit problem lists them all."
        raise click.UsageError(f"No problem has the code {code}. {guess}")
    from jitcore.pages import page_text

    click.echo(page_text(code))
