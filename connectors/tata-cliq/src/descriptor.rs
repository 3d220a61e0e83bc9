//! What the connector declares: claims, sizes, rates, hosts, settings, each with its source.

use plugin_api::{Auth, Descriptor, Evidence, Limits, ScopeKind, Setting, ShippedBy, Status, Task};

use crate::{
    config::{DETAIL_PATH, LIST_PATH, NAMES, TIMEZONE, TOKEN_LIFE_SECS},
    requests::op,
    status::TABLES,
};

const BY_ID: &str = "an integrator's notes of 2021 (auperator.atlassian.net, \"Fetch orders using Order ID\") show the status \
                     by order number; the meaning of most codes is assumed from their names";
const ACTIVE: &str = "the same notes name a call for all active orders; its address, and that a line stays in it until it is \
                      delivered, are assumed";
const RATE: &str = "none published; one call a second is our choice";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor = Descriptor::new("tata-cliq", "Tata CLiQ", "PartnerConnect, sales order 2.0")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery])
        .operation(op::LOGIN, 1.0, 1, RATE)
        .operation(op::LIST_ORDERS, 1.0, 1, RATE)
        .operation(op::GET_ORDER, 1.0, 1, RATE);
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.auth = Auth {
        scheme: "bearer token, pasted or from a login".into(),
        login: true,
        expired_on: vec![401, 403],
        source: "an integrator's notes of 2021: bearer token (JWT), good for 24 hours; where it comes from is not public, the \
                 login call and both statuses are assumed"
            .into(),
    };
    descriptor.limits = Limits {
        page_size: 1_000,
        batch_size: 25,
        look_back_secs: 30 * 86_400,
        window_secs: 30 * 86_400,
        settle_secs: 300,
        reply_bytes: 16 << 20,
        source: "assumed: no paging and no filter by time are known, the list shows what is active now; 25 orders a pull keep \
                 it under half a minute at one call a second"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use Evidence::Assumed;
    use ScopeKind::{Changed, Orders};
    let active = [Status::Created, Status::Dispatched];
    let courier = [Status::InTransit, Status::OutForDelivery, Status::Undelivered];
    let ended = [
        Status::Cancelled,
        Status::Delivered,
        Status::Lost,
        Status::CourierReturn,
        Status::ReturnRequested,
        Status::Returned,
        Status::RtoDelivered,
        Status::ReturnCancelled,
    ];
    [ShippedBy::Channel, ShippedBy::Seller].into_iter().fold(descriptor, |descriptor, shipped_by| {
        descriptor
            .reports(&active, shipped_by, &[Changed], Assumed, ACTIVE)
            .reports(&courier, shipped_by, &[Changed], Assumed, ACTIVE)
            .reports(&active, shipped_by, &[Orders], Assumed, BY_ID)
            .reports(&courier, shipped_by, &[Orders], Assumed, BY_ID)
            .reports(&ended, shipped_by, &[Orders], Assumed, BY_ID)
    })
}

fn settings(descriptor: Descriptor) -> Descriptor {
    let tracking = NAMES.map(|(key, name)| format!("`{key}` ({name})")).join(", ");
    let tracking = format!("Names of the line's members, where they differ: {tracking}.");
    descriptor
        .setting(
            Setting::url("base_url", "The PartnerConnect host that Tata CLiQ gave you; no public page names it.")
                .required(),
        )
        .setting(Setting::text("seller_id", "Your seller id at Tata CLiQ, six digits.").required())
        .setting(
            Setting::choice("wire", &["json", "xml"], "The form of the answers: `xml` has the same names as elements.")
                .default("json"),
        )
        .setting(
            Setting::choice(
                "auth_mode",
                &["static_token", "login"],
                "`static_token`: you paste a token, which lives for a day. `login`: user name and password fetch one.",
            )
            .default("static_token"),
        )
        .setting(Setting::text("list_path", "The path of the active orders.").default(LIST_PATH))
        .setting(Setting::text("detail_path", "The path of one order; {order_no} is its number.").default(DETAIL_PATH))
        .setting(Setting::table("list_query", "Parameters to add to the list, such as a filter by location."))
        .setting(
            Setting::text("timezone", "Where times without a zone are meant: IST, UTC or an offset.").default(TIMEZONE),
        )
        .setting(Setting::table("tracking_fields", &tracking))
        .setting(Setting::table(
            "status_table",
            "Codes whose meaning you know better: `016 = \"DISPATCHED\"`, numbers with three digits, `NO_CHANGE` for none. \
             `CNC:020` means click & collect lines only, as do HD, ED and SDD for theirs; `courier:017` is the courier's part.",
        ))
        .setting(Setting::text("token_path", "With `login`: the path that issues tokens."))
        .setting(Setting::text("user_field", "With `login`: the form field of the user name.").default("username"))
        .setting(Setting::text("password_field", "With `login`: the form field of the password.").default("password"))
        .setting(
            Setting::text("token_field", "With `login`: the member of the reply that holds the token.")
                .default("access_token"),
        )
        .setting(
            Setting::integer("token_life_secs", "With `login`: how long a token lives, in seconds.")
                .default(TOKEN_LIFE_SECS),
        )
        .setting(Setting::secret("token", "With `static_token`: the token, without `Bearer`."))
        .setting(Setting::secret("username", "With `login`: the user name."))
        .setting(Setting::secret("password", "With `login`: the password."))
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
    fn every_status_of_the_tables_is_claimed_by_id_whoever_ships() {
        let descriptor = descriptor();
        for status in descriptor.statuses.iter().filter_map(|row| row.status) {
            for shipped_by in [ShippedBy::Channel, ShippedBy::Seller] {
                let claimed = descriptor.capabilities.iter().any(|claim| {
                    claim.status == status
                        && claim.shipped_by == shipped_by
                        && claim.scope == ScopeKind::Orders
                });
                assert!(claimed, "{status}");
            }
        }
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
        assert_eq!(secrets, ["token", "username", "password"]);
    }
}
