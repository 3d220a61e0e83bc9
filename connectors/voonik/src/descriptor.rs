//! What the connector declares: claims, sizes, rates, settings, each with its source.

use plugin_api::{Auth, Descriptor, Evidence, Limits, ScopeKind, Setting, ShippedBy, Status, Task};

use crate::{
    config::{DETAIL_PATH, ITEMS_PATH, LIST_PATH, LIST_QUERY, PAGE_SIZE, TIMEZONE},
    pull::{LONGEST, OVERLAP},
    requests::op,
    status::TABLES,
};

const STATES: &str = "assumed: packages of customer-side samples (2020, public code) have a state and their lines a progress; \
                      that the order service's lists and orders have them too is not proven";
const OWN_SHIPPING: &str =
    "assumed: couriers are the marketplace's by all signs; should a seller ship, the same states move";
const RATE: &str = "none published; one call a second is our choice";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor = Descriptor::new("voonik", "Voonik", "vendor orders of its order service")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
        .operation(op::LIST_ORDERS, 1.0, 1, RATE)
        .operation(op::GET_ORDER, 1.0, 1, RATE);
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.auth = Auth {
        scheme: "HTTP Basic, or a key in a header or a parameter".into(),
        login: false,
        expired_on: Vec::new(),
        source: "an experiment against the order service (public code, 2019) signs in with HTTP Basic and two X- headers; the \
                 alternatives are assumed"
            .into(),
    };
    descriptor.limits = Limits {
        page_size: PAGE_SIZE,
        batch_size: 25,
        look_back_secs: 30 * 86_400,
        window_secs: u64::try_from(LONGEST / 1000).unwrap_or(u64::MAX),
        settle_secs: u64::try_from(OVERLAP / 1000).unwrap_or(u64::MAX),
        reply_bytes: 16 << 20,
        source: "30 rows a page: the sister warehouse service (public tests, 2020). The rest is assumed: a day a window, a \
                 quarter of an hour of overlap, 25 orders a pull to keep it under half a minute at one call a second"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use ScopeKind::{Changed, Orders};
    let statuses = [
        Status::Created,
        Status::Dispatched,
        Status::Cancelled,
        Status::Delivered,
        Status::CourierReturn,
        Status::ReturnRequested,
        Status::Returned,
        Status::RtoDelivered,
    ];
    descriptor.reports(&statuses, ShippedBy::Channel, &[Changed, Orders], Evidence::Assumed, STATES).reports(
        &statuses,
        ShippedBy::Seller,
        &[Changed, Orders],
        Evidence::Assumed,
        OWN_SHIPPING,
    )
}

fn settings(descriptor: Descriptor) -> Descriptor {
    let query = LIST_QUERY.map(|(name, value)| format!("{name} = {value}")).join(", ");
    let query = format!(
        "Changes the list's parameters ({query}). An empty value takes one away; times are ISO 8601 in UTC."
    );
    descriptor
        .setting(Setting::url("base_url", "The host that Voonik gave you; no public page names it.").required())
        .setting(Setting::text("seller_id", "Your seller id at Voonik.").required())
        .setting(
            Setting::choice(
                "auth_mode",
                &["basic", "header", "query"],
                "`basic`: the secrets `username` and `key`. `header` and `query`: `key` under the name `auth_name`.",
            )
            .default("basic"),
        )
        .setting(Setting::text("auth_name", "With `header` or `query`: the name that carries the key."))
        .setting(Setting::table("extra_headers", "Headers to send with every call, such as X-Vaccount-Id, X-Portal-Id."))
        .setting(Setting::text("list_path", "The path of the list of orders.").default(LIST_PATH))
        .setting(Setting::table("list_query", &query))
        .setting(
            Setting::text("items_path", "The member that holds a list's rows; dots lead inwards. A bare list is read too.")
                .default(ITEMS_PATH),
        )
        .setting(Setting::text("detail_path", "The path of one order; its number goes into `id`.").default(DETAIL_PATH))
        .setting(Setting::integer("page_start", "The number of the first page, 0 or 1.").default(1))
        .setting(Setting::integer("page_size", "Rows asked for in a page, 1 to 500.").default(PAGE_SIZE))
        .setting(
            Setting::flag(
                "poll_open_orders",
                "Never read the list, only ask for known orders: for a list that cannot be narrowed by time.",
            )
            .default(false),
        )
        .setting(
            Setting::text("timezone", "Where times without an offset are meant: IST, UTC or an offset.").default(TIMEZONE),
        )
        .setting(Setting::table("couriers", "Names of couriers by shipment provider id: `5 = \"Ecom Express\"`."))
        .setting(Setting::table(
            "field_aliases",
            "Names of members where they differ, ours first: `tracking_code = \"awb_number\"`.",
        ))
        .setting(Setting::table(
            "status_table",
            "States and texts whose meaning you know: `300 = \"DISPATCHED\"`, `\"Handed over\" = \"DISPATCHED\"`, `NO_CHANGE` for \
             none. Texts have no case and count where a line has no progress, or one that says nothing.",
        ))
        .setting(Setting::secret("username", "With `basic`: the user name."))
        .setting(Setting::secret("key", "The password or key.").required())
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
            assert!(!claim.source.is_empty() && claim.evidence == Evidence::Assumed);
            assert!(
                claims.insert(format!("{:?} {:?} {:?}", claim.status, claim.shipped_by, claim.scope)),
                "{claim:?}"
            );
        }
        assert!(descriptor.operations.iter().all(|call| !call.source.is_empty() && call.per_second > 0.0));
        assert!(descriptor.statuses.iter().all(|row| !row.source.is_empty()));
        assert!(!descriptor.limits.source.is_empty() && !descriptor.auth.source.is_empty());
    }

    #[test]
    fn a_descriptor_survives_the_way_to_the_host() {
        let descriptor = descriptor();
        let text = serde_json::to_string(&descriptor).unwrap();
        assert_eq!(serde_json::from_str::<Descriptor>(&text).unwrap(), descriptor);
    }

    #[test]
    fn only_the_credentials_are_secrets() {
        let descriptor = descriptor();
        let secrets: Vec<_> =
            descriptor.settings.iter().filter(|setting| setting.secret).map(|s| s.name.as_str()).collect();
        assert_eq!(secrets, ["username", "key"]);
    }
}
