"""Attributes that an operator has added, in the words that the operator gave them."""

from libs.languages.speaking import current
from libs.oauth.attributes import Attribute, Attributes


def label(attribute: Attribute) -> str:
    """In the language of who reads it, else in English."""
    return attribute.label.get(current().tag, attribute.label["en"])


def labels_of(attributes: Attributes, scope: str) -> str:
    """What a scope value releases, for the page that asks for consent; empty for one that releases no attribute."""
    return ", ".join(label(attribute) for attribute in attributes.of_scope(scope))
