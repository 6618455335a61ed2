"""Enumerations and flags of what is sold and paid."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ContentRatingAgency(OpenInt):
    """Who rated a game's content (`Sku.content_rating_agency`)."""

    ESRB = 1
    PEGI = 2


class DismissibleQuestContentFlags(Flags):
    """Where a user has dismissed a quest (`QuestUserStatus.dismissed_quest_content`)."""

    GIFT_INVENTORY_SETTINGS_BADGE = 1 << 0
    QUEST_BAR = 1 << 1
    ACTIVITY_PANEL = 1 << 2
    QUEST_LIVE_STREAM = 1 << 3


class EntitlementFulfillmentStatus(OpenInt):
    """How far a purchase outside of Discord was fulfilled (`Entitlement.fulfillment_status`)."""

    UNKNOWN = 0
    FULFILLMENT_NOT_NEEDED = 1
    FULFILLMENT_NEEDED = 2
    FULFILLED = 3
    FULFILLMENT_FAILED = 4
    UNFULFILLMENT_NEEDED = 5
    UNFULFILLED = 6
    UNFULFILLMENT_FAILED = 7
    UNFULFILLMENT_NEEDED_MANUAL = 8


class EntitlementSourceType(OpenInt):
    """How somebody came by an entitlement (`Entitlement.source_type`)."""

    QUEST_REWARD = 1
    DEVELOPER_GIFT = 2
    INVOICE = 3
    REVERSE_TRIAL = 4
    USER_GIFT = 5
    GUILD_POWERUP = 6
    HOLIDAY_PROMOTION = 7
    FRACTIONAL_PREMIUM_GIVEBACK = 8
    SUBSCRIPTION = 9
    SUBSCRIPTION_MEMBER = 11


class EntitlementType(OpenInt):
    """The kind of an entitlement (`Entitlement.type`)."""

    PURCHASE = 1
    PREMIUM_SUBSCRIPTION = 2
    DEVELOPER_GIFT = 3
    TEST_MODE_PURCHASE = 4
    FREE_PURCHASE = 5
    USER_GIFT = 6
    PREMIUM_PURCHASE = 7
    APPLICATION_SUBSCRIPTION = 8
    FREE_STAFF_PURCHASE = 9
    QUEST_REWARD = 10
    FRACTIONAL_REDEMPTION = 11
    VIRTUAL_CURRENCY_REDEMPTION = 12
    GUILD_POWERUP = 13


class ExternalSkuStrategyType(OpenInt):
    """How something is sold outside of Discord (`ExternalSkuStrategy.type`)."""

    CONSTANT = 1
    APPLE_STICKER = 2


class GiftCodeFlags(Flags):
    """Conditions of a gift code (`Entitlement.gift_code_flags`)."""

    PAYMENT_SOURCE_REQUIRED = 1 << 0
    EXISTING_SUBSCRIPTION_DISALLOWED = 1 << 1
    NOT_SELF_REDEEMABLE = 1 << 2
    PROMOTION = 1 << 3


class GiftStyle(OpenInt):
    """The look of a gift (`Entitlement.gift_style`)."""

    SNOWGLOBE = 1
    BOX = 2
    CUP = 3
    STANDARD_BOX = 4
    CAKE = 5
    CHEST = 6
    COFFEE = 7
    SEASONAL_STANDARD_BOX = 8
    SEASONAL_CAKE = 9
    SEASONAL_CHEST = 10
    SEASONAL_COFFEE = 11
    NITROWEEN_STANDARD = 12


class GuildPowerupCategoryType(OpenStr):
    """The kind of a guild's powerup (`GuildPowerupMetadata.category_type`)."""

    LEVEL = "level"
    PERK = "perk"
    GAME_SERVER = "game_server"


class PaymentFlags(Flags):
    """Marks of a payment (`Payment.flags`)."""

    GIFT = 1 << 0
    USER_REFUNDED = 1 << 2
    PREORDER = 1 << 3
    PENDING = 1 << 4
    TEMPORARY_AUTHORIZATION = 1 << 5


class PaymentGateway(OpenInt):
    """Who carries out a payment (`PaymentSource.payment_gateway` and `Payment.payment_gateway`)."""

    STRIPE = 1
    BRAINTREE = 2
    APPLE = 3
    GOOGLE = 4
    ADYEN = 5
    APPLE_PARTNER = 6
    AMAZON = 7
    VIRTUAL_CURRENCY = 8
    APPLE_ADVANCED_COMMERCE = 9
    TDS = 10


class PaymentSourceFlags(Flags):
    """Marks of a way to pay (`PaymentSource.flags`)."""

    NEW = 1 << 0
    SUCCESSFUL_PAYMENT = 1 << 1


class PaymentSourceType(OpenInt):
    """The kind of a way to pay (`BillingPopupBridgeCallback.payment_source_type` and
    `PaymentSource.type`)."""

    CARD = 1
    PAYPAL = 2
    GIROPAY = 3
    SOFORT = 4
    PRZELEWY24 = 5
    SEPA_DEBIT = 6
    PAYSAFE_CARD = 7
    GCASH = 8
    GRABPAY_MY = 9
    MOMO_WALLET = 10
    VENMO = 11
    GOPAY_WALLET = 12
    KAKAOPAY = 13
    BANCONTACT = 14
    EPS = 15
    IDEAL = 16
    CASH_APP = 17
    APPLE = 18
    TDS_WALLET = 19


class PaymentStatus(OpenInt):
    """How far a payment is (`Payment.status`)."""

    PENDING = 0
    COMPLETED = 1
    FAILED = 2
    REVERSED = 3
    REFUNDED = 4
    CANCELED = 5


class QuestPlatformType(OpenInt):
    """The platform that a quest's reward is for (`QuestRewardCode.platform`)."""

    CROSS_PLATFORM = 0
    XBOX = 1
    PLAYSTATION = 2
    SWITCH = 3
    PC = 4


class QuestRewardAssignmentMethod(OpenInt):
    """Whether a quest gives every reward or one by tier (`QuestUserStatus.claimed_tier` and
    `QuestRewardCode.tier`)."""

    ALL = 1
    TIERED = 2


class QuestRewardType(OpenInt):
    """The kind of a quest's reward (`QuestRewardsMetadata.tag`)."""

    REWARD_CODE = 1
    IN_GAME = 2
    COLLECTIBLE = 3
    VIRTUAL_CURRENCY = 4
    FRACTIONAL_PREMIUM = 5


class QuestTaskType(OpenStr):
    """What a quest asks for (`QuestTaskProgress.event_name`)."""

    STREAM_ON_DESKTOP = "STREAM_ON_DESKTOP"
    PLAY_ON_DESKTOP = "PLAY_ON_DESKTOP"
    PLAY_ON_DESKTOP_V2 = "PLAY_ON_DESKTOP_V2"
    PLAY_ON_XBOX = "PLAY_ON_XBOX"
    PLAY_ON_PLAYSTATION = "PLAY_ON_PLAYSTATION"
    WATCH_VIDEO = "WATCH_VIDEO"
    WATCH_VIDEO_ON_MOBILE = "WATCH_VIDEO_ON_MOBILE"
    PLAY_ACTIVITY = "PLAY_ACTIVITY"
    ACHIEVEMENT_IN_GAME = "ACHIEVEMENT_IN_GAME"
    ACHIEVEMENT_IN_ACTIVITY = "ACHIEVEMENT_IN_ACTIVITY"


class SkuAccessType(OpenInt):
    """How early a purchase gives access (`Sku.access_type`)."""

    FULL = 1
    EARLY_ACCESS = 2
    VIP_ACCESS = 3


class SkuFeature(OpenInt):
    """What a game can do (`Sku.features`)."""

    SINGLE_PLAYER = 1
    ONLINE_MULTIPLAYER = 2
    LOCAL_MULTIPLAYER = 3
    PVP = 4
    LOCAL_COOP = 5
    CROSS_PLATFORM = 6
    RICH_PRESENCE = 7
    DISCORD_GAME_INVITES = 8
    SPECTATOR_MODE = 9
    CONTROLLER_SUPPORT = 10
    CLOUD_SAVES = 11
    ONLINE_COOP = 12
    SECURE_NETWORKING = 13


class SkuFlags(Flags):
    """Marks of something that is sold (`Sku.flags`)."""

    PREMIUM_PURCHASE = 1 << 0
    HAS_FREE_PREMIUM_CONTENT = 1 << 1
    AVAILABLE = 1 << 2
    PREMIUM_AND_DISTRIBUTION = 1 << 3
    STICKER = 1 << 4
    GUILD_ROLE = 1 << 5
    AVAILABLE_FOR_SUBSCRIPTION_GIFTING = 1 << 6
    APPLICATION_GUILD_SUBSCRIPTION = 1 << 7
    APPLICATION_USER_SUBSCRIPTION = 1 << 8
    CREATOR_MONETIZATION = 1 << 9
    GUILD_PRODUCT = 1 << 10
    AVAILABLE_FOR_APPLICATION_GIFTING = 1 << 11


class SkuProductLine(OpenInt):
    """What line of Discord's products a thing that is sold belongs to (`Sku.product_line`)."""

    PREMIUM = 1
    PREMIUM_GUILD = 2
    ACTIVITY_IAP = 3
    GUILD_ROLE = 4
    GUILD_PRODUCT = 5
    APPLICATION = 6
    COLLECTIBLES = 7
    TENURE_REWARD = 8
    QUEST_IN_GAME_REWARD = 9
    QUEST_REWARD_CODE = 10
    FRACTIONAL_PREMIUM = 11
    VIRTUAL_CURRENCY = 12
    GUILD_POWERUP = 13
    SOCIAL_LAYER_GAME_ITEM = 14


class SkuType(OpenInt):
    """The kind of something that is sold (`Sku.type`)."""

    DURABLE_PRIMARY = 1
    DURABLE = 2
    CONSUMABLE = 3
    BUNDLE = 4
    SUBSCRIPTION = 5
    SUBSCRIPTION_GROUP = 6


class SubscriptionInterval(OpenInt):
    """The unit of time that a subscription plan is paid for (`SubscriptionPlan.interval`)."""

    MONTH = 1
    YEAR = 2
    DAY = 3


class SubscriptionStatus(OpenInt):
    """Whether a subscription goes on (`Subscription.status`)."""

    ACTIVE = 0
    INACTIVE = 1
    ENDING = 2


class SubscriptionType(OpenInt):
    """What a subscription is for (`PartialSubscription.type`)."""

    PREMIUM = 1
    GUILD = 2
    APPLICATION = 3
