"""Children of tests' own, forked from one clean process that has imported what any of them needs.

That process starts once per run of pytest, whichever file asks first: what is not imported in it
then, every child imports for itself.
"""

from multiprocessing import get_context
from multiprocessing.context import ForkServerContext

_ACTS = (
    "alembic.command",
    "tests.serving.dying",
    "tests.serving.dying_backups",
    "tests.serving.dying_batch",
    "tests.serving.dying_promises",
    "tests.serving.dying_training",
    "tests.serving.interventions.crashing_sender",
    "tests.serving.interventions.racing_triggers",
    "tests.serving.racing_home",
)


def forked() -> ForkServerContext:
    """Give what starts children quickly."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_ACTS))
    return context
