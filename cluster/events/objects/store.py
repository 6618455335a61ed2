"""What belongs to things that are sold."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.store import (
    ExternalSkuStrategyType,
    GuildPowerupCategoryType,
    QuestPlatformType,
    QuestRewardAssignmentMethod,
    QuestRewardType,
)
from cluster.events.objects.guilds import GuildPremiumFeatures


class LocalizedString(Object):
    """A text in several languages."""

    default: str
    localizations: dict[str, str] | Absent = UNSET


class ContentRating(Object):
    """For which age, and why."""

    rating: int
    descriptors: list[int]


class SystemRequirement(Object):
    """What a computer needs."""

    ram: int | Absent = UNSET
    disk: int | Absent = UNSET
    operating_system_version: LocalizedString | Absent = UNSET
    cpu: LocalizedString | Absent = UNSET
    gpu: LocalizedString | Absent = UNSET
    sound_card: LocalizedString | Absent = UNSET
    directx: LocalizedString | Absent = UNSET
    network: LocalizedString | Absent = UNSET
    notes: LocalizedString | Absent = UNSET


class SystemRequirements(Object):
    """What a computer needs at least, and should have."""

    minimum: SystemRequirement | Absent = UNSET
    recommended: SystemRequirement | Absent = UNSET


class PremiumPrice(Object):
    """The price for Nitro users."""

    amount: int
    percentage: int


class SkuPrice(Object):
    """A price."""

    currency: str
    currency_exponent: int
    """How many digits of the currency stand behind the point."""
    amount: int
    """The price in units of 10^-currency_exponent."""
    sale_amount: int | Absent = UNSET
    sale_percentage: int | Absent = UNSET
    premium: dict[int, PremiumPrice] | Absent = UNSET


class ExternalSkuStrategy(Object):
    """How something is sold outside of Discord."""

    type: ExternalSkuStrategyType
    metadata: dict[str, str] | Absent = UNSET


class GuildPowerupMetadata(Object):
    """What a powerup costs a guild, and gives."""

    boost_price: int
    purchase_limit: int
    guild_features: GuildPremiumFeatures
    category_type: GuildPowerupCategoryType
    static_image_url: str
    animated_image_url: str
    store_removal_date: datetime | Absent | None = UNSET


class QuestRewardCode(Object):
    """The code that a quest gave."""

    quest_id: Snowflake
    code: str
    platform: QuestPlatformType
    user_id: Snowflake
    claimed_at: datetime
    tier: QuestRewardAssignmentMethod | None


class QuestRewardsMetadata(Object):
    """Which quest reward it is."""

    tag: QuestRewardType
    reward_code: QuestRewardCode | Absent = UNSET


class TenantMetadata(Object):
    """What else belongs to a thing that was sold."""

    quest_rewards: QuestRewardsMetadata | Absent = UNSET
