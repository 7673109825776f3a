"""What is set in a home, on the command line."""

import click
from rich.console import Console

from serving.cli.console import Session, table


@click.command("settings")
@click.option("--changed", is_flag=True, help="Only what is not the default.")
@click.pass_obj
def settings_command(session: Session, changed: bool) -> None:
    """What is set in this home, and where it comes from: the default, the file, the environment.

    Values are spelt as in keepwell.toml. Passwords in addresses are not shown.
    docs/settings.md says what each setting means.
    """
    from serving.home import Home
    from serving.settings_table import effective

    path = Home(session.home).settings_file
    found = [each for each in effective(path) if not (changed and each.source == "default")]

    def view(out: Console) -> None:
        drawn = table("setting", "value", "from")
        for each in found:
            drawn.add_row(each.name, each.spelt, each.source)
        out.print(drawn if found else "everything is as it comes", highlight=False, markup=False)

    session.emit({"file": path, "settings": [each._asdict() for each in found]}, view)
