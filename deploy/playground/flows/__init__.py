"""The flows of the playground, in the order of their cards. A new flow is one more file and one more entry here."""

from deploy.playground.flows import (
    authorization_code,
    client_credentials,
    device,
    form_post,
    hybrid,
    implicit,
    password,
)
from deploy.playground.flows.flow import Flow

FLOWS: tuple[Flow, ...] = (
    authorization_code.FLOW,
    device.FLOW,
    client_credentials.FLOW,
    hybrid.FLOW,
    form_post.FLOW,
    implicit.FLOW,
    password.FLOW,
)
