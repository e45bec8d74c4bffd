//! The columns of FOCUS 1.2 as the specification lists them (FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, branch main of
//! 2025-05-30, specification/columns): feature level, whether nulls are allowed, type, allowed values.

use Level::{Conditional, Mandatory, Recommended};
use Type::{DateTime, Decimal, Json, Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Mandatory,
    Recommended,
    Conditional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Decimal,
    DateTime,
    Json,
}

pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) nullable: bool,
    pub(super) kind: Type,
    /// Empty: any.
    pub(super) allowed: &'static [&'static str],
}

const fn rule(name: &'static str, level: Level, nullable: bool, kind: Type) -> Rule {
    Rule { name, level, nullable, kind, allowed: &[] }
}

impl Rule {
    const fn one_of(self, allowed: &'static [&'static str]) -> Self {
        Self { allowed, ..self }
    }
}

pub(super) const RULES: [Rule; 57] = [
    rule("AvailabilityZone", Recommended, true, Text),
    rule("BilledCost", Mandatory, false, Decimal),
    rule("BillingAccountId", Mandatory, false, Text),
    rule("BillingAccountName", Mandatory, true, Text),
    rule("BillingAccountType", Conditional, false, Text),
    rule("BillingCurrency", Mandatory, false, Text),
    rule("BillingPeriodEnd", Mandatory, false, DateTime),
    rule("BillingPeriodStart", Mandatory, false, DateTime),
    rule("CapacityReservationId", Conditional, true, Text),
    rule("CapacityReservationStatus", Conditional, true, Text),
    rule("ChargeCategory", Mandatory, false, Text).one_of(&[
        "Usage",
        "Purchase",
        "Tax",
        "Credit",
        "Adjustment",
    ]),
    rule("ChargeClass", Mandatory, true, Text).one_of(&["Correction"]),
    rule("ChargeDescription", Mandatory, true, Text),
    rule("ChargeFrequency", Recommended, false, Text).one_of(&["One-Time", "Recurring", "Usage-Based"]),
    rule("ChargePeriodEnd", Mandatory, false, DateTime),
    rule("ChargePeriodStart", Mandatory, false, DateTime),
    rule("CommitmentDiscountCategory", Conditional, true, Text),
    rule("CommitmentDiscountId", Conditional, true, Text),
    rule("CommitmentDiscountName", Conditional, true, Text),
    rule("CommitmentDiscountQuantity", Conditional, true, Decimal),
    rule("CommitmentDiscountStatus", Conditional, true, Text),
    rule("CommitmentDiscountType", Conditional, true, Text),
    rule("CommitmentDiscountUnit", Conditional, true, Text),
    rule("ConsumedQuantity", Conditional, true, Decimal),
    rule("ConsumedUnit", Conditional, true, Text),
    rule("ContractedCost", Mandatory, false, Decimal),
    rule("ContractedUnitPrice", Conditional, true, Decimal),
    rule("EffectiveCost", Mandatory, false, Decimal),
    rule("InvoiceId", Recommended, true, Text),
    rule("InvoiceIssuerName", Mandatory, false, Text),
    rule("ListCost", Mandatory, false, Decimal),
    rule("ListUnitPrice", Conditional, true, Decimal),
    rule("PricingCategory", Conditional, true, Text).one_of(&["Standard", "Dynamic", "Committed", "Other"]),
    rule("PricingCurrency", Conditional, true, Text),
    rule("PricingCurrencyContractedUnitPrice", Conditional, true, Decimal),
    rule("PricingCurrencyEffectiveCost", Conditional, true, Decimal),
    rule("PricingCurrencyListUnitPrice", Conditional, true, Decimal),
    rule("PricingQuantity", Mandatory, true, Decimal),
    rule("PricingUnit", Mandatory, true, Text),
    rule("ProviderName", Mandatory, false, Text),
    rule("PublisherName", Mandatory, false, Text),
    rule("RegionId", Conditional, true, Text),
    rule("RegionName", Conditional, true, Text),
    rule("ResourceId", Conditional, true, Text),
    rule("ResourceName", Conditional, true, Text),
    rule("ResourceType", Conditional, true, Text),
    rule("ServiceCategory", Mandatory, false, Text).one_of(&[
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Multicloud",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    ]),
    rule("ServiceName", Mandatory, false, Text),
    // Those of "AI and Machine Learning": a subcategory has one parent.
    rule("ServiceSubcategory", Recommended, false, Text).one_of(&[
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
        "Other (AI and Machine Learning)",
    ]),
    rule("SkuId", Conditional, true, Text),
    rule("SkuMeter", Conditional, true, Text),
    rule("SkuPriceDetails", Conditional, true, Json),
    rule("SkuPriceId", Conditional, true, Text),
    rule("SubAccountId", Conditional, true, Text),
    rule("SubAccountName", Conditional, true, Text),
    rule("SubAccountType", Conditional, true, Text),
    rule("Tags", Conditional, true, Json),
];
