"""Entitlements, subscriptions, payments, boosts and gifts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.store import (
    EntitlementFulfillmentStatus,
    EntitlementSourceType,
    EntitlementType,
    GiftCodeFlags,
    GiftStyle,
    PaymentFlags,
    PaymentGateway,
    PaymentSourceFlags,
    PaymentSourceType,
    PaymentStatus,
    SubscriptionInterval,
    SubscriptionStatus,
    SubscriptionType,
)
from cluster.events.objects.guilds import PremiumGuildSubscription
from cluster.events.objects.products import Application, Sku
from cluster.events.objects.store import TenantMetadata
from cluster.events.objects.users import User


class SubscriptionPlan(Object):
    """What a subscription costs, and how often."""

    id: Snowflake
    name: str
    sku_id: Snowflake
    interval: SubscriptionInterval
    interval_count: int
    tax_inclusive: bool


class Entitlement(Object):
    """That somebody, or a guild, may use what was sold."""

    id: Snowflake
    type: EntitlementType
    sku_id: Snowflake
    application_id: Snowflake
    user_id: Snowflake | Absent = UNSET
    user: User | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    parent_id: Snowflake | Absent = UNSET
    deleted: bool
    consumed: bool | Absent = UNSET
    branches: list[Snowflake] | Absent = UNSET
    starts_at: datetime | Absent | None = UNSET
    ends_at: datetime | Absent | None = UNSET
    promotion_id: Snowflake | Absent | None = UNSET
    subscription_id: Snowflake | Absent = UNSET
    gift_code_flags: GiftCodeFlags | Absent = UNSET
    gift_code_batch_id: Snowflake | Absent = UNSET
    gifter_user_id: Snowflake | Absent = UNSET
    gift_style: GiftStyle | Absent = UNSET
    fulfillment_status: EntitlementFulfillmentStatus | Absent = UNSET
    fulfilled_at: datetime | Absent = UNSET
    source_type: EntitlementSourceType | Absent = UNSET
    tenant_metadata: TenantMetadata | Absent = UNSET
    sku: Sku | Absent = UNSET
    subscription_plan: SubscriptionPlan | Absent = UNSET


class BillingAddress(Object):
    """Where bills go."""

    line_1: str
    line_2: str | Absent | None = UNSET
    name: str
    postal_code: str | Absent = UNSET
    city: str
    state: str | Absent = UNSET
    country: str


class PaymentSource(Object):
    """A card or account to pay with."""

    id: Snowflake
    brand: str | Absent = UNSET
    country: str | Absent = UNSET
    last_4: str | Absent = UNSET
    billing_address: BillingAddress | Absent = UNSET
    type: PaymentSourceType
    payment_gateway: PaymentGateway
    payment_gateway_source_id: str | Absent = UNSET
    default: bool | Absent = UNSET
    invalid: bool
    flags: PaymentSourceFlags
    deleted_at: datetime | None
    expires_month: int | Absent = UNSET
    expires_year: int | Absent = UNSET
    email: str | Absent = UNSET
    bank: str | Absent = UNSET
    username: str | Absent = UNSET


class SubscriptionItem(Object):
    """A part of a subscription."""

    id: Snowflake
    quantity: int
    plan_id: Snowflake


class PartialSubscription(Object):
    """The subscription that a payment was for."""

    id: Snowflake
    type: SubscriptionType
    payment_gateway: PaymentGateway | None
    currency: str
    items: list[SubscriptionItem]
    payment_gateway_plan_id: str | None
    payment_gateway_subscription_id: str | Absent | None = UNSET
    current_period_start: datetime
    current_period_end: datetime
    streak_started_at: datetime | Absent = UNSET


class PaymentMetadata(Object):
    """What the payment provider said."""

    billing_error_code: int | Absent | None = UNSET


class Payment(Object):
    """A payment."""

    id: Snowflake
    amount: int
    """What was paid, in the smallest unit of the currency."""
    tax: int
    tax_inclusive: bool
    currency: str
    amount_refunded: int
    description: str
    status: PaymentStatus
    created_at: datetime
    sku_id: Snowflake | Absent = UNSET
    sku_price: int | Absent = UNSET
    sku_subscription_plan_id: Snowflake | Absent = UNSET
    payment_gateway: PaymentGateway | Absent = UNSET
    payment_gateway_payment_id: str | Absent = UNSET
    has_invoice_url: bool | Absent = UNSET
    has_refund_invoice_urls: bool | Absent = UNSET
    downloadable_invoice: str | Absent = UNSET
    downloadable_refund_invoices: list[str] | Absent = UNSET
    refund_disqualification_reasons: list[int] | Absent = UNSET
    flags: PaymentFlags
    sku: Sku | Absent = UNSET
    payment_source: PaymentSource | Absent = UNSET
    subscription: PartialSubscription | Absent = UNSET
    metadata: PaymentMetadata | Absent = UNSET


class BoostSlot(Object):
    """A boost that the account can give."""

    id: Snowflake
    subscription_id: Snowflake
    canceled: bool
    cooldown_ends_at: datetime | None
    premium_guild_subscription: PremiumGuildSubscription | None


class GiftCode(Object):
    """A gift code."""

    code: str
    sku_id: Snowflake
    uses: int
    channel_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET


class Subscription(Object):
    """Somebody's subscription to what an application sells."""

    id: Snowflake
    user_id: Snowflake
    sku_ids: list[Snowflake]
    entitlement_ids: list[Snowflake]
    renewal_sku_ids: list[Snowflake] | None
    current_period_start: datetime
    current_period_end: datetime
    status: SubscriptionStatus
    canceled_at: datetime | None
    country: str | Absent = UNSET


class LibraryApplication(Object):
    """A game that the account may play."""

    created_at: datetime | Absent = UNSET
    application: Application | Absent = UNSET
    sku_id: Snowflake | Absent = UNSET
    sku: Sku | Absent = UNSET
    entitlements: list[Entitlement] | Absent = UNSET
    flags: int | Absent = UNSET
    branch_id: Snowflake | Absent = UNSET
    branch: dict[str, Any] | Absent | None = UNSET
