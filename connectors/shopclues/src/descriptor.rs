//! What the connector declares: claims, sizes, rates, hosts, settings, each with its source.

use plugin_api::{Auth, Descriptor, Evidence, Limits, ScopeKind, Setting, ShippedBy, Status, Task};

use crate::{
    config::{
        BASE_URL, COURIER_FIELDS, ORDERS_PATH, RETURN_LEAD_DAYS, TOKEN_PREFIX, TOKEN_URL, TRACKING_FIELDS,
        TRACKING_PLACES, WINDOW_HOURS,
    },
    requests::op,
    status::TABLES,
};

const API: &str = "developer.shopclues.com wiki, API_Basics and Making_Requests (stored copies, read 2026-11), and three working \
                   integrations (2014–2022): list and detail show the order's code";
const BACK: &str =
    "codes of ShopClues' own order-status service, as found in public (2014–2022); no integration reads them";
const SELLER_SHIPS: &str =
    "assumed: some sellers ship by themselves, and the API shows the same codes without saying so";
const RATE: &str =
    "the wiki counts calls per application under a plan without readable figures; one a second is our choice";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor = Descriptor::new("shopclues", "ShopClues", "merchant API v1")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
        .operation(op::LOGIN, 1.0, 2, RATE)
        .operation(op::LIST_ORDERS, 1.0, 1, RATE)
        .operation(op::GET_ORDER, 1.0, 1, RATE)
        .host("developer.shopclues.com")
        .host("auth.shopclues.com");
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.auth = Auth {
        scheme: "OAuth 2 password grant in JSON, the password as MD5".into(),
        login: true,
        expired_on: vec![401, 403],
        source: "three working integrations (2014–2022); a courier's client reads status 403 in the body as a token that ran out"
            .into(),
    };
    descriptor.limits = Limits {
        page_size: 100,
        batch_size: 50,
        look_back_secs: 90 * 86_400,
        window_secs: 30 * 86_400,
        settle_secs: 15 * 60,
        reply_bytes: 16 << 20,
        source: "not published. The marketplace sets the size of a page, 100 is a guess; lists of 24 hours with 15 minutes of \
                 overlap, 50 orders in a pull by id, 30 days in one pull and 90 days of look-back are our choice"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use Evidence::{Assumed, Documented};
    use ScopeKind::{Changed, Orders};
    use ShippedBy::{Channel, Seller};
    let sent = [Status::Dispatched, Status::Delivered, Status::Cancelled];
    let back = [
        Status::CourierReturn,
        Status::RtoDelivered,
        Status::ReturnRequested,
        Status::Returned,
        Status::Lost,
    ];
    descriptor
        .reports(&sent, Channel, &[Changed, Orders], Documented, API)
        .reports(&back, Channel, &[Changed, Orders], Documented, BACK)
        .reports(&sent, Seller, &[Changed, Orders], Assumed, SELLER_SHIPS)
        .reports(&back, Seller, &[Changed, Orders], Assumed, SELLER_SHIPS)
}

fn settings(descriptor: Descriptor) -> Descriptor {
    let prefixes: Vec<&str> = TOKEN_PREFIX.iter().map(|(name, _)| *name).collect();
    descriptor
        .setting(Setting::url("base_url", "The API; a sandbox was at https://sandbox.shopclues.com/api.").default(BASE_URL))
        .setting(
            Setting::url(
                "token_url",
                "The login; a sandbox was at https://sandbox.shopclues.com/oauth/loginToken.php.",
            )
            .default(TOKEN_URL),
        )
        .setting(Setting::text("orders_path", "Orders, below `base_url`.").default(ORDERS_PATH))
        .setting(
            Setting::flag("password_is_md5", "The secret `password` is the MD5 of the password already.")
                .default(false),
        )
        .setting(
            Setting::choice("token_prefix", &prefixes, "What stands before the token in a call.")
                .default(prefixes[0]),
        )
        .setting(
            Setting::integer("window_hours", "How long a span one list goes over, 1 to 168.").default(WINDOW_HOURS),
        )
        .setting(
            Setting::integer(
                "return_lead_days",
                "How many days before the return window an order may have been placed, 0 to 90. 0 if windows go by the \
                 time of a change.",
            )
            .default(RETURN_LEAD_DAYS),
        )
        .setting(
            Setting::text("tracking_places", "Where in an order to look for a waybill, in this order.")
                .default(TRACKING_PLACES),
        )
        .setting(
            Setting::text("tracking_fields", "What a waybill may be called, in this order.").default(TRACKING_FIELDS),
        )
        .setting(
            Setting::text("courier_fields", "What a courier may be called, in this order.").default(COURIER_FIELDS),
        )
        .setting(Setting::table(
            "status_table",
            "Changes to the status table: a code and what it means, such as \"G\" = \"CREATED\" or \"M\" = \"CANCELLED\".",
        ))
        .setting(Setting::secret("username", "The seller's e-mail address at ShopClues.").required())
        .setting(Setting::secret("password", "The password.").required())
        .setting(Setting::secret("client_id", "The app's id.").required())
        .setting(Setting::secret("client_secret", "The app's secret.").required())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_claim_and_number_has_a_source_and_is_made_once() {
        let descriptor = descriptor();
        let mut claims = BTreeSet::new();
        for claim in &descriptor.capabilities {
            assert!(!claim.source.is_empty());
            assert!(
                claims.insert(format!("{:?} {:?} {:?}", claim.status, claim.shipped_by, claim.scope)),
                "{claim:?}"
            );
        }
        assert!(descriptor.operations.iter().all(|one| !one.source.is_empty() && one.per_second > 0.0));
        assert!(descriptor.statuses.iter().all(|row| !row.source.is_empty()));
        assert!(!descriptor.limits.source.is_empty() && !descriptor.auth.source.is_empty());
    }

    #[test]
    fn every_status_of_the_tables_is_claimed_except_that_an_order_exists() {
        let descriptor = descriptor();
        let listed: BTreeSet<_> = descriptor.statuses.iter().filter_map(|row| row.status).collect();
        let claimed: BTreeSet<_> = descriptor.capabilities.iter().map(|claim| claim.status).collect();
        assert_eq!(
            listed.into_iter().filter(|status| *status != Status::Created).collect::<BTreeSet<_>>(),
            claimed
        );
    }

    #[test]
    fn what_is_assumed_says_so() {
        for claim in descriptor().capabilities {
            assert_eq!(claim.evidence == Evidence::Assumed, claim.source.starts_with("assumed"), "{claim:?}");
        }
    }

    #[test]
    fn only_the_four_credentials_are_secrets_and_all_are_required() {
        let descriptor = descriptor();
        let secrets: Vec<_> = descriptor.settings.iter().filter(|setting| setting.secret).collect();
        let names: Vec<_> = secrets.iter().map(|setting| setting.name.as_str()).collect();
        assert_eq!(names, ["username", "password", "client_id", "client_secret"]);
        assert!(secrets.iter().all(|setting| setting.required));
    }
}
