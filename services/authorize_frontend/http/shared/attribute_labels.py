"""Labels of the attributes that the operator has configured."""

from libs.languages.translation import current
from libs.oauth.attributes import Attribute, Attributes


def label(attribute: Attribute) -> str:
    """Returns the label in the current language, or in English if there is none."""
    return attribute.label.get(current().tag, attribute.label["en"])


def labels_of(attributes: Attributes, scope: str) -> str:
    """Returns the attributes that a scope value releases, for the consent page; empty if it releases none."""
    return ", ".join(label(attribute) for attribute in attributes.of_scope(scope))
