"""The page of the few functions and classes that are meant to be called from Python."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from features.dataset import Dataset, build_dataset
from outcomes.experiment.analysis import Question, analyse
from serving.bootstrap import create_home, open_home
from serving.reference.markdown import block
from serving.training_rows import training_rows
from training.fit import RiskClassifier

_LONGEST = 88
_METHODS = ("fit", "predict_proba", "predict", "predict_interval", "reasons", "scores")


def page() -> str:
    """Give the Markdown page."""
    lines = [
        "# From Python",
        "",
        "Written by `make docs` from the code. Keepwell is an application, run from its checkout "
        "or its container; these functions are what the commands call, and meant to be called. "
        "Import each from the module it stands in. [A notebook](../notebook.ipynb) "
        "shows the whole way.",
        "",
        "## A home",
        "",
        *_told(create_home),
        *_told(open_home),
        "## Rows to learn from",
        "",
        *_told(training_rows),
        *_told(build_dataset),
        *_told(Dataset),
        "## A classifier",
        "",
        *_told(RiskClassifier),
    ]
    for name in _METHODS:
        lines += _told(getattr(RiskClassifier, name))
    lines += ["## A test by lot", "", *_told(analyse), *_told(Question)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _told(thing: Callable[..., Any]) -> Iterator[str]:
    yield f"### `{thing.__qualname__}`"
    yield ""
    yield block(f"# {thing.__module__}\n{signature(thing)}", "python")
    yield ""
    yield inspect.getdoc(thing) or ""
    yield ""


def signature(thing: Callable[..., Any]) -> str:
    """Give the head of a function, or a class with what it is made from, as the source has it."""
    [node] = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        init = next((each for each in made if each.name == "__init__"), None)
        if init is not None:
            return f"class {_head(node.name, init)}"
        fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
        return "\n".join([f"class {node.name}:", *(f"    {each}" for each in fields)])
    assert isinstance(node, ast.FunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {_head(node.name, node)}{returns}"


def _head(name: str, node: ast.FunctionDef) -> str:
    arguments = ast.unparse(node.args)
    if len(name) + len(arguments) < _LONGEST:
        return f"{name}({arguments})"
    return f"{name}(\n" + "".join(f"    {each},\n" for each in _parts(node.args)) + ")"


def _parts(found: ast.arguments) -> Iterator[str]:
    plain = [*found.posonlyargs, *found.args]
    given: list[ast.expr | None] = [None] * (len(plain) - len(found.defaults))
    for each, default in zip(plain, [*given, *found.defaults], strict=True):
        yield _part(each, default)
    if found.kwonlyargs:
        yield "*"
    for each, default in zip(found.kwonlyargs, found.kw_defaults, strict=True):
        yield _part(each, default)


def _part(argument: ast.arg, default: ast.expr | None) -> str:
    told = ast.unparse(argument)
    return told if default is None else f"{told} = {ast.unparse(default)}"
