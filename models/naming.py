"""Names of a catalogue, as people spell them: ``resnet50``, ``ResNet_50`` and ``resnet-50`` are one."""

from collections.abc import Iterable


def same_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` spells, case and separators aside; ``None`` without one.

    Examples
    --------
    >>> same_name("ResNet50", ["vgg-16", "resnet-50"])
    'resnet-50'
    """
    if name in (names := list(known)):
        return name
    spelled = _letters(name)
    return next((other for other in names if spelled and _letters(other) == spelled), None)


def mentions(text: str, name: str) -> bool:
    """Return whether a text speaks of the model of a device: ``h100`` of ``h100-sxm``.

    Examples
    --------
    >>> mentions("NVIDIA A100-SXM4-40GB", "a100-sxm-40gb"), mentions("Tesla V100-SXM2", "a100-sxm-40gb")
    (True, False)
    """
    parts = name.split("-")
    model = next((part for part in parts if any(c.isdigit() for c in part)), parts[0])
    return _letters(model) in _letters(text)


def _letters(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
