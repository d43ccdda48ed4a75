"""Finding things by the name a user wrote, and writing them down as JSON."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
Item = TypeVar("Item", bound=Callable[..., Any])

_OWN = "custom>"
"""Begins the names of users' classes and functions in files: none is taken for one of ours."""


MODELS: dict[str, type[Any]] = {}
"""Classes of models by name, entered by `cnnx.models`, which stands above what reads files."""


_argument_names: WeakKeyDictionary[type[Any], tuple[frozenset[str], bool]] = WeakKeyDictionary()
_registered: dict[str, Any] = {}
_written: dict[str, Any] = {}
_custom_objects: ContextVar[Mapping[str, Any] | None] = ContextVar("custom_objects", default=None)


class _ConstructorSignature:
    """What `inspect.signature` and `help` show of a class; an older Python would show `__new__`."""

    def __get__(self, instance: object, owner: type[Any]) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")  # a call of an object takes other arguments
        if owner.__init__ is object.__init__:
            return inspect.Signature()
        signature = inspect.signature(owner.__init__)
        return signature.replace(parameters=list(signature.parameters.values())[1:])


class NamedArguments:
    """Something whose constructor names the nearest argument to a misspelt one."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Return an object; raises TypeError for an argument that no constructor takes."""
        if kwargs:
            known, takes_others = argument_names(cls)
            unknown = kwargs.keys() - known
            if unknown and not takes_others:
                name = min(unknown)
                hint = nearest(name, known)
                raise TypeError(f"{cls.__name__} takes no argument {name}.{hint}")
        return super().__new__(cls)

    __signature__ = _ConstructorSignature()


def argument_names(cls: type[Any]) -> tuple[frozenset[str], bool]:
    """Return what arguments the constructor of a class takes by name, and whether any others."""
    if cls not in _argument_names:
        found: set[str] = set()
        others = False
        for base in cls.__mro__[:-1]:  # the last is object
            init = vars(base).get("__init__")
            if init is None:
                continue
            parameters = list(inspect.signature(init).parameters.values())[1:]
            by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            found |= {item.name for item in parameters if item.kind in by_name}
            others = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters)
            if not others or is_own(base):  # what a user's class does with others is its affair
                break
        _argument_names[cls] = frozenset(found), others
    return _argument_names[cls]


class Configurable(NamedArguments):
    """Something that is rebuilt from the arguments of its constructor."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-serialisable values."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


C = TypeVar("C", bound=Configurable)


def snake_case(class_name: str) -> str:
    """Return Keras' automatic name of a class: Conv2D, conv2d; BatchNormalization, batch_...."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _canonical(name: str) -> str:
    return name.lower().replace("_", "")


def resolve(kind: str, name: str, table: Mapping[str, T]) -> T:
    """
    Return the entry called `name`, in any letter case and with or without underscores.

    Errors begin with `kind`: what is looked for, such as "Dense 'd': activation".

    Raises
    ------
    ValueError
        For an unknown name; the message lists the valid ones and suggests the nearest.
    """
    names = {_canonical(key): key for key in table}
    key = names.get(_canonical(name))
    if key is None:
        raise ValueError(
            f"{kind} {name!r} is unknown.{nearest(name, table)} "
            f"Valid names: {', '.join(sorted(table))}"
        )
    return table[key]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question for the name that is most like a wrong one, or has it as its initials."""
    known = list(known)
    names = {_canonical(key): key for key in known}
    initials = {"".join(word[:1] for word in key.split("_")): key for key in known if "_" in key}
    near = difflib.get_close_matches(_canonical(name[:100]), names, n=1)
    found = names[near[0]] if near else initials.get(name.lower())
    return f" Did you mean '{found}'?" if found else ""


def choice(value: Any, name: str, *options: str) -> str:
    """
    Return the option that `value` spells, in any letter case.

    Raises
    ------
    TypeError
        For anything but a text.
    ValueError
        For another text.
    """
    if isinstance(value, str):
        for option in options:
            if option.lower() == value.lower():
                return option
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"{name} must be {' or '.join(map(repr, options))}, got {value!r}")


def register(item: Item) -> Item:
    """
    Make a class or a function of your own known to `load_model`; to be used as a decorator.

    A file names what a model is made of and never imports it. So a program that loads a model with
    layers, losses, metrics, initializers, schedules or optimizers of its own registers them first,
    or hands them to `load_model` as `custom_objects`.

    Parameters
    ----------
    item
        The class, the function or the `activations.Activation`; another of the same name that was
        registered before is replaced.

    Returns
    -------
    The same item.

    Raises
    ------
    TypeError
        For anything else, and for a function without a name.

    Examples
    --------
    >>> @cnnx.register
    ... class Twice(cnnx.layers.Layer):
    ...     def forward(self, call, x):
    ...         return 2 * x
    ...
    ...     def backward(self, call, dy):
    ...         return 2 * dy
    """
    name: str = getattr(item, "__name__", getattr(item, "name", ""))
    if not (isinstance(item, type) or is_function(item)) or not name.isidentifier():
        raise TypeError(f"register: item must be a class or a function with a name, got {item!r}")
    _registered[name] = item
    return item


@contextmanager
def custom_objects(items: Mapping[str, Any] | None, owner: str) -> Iterator[None]:
    """
    Make classes and functions known by name within a `with` block.

    Raises
    ------
    TypeError
        For anything but a dict of classes and functions by name; `owner` begins the message.
    """
    if not isinstance(items or {}, Mapping):
        raise TypeError(f"{owner}: custom_objects must be a dict by name, got {items!r}")
    for name, item in (items or {}).items():
        if not isinstance(name, str) or not (isinstance(item, type) or is_function(item)):
            raise TypeError(
                f"{owner}: custom_objects must hold classes and functions by name, "
                f"got {name!r}: {item!r}"
            )
    token = _custom_objects.set({**(_custom_objects.get() or {}), **(items or {})})
    try:
        yield
    finally:
        _custom_objects.reset(token)


def is_own(item: Any) -> bool:
    """Return whether a class or function is a user's, and not one of ours."""
    module: str = item.__module__
    return module.partition(".")[0] != "cnnx"


def name_of(item: Any) -> str:
    """Return the name of a class or function for a config: "custom>Twice" for a user's own."""
    return own_name(item.__name__, item) if is_own(item) else str(item.__name__)


def own_name(name: str, item: Any) -> str:
    """Return the name of a user's item for a config."""
    _written[name] = item
    return f"{_OWN}{name}"


def own_item(name: str) -> Any:
    """
    Return the user's class or function that a config names; None for a name of ours.

    Raises
    ------
    ValueError
        If it is not known.
    """
    return known_item(name.removeprefix(_OWN)) if name.startswith(_OWN) else None


def known_item(short: str) -> Any:
    """Return the user's class or function of a name; raises ValueError if it is not known."""
    for table in (_custom_objects.get() or {}, _registered):
        if short in table:
            return table[short]
    raise ValueError(
        f"'{short}' is no class of cnnx; name it: load_model(path, "
        f"custom_objects={{'{short}': {short}}}), or put @cnnx.register before it"
    )


def function_of(name: str | None) -> Any:
    """Return the user's function that a config names; None for None."""
    found = None if name is None else own_item(name)
    if isinstance(found, type):
        raise ValueError(f"{found!r} is a class, not a function")
    return found


def is_function(item: Any) -> bool:
    """Return whether something can be called, and is neither a class nor one of our objects."""
    return callable(item) and not isinstance(item, (type, Configurable))


def model_class(name: str) -> Any:
    """Return the class of models that a config names; None for a layer's."""
    if name in MODELS:
        return MODELS[name]
    found = own_item(name)
    return found if isinstance(found, type) and issubclass(found, MODELS["Model"]) else None


def own_items(config: Any) -> dict[str, Any]:
    """Return the users' classes and functions, by name, that a config of this process names."""
    if isinstance(config, dict):
        config = list(config.values())
    if isinstance(config, list):
        return {name: item for entry in config for name, item in own_items(entry).items()}
    short = config.removeprefix(_OWN) if isinstance(config, str) else config
    return {short: _written[short]} if short != config and short in _written else {}


def serialize(item: Configurable) -> dict[str, Any]:
    """Return the class name and the config of `item` as one JSON-serialisable dict."""
    return {"class_name": name_of(type(item)), "config": item.get_config()}


def get(kind: str, identifier: Any, base: type[C], table: Mapping[str, type[C]]) -> C:
    """
    Return an object of class `base` from the object itself, its class, its name or its dict.

    Errors begin with `kind`, as those of `resolve`.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an unknown name.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        return class_of(kind, identifier, base, table)()
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, dict):
        class_name, config = identifier.get("class_name"), identifier.get("config")
        if isinstance(class_name, str) and isinstance(config, dict):
            return class_of(kind, class_name, base, table).from_config(config)
    raise TypeError(
        f"{kind} must be a name or an object of class {base.__name__}, got {identifier!r}"
    )


def class_of(kind: str, name: str, base: type[C], table: Mapping[str, type[C]]) -> type[C]:
    """Return the class of a name: a user's own class, or one of the table."""
    found = own_item(name)
    if found is None:
        return resolve(kind, name, table)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{kind}: {found!r} is no class of {base.__name__}")
    return found
