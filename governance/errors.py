"""One family of errors: what was found, what was expected and what to do. Never personal data."""

from collections.abc import Sequence


class KeepwellError(Exception):
    """Anything Keepwell tells a person went wrong.

    `message` says what was found and what was expected, `hint` what to do about it. `exit_code` is
    what the command line ends with: 1 for a clear "no", 2 for wrong use or bad input.
    """

    exit_code = 2
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(KeepwellError):
    """A value, file or request is not what it must be."""

    code = "invalid_input"


class ConfigurationError(KeepwellError):
    """Every mistake of a settings, mapping or playbook file, collected and raised once."""

    code = "configuration"

    def __init__(self, problems: Sequence[str], *, source: str, hint: str = "") -> None:
        count = len(problems)
        super().__init__(
            f"{source} has {count} mistake{'s' if count != 1 else ''}: " + "; ".join(problems),
            hint=hint,
        )
        self.problems = tuple(problems)
        self.source = source


class NotFound(KeepwellError):
    """A model, decision, key or file that was named does not exist."""

    code = "not_found"


class PermissionRefused(KeepwellError):
    """Someone's data may not be used for this purpose now; `reason` is the registry's word."""

    exit_code = 1
    code = "permission_refused"

    def __init__(self, message: str, *, purpose: str, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.purpose = purpose
        self.reason = reason


class InsufficientData(KeepwellError):
    """There is not enough evidence to say; how much was found and how much is needed."""

    exit_code = 1
    code = "insufficient_data"


class GateRefused(KeepwellError):
    """A model may not serve; `reasons` lists every rule it failed."""

    exit_code = 1
    code = "gate_refused"

    def __init__(self, message: str, *, reasons: Sequence[str], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reasons = tuple(reasons)


class IntegrityBroken(KeepwellError):
    """Bytes are not what their digest, seal or signature says they are."""

    exit_code = 1
    code = "integrity_broken"
