"""Applications, and what is sold."""

from __future__ import annotations

from datetime import date, datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import ApplicationFlags, ApplicationType, OverlayMethodFlags
from cluster.events.enums.store import (
    ContentRatingAgency,
    PaymentGateway,
    SkuAccessType,
    SkuFeature,
    SkuFlags,
    SkuProductLine,
    SkuType,
)
from cluster.events.objects.applications import (
    ActivityConfig,
    ApplicationDirectoryEntry,
    ApplicationExecutable,
    ApplicationSku,
    Company,
    DirectoryCategory,
    GameDataOverrides,
    InstallParams,
    IntegrationTypeConfig,
    Team,
)
from cluster.events.objects.guilds import PartialGuild
from cluster.events.objects.store import (
    ContentRating,
    ExternalSkuStrategy,
    GuildPowerupMetadata,
    LocalizedString,
    SkuPrice,
    SystemRequirements,
    TenantMetadata,
)
from cluster.events.objects.users import User


class Application(Object):
    """An application, as others see it."""

    id: Snowflake
    name: str
    description: str | Absent = UNSET
    icon: str | Absent | None = UNSET
    cover_image: str | Absent = UNSET
    splash: str | Absent = UNSET
    type: ApplicationType | Absent | None = UNSET
    flags: ApplicationFlags | Absent = UNSET
    flags_new: ApplicationFlags | Absent = UNSET
    primary_sku: Sku | Absent = UNSET
    primary_sku_id: Snowflake | Absent = UNSET
    verify_key: str | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    guild: PartialGuild | Absent = UNSET
    eula_id: Snowflake | Absent = UNSET
    slug: str | Absent = UNSET
    aliases: list[str] | Absent = UNSET
    executables: list[ApplicationExecutable] | Absent = UNSET
    third_party_skus: list[ApplicationSku] | Absent = UNSET
    hook: bool | Absent = UNSET
    overlay: bool | Absent = UNSET
    overlay_methods: OverlayMethodFlags | Absent | None = UNSET
    overlay_warn: bool | Absent = UNSET
    overlay_compatibility_hook: bool | Absent = UNSET
    bot: User | Absent = UNSET
    team: Team | Absent | None = UNSET
    developers: list[Company] | Absent = UNSET
    publishers: list[Company] | Absent = UNSET
    rpc_origins: list[str] | Absent = UNSET
    deeplink_uri: str | Absent = UNSET
    integration_public: bool | Absent = UNSET
    integration_require_code_grant: bool | Absent = UNSET
    bot_public: bool | Absent = UNSET
    """Deprecated."""
    bot_require_code_grant: bool | Absent = UNSET
    """Deprecated."""
    terms_of_service_url: str | Absent | None = UNSET
    privacy_policy_url: str | Absent | None = UNSET
    tags: list[str] | Absent = UNSET
    install_params: InstallParams | Absent = UNSET
    custom_install_url: str | Absent = UNSET
    integration_types_config: dict[int, IntegrationTypeConfig | None] | Absent = UNSET
    connection_entrypoint_url: str | Absent = UNSET
    is_verified: bool | Absent = UNSET
    is_discoverable: bool | Absent = UNSET
    is_monetized: bool | Absent = UNSET
    storefront_available: bool | Absent = UNSET
    max_participants: int | Absent = UNSET
    embedded_activity_config: ActivityConfig | Absent = UNSET
    parent_id: Snowflake | Absent = UNSET
    categories: DirectoryCategory | list[DirectoryCategory] | Absent = UNSET
    directory_entry: ApplicationDirectoryEntry | Absent = UNSET
    position: int | Absent = UNSET
    game_data_overrides: GameDataOverrides | Absent = UNSET


class Sku(Object):
    """Something that is sold."""

    id: Snowflake
    type: SkuType
    application_id: Snowflake
    application: Application | Absent = UNSET
    product_line: SkuProductLine | Absent | None = UNSET
    product_id: Snowflake | Absent = UNSET
    flags: SkuFlags
    name: LocalizedString | str
    summary: LocalizedString | str | Absent = UNSET
    description: LocalizedString | str | Absent = UNSET
    legal_notice: LocalizedString | str | Absent = UNSET
    slug: str
    thumbnail_asset_id: Snowflake | Absent = UNSET
    dependent_sku_id: Snowflake | Absent | None = UNSET
    bundled_skus: list[Sku] | Absent = UNSET
    bundled_sku_ids: list[Snowflake] | Absent = UNSET
    access_type: SkuAccessType | Absent = UNSET
    manifest_labels: list[Snowflake] | Absent | None = UNSET
    features: list[SkuFeature] | Absent = UNSET
    locales: list[str] | Absent = UNSET
    genres: list[int] | Absent = UNSET
    available_regions: list[str] | Absent = UNSET
    content_rating: ContentRating | Absent = UNSET
    content_rating_agency: ContentRatingAgency | Absent = UNSET
    content_ratings: dict[int, ContentRating] | Absent = UNSET
    system_requirements: dict[int, SystemRequirements] | Absent = UNSET
    price: SkuPrice | Absent = UNSET
    """The price; the developer gets a map by currency instead, which only ``data`` has."""
    price_tier: int | Absent = UNSET
    sale_price_tier: int | Absent = UNSET
    sale_price: dict[str, int] | Absent = UNSET
    created_at: datetime | Absent = UNSET
    updated_at: datetime | Absent = UNSET
    release_date: date | Absent | None = UNSET
    preorder_approximate_release_date: str | Absent = UNSET
    preorder_released_at: datetime | Absent = UNSET
    external_purchase_url: str | Absent = UNSET
    external_sku_strategies: dict[int, ExternalSkuStrategy] | Absent = UNSET
    """Deprecated."""
    eligible_payment_gateways: list[PaymentGateway] | Absent = UNSET
    premium: bool | Absent = UNSET
    show_age_gate: bool | Absent = UNSET
    restricted: bool | Absent = UNSET
    exclusive: bool | Absent = UNSET
    deleted: bool | Absent = UNSET
    tenant_metadata: TenantMetadata | Absent = UNSET
    powerup_metadata: GuildPowerupMetadata | Absent = UNSET
    orbs_reward: int | Absent = UNSET
