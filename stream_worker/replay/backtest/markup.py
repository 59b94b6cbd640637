"""HTML and SVG as elements: whatever text and attributes hold, it is shown, and does nothing else.

Rules:
- What HTML would take for its own is escaped when it is written.
- Signs that show nothing but change what is shown, such as those that turn the direction of a line, are replaced.
"""

from xml.etree.ElementTree import Element, tostring

__all__ = ["Child", "Element", "tag", "written"]

Child = Element | str | None


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Element:
    """Return an element.

    Args:
        name: of the element.
        children: elements and text, in order; None is left out.
        attributes: by name; an underscore is a dash, and one at the end is dropped, for `class_`. None is left out.
    """
    element = Element(name)
    for key, value in attributes.items():
        if value is not None:
            element.set(key.rstrip("_").replace("_", "-"), _visible(value) if isinstance(value, str) else f"{value:g}")
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif child is not None:
            _add_text(element, _visible(child))
    return element


def written(root: Element) -> str:
    """Return an element as HTML."""
    return tostring(root, encoding="unicode", method="html")


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _add_text(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
