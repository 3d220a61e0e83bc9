//! What the connector declares: claims, sizes, rates, hosts, settings, each with its source.

use plugin_api::{Auth, Descriptor, Evidence, Limits, ScopeKind, Setting, ShippedBy, Status, Task};

use crate::{
    config::{BASE_URL, LOGIN_URL, PAGE_SIZE, PATHS, RETURN_LEAD_DAYS, RETURN_WINDOW_DAYS, WINDOW_MINUTES},
    requests::{IDS_PER_CALL, op},
    status::TABLES,
};

const CLIENTS: &str = "several public integrations (2014–2021): orders.json shows the status of every item, listed by placement or \
                       asked for by order_ids";
const ERP: &str =
    "status constants of a public Yii/PHP ERP integration (2017); no other client reads returns by id";
const FILTERED: &str = "assumed: orders.json takes a status code as a filter (public clients); that it looks at the items' status \
                        is not verified";
const SELLER_SHIPS: &str = "assumed: sellers may create shipments with a courier of their own (public clients), and items then carry \
                            the same codes";
const RATE: &str = "none published; one request a second and one at a time is our choice. An integrator leaves 60 s between \
                    accounts";

/// The declaration.
pub(crate) fn descriptor() -> Descriptor {
    let mut descriptor = Descriptor::new("paytm", "Paytm Mall", "fulfilment API v1")
        .tasks(&[Task::Status, Task::Pending, Task::Delivery, Task::Returns])
        .operation(op::LOGIN, 1.0, 3, RATE)
        .operation(op::LIST_ORDERS, 1.0, 1, RATE)
        .operation(op::GET_ORDERS, 1.0, 1, RATE)
        .operation(op::GET_FULFILMENTS, 1.0, 1, RATE)
        .operation(op::GET_SHIPPERS, 1.0, 1, RATE)
        .host("fulfillment.paytm.com")
        .host("persona.paytm.com");
    descriptor = settings(capabilities(descriptor));
    for table in TABLES {
        descriptor = descriptor.statuses(table);
    }
    descriptor.auth = Auth {
        scheme: "seller-panel login for a code, code for a token, token for a session".into(),
        login: true,
        expired_on: vec![401, 403],
        source: "public Python clients and a Python lambda (2017–2020); the HTTP status of a token that ran out is assumed".into(),
    };
    descriptor.limits = Limits {
        page_size: PAGE_SIZE,
        batch_size: u32::try_from(IDS_PER_CALL).unwrap_or(u32::MAX),
        look_back_secs: 90 * 86_400,
        window_secs: 30 * 86_400,
        settle_secs: 2 * 60,
        reply_bytes: 32 << 20,
        source: "integrators ask for 500 orders and list 60 minutes with 2 minutes of overlap (public ERP, 2017). Batches of 50, \
                 90 days of look-back, and 30 days in one pull are our choice"
            .into(),
    };
    descriptor
}

fn capabilities(descriptor: Descriptor) -> Descriptor {
    use Evidence::{Assumed, Documented};
    use ScopeKind::{Changed, Orders};
    use ShippedBy::{Channel, Seller};
    let sent = [Status::Dispatched, Status::Delivered, Status::Cancelled];
    let back = [Status::ReturnRequested, Status::Returned];
    descriptor
        .reports(&sent, Channel, &[Changed, Orders], Documented, CLIENTS)
        .reports(&back, Channel, &[Changed], Assumed, FILTERED)
        .reports(&back, Channel, &[Orders], Documented, ERP)
        .reports(&sent, Seller, &[Changed, Orders], Assumed, SELLER_SHIPS)
        .reports(&back, Seller, &[Changed, Orders], Assumed, SELLER_SHIPS)
}

fn settings(descriptor: Descriptor) -> Descriptor {
    let descriptor = descriptor
        .setting(Setting::url("base_url", "Orders and fulfilments.").default(BASE_URL))
        .setting(Setting::url("login_url", "The login.").default(LOGIN_URL))
        .setting(Setting::text("merchant_id", "The seller's number at Paytm, from the panel.").required());
    let descriptor = PATHS.iter().fold(descriptor, |descriptor, (name, default, help)| {
        descriptor.setting(Setting::text(name, help).default(*default))
    });
    descriptor
        .setting(Setting::integer("page_size", "Orders asked for in a list, 1 to 500.").default(PAGE_SIZE))
        .setting(
            Setting::integer("window_minutes", "How long a time of placement one list goes over, 1 to 1440.")
                .default(WINDOW_MINUTES),
        )
        .setting(
            Setting::integer(
                "return_lead_days",
                "How many days before the return window an order may have been placed, 0 to 90.",
            )
            .default(RETURN_LEAD_DAYS),
        )
        .setting(
            Setting::integer(
                "return_window_days",
                "How many days of placement one list of returns goes over, 1 to 90.",
            )
            .default(RETURN_WINDOW_DAYS),
        )
        .setting(Setting::table(
            "status_table",
            "Changes to the status table: a code and what it means, such as \"3\" = \"PACKED\" or \"12\" = \"CANCELLED\".",
        ))
        .setting(Setting::secret("username", "The login of the seller panel.").required())
        .setting(Setting::secret("password", "Its password.").required())
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
        assert_eq!(names, crate::config::SECRETS);
        assert!(secrets.iter().all(|setting| setting.required));
    }
}
