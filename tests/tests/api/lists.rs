//! Lists are walked page by page, each row once.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::site::{Site, acme, order};

async fn walk(site: &Site, path: &str, key: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = site.get(&format!("{path}{join}limit=3{after}")).await.good();
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= 3 && (rows.len() == 3 || page["next"].is_null()), "{page}");
        found.extend(rows.iter().map(|row| row.pointer(key).and_then(Value::as_str).unwrap().to_owned()));
        pages += 1;
        between(pages).await;
        match page["next"].as_str() {
            Some(next) => {
                let url = reqwest::Url::parse_with_params("http://a/", [("after", next)]).unwrap();
                after = format!("&{}", url.query().unwrap());
            }
            None => return found,
        }
    }
}

#[tokio::test]
async fn orders_are_walked_once_each_while_others_come_in() {
    let site = Site::new(10).await;
    let found = walk(&site, "/v1/tenants/acme/orders", "/code", async |page| {
        // The codes are chosen so that some come in before the place of the walk and some after it.
        let mut tenant = acme(10);
        let orders = tenant["orders"].as_array_mut().unwrap();
        orders.extend((0..page * 5).map(|n| order(100 + n * 37 % 900)));
        site.import(tenant).await;
    })
    .await;
    let once: BTreeSet<&String> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "no row came twice: {found:?}");
    for n in 1..=10 {
        assert!(once.contains(&format!("O{n}")), "O{n} was there all the time: {found:?}");
    }
    assert!(found.is_sorted());
}

#[tokio::test]
async fn every_list_is_walked_to_its_end() {
    let site = Site::new(2).await;
    let (tenant, get) =
        ("acme".into(), async |path: &str, key: &str| walk(&site, path, key, async |_| ()).await);
    for n in 0..7 {
        site.store
            .put_facility(
                &tenant,
                &serde_json::from_value(serde_json::json!({"code": format!("F/{n}")})).unwrap(),
            )
            .await
            .unwrap();
        site.store.set_on_hand(&tenant, &format!("F/{n}").into(), &"B/1".into(), 1).await.unwrap();
        let owner =
            serde_json::json!({"owner": format!("F/{n}"), "kind": "SALE_INVOICE", "prefix": "", "next": 1});
        site.store.put_sequence(&tenant, &serde_json::from_value(owner).unwrap()).await.unwrap();
        site.store.add_tenant(&format!("t{n}").into()).await.unwrap();
    }
    for (path, key, count) in [
        ("/v1/tenants", "/code", 9),
        ("/v1/tenants/acme/orders?channel=FK1", "/code", 2),
        ("/v1/tenants/acme/facilities", "/code", 8),
        ("/v1/tenants/acme/stock", "/facility", 8),
        ("/v1/tenants/acme/sequences", "/owner", 9),
        ("/v1/tenants/acme/channels", "/code", 1),
        ("/v1/tenants/acme/conflicts", "/conflict/code", 1),
        ("/v1/tenants/acme/putaways", "/putaway/code", 1),
        ("/v1/tenants/acme/parked", "/order", 1),
        ("/v1/tenants/acme/runs", "/id", 0),
        ("/v1/tenants/acme/tasks", "/task", 0),
        ("/v1/tenants/other/parked", "/order", 0),
    ] {
        assert_eq!(get(path, key).await.len(), count, "{path}");
    }
}

#[tokio::test]
async fn an_order_is_shown_and_explained_by_either_of_its_names() {
    let site = Site::new(3).await;
    for id in ["O2", "OD2"] {
        let shown = site.get(&format!("/v1/tenants/acme/orders/{id}")).await.good();
        assert_eq!((&shown["order"]["code"], &shown["conflicts"][0]["code"]), (&"O2".into(), &"CF1".into()));
        let told = site.get(&format!("/v1/tenants/acme/orders/{id}/explain")).await.good();
        assert_eq!(told["now"]["order"]["code"], "O2");
    }
}
