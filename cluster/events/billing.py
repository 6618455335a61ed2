"""Entitlements, subscriptions, payments and boosts."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.store import PaymentSourceType
from cluster.events.objects.billing import (
    BoostSlot,
    Entitlement,
    GiftCode,
    LibraryApplication,
    Payment,
    Subscription,
)


@dispatch("ENTITLEMENT_CREATE", "Billing", listed=False)
class EntitlementCreate(Dispatch):
    """Somebody bought or was given something."""

    entitlement: Payload[Entitlement]


@dispatch("ENTITLEMENT_UPDATE", "Billing", listed=False)
class EntitlementUpdate(Dispatch):
    """An entitlement was changed: a subscription ends."""

    entitlement: Payload[Entitlement]


@dispatch("ENTITLEMENT_DELETE", "Billing", listed=False)
class EntitlementDelete(Dispatch):
    """An entitlement was taken back."""

    entitlement: Payload[Entitlement]


@dispatch("SUBSCRIPTION_CREATE", "Billing", listed=False)
class SubscriptionCreate(Dispatch):
    """Somebody subscribed to what an application sells."""

    subscription: Payload[Subscription]


@dispatch("SUBSCRIPTION_UPDATE", "Billing", listed=False)
class SubscriptionUpdate(Dispatch):
    """A subscription was changed or cancelled."""

    subscription: Payload[Subscription]


@dispatch("SUBSCRIPTION_DELETE", "Billing", listed=False)
class SubscriptionDelete(Dispatch):
    """A subscription has ended."""

    subscription: Payload[Subscription]


@dispatch("GIFT_CODE_CREATE", "Billing", listed=False)
class GiftCodeCreate(Dispatch):
    """The account made a gift code."""

    gift_code: Payload[GiftCode]


@dispatch("GIFT_CODE_UPDATE", "Billing", listed=False)
class GiftCodeUpdate(Dispatch):
    """A gift code was used, or changed."""

    gift_code: Payload[GiftCode]


@dispatch("PAYMENT_UPDATE", "Billing", listed=False)
class PaymentUpdate(Dispatch):
    """A payment of the account was changed."""

    payment: Payload[Payment]


@dispatch("BILLING_POPUP_BRIDGE_CALLBACK", "Billing", listed=False)
class BillingPopupBridgeCallback(Dispatch):
    """What a payment provider's window said when it was closed."""

    payment_source_type: PaymentSourceType | Absent = UNSET
    state: str | Absent = UNSET
    path: str | Absent = UNSET
    query: dict[str, str] | Absent = UNSET


@dispatch("USER_PAYMENT_BROWSER_CHECKOUT_DONE", "Billing", listed=False)
class UserPaymentBrowserCheckoutDone(Dispatch):
    """A purchase in the browser was finished."""

    load_id: str | None
    sku_id: Snowflake | None
    sku_subscription_plan_id: Snowflake | None


@dispatch("USER_PAYMENT_CLIENT_ADD", "Billing", listed=False)
class UserPaymentClientAdd(Dispatch):
    """A client was allowed to pay."""

    purchase_token_hash: str
    expires_at: datetime


@dispatch("USER_PAYMENT_SOURCES_UPDATE", "Billing", listed=False)
class UserPaymentSourcesUpdate(Dispatch):
    """The account's ways to pay were changed; ask for them again."""


@dispatch("USER_SUBSCRIPTIONS_UPDATE", "Billing", listed=False)
class UserSubscriptionsUpdate(Dispatch):
    """The account's subscriptions were changed; ask for them again."""


@dispatch("USER_PREMIUM_GUILD_SUBSCRIPTION_SLOT_CREATE", "Billing", listed=False)
class UserPremiumGuildSubscriptionSlotCreate(Dispatch):
    """The account has one more boost to give."""

    slot: Payload[BoostSlot]


@dispatch("USER_PREMIUM_GUILD_SUBSCRIPTION_SLOT_UPDATE", "Billing", listed=False)
class UserPremiumGuildSubscriptionSlotUpdate(Dispatch):
    """A boost of the account was changed."""

    slot: Payload[BoostSlot]


@dispatch("USER_PREMIUM_GUILD_SUBSCRIPTION_SLOT_DELETE", "Billing", listed=False)
class UserPremiumGuildSubscriptionSlotDelete(Dispatch):
    """The account has one boost less."""

    slot: Payload[BoostSlot]


@dispatch("VIRTUAL_CURRENCY_BALANCE_UPDATE", "Billing", listed=False)
class VirtualCurrencyBalanceUpdate(Dispatch):
    """How many orbs the account has."""

    balance: int


@dispatch("WALLET_BALANCE_UPDATE", "Billing", listed=False, documented=False)
class WalletBalanceUpdate(Dispatch):
    """How much is left in a wallet of the account's."""

    payment_source_id: Snowflake | Absent = UNSET
    balance: int | float | str | Absent | None = UNSET
    currency: str | Absent | None = UNSET


@dispatch("LIBRARY_APPLICATION_UPDATE", "Billing", listed=False, documented=False)
class LibraryApplicationUpdate(Dispatch):
    """A game in the account's library was added or changed."""

    library_application: Payload[LibraryApplication]


@dispatch("WISHLIST_ITEM_PURCHASED", "Billing", listed=False, documented=False)
class WishlistItemPurchased(Dispatch):
    """Somebody was given what stood on a wishlist."""

    recipient_id: Snowflake | Absent = UNSET
    sku_id: Snowflake | Absent = UNSET


@dispatch("BILLING_REFERRAL_TRIAL_OFFER_UPDATE", "Billing", listed=False, documented=False)
class BillingReferralTrialOfferUpdate(Dispatch):
    """A trial of Nitro that the account gave to somebody was changed."""

    user_trial_offer_id: Snowflake | Absent = UNSET
    recipient_id: Snowflake | Absent = UNSET


@dispatch("PREMIUM_MARKETING_PREVIEW", "Billing", listed=False, documented=False)
class PremiumMarketingPreview(Dispatch):
    """An advertisement for Nitro, for who makes them. Only the name is known."""
