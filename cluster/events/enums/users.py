"""Enumerations and flags of users and relationships."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class AgeVerificationStatus(OpenInt):
    """How far a user's age was verified (`User.age_verification_status`)."""

    UNVERIFIED = 1
    VERIFIED_TEEN = 2
    VERIFIED_ADULT = 3
    INFERRED_ADULT = 4


class AuthenticatorType(OpenInt):
    """The kind of a second factor of login (`AuthenticatorDelete.type`,
    `GatewayAuth.authenticator_types` and `Authenticator.type`)."""

    WEBAUTHN = 1
    TOTP = 2
    SMS = 3


class ConnectionType(OpenStr):
    """The service that an account is connected to (`Connection.type` and
    `FriendSuggestionReason.platform`)."""

    AMAZON_MUSIC = "amazon-music"
    BATTLE_NET = "battlenet"
    BLUESKY = "bluesky"
    BUNGIE_NET = "bungie"
    CONTACT_SYNC = "contacts"
    CRUNCHYROLL = "crunchyroll"
    DOMAIN = "domain"
    EBAY = "ebay"
    EPIC_GAMES = "epicgames"
    FACEBOOK = "facebook"
    GITHUB = "github"
    INSTAGRAM = "instagram"
    LEAGUE_OF_LEGENDS = "leagueoflegends"
    MASTODON = "mastodon"
    PAYPAL = "paypal"
    PLAYSTATION_NETWORK = "playstation"
    PLAYSTATION_NETWORK_STAGING = "playstation-stg"
    REDDIT = "reddit"
    ROBLOX = "roblox"
    RIOT_GAMES = "riotgames"
    SAMSUNG_GALAXY = "samsung"
    SOUNDCLOUD = "soundcloud"
    SPOTIFY = "spotify"
    SKYPE = "skype"
    STEAM = "steam"
    TIKTOK = "tiktok"
    TWITCH = "twitch"
    TWITTER = "twitter"
    XBOX = "xbox"
    YOUTUBE = "youtube"


class ConsoleHandoffType(OpenStr):
    """What a console does with a call that is handed to it
    (`ConnectRequestProperties.handoff_type`)."""

    CREATE_NEW_CALL = "CREATE_NEW_CALL"
    TRANSFER_EXISTING_CALL = "TRANSFER_EXISTING_CALL"


class DisplayNameEffect(OpenInt):
    """The effect that a display name is drawn with (`DisplayNameStyle.effect_id`)."""

    SOLID = 1
    GRADIENT = 2
    NEON = 3
    TOON = 4
    POP = 5
    GLOW = 6


class DisplayNameFont(OpenInt):
    """The font that a display name is drawn in (`DisplayNameStyle.font_id`)."""

    DEFAULT = 11
    BANGERS = 1
    BIO_RHYME = 2
    CHERRY_BOMB = 3
    CHICLE = 4
    COMPAGNON = 5
    MUSEO_MODERNO = 6
    NEO_CASTEL = 7
    PIXELIFY = 8
    RIBES = 9
    SINISTRE = 10
    ZILLA_SLAB = 12


class FriendSuggestionReasonType(OpenInt):
    """Why a friend is suggested (`FriendSuggestionReason.type`)."""

    EXTERNAL_FRIEND = 1


class LinkStatus(OpenInt):
    """How far two accounts are linked in the Family Center (`LinkedUser.link_status`)."""

    REQUESTED = 1
    CONNECTED = 2
    DISCONNECTED = 3
    REJECTED = 4


class LinkType(OpenInt):
    """The side of a link in the Family Center that a user is on (`LinkedUser.link_type`)."""

    LINKED_USER = 1
    REQUESTOR = 2


class NameplateColorPalette(OpenStr):
    """The colours of a nameplate (`NameplateData.palette`)."""

    NONE = "none"
    CRIMSON = "crimson"
    BERRY = "berry"
    SKY = "sky"
    TEAL = "teal"
    FOREST = "forest"
    BUBBLE_GUM = "bubble_gum"
    VIOLET = "violet"
    COBALT = "cobalt"
    CLOVER = "clover"
    LEMON = "lemon"
    WHITE = "white"


class PremiumSource(OpenInt):
    """Where a user's Nitro comes from (`PremiumState.premium_source`)."""

    SUBSCRIPTION = 1
    FRACTIONAL_PREMIUM = 2
    REVERSE_TRIAL = 3
    SUBSCRIPTION_GROUP = 4


class PremiumSubscriptionGroupRole(OpenInt):
    """A user's role in a Nitro subscription that several share
    (`PremiumState.premium_subscription_group_role`)."""

    PRIMARY = 1
    MEMBER = 2


class PremiumSubscriptionType(OpenInt):
    """The kind of a Nitro subscription (`PremiumState.premium_subscription_type`)."""

    BOOST_ONLY = 1
    TIER_0 = 2
    TIER_1 = 3
    TIER_2 = 4


class PremiumType(OpenInt):
    """The kind of Nitro that a user has (`User.premium_type`)."""

    NONE = 0
    TIER_1 = 1
    TIER_2 = 2
    TIER_3 = 3


class PremiumUsageFlags(Flags):
    """Which features of Nitro a user has used (`User.premium_usage_flags`)."""

    PREMIUM_DISCRIMINATOR = 1 << 0
    ANIMATED_AVATAR = 1 << 1
    PROFILE_BANNER = 1 << 2


class PurchasedFlags(Flags):
    """What a user has bought (`User.purchased_flags`)."""

    NITRO_CLASSIC = 1 << 0
    NITRO = 1 << 1
    GUILD_BOOST = 1 << 2
    NITRO_BASIC = 1 << 3
    ON_REVERSE_TRIAL = 1 << 4


class RelationshipType(OpenInt):
    """What another user is to the account (`Relationship.type` and `PartialRelationship.type`)."""

    NONE = 0
    FRIEND = 1
    BLOCKED = 2
    INCOMING_REQUEST = 3
    OUTGOING_REQUEST = 4
    IMPLICIT = 5
    SUGGESTION = 6


class RequiredAction(OpenStr):
    """What the account must do before it can go on (`Ready.required_action` and
    `UserRequiredActionUpdate.required_action`)."""

    AGREEMENTS = "AGREEMENTS"
    REQUIRE_CAPTCHA = "REQUIRE_CAPTCHA"
    REQUIRE_VERIFIED_EMAIL = "REQUIRE_VERIFIED_EMAIL"
    REQUIRE_REVERIFIED_EMAIL = "REQUIRE_REVERIFIED_EMAIL"
    REQUIRE_VERIFIED_PHONE = "REQUIRE_VERIFIED_PHONE"
    REQUIRE_REVERIFIED_PHONE = "REQUIRE_REVERIFIED_PHONE"
    REQUIRE_VERIFIED_PHONE_THEN_EMAIL = "REQUIRE_VERIFIED_PHONE_THEN_EMAIL"
    REQUIRE_VERIFIED_EMAIL_OR_VERIFIED_PHONE = "REQUIRE_VERIFIED_EMAIL_OR_VERIFIED_PHONE"
    REQUIRE_REVERIFIED_EMAIL_OR_VERIFIED_PHONE = "REQUIRE_REVERIFIED_EMAIL_OR_VERIFIED_PHONE"
    REQUIRE_VERIFIED_EMAIL_OR_REVERIFIED_PHONE = "REQUIRE_VERIFIED_EMAIL_OR_REVERIFIED_PHONE"
    REQUIRE_REVERIFIED_EMAIL_OR_REVERIFIED_PHONE = "REQUIRE_REVERIFIED_EMAIL_OR_REVERIFIED_PHONE"


class UserFlags(Flags):
    """Badges and marks of a user (`User.flags` and `PartialUser.public_flags`)."""

    STAFF = 1 << 0
    PARTNER = 1 << 1
    HYPESQUAD = 1 << 2
    BUG_HUNTER_LEVEL_1 = 1 << 3
    MFA_SMS = 1 << 4
    PREMIUM_PROMO_DISMISSED = 1 << 5
    HYPESQUAD_ONLINE_HOUSE_1 = 1 << 6
    HYPESQUAD_ONLINE_HOUSE_2 = 1 << 7
    HYPESQUAD_ONLINE_HOUSE_3 = 1 << 8
    PREMIUM_EARLY_SUPPORTER = 1 << 9
    TEAM_PSEUDO_USER = 1 << 10
    IS_HUBSPOT_CONTACT = 1 << 11
    SYSTEM = 1 << 12
    HAS_UNREAD_URGENT_MESSAGES = 1 << 13
    BUG_HUNTER_LEVEL_2 = 1 << 14
    UNDERAGE_DELETED = 1 << 15
    VERIFIED_BOT = 1 << 16
    VERIFIED_DEVELOPER = 1 << 17
    CERTIFIED_MODERATOR = 1 << 18
    BOT_HTTP_INTERACTIONS = 1 << 19
    SPAMMER = 1 << 20
    DISABLE_PREMIUM = 1 << 21
    ACTIVE_DEVELOPER = 1 << 22
    PROVISIONAL_ACCOUNT = 1 << 23
    HIGH_GLOBAL_RATE_LIMIT = 1 << 33
    DELETED = 1 << 34
    DISABLED_SUSPICIOUS_ACTIVITY = 1 << 35
    SELF_DELETED = 1 << 36
    PREMIUM_DISCRIMINATOR = 1 << 37
    USED_DESKTOP_CLIENT = 1 << 38
    USED_WEB_CLIENT = 1 << 39
    USED_MOBILE_CLIENT = 1 << 40
    DISABLED = 1 << 41
    HAS_SESSION_STARTED = 1 << 43
    QUARANTINED = 1 << 44
    PREMIUM_ELIGIBLE_FOR_UNIQUE_USERNAME = 1 << 47
    COLLABORATOR = 1 << 50
    RESTRICTED_COLLABORATOR = 1 << 51


class VisibilityType(OpenInt):
    """Who sees a connection (`Connection.metadata_visibility` and `Connection.visibility`)."""

    NONE = 0
    EVERYONE = 1
