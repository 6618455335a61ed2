"""Applications: commands, interactions, activities."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.applications import ModalSize
from cluster.events.enums.gateway import InteractionFailureReason
from cluster.events.enums.presences import ActivityActionType
from cluster.events.objects.applications import ActivityInstance
from cluster.events.objects.components import Component
from cluster.events.objects.integrations import (
    CommandOptionChoice,
    GuildCommandPermissions,
    IntegrationApplication,
)
from cluster.events.objects.interactions import Interaction
from cluster.events.objects.messages import MessageActivity, ResolvedData
from cluster.events.objects.users import User


@dispatch("APPLICATION_COMMAND_PERMISSIONS_UPDATE", "Application")
class ApplicationCommandPermissionsUpdate(Dispatch):
    """Who may use a command was changed."""

    command_permissions: Payload[GuildCommandPermissions]


@dispatch("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", "Application", listed=False)
class ApplicationCommandAutocompleteResponse(Dispatch):
    """What an application proposes for an option."""

    choices: list[CommandOptionChoice]
    nonce: int | str | None


@dispatch("INTERACTION_CREATE", "Application", listed=False)
class InteractionCreate(Dispatch):
    """For bots: somebody used a command or component, or sent a form. For users: theirs was
    sent."""

    interaction: Payload[Interaction]
    nonce: int | str | Absent = UNSET


@dispatch("INTERACTION_SUCCESS", "Application", listed=False)
class InteractionSuccess(Dispatch):
    """An interaction of the account was answered."""

    id: Snowflake
    nonce: int | str | None


@dispatch("INTERACTION_FAILURE", "Application", listed=False)
class InteractionFailure(Dispatch):
    """An interaction of the account failed."""

    id: Snowflake
    nonce: int | str | Absent = UNSET
    reason_code: InteractionFailureReason


@dispatch("INTERACTION_MODAL_CREATE", "Application", listed=False)
class InteractionModalCreate(Dispatch):
    """An application answers with a form."""

    id: Snowflake
    channel_id: Snowflake
    custom_id: str
    application: IntegrationApplication
    title: str
    components: list[Component]
    nonce: int | str | None
    resolved: ResolvedData | Absent = UNSET


@dispatch("INTERACTION_IFRAME_MODAL_CREATE", "Application", listed=False)
class InteractionIframeModalCreate(Dispatch):
    """An application answers with a page of its own."""

    id: Snowflake
    channel_id: Snowflake
    custom_id: str
    application: IntegrationApplication
    title: str
    iframe_path: str | Absent = UNSET
    modal_size: ModalSize
    nonce: int | str | None


@dispatch("SOCIAL_LAYER_SKU_PURCHASE_ELIGIBILITY_RESPONSE", "Application", listed=False)
class SocialLayerSkuPurchaseEligibilityResponse(Dispatch):
    """Whether something can be bought for somebody."""

    interaction_id: Snowflake
    application_id: Snowflake
    sku_id: Snowflake
    recipient_id: Snowflake
    eligible: bool | int
    ineligible_reason: int | str | Absent | None = UNSET


@dispatch("EMBEDDED_ACTIVITY_UPDATE_V2", "Application", listed=False)
class EmbeddedActivityUpdateV2(Dispatch):
    """An activity began, ended, or people joined or left it."""

    instance: Payload[ActivityInstance]


@dispatch("ACTIVITY_INVITE_CREATE", "Application", listed=False)
class ActivityInviteCreate(Dispatch):
    """The account was invited to an activity (OAuth2 sessions)."""

    message_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    author: User | Absent = UNSET
    application: IntegrationApplication | Absent = UNSET
    activity: MessageActivity | Absent = UNSET


@dispatch("ACTIVITY_USER_ACTION", "Application", listed=False, documented=False)
class ActivityUserAction(Dispatch):
    """Somebody wants to join what the account plays, or to watch it."""

    action_type: ActivityActionType | Absent = UNSET
    user: User | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    message_id: Snowflake | Absent = UNSET


@dispatch("INTERACTION_IFRAME_MODAL_CLOSE", "Application", listed=False, documented=False)
class InteractionIframeModalClose(Dispatch):
    """An application's page is to be closed. Only the name is known for certain, and that clients
    say by the application which page it is."""

    application_id: Snowflake | Absent = UNSET
