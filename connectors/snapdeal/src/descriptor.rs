//! What the connector declares: claims, sizes, rates, hosts, settings, each with its source.

use plugin_api::{
    Auth, Descriptor, Evidence, InvoiceNumbering, Limits, ScopeKind, Setting, ShippedBy, Status, Task,
};

use crate::{
    config::{BASE_URL, PAGE_SIZE, SEARCH_PAGES},
    requests::READ,
    status::TABLES,
};

const BY_ID: &str = "sellerapis.snapdeal.com reference (2016 to 2022): orderscompletedorderid1, suborderscancelledsuborderid, \
                     siStatusCode";
const PENDING: &str = "sellerapis.snapdeal.com reference (2016 to 2022): returnspendingsubordersuborderid; what its fields mean for \
                       the goods is inferred";
const CANCELLED_LIST: &str = "assumed: the reference has cancelled suborders by id; the list with startDate and endDate is in a \
                              Python SDK only";
const COMPLETED_RETURNS: &str =
    "sellerapis.snapdeal.com reference (2016 to 2022): returnscompleted by mode and dates";
const PENDING_LIST: &str =
    "assumed: the reference has pending returns by suborder; the list is in one unproven client only";
const RATE: &str =
    "none published; one call at a time and at most three a second is our choice, for all calls together";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor =
        Descriptor::new("snapdeal", "Snapdeal", "Seller API (sellerapis.snapdeal.com, 2016 to 2022)")
            .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
            .operation(READ, 3.0, 1, RATE)
            .host("apigateway.snapdeal.com");
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.invoice_numbering = InvoiceNumbering::Channel;
    descriptor.auth = Auth {
        scheme: "three headers: partner id, partner token, seller token".into(),
        login: false,
        expired_on: Vec::new(),
        source: "sellerapis.snapdeal.com, authorisation: clientId, X-Auth-Token, X-Seller-AuthZ-Token; neither a refresh nor a \
                 lifetime is published"
            .into(),
    };
    descriptor.limits = Limits {
        page_size: PAGE_SIZE,
        batch_size: 50,
        look_back_secs: 60 * 86_400,
        window_secs: 60 * 86_400,
        settle_secs: 2 * 86_400,
        reply_bytes: 16 << 20,
        source: "reference: pages of 10 by default, of 20 at most on returns. Packages are asked for one by one, so 50 orders a \
                 pull, 60 days of look-back, ranges of 7 days inside a window, and two days of overlap because nobody knows which \
                 date the list of cancelled suborders goes by, are our choice"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use Evidence::{Assumed, Documented};
    use ScopeKind::{Changed, Orders};
    let by_id = [Status::Dispatched, Status::Delivered, Status::Cancelled];
    let back = [Status::CourierReturn, Status::ReturnRequested, Status::Returned];
    let opened = [Status::CourierReturn, Status::ReturnRequested];
    [ShippedBy::Channel, ShippedBy::Seller].into_iter().fold(descriptor, |descriptor, by| {
        descriptor
            .reports(&by_id, by, &[Orders], Documented, BY_ID)
            .reports(&back, by, &[Orders], Documented, PENDING)
            .reports(&[Status::Cancelled], by, &[Changed], Assumed, CANCELLED_LIST)
            .reports(&[Status::Returned], by, &[Changed], Documented, COMPLETED_RETURNS)
            .reports(&opened, by, &[Changed], Assumed, PENDING_LIST)
    })
}

fn settings(descriptor: Descriptor) -> Descriptor {
    descriptor
        .setting(Setting::url("base_url", "The API's base; https only.").default(BASE_URL))
        .setting(
            Setting::integer("page_size", "Rows asked for in a page, 1 to 100; returns take 20 at most.").default(PAGE_SIZE),
        )
        .setting(
            Setting::flag("include_fc_voi", "Also ask for goods in Snapdeal's own fulfilment centres (SD+).").default(false),
        )
        .setting(
            Setting::choice(
                "ocplus_dispatch_at",
                &["SHP", "ASTN"],
                "From which word on OCPLUS goods are dispatched: the courier's scan (SHP), or the note against which a rider \
                 collects them (ASTN).",
            )
            .default("SHP"),
        )
        .setting(
            Setting::flag(
                "pending_returns_list",
                "Ask for the list of pending returns, which the reference does not have; by suborder they are asked for anyway.",
            )
            .default(true),
        )
        .setting(
            Setting::integer(
                "search_pages",
                "Pages of completed orders to search for a suborder whose package is unknown; 0 for no search.",
            )
            .default(SEARCH_PAGES),
        )
        .setting(
            Setting::choice(
                "cancelled_dates",
                &["milliseconds", "seconds"],
                "Unit of startDate and endDate in the list of cancelled suborders.",
            )
            .default("milliseconds"),
        )
        .setting(Setting::table(
            "status_table",
            "Words of siStatusCode that mean something else, or are missing: raw text to a status such as DISPATCHED, or NO_CHANGE.",
        ))
        .setting(Setting::secret("client_id", "The partner's clientId, from Snapdeal's API team.").required())
        .setting(Setting::secret("auth_token", "The partner app's X-Auth-Token.").required())
        .setting(
            Setting::secret(
                "seller_token",
                "The seller's X-Seller-AuthZ-Token, from the redirect after the seller has authorised the app.",
            )
            .required(),
        )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_claim_is_made_once_and_has_a_source() {
        let descriptor = descriptor();
        let mut claims = BTreeSet::new();
        for claim in &descriptor.capabilities {
            assert!(!claim.source.is_empty());
            let name = format!("{:?} {:?} {:?}", claim.status, claim.shipped_by, claim.scope);
            assert!(claims.insert(name), "{claim:?}");
        }
        assert!(descriptor.statuses.iter().all(|row| !row.source.is_empty()));
    }

    #[test]
    fn every_status_of_the_tables_is_claimed_and_every_claim_is_in_a_table() {
        let descriptor = descriptor();
        let listed: BTreeSet<_> = descriptor.statuses.iter().filter_map(|row| row.status).collect();
        let claimed: BTreeSet<_> = descriptor.capabilities.iter().map(|claim| claim.status).collect();
        assert_eq!(
            listed.into_iter().filter(|status| *status != Status::Created).collect::<BTreeSet<_>>(),
            claimed
        );
    }

    #[test]
    fn dispatch_is_found_by_id_only() {
        let descriptor = descriptor();
        let scopes = descriptor.capabilities.iter().filter(|claim| claim.status == Status::Dispatched);
        assert!(scopes.map(|claim| claim.scope).all(|scope| scope == ScopeKind::Orders));
    }

    #[test]
    fn only_the_three_headers_are_secrets() {
        let descriptor = descriptor();
        let secrets = descriptor.settings.iter().filter(|setting| setting.secret);
        assert_eq!(
            secrets.map(|setting| setting.name.as_str()).collect::<Vec<_>>(),
            ["client_id", "auth_token", "seller_token"]
        );
    }
}
