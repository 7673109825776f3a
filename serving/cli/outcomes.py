"""Did it help? On the command line."""

import click

from serving.cli.dashboard import dashboard_command
from serving.cli.journey import journey_command
from serving.cli.measures import measures_command
from serving.cli.plans import plan_command
from serving.cli.reports import report_command
from serving.cli.trials import lift_command, resume_command, roi_command, watch_command


@click.group("outcomes")
def outcomes_command() -> None:
    """Did it help? Measures, lift, return, plans, the journey, reports, the dashboard."""


outcomes_command.add_command(measures_command)
outcomes_command.add_command(journey_command)
outcomes_command.add_command(report_command)
outcomes_command.add_command(dashboard_command)
outcomes_command.add_command(lift_command)
outcomes_command.add_command(watch_command)
outcomes_command.add_command(resume_command)
outcomes_command.add_command(roi_command)
outcomes_command.add_command(plan_command)
