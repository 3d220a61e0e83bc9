//! What the connector declares: claims, sizes, rates, settings, each with its source.

use plugin_api::{
    Auth, Descriptor, Evidence, InvoiceNumbering, Limits, ScopeKind, Setting, ShippedBy, Status, Task,
};

use crate::{
    config::{AUTH_HEADER, DETAIL_PATH, LIST_BODY, LIST_PATH, PAGE_SIZE, UPDATED_FIELD},
    requests::op,
    status::TABLES,
};

const ASSUMED: &str = "assumed: no seller API was published. Words and field names are those of \
                       github.com/SantoshChandrakant/wooplr-automation2 (2016-12-15); how orders are asked for is not in it";
const RATE: &str = "assumed: one call a second; nothing is published";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let all = [
        Status::Dispatched,
        Status::Delivered,
        Status::Cancelled,
        Status::ReturnRequested,
        Status::CourierReturn,
        Status::Returned,
    ];
    let scopes = [ScopeKind::Changed, ScopeKind::Orders];
    let mut descriptor = Descriptor::new("wooplr", "Wooplr", "seller orders of 2016, an assumed contract")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
        .operation(op::LIST, 1.0, 1, RATE)
        .operation(op::DETAIL, 1.0, 1, RATE)
        .reports(&all, ShippedBy::Channel, &scopes, Evidence::Assumed, ASSUMED)
        .reports(&all, ShippedBy::Seller, &scopes, Evidence::Assumed, ASSUMED);
    descriptor = settings(descriptor);
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.invoice_numbering = InvoiceNumbering::Seller;
    descriptor.auth = Auth {
        scheme: "one header with a fixed value".into(),
        login: false,
        expired_on: Vec::new(),
        source: "github.com/SantoshChandrakant/wooplr-automation2 (2016-12-15): an Authorization header on each call; its scheme is \
                 not known"
            .into(),
    };
    descriptor.limits = Limits {
        page_size: PAGE_SIZE,
        batch_size: 50,
        look_back_secs: 60 * 86_400,
        window_secs: 60 * 86_400,
        settle_secs: 3_600,
        reply_bytes: 16 << 20,
        source: "assumed: the list has no filter by date and is read from the newest change back, so a window is not cut; 60 days \
                 of look-back, an hour of overlap, 50 rows and 50 orders a pull are our choice"
            .into(),
    };
    descriptor
}

fn settings(descriptor: Descriptor) -> Descriptor {
    let methods = ["POST", "GET"];
    descriptor
        .setting(Setting::url("base_url", "The seller API's host, from the seller's own papers.").required())
        .setting(Setting::text("store_id", "The seller's store.").required())
        .setting(Setting::choice("list_method", &methods, "HTTP method of the order list.").default("POST"))
        .setting(Setting::text("list_path", "Path of the order list.").default(LIST_PATH))
        .setting(
            Setting::text(
                "list_body",
                "The order list's filter, a JSON object; <store_id>, <n> (page) and <size> are filled in. A GET takes its plain \
                 members as query parameters.",
            )
            .default(LIST_BODY),
        )
        .setting(Setting::choice("detail_method", &["GET", "POST"], "HTTP method of one order.").default("GET"))
        .setting(Setting::text("detail_path", "Path of one order, with {subOrderId}.").default(DETAIL_PATH))
        .setting(Setting::text("items_path", "Where a list has its orders, names with dots between.").default("orders"))
        .setting(Setting::text("total_path", "Where a list says how many orders there are.").default("totalCount"))
        .setting(Setting::integer("page_start", "The number of the first page, 0 or 1.").default(1))
        .setting(Setting::integer("page_size", "Orders asked for in a page, 1 to 1000.").default(PAGE_SIZE))
        .setting(Setting::text("auth_header", "The header that carries auth_value.").default(AUTH_HEADER))
        .setting(
            Setting::text("updated_field", "The field with the time of the last change; else the latest of all times counts.")
                .default(UPDATED_FIELD),
        )
        .setting(Setting::table("field_aliases", "Other names of fields: { WayBillNumber = \"awbNo\" }."))
        .setting(Setting::choice("time_unit", &["ms", "s"], "Unit of times since 1970.").default("ms"))
        .setting(Setting::table(
            "status_table",
            "Words that mean something else, or are missing: raw text of orderStatus (or `reverseShipmentStatus:WORD`, \
             `shipmentCreateStatus:WORD`) to a status such as DISPATCHED, or NO_CHANGE.",
        ))
        .setting(Setting::secret("auth_value", "The value of the header, sent as it is.").required())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_claim_is_assumed_made_once_and_has_a_source() {
        let descriptor = descriptor();
        let mut claims = BTreeSet::new();
        for claim in &descriptor.capabilities {
            assert!(!claim.source.is_empty() && claim.evidence == Evidence::Assumed);
            let name = format!("{:?} {:?} {:?}", claim.status, claim.shipped_by, claim.scope);
            assert!(claims.insert(name), "{claim:?}");
        }
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
    fn only_the_header_s_value_is_secret_and_no_host_is_known() {
        let descriptor = descriptor();
        let secrets = descriptor.settings.iter().filter(|setting| setting.secret);
        assert_eq!(secrets.map(|setting| setting.name.as_str()).collect::<Vec<_>>(), ["auth_value"]);
        assert!(descriptor.hosts.is_empty());
    }
}
