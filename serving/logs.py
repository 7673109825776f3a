"""How this floor logs: one JSON line per happening, on standard error, free of personal data."""

import sys

import structlog


def log_to_stderr() -> None:
    """Write logs to standard error: standard output belongs to what was asked for."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
