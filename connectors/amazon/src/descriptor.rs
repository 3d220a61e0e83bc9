//! The declaration: what Amazon can be asked, how often, where, and how we know. Data only.

use plugin_api::{
    Auth, Descriptor, Evidence, InvoiceNumbering, Limits, ScopeKind, Setting, ShippedBy, Status, Task,
};
use serde_json::json;

use crate::{
    config::{BASE_URL, MARKETPLACE_ID, ORDERS_APIS, TOKEN_URL},
    requests,
    status::TABLES,
};

const MODELS: &str =
    "amzn/selling-partner-api-models orders_2026-01-01, ordersV0 and easyShip_2022-03-23, 2026-08-05";
const RETURNS: &str =
    "Returns Reports (Selling Partner API documentation), read 2026-09; words seen in public files only";
const USAGE: &str = "usage plan in the reference of the operation, read 2026-09";
const NO_USAGE: &str = "assumed: no limit is published for this address";

/// The reply header with the rate that an account really has; best effort (Usage Plans and Rate Limits, read 2026-09).
const RATE_HEADER: &str = "x-amzn-ratelimit-limit";

/// Where report documents of the Europe region lie: both spellings of one bucket's address. The first is seen in public
/// clients and their tests (index read 2026-11); the second is the same bucket in S3's current form of addresses.
pub(crate) const DOCUMENT_HOSTS: &[&str] =
    &["tortuga-prod-eu.s3-eu-west-1.amazonaws.com", "tortuga-prod-eu.s3.eu-west-1.amazonaws.com"];

/// What an order shows, however it is asked for.
const ORDER_STATUSES: &[Status] = &[
    Status::Created,
    Status::Dispatched,
    Status::InTransit,
    Status::OutForDelivery,
    Status::Undelivered,
    Status::Delivered,
    Status::Cancelled,
    Status::CourierReturn,
    Status::Returned,
    Status::Lost,
    Status::Damaged,
];

/// What only the returns report shows.
const RETURN_STATUSES: &[Status] = &[Status::ReturnRequested, Status::ReturnCancelled];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The whole declaration.
pub(crate) fn descriptor() -> Descriptor {
    let both = &[ScopeKind::Changed, ScopeKind::Orders];
    let mut descriptor = Descriptor::new(
        "amazon",
        "Amazon India",
        "Selling Partner API: Orders 2026-01-01 and v0, Easy Ship 2022-03-23, Reports 2021-06-30",
    )
    .reports(ORDER_STATUSES, ShippedBy::Channel, both, Evidence::Documented, MODELS)
    .reports(RETURN_STATUSES, ShippedBy::Channel, &[ScopeKind::Changed], Evidence::Documented, RETURNS)
    .tasks(Task::ALL)
    .operation(requests::LOGIN, 1.0, 5, NO_USAGE)
    .operation(requests::SEARCH_ORDERS, 0.0056, 20, USAGE)
    .operation(requests::GET_ORDER, 0.5, 30, USAGE)
    .operation(requests::GET_ORDERS, 0.0167, 20, USAGE)
    .operation(requests::GET_ORDER_ITEMS, 0.5, 30, USAGE)
    .operation(requests::GET_SCHEDULED_PACKAGE, 1.0, 5, USAGE)
    .operation(requests::CREATE_REPORT, 0.0167, 15, USAGE)
    .operation(requests::GET_REPORT, 2.0, 15, USAGE)
    .operation(requests::GET_REPORT_DOCUMENT, 0.0167, 15, USAGE)
    .operation(requests::DOWNLOAD_DOCUMENT, 1.0, 5, NO_USAGE)
    .host("sellingpartnerapi-eu.amazon.com")
    .host("api.amazon.com");
    for operation in &mut descriptor.operations {
        let is_api = ![requests::LOGIN, requests::DOWNLOAD_DOCUMENT].contains(&operation.name.as_str());
        operation.rate_header = is_api.then(|| RATE_HEADER.to_owned());
    }
    descriptor.hosts.extend(DOCUMENT_HOSTS.iter().map(|&host| host.to_owned()));
    descriptor.limits = limits();
    descriptor.auth = Auth {
        scheme: "Login with Amazon: OAuth 2 refresh token".into(),
        login: true,
        // Amazon answers a token that has run out or was revoked, and a missing role, with the same 403.
        expired_on: vec![401, 403],
        source: "Connecting to the Selling Partner API, read 2026-09".into(),
    };
    descriptor.settings = settings();
    // Amazon may number the invoice of an Easy Ship order, but the number can be read with a restricted role only.
    descriptor.invoice_numbering = InvoiceNumbering::Seller;
    TABLES.iter().fold(descriptor, |descriptor, table| descriptor.statuses(table))
}

fn limits() -> Limits {
    Limits {
        page_size: 100,
        batch_size: 50,
        // Orders older than two years are gone.
        look_back_secs: 2 * 365 * DAY,
        // A returns report takes 60 days at most; 30 is the return window.
        window_secs: 30 * DAY,
        // Amazon refuses an upper bound younger than two minutes.
        settle_secs: 120,
        reply_bytes: 32 << 20,
        source: "searchOrders, getOrders and createReport references, read 2026-09".into(),
    }
}

fn settings() -> Vec<Setting> {
    let url = |name, default: &str, help| Setting::url(name, help).default(json!(default));
    vec![
        url("base_url", BASE_URL, "The Selling Partner API of the region; India belongs to Europe"),
        url("token_url", TOKEN_URL, "Login with Amazon"),
        Setting::text("marketplace_id", "The marketplace; amazon.in by default").default(json!(MARKETPLACE_ID)),
        Setting::choice("orders_api", ORDERS_APIS, "The order interface; `v0` ends on 2027-03-27")
            .default(json!(ORDERS_APIS[0])),
        Setting::flag(
            "easy_ship",
            "Ask the Easy Ship interface where status or waybill is missing; needs the role Direct-to-Consumer Shipping \
             (Restricted)",
        )
        .default(json!(false)),
        Setting::url("document_url", "Another host that report documents may lie on, as `https://host`"),
        Setting::secret("client_id", "The app's LWA client id").required(),
        Setting::secret("client_secret", "The app's LWA client secret; Amazon has it rotated").required(),
        Setting::secret("refresh_token", "The seller's authorisation of the app, `Atzr|…`").required(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_limit_and_rate_names_its_source() {
        let descriptor = descriptor();
        assert!(descriptor.capabilities.iter().all(|claim| !claim.source.is_empty()));
        assert!(descriptor.operations.iter().all(|operation| !operation.source.is_empty()));
        assert!(descriptor.statuses.iter().all(|row| !row.source.is_empty()));
        assert!(!descriptor.limits.source.is_empty() && !descriptor.auth.source.is_empty());
    }

    #[test]
    fn only_orders_that_amazon_ships_are_followed() {
        assert!(descriptor().follows(ShippedBy::Channel));
        assert!(!descriptor().follows(ShippedBy::Seller));
    }

    #[test]
    fn every_status_of_every_table_is_a_claim() {
        let descriptor = descriptor();
        for row in &descriptor.statuses {
            if let Some(status) = row.status {
                assert!(descriptor.can_report(status, ShippedBy::Channel), "{} {}", row.vocabulary, row.raw);
            }
        }
    }

    #[test]
    fn the_settings_are_these() {
        let settings = descriptor().settings;
        let names = |secret| -> Vec<_> {
            settings
                .iter()
                .filter(|setting| setting.secret == secret)
                .map(|setting| setting.name.as_str())
                .collect()
        };
        let open = ["base_url", "token_url", "marketplace_id", "orders_api", "easy_ship", "document_url"];
        assert_eq!(names(false), open);
        assert_eq!(names(true), ["client_id", "client_secret", "refresh_token"]);
    }

    #[test]
    fn the_descriptor_survives_being_written_and_read() {
        let text = serde_json::to_string(&descriptor()).unwrap();
        assert_eq!(serde_json::from_str::<Descriptor>(&text).unwrap(), descriptor());
    }
}
