"""Enumerations and flags of applications, integrations and interactions."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ActivityLabel(OpenInt):
    """The label of an activity in the launcher (`ActivityPlatformConfig.label_type`)."""

    NONE = 0
    NEW = 1
    UPDATED = 2


class ActivityLocationKind(OpenStr):
    """Whether an activity runs in a guild's channel (GC) or a private one (PC)
    (`ActivityLocation.kind`)."""

    GC = "gc"
    PC = "pc"


class ActivityPlatform(OpenStr):
    """A platform that an activity runs on (`ActivityConfig.supported_platforms`)."""

    WEB = "web"
    ANDROID = "android"
    IOS = "ios"


class ActivitySurface(OpenStr):
    """A launcher that leaves out an activity's badge
    (`ActivityPlatformConfig.omit_badge_from_surfaces`)."""

    VOICE_LAUNCHER = "voice_launcher"
    TEXT_LAUNCHER = "text_launcher"


class ApplicationCommandOptionType(OpenInt):
    """The kind of value that a command's option takes (`CommandOption.type`)."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


class ApplicationCommandPermissionType(OpenInt):
    """What a command's permission is for (`CommandPermission.type`)."""

    ROLE = 1
    USER = 2
    CHANNEL = 3


class ApplicationCommandType(OpenInt):
    """Where a command is used (`InteractionData.type` and `MessageInteraction.command_type`)."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3
    PRIMARY_ENTRY_POINT = 4


class ApplicationFlags(Flags):
    """What an application is and may do (`GatewayApplication.flags`, `GatewayApplication.flags_new`
    and `Application.flags`)."""

    EMBEDDED_RELEASED = 1 << 1
    MANAGED_EMOJI = 1 << 2
    EMBEDDED_IAP = 1 << 3
    GROUP_DM_CREATE = 1 << 4
    RPC_PRIVATE_BETA = 1 << 5
    AUTO_MODERATION_RULE_CREATE_BADGE = 1 << 6
    GAME_PROFILE_DISABLED = 1 << 7
    PUBLIC_OAUTH2_CLIENT = 1 << 8
    CONTEXTLESS_ACTIVITY = 1 << 9
    SOCIAL_LAYER_INTEGRATION_LIMITED = 1 << 10
    CLOUD_GAMING_DEMO = 1 << 11
    GATEWAY_PRESENCE = 1 << 12
    GATEWAY_PRESENCE_LIMITED = 1 << 13
    GATEWAY_GUILD_MEMBERS = 1 << 14
    GATEWAY_GUILD_MEMBERS_LIMITED = 1 << 15
    VERIFICATION_PENDING_GUILD_LIMIT = 1 << 16
    EMBEDDED = 1 << 17
    GATEWAY_MESSAGE_CONTENT = 1 << 18
    GATEWAY_MESSAGE_CONTENT_LIMITED = 1 << 19
    EMBEDDED_FIRST_PARTY = 1 << 20
    APPLICATION_COMMAND_MIGRATED = 1 << 21
    APPLICATION_COMMAND_BADGE = 1 << 23
    ACTIVE = 1 << 24
    ACTIVE_GRACE_PERIOD = 1 << 25
    IFRAME_MODAL = 1 << 26
    SOCIAL_LAYER_INTEGRATION = 1 << 27
    PROMOTED = 1 << 29
    PARTNER = 1 << 30
    PARENT = 1 << 33
    DISABLE_RELATIONSHIP_ACCESS = 1 << 34
    STOREFRONT_ELIGIBLE = 1 << 35


class ApplicationType(OpenInt):
    """The kind of an application (`IntegrationApplication.type` and `Application.type`)."""

    DEPRECATED_GAME = 1
    MUSIC = 2
    TICKETED_EVENTS = 3
    CREATOR_MONETIZATION = 4
    GAME = 5


class Disclosure(OpenInt):
    """What an application discloses before it is authorized (`OAuth2Authorization.disclosures`)."""

    UNSPECIFIED_DISCLOSURE = 0
    IP_LOCATION = 1
    DISPLAYS_ADVERTISEMENTS = 2
    PARTNER_SDK_DATA_SHARING_MESSAGE = 3


class Distributor(OpenStr):
    """The shop that sells a game (`ApplicationSku.distributor`)."""

    DISCORD = "discord"
    STEAM = "steam"
    TWITCH = "twitch"
    UPLAY = "uplay"
    BATTLENET = "battlenet"
    ORIGIN = "origin"
    GOG = "gog"
    EPIC = "epic"
    MICROSOFT = "microsoft"
    IGDB = "igdb"
    GLYPH = "glyph"
    GOOGLE_PLAY = "google_play"
    NVIDIA_GDN_APP = "nvidia_gdn_app"
    GOP = "gop"
    ROBLOX = "roblox"
    GDCO = "gdco"
    XBOX = "xbox"
    XBOX_TITLE = "xbox_title"
    XBOX_GAME_PASS = "xbox_game_pass"
    PLAYSTATION = "playstation"
    OPENCRITIC = "opencritic"


class GamePlatform(OpenInt):
    """A platform that a game is for (`GameDataOverrides.platforms`)."""

    DESKTOP = 0
    XBOX = 1
    PLAYSTATION = 2
    IOS = 3
    ANDROID = 4
    NINTENDO = 5
    LINUX = 6
    MACOS = 7


class IdentityProvider(OpenStr):
    """Who knows the player in a game (`ProfileExternalId.provider_type`)."""

    OIDC = "OIDC"
    EPIC_ONLINE_SERVICES = "EPIC_ONLINE_SERVICES"
    STEAM = "STEAM"
    UNITY = "UNITY"
    DISCORD_BOT = "DISCORD_BOT"
    APPLE = "APPLE"
    PLAYSTATION_NETWORK = "PLAYSTATION_NETWORK"


class IntegrationExpireBehavior(OpenInt):
    """What happens to a member whose subscription has run out (`Integration.expire_behavior`)."""

    REMOVE_ROLE = 0
    KICK = 1


class IntegrationType(OpenStr):
    """The kind of an integration (`ConnectionIntegration.type` and `Integration.type`)."""

    TWITCH_INTEGRATION = "twitch"
    YOUTUBE_INTEGRATION = "youtube"
    DISCORD_APPLICATION_INTEGRATION = "discord"
    INTERNAL_ROLE_SUBSCRIPTION_INTEGRATION = "guild_subscription"


class InteractionContextType(OpenInt):
    """Where an interaction happened (`Interaction.context`)."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


class InteractionType(OpenInt):
    """The kind of an interaction (`Interaction.type`, `MessageInteraction.type` and
    `PartialMessageInteraction.type`)."""

    PING = 1
    APPLICATION_COMMAND = 2
    MESSAGE_COMPONENT = 3
    APPLICATION_COMMAND_AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5
    SOCIAL_LAYER_SKU_PURCHASE_ELIGIBILITY = 6


class ModalSize(OpenInt):
    """The size of a window that an application opens
    (`InteractionIframeModalCreate.modal_size`)."""

    SMALL = 1
    NORMAL = 2
    BIG = 3


class OrientationLock(OpenInt):
    """How an activity wants a phone to be held
    (`ActivityConfig.default_orientation_lock_state`)."""

    UNLOCKED = 1
    PORTRAIT = 2
    LANDSCAPE = 3


class OverlayMethodFlags(Flags):
    """How an overlay is drawn over a game (`Application.overlay_methods`)."""

    OUT_OF_PROCESS = 1 << 0


class ReleasePhase(OpenStr):
    """Who can use an activity, before everybody can (`ActivityPlatformConfig.release_phase`)."""

    IN_DEVELOPMENT = "in_development"
    ACTIVITIES_TEAM = "activities_team"
    EMPLOYEE_RELEASE = "employee_release"
    SOFT_LAUNCH = "soft_launch"
    SOFT_LAUNCH_MULTI_GEO = "soft_launch_multi_geo"
    GLOBAL_LAUNCH = "global_launch"


class TeamMembershipState(OpenInt):
    """Whether a member of a team has accepted (`TeamMember.membership_state`)."""

    INVITED = 1
    ACCEPTED = 2


class TeamPayoutAccountStatus(OpenInt):
    """The state of the account that a team is paid on (`TeamPayoutAccount.status` and
    `Team.payout_account_status`)."""

    UNSUBMITTED = 1
    PENDING = 2
    ACTION_REQUIRED = 3
    ACTIVE = 4
    BLOCKED = 5
    SUSPENDED = 6


class TeamPayoutGateway(OpenInt):
    """Who pays a team (`TeamPayoutAccount.gateway`)."""

    STRIPE_TOPUP = 1
    TIPALTI = 2
    STRIPE_PRIMARY = 3
