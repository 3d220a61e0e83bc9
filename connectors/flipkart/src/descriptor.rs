//! What the connector declares: claims, sizes, rates, hosts, settings, each with its source.

use plugin_api::{
    Auth, Descriptor, Evidence, InvoiceNumbering, Limits, ScopeKind, Setting, ShippedBy, Status, Task,
};

use crate::{
    config::{BASE_URL, PAGE_SIZE},
    paging::LONGEST,
    requests::{IDS_PER_CALL, op},
    status::TABLES,
};

const GUIDE: &str =
    "flipkart.github.io/fk-api-platform-docs (2024-06): order management, get and search shipments";
const GUIDE_RETURNS: &str = "flipkart.github.io/fk-api-platform-docs (2024-06): returns v2";
const SELF_IN_LISTS: &str = "the search filter has the SELF shipment type (guide 2024-06); that lists show it when asked for is \
                             assumed";
const SELF_BY_ID: &str = "seller.flipkart.com/api-docs (SelfShipDispatch): SELF items move when the seller posts dispatch and \
                          delivery, which the status by id shows";
const TURNED_BACK: &str =
    "a real cancelled row with courierReturn, and RTO reasons in cancelled lists; no page says so in words";
const RETURN_STATES: &str = "the guide of 2024-06 lists RETURN_REQUESTED and RETURNED among item states";
const RATE: &str = "none published; the official SDK waits 3 s and repeats, clients pause some 300 ms between calls: one at a \
                    time, three a second is our choice";
const LOGIN_RATE: &str = "none published; a token lives 60 days, so one call is the rule";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor = Descriptor::new("flipkart", "Flipkart", "seller API v3 (shipments), v2 (returns)")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
        .operation(op::LOGIN, 1.0, 2, LOGIN_RATE)
        .operation(op::LIST_SHIPMENTS, 3.0, 3, RATE)
        .operation(op::GET_SHIPMENTS, 3.0, 3, RATE)
        .operation(op::GET_COURIER, 3.0, 3, RATE)
        .operation(op::GET_INVOICES, 3.0, 3, RATE)
        .operation(op::LIST_RETURNS, 3.0, 3, RATE)
        .host("api.flipkart.net");
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.invoice_numbering = InvoiceNumbering::Channel;
    descriptor.auth = Auth {
        scheme: "OAuth 2, client credentials or refresh token".into(),
        login: true,
        expired_on: vec![401],
        source: "flipkart.github.io/fk-api-platform-docs (2024-06), introduction: bearer token, 401 when it is invalid".into(),
    };
    descriptor.limits = Limits {
        page_size: PAGE_SIZE,
        batch_size: u32::try_from(IDS_PER_CALL).unwrap_or(u32::MAX),
        look_back_secs: 30 * 86_400,
        window_secs: u64::try_from(LONGEST / 1000).unwrap_or(u64::MAX),
        settle_secs: 30 * 60,
        reply_bytes: 16 << 20,
        source: "guide 2024-06: 20 rows a page by default, 100 ids a call. Windows and lag are not published: a public \
                 client cannot list wide ranges and goes by short ones, and states follow the panel by minutes; 24 h, 30 min \
                 and 30 days of look-back are our choice"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use Evidence::{Assumed, Documented};
    use ScopeKind::{Changed, Orders};
    use ShippedBy::{Channel, Seller};
    let sent = [Status::Dispatched, Status::Cancelled, Status::Delivered];
    let at_the_seller = [Status::Packed, Status::ReadyToShip];
    let back_by_item = [Status::ReturnRequested, Status::Returned];
    let back_by_return =
        [Status::CourierReturn, Status::ReturnRequested, Status::Returned, Status::ReturnCancelled];
    descriptor
        .reports(&sent, Channel, &[Changed, Orders], Documented, GUIDE)
        .reports(&[Status::InTransit], Channel, &[Changed, Orders], Documented, GUIDE)
        .reports(&at_the_seller, Channel, &[Orders], Documented, GUIDE)
        .reports(&back_by_item, Channel, &[Orders], Documented, RETURN_STATES)
        .reports(&[Status::CourierReturn], Channel, &[Orders], Assumed, TURNED_BACK)
        .reports(&back_by_return, Channel, &[Changed], Documented, GUIDE_RETURNS)
        .reports(&sent, Seller, &[Changed], Assumed, SELF_IN_LISTS)
        .reports(&sent, Seller, &[Orders], Documented, SELF_BY_ID)
        .reports(&at_the_seller, Seller, &[Orders], Documented, GUIDE)
        .reports(&back_by_item, Seller, &[Orders], Documented, RETURN_STATES)
        .reports(&[Status::CourierReturn], Seller, &[Orders], Assumed, TURNED_BACK)
        .reports(&back_by_return, Seller, &[Changed], Documented, GUIDE_RETURNS)
}

fn settings(descriptor: Descriptor) -> Descriptor {
    descriptor
        .setting(
            Setting::url("base_url", "The API host; the sandbox is https://sandbox-api.flipkart.net.").default(BASE_URL),
        )
        .setting(
            Setting::integer("page_size", "Rows asked for in a page of a shipment list, 1 to 100.").default(PAGE_SIZE),
        )
        .setting(
            Setting::flag("include_fbf", "Also report goods in Flipkart's own warehouses (FBF), which Flipkart dispatches.")
                .default(false),
        )
        .setting(Setting::secret("client_id", "The app's id.").required())
        .setting(Setting::secret("client_secret", "The app's secret.").required())
        .setting(Setting::secret(
            "refresh_token",
            "Only for a partner app: the refresh token of the seller's authorisation. Leave it out for the seller's own app.",
        ))
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
        assert!(
            descriptor
                .operations
                .iter()
                .all(|operation| !operation.source.is_empty() && operation.per_second > 0.0)
        );
        assert!(descriptor.statuses.iter().all(|row| !row.source.is_empty()));
        assert!(!descriptor.limits.source.is_empty() && !descriptor.auth.source.is_empty());
    }

    #[test]
    fn every_status_of_the_tables_is_claimed_except_those_that_move_nothing() {
        let descriptor = descriptor();
        for status in descriptor
            .statuses
            .iter()
            .filter_map(|row| row.status)
            .filter(|status| *status != Status::Created)
        {
            assert!(descriptor.can_report(status, ShippedBy::Channel), "{status}");
            assert_eq!(
                descriptor.can_report(status, ShippedBy::Seller),
                status != Status::InTransit,
                "{status}"
            );
        }
    }

    #[test]
    fn a_descriptor_survives_the_way_to_the_host() {
        let descriptor = descriptor();
        let text = serde_json::to_string(&descriptor).unwrap();
        assert_eq!(serde_json::from_str::<Descriptor>(&text).unwrap(), descriptor);
    }

    #[test]
    fn only_the_three_credentials_are_secrets() {
        let descriptor = descriptor();
        let secrets: Vec<_> =
            descriptor.settings.iter().filter(|setting| setting.secret).map(|s| s.name.as_str()).collect();
        assert_eq!(secrets, ["client_id", "client_secret", "refresh_token"]);
    }
}
